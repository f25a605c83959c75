"""What has been done to the clock, so that the estimator need not know: estimation is separate from control.

The estimator works on the *uncorrected* clock: the oscillator as it would have run had nobody ever corrected it. Its seconds are what a
counter on the bare oscillator would show. The corrections (steps, slews, frequency) are known exactly, because the clock reports what it
applied, and so each timestamp of the real clock can be carried over:

    local time = uncorrected time + correction

A slew can therefore not disturb the filter, and a sample taken in the middle of one is as good as any other. chrony calls the corrected
view "cooked time" and rewrites its samples after each change; here the samples stand still and the scale moves.

    monotonic instant --(divide by 1 + frequency correction)--> uncorrected seconds

Source: the separation principle as in chrony's documentation; the bookkeeping is ours.
"""

from __future__ import annotations

from dataclasses import dataclass

from ntp_proto.clock import ClockChange

__all__ = ["Timescale"]

_KEPT = 64
"""How many changes are remembered: a request in flight may be as old as its time-out, and each measurement makes two changes at most."""


@dataclass(frozen=True, slots=True)
class _Segment:
    at: float  # monotonic, s
    uncorrected: float  # s
    correction: float  # s
    frequency: float  # s/s, in force from `at`


@dataclass(frozen=True, slots=True)
class Timescale:
    """The piecewise linear relation between monotonic instants, uncorrected seconds and the accumulated correction."""

    segments: tuple[_Segment, ...]

    @classmethod
    def starting(cls, now: float, frequency: float) -> Timescale:
        """A scale whose uncorrected clock agrees with the real one at `now`.

        Args:
            now: Monotonic instant, s.
            frequency: The correction that is already in force, s/s.
        """
        return cls((_Segment(now, 0.0, 0.0, frequency),))

    @property
    def frequency(self) -> float:
        """The correction in force, s/s; > 0: the clock is made to run faster."""
        return self.segments[-1].frequency

    def uncorrected(self, at: float) -> float:
        """Seconds of the uncorrected clock since the start, at a monotonic instant."""
        segment = self._segment(at)
        return segment.uncorrected + (at - segment.at) / (1.0 + segment.frequency)

    def correction(self, at: float) -> float:
        """The sum of all corrections at a monotonic instant, s; > 0: the clock has been moved forward."""
        segment = self._segment(at)
        return segment.correction + (at - segment.at) * segment.frequency / (1.0 + segment.frequency)

    def after(self, change: ClockChange) -> Timescale:
        """The scale with one more change; changes come in the order of time."""
        at = max(change.at, self.segments[-1].at)
        segment = _Segment(at, self.uncorrected(at), self.correction(at) + change.step_s, change.frequency)
        return Timescale((*self.segments[-_KEPT + 1 :], segment))

    def _segment(self, at: float) -> _Segment:
        for segment in reversed(self.segments):
            if segment.at <= at:
                return segment
        return self.segments[0]
