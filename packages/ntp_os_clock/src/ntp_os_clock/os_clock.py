"""The system clock behind the `Clock` protocol: CLOCK_REALTIME, steered through the kernel.

Theory of operation. The kernel keeps CLOCK_REALTIME as CLOCK_MONOTONIC plus a difference. Frequency corrections change the rate of both;
only setting the clock changes the difference. So a change of the difference that is not ours tells that somebody else has set the clock, at
any time later and whatever the frequency did meanwhile. A leap second is set by the kernel in the same way, but it is the right time
afterwards: it is recognised by the TAI offset, which changes with it.

The kernel's own loop (STA_PLL, STA_PPS...) stays off: it would correct the clock behind our back. What is steered is the frequency alone.

Not done: writing the real-time clock of the mainboard. The kernel does that itself every 11 minutes while the clock counts as synchronised.
"""

from __future__ import annotations

import datetime as dt

from ntp_os_clock.readings import Difference, MachineReadings, Readings, difference
from ntp_os_clock.timex import KernelStatus, Timex
from ntp_proto.clock import ClockChange, ClockStatus
from ntp_proto.errors import ClockError
from ntp_proto.identifiers import LeapIndicator
from ntp_proto.time_types import NtpDuration, NtpTimestamp

__all__ = ["OsClock"]

_NS_PER_S = 1_000_000_000
_SMALLEST_DISPLACEMENT_NS = 10_000
"""Less than what a program that sets the clock achieves, more than the uncertainty of comparing two clocks on an idle machine."""
_DAY_S = 86_400


class OsClock:
    """The system clock.

    Making one changes nothing; `take_over` is the first call that needs the privilege, and `release` the last.

    Args:
        timex: The kernel's parameters.
        readings: The machine's clocks.

    Raises:
        ClockError: The kernel's parameters cannot even be read.
    """

    def __init__(self, timex: Timex | None = None, readings: Readings | None = None) -> None:
        self._timex = timex or Timex()
        self._readings = readings or MachineReadings()
        self._found = self._timex.read()
        self._known = self._found
        self._epoch = self._compare()
        self._tai_offset_s = self._found.tai_offset_s

    def obstacle(self) -> str | None:
        """Why the clock cannot be set, as one sentence that says what to do; None when it can. Changes nothing."""
        try:
            self._timex.check_permission()
        except ClockError as error:
            return str(error)
        return None

    def take_over(self) -> ClockChange:
        """Make the clock ours: slews that others left are ended, the kernel's loop is off, the clock counts as unsynchronised.

        The frequency is kept: it is the best guess there is.
        """
        before = self._readings.monotonic()
        self._timex.end_slews()
        after = self._readings.monotonic()
        self._known = self._timex.read()
        return self._change(before, after)

    def release(self, frequency: float) -> ClockChange:
        """Give the clock back: it keeps its time and runs on with `frequency`, s/s, without any slew.

        Whether it counts as synchronised is left as it is: the kernel lets its error bound grow and ends that state by itself.
        """
        change = self.set_frequency(frequency, 0.0)
        if not self._found.status & KernelStatus.NANOSECONDS:
            self._timex.show_microseconds()
        return change

    def read(self) -> NtpTimestamp:
        """The time now, to 1 ns."""
        return NtpTimestamp.from_unix_ns(self._readings.realtime())

    def monotonic(self) -> float:
        """The monotonic instant now, s: the time scale of `now` and of `ClockChange.at`, that of `asyncio` too."""
        return self._readings.monotonic() / _NS_PER_S

    def frequency(self) -> float:
        """The frequency correction in force, s/s, whoever set it."""
        return self._timex.read().frequency

    def foreign_frequency(self) -> float | None:
        """The frequency correction that somebody else has set since our last change, s/s; None when it is ours."""
        present = self._timex.read()
        return None if present.frequency == self._known.frequency else present.frequency

    def tai_offset_s(self) -> int | None:
        """TAI - UTC, s; None when nobody has told the kernel."""
        return self._timex.read().tai_offset_s or None

    def set_frequency(self, frequency: float, now: float) -> ClockChange:  # noqa: ARG002 -- its own reading is closer to the change
        """Correct the frequency, s/s, limited to ±0.1."""
        before = self._readings.monotonic()
        self._known = self._timex.set_frequency(frequency)
        return self._change(before, self._readings.monotonic())

    def step(self, offset: NtpDuration, now: float) -> ClockChange:  # noqa: ARG002 -- its own reading is closer to the change
        """Set the clock by `offset`, to 1 ns. It counts as unsynchronised until `set_status` is called again."""
        nanoseconds = offset.to_ns()
        before = self._readings.monotonic()
        self._known = self._timex.step(nanoseconds)
        after = self._readings.monotonic()
        self._epoch = self._epoch._replace(ahead_ns=self._epoch.ahead_ns + nanoseconds)
        return self._change(before, after, nanoseconds / _NS_PER_S)

    def set_status(self, status: ClockStatus) -> None:
        """Publish the quality of the clock, with error bounds rounded up to 1 µs."""
        bits = KernelStatus(0) if status.synchronized else KernelStatus.UNSYNCHRONIZED
        self._timex.set_status(
            bits | self._leap_bits(status.leap),
            estimated_error_us=_microseconds(status.estimated_error),
            maximum_error_us=_microseconds(status.maximum_error),
        )

    def displacement(self, now: float) -> float:  # noqa: ARG002 -- two of the machine's clocks are compared
        """How far anything but `step` has set the clock since the last call, s; what is less than 10 µs is left to add up."""
        compared = self._compare()
        moved_ns = compared.ahead_ns - self._epoch.ahead_ns
        tai_offset_s = self._timex.read().tai_offset_s
        leaped_s = tai_offset_s - self._tai_offset_s
        self._tai_offset_s = tai_offset_s
        if abs(moved_ns) <= max(_SMALLEST_DISPLACEMENT_NS, compared.uncertainty_ns + self._epoch.uncertainty_ns):
            if compared.uncertainty_ns < self._epoch.uncertainty_ns:
                self._epoch = compared
            return 0.0
        self._epoch = compared
        if abs(leaped_s) == 1 and abs(moved_ns + leaped_s * _NS_PER_S) < _NS_PER_S // 2:
            moved_ns += leaped_s * _NS_PER_S  # an inserted second sets UTC back by one and TAI - UTC forward
        return moved_ns / _NS_PER_S if abs(moved_ns) > _SMALLEST_DISPLACEMENT_NS else 0.0

    def _compare(self) -> Difference:
        return difference(self._readings.realtime, self._readings.monotonic)

    def _change(self, before_ns: int, after_ns: int, step_s: float = 0.0) -> ClockChange:
        return ClockChange((before_ns + after_ns) / 2 / _NS_PER_S, self._known.frequency, step_s)

    def _leap_bits(self, leap: LeapIndicator) -> KernelStatus:
        """The announcement of a leap second, which the kernel carries out at the end of the *day*, and servers make for the end of the month."""
        tomorrow = dt.datetime.fromtimestamp(self._readings.realtime() // _NS_PER_S + _DAY_S, dt.UTC)
        if tomorrow.day != 1:
            return KernelStatus(0)
        match leap:
            case LeapIndicator.INSERT:
                return KernelStatus.INSERT_LEAP
            case LeapIndicator.DELETE:
                return KernelStatus.DELETE_LEAP
            case LeapIndicator.NO_WARNING | LeapIndicator.UNSYNCHRONIZED:
                return KernelStatus(0)


def _microseconds(length: NtpDuration) -> int:
    return -(-length.to_ns() // 1000)
