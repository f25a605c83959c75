"""A clock driven by an imperfect oscillator, which can be steered as the operating system's can."""

from __future__ import annotations

from collections.abc import Callable

from ntp_proto.clock import ClockChange, ClockStatus
from ntp_proto.time_types import NtpDuration, NtpTimestamp
from ntp_sim.oscillator import Oscillator, OscillatorState
from ntp_sim.world import World

__all__ = ["Oscillator", "SimClock"]

_MAXIMUM_FREQUENCY = 0.1


class SimClock:
    """Implements `ntp_proto.clock.Clock`.

    While the machine sleeps the monotonic clock stands, as CLOCK_MONOTONIC of Linux does. At its end the system clock is set from the
    real-time clock, and so by the length of the sleep and the error of that clock.

    Args:
        world: Whose time it keeps.
        name: Of its randomness.
        oscillator: What drives it.
        offset_s: How far it is ahead of true time at the start, s.
    """

    def __init__(self, world: World, name: str, oscillator: Oscillator, offset_s: float = 0.0) -> None:
        self.status: ClockStatus | None = None
        """What was last published."""
        self.steps: list[float] = []
        """Every step that was asked for, s."""
        self.on_displaced: Callable[[], None] = _nobody_cares
        """Called when something else than the discipline has set the clock; the discipline itself has to ask."""
        self._world = world
        self._oscillator = OscillatorState(oscillator, world.rng(f"clock {name}"), world.now)
        self._correction = 0.0
        self._asleep_since: float | None = None
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
        return self._oscillator.frequency

    @property
    def is_asleep(self) -> bool:
        """Whether the machine is suspended."""
        return self._asleep_since is not None

    def monotonic(self) -> float:
        """The monotonic clock of the same machine, s."""
        self._advance()
        return self._monotonic_s

    def true_time_of(self, monotonic: float) -> float:
        """When the monotonic clock will show this, s of true time, if nobody changes its rate."""
        return self._world.now + max(0.0, monotonic - self.monotonic()) / ((1.0 + self.oscillator_frequency) * (1.0 + self._correction))

    def jump_frequency(self, by: float) -> None:
        """Change the oscillator's frequency at once, s/s: a temperature shock."""
        self._advance()
        self._oscillator.jump(by)

    def displace(self, by_s: float) -> None:
        """Set the clock by another hand than the discipline's, s; > 0: forward."""
        self._advance()
        self._ahead_s += by_s
        self._displaced_s += by_s
        self.on_displaced()

    def fall_asleep(self) -> None:
        """Suspend the machine."""
        self._advance()
        self._asleep_since = self._world.now

    def wake_up(self, rtc_error_s: float) -> None:
        """Resume: the real-time clock, by which the system clock is set, has gained this much meanwhile, s."""
        assert self._asleep_since is not None, "only who sleeps can wake up"
        self._advance()
        self._displaced_s += self._world.now - self._asleep_since
        self._asleep_since = None
        self.displace(rtc_error_s)

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
        gained = self._oscillator.advance(self._world.now)
        if self._asleep_since is not None:
            return
        uncorrected = elapsed + gained
        corrected = uncorrected * self._correction
        self._monotonic_s += uncorrected + corrected
        self._ahead_s += gained + corrected


def _nobody_cares() -> None:
    """Until a machine is made around the clock."""
