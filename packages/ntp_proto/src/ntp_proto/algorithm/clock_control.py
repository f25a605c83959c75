"""The hand on the clock: carries out what steering has decided, and keeps the book of what was really done.

Nothing else calls the clock. What the clock reports back (`ClockChange`) goes into the timescale, in `_apply`, and nowhere else: this is
the one place where control flows back into estimation.
"""

from __future__ import annotations

import math

from ntp_proto.algorithm.estimate import ClockEstimate
from ntp_proto.algorithm.steering import Hold, Refuse, Slew, Steering, SteeringHistory, Step
from ntp_proto.algorithm.timescale import Timescale
from ntp_proto.clock import Clock, ClockChange, ClockStatus
from ntp_proto.time_types import NtpDuration

__all__ = ["ClockControl"]


class ClockControl:
    """Steers one clock.

    Args:
        clock: The clock.
        now: Monotonic instant, s.
        frequency: The correction to begin with, s/s.
    """

    def __init__(self, clock: Clock, now: float, frequency: float) -> None:
        self._clock = clock
        self.timescale = Timescale.starting(now, clock.frequency())
        """What has been done to the clock."""
        self.base_frequency = frequency
        """The oscillator's correction, without a slew, s/s."""
        self.slew_ends_at: float | None = None
        """When the present slew is to be taken off, monotonic s; None: there is none."""
        self.last_step_at = -math.inf
        """When the clock was last set, by whomever, monotonic s."""
        self.refusal: Refuse | None = None
        """The correction that was refused at the last update."""
        self.history = SteeringHistory()
        """What was done in this run."""
        self.displacements = 0
        """How often something else has set the clock."""
        clock.displacement(now)
        self._apply(clock.set_frequency(frequency, now))

    def remaining_s(self, estimate: ClockEstimate, now: float) -> float:
        """What is still to be corrected, s; > 0: our clock is behind.

        Args:
            estimate: The uncorrected clock at `now`.
            now: Monotonic instant, s.
        """
        return estimate.offset_s - self.timescale.correction(now)

    def execute(self, steering: Steering, now: float) -> None:
        """Do it."""
        self.refusal = steering if isinstance(steering, Refuse) else None
        match steering:
            case Hold(frequency):
                self._hold(frequency, now)
            case Slew(frequency, slew, duration_s):
                self.base_frequency = frequency
                change = self._apply(self._clock.set_frequency(frequency + slew, now))
                self.slew_ends_at = change.at + duration_s
            case Step(frequency, offset_s):
                self._hold(frequency, now)
                change = self._apply(self._clock.step(NtpDuration.from_seconds(offset_s), now))
                self.last_step_at = change.at
            case Refuse():
                self._hold(self.base_frequency, now)

    def update(self, steering: Steering, now: float) -> None:
        """Do it, and count it as an update of the clock by a measurement."""
        self.execute(steering, now)
        self.history = self.history.after(steering)

    def hold(self, now: float) -> None:
        """End a slew, and set our frequency again."""
        self._hold(self.base_frequency, now)

    def notice_displacement(self, now: float) -> float:
        """How far something else has set the clock since the last call, s. A slew that was under way is ended: it has lost its meaning."""
        displacement_s = self._clock.displacement(now)
        if displacement_s:
            self.displacements += 1
            change = self._clock.set_frequency(self.base_frequency, now)
            self._apply(ClockChange(change.at, change.frequency, displacement_s))
            self.slew_ends_at = None
            self.last_step_at = now
            self.history = self.history.reopened()
        return displacement_s

    def publish(self, status: ClockStatus) -> None:
        """Tell other programs how good the clock is."""
        self._clock.set_status(status)

    def _hold(self, frequency: float, now: float) -> None:
        self.base_frequency, self.slew_ends_at = frequency, None
        self._apply(self._clock.set_frequency(frequency, now))

    def _apply(self, change: ClockChange) -> ClockChange:
        self.timescale = self.timescale.after(change)
        return change
