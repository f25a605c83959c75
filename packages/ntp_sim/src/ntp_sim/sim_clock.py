"""A clock driven by an imperfect oscillator, which can be steered as the operating system's can."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ntp_proto.clock import ClockChange, ClockStatus
from ntp_proto.time_types import NtpDuration, NtpTimestamp
from ntp_sim.world import World

__all__ = ["Oscillator", "SimClock"]

_MAXIMUM_FREQUENCY = 0.1


@dataclass(frozen=True, slots=True)
class Oscillator:
    """How wrong an oscillator runs.

    Attributes:
        frequency: Its error at the start, s/s; > 0: it runs fast.
        wander: Standard deviation of the random walk of its frequency after one second, s/s.
    """

    frequency: float = 0.0
    wander: float = 0.0


class SimClock:
    """Implements `ntp_proto.clock.Clock`.

    The integral of a random walk in frequency is drawn exactly for any interval: frequency and time error are jointly normal.

    Args:
        world: Whose time it keeps.
        name: Of its randomness.
        oscillator: What drives it.
        offset_s: How far it is ahead of true time at the start, s.

    Source: Zucca & Tavella, "The clock model and its relationship with the Allan and related variances" (2005).
    """

    def __init__(self, world: World, name: str, oscillator: Oscillator, offset_s: float = 0.0) -> None:
        self.status: ClockStatus | None = None
        """What was last published."""
        self.steps: list[float] = []
        """Every step that was asked for, s."""
        self._world = world
        self._rng = world.rng(f"clock {name}")
        self._wander = oscillator.wander
        self._error = oscillator.frequency
        self._correction = 0.0
        self._updated_at = world.now
        self._ahead_s = offset_s
        self._monotonic_s = 0.0
        self._displaced_s = 0.0

    @property
    def ahead_s(self) -> float:
        """How far the clock is ahead of true time now, s: its error."""
        self._advance()
        return self._ahead_s

    @property
    def oscillator_frequency(self) -> float:
        """The oscillator's true error, s/s; > 0: it runs fast."""
        return self._error

    def monotonic(self) -> float:
        """The monotonic clock of the same machine, s."""
        self._advance()
        return self._monotonic_s

    def true_time_of(self, monotonic: float) -> float:
        """When the monotonic clock will show this, s of true time, if nobody changes its rate."""
        return self._world.now + max(0.0, monotonic - self.monotonic()) / ((1.0 + self._error) * (1.0 + self._correction))

    def jump_frequency(self, by: float) -> None:
        """Change the oscillator's frequency at once, s/s: a temperature shock."""
        self._advance()
        self._error += by

    def displace(self, by_s: float) -> None:
        """Set the clock by another hand than the discipline's, s; > 0: forward."""
        self._advance()
        self._ahead_s += by_s
        self._displaced_s += by_s

    def read(self) -> NtpTimestamp:
        """See `Clock`."""
        return self._world.timestamp(self.ahead_s)

    def frequency(self) -> float:
        """See `Clock`."""
        return self._correction

    def set_frequency(self, frequency: float, now: float) -> ClockChange:  # noqa: ARG002 — this clock reads its own monotonic clock
        """See `Clock`."""
        self._advance()
        self._correction = min(_MAXIMUM_FREQUENCY, max(-_MAXIMUM_FREQUENCY, frequency))
        return ClockChange(self._monotonic_s, self._correction)

    def step(self, offset: NtpDuration, now: float) -> ClockChange:  # noqa: ARG002 — this clock reads its own monotonic clock
        """See `Clock`."""
        self._advance()
        step_s = offset.to_seconds()
        self._ahead_s += step_s
        self.steps.append(step_s)
        return ClockChange(self._monotonic_s, self._correction, step_s)

    def set_status(self, status: ClockStatus) -> None:
        """See `Clock`."""
        self.status = status

    def displacement(self, now: float) -> float:  # noqa: ARG002 — this clock knows it exactly
        """See `Clock`."""
        displaced_s, self._displaced_s = self._displaced_s, 0.0
        return displaced_s

    def _advance(self) -> None:
        elapsed = self._world.now - self._updated_at
        if elapsed <= 0.0:
            return
        self._updated_at = self._world.now
        gained = self._error * elapsed
        if self._wander:
            first, second = self._rng.gauss(0.0, 1.0), self._rng.gauss(0.0, 1.0)
            gained += self._wander * elapsed**1.5 * (0.5 * first + second / math.sqrt(12.0))
            self._error += self._wander * math.sqrt(elapsed) * first
        uncorrected = elapsed + gained
        corrected = uncorrected * self._correction
        self._monotonic_s += uncorrected + corrected
        self._ahead_s += gained + corrected
