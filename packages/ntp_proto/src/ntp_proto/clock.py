"""The clock as the discipline sees it: one narrow protocol, and what a change of the clock really did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ntp_proto.identifiers import LeapIndicator
from ntp_proto.time_types import NtpDuration, NtpTimestamp

__all__ = ["Clock", "ClockChange", "ClockStatus"]


@dataclass(frozen=True, slots=True)
class ClockChange:
    """What was applied to a clock, not what was asked for.

    Attributes:
        at: The monotonic instant of the change, s.
        frequency: The frequency correction in force from `at` on, s/s against the uncorrected oscillator; > 0: the clock is made to run faster.
        step_s: How far the clock was set at `at`, s; > 0: it was set forward.
    """

    at: float
    frequency: float
    step_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ClockStatus:
    """What other programs may read of the clock's quality (on Linux: with adjtimex).

    Attributes:
        synchronized: Whether the clock follows a source.
        leap: The leap second that is announced for the end of the month.
        estimated_error: The standard error of the clock.
        maximum_error: The hard bound of its error: root delay / 2 + root dispersion.
    """

    synchronized: bool
    leap: LeapIndicator
    estimated_error: NtpDuration
    maximum_error: NtpDuration


class Clock(Protocol):
    """A clock that can be steered. Every method raises `ClockError` when the operating system refuses.

    Monotonic instants (`now`, `ClockChange.at`) are seconds on the monotonic clock of the same machine, which runs with the frequency
    correction but does not take part in steps.
    """

    def read(self) -> NtpTimestamp:
        """The time now."""
        ...

    def frequency(self) -> float:
        """The frequency correction in force, s/s; > 0: the clock is made to run faster."""
        ...

    def set_frequency(self, frequency: float, now: float) -> ClockChange:
        """Correct the frequency.

        Args:
            frequency: The wanted correction, s/s; limited to what the clock can do.
            now: The monotonic instant, s, for clocks that cannot read their own.
        """
        ...

    def step(self, offset: NtpDuration, now: float) -> ClockChange:
        """Set the clock by `offset` at once; positive: forward."""
        ...

    def set_status(self, status: ClockStatus) -> None:
        """Publish the quality of the clock."""
        ...

    def displacement(self, now: float) -> float:
        """How far anything but `step` has set the clock since the last call, s; > 0: forward. 0.0 when nothing did."""
        ...
