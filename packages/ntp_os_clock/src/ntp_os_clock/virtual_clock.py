"""A clock inside the program: the system clock stays as it is, and no privilege is needed.

Theory of operation. The virtual clock counts the seconds of CLOCK_MONOTONIC_RAW, the bare oscillator, and corrects them:

    monotonic = monotonic at the last change + raw seconds since then x (1 + frequency)
    time      = monotonic + epoch; a step changes the epoch

It does not build on CLOCK_REALTIME, because another program may be steering and stepping that, and each of its corrections would look like a
fault of our oscillator. It starts with the system clock's time and is on its own from then on.

The kernel stamps packets with CLOCK_REALTIME. `to_virtual` carries such a stamp over: it reads CLOCK_REALTIME and the oscillator together,
goes back on the oscillator by the age of the stamp, and asks what the virtual clock showed *then*. The age is measured by the system clock, so
stamps are to be carried over while they are fresh: one that is 1 ms old is wrong by 50 ns where the system clock is corrected by 50 ppm. The
corrections of the last while are kept, because a stamp taken before a change may be looked at after it.

Not done: the oscillator stands still while the machine sleeps, and so does this clock; afterwards its sources show it far behind.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from ntp_os_clock.readings import MachineReadings, Readings, difference
from ntp_proto.clock import ClockChange, ClockStatus
from ntp_proto.time_types import NtpDuration, NtpTimestamp

__all__ = ["VirtualClock"]

_NS_PER_S = 1_000_000_000
_LARGEST_FREQUENCY = 0.1
_KEPT = 64
"""Changes that are remembered: an exchange lasts a few seconds, in which each source makes two changes at most."""


class _Segment(NamedTuple):
    """The clock from one change on.

    Attributes:
        raw_ns: The oscillator at the change.
        monotonic_ns: The corrected seconds at the change.
        epoch_ns: Time minus monotonic.
        frequency: Correction in force, s/s.
    """

    raw_ns: int
    monotonic_ns: int
    epoch_ns: int
    frequency: float

    def monotonic_at(self, raw_ns: int) -> int:
        elapsed = raw_ns - self.raw_ns
        return self.monotonic_ns + elapsed + round(elapsed * self.frequency)


class VirtualClock:
    """A clock in memory, for programs without CAP_SYS_TIME, behind the `Clock` protocol.

    Args:
        readings: The machine's clocks.
    """

    def __init__(self, readings: Readings | None = None) -> None:
        self._readings = readings or MachineReadings()
        start = difference(self._readings.monotonic, self._readings.raw)
        epoch_ns = difference(self._readings.realtime, self._readings.monotonic).ahead_ns
        self._segments = deque([_Segment(start.at_ns, start.at_ns + start.ahead_ns, epoch_ns, 0.0)], maxlen=_KEPT)

    def read(self) -> NtpTimestamp:
        """The time now, to 1 ns."""
        segment = self._segments[-1]
        return NtpTimestamp.from_unix_ns(segment.epoch_ns + segment.monotonic_at(self._readings.raw()))

    def monotonic(self) -> float:
        """The monotonic instant now, s: the time scale of `now` and of `ClockChange.at`.

        It runs with this clock's frequency correction, so it is *not* that of `asyncio`, though both begin alike.
        """
        return self._segments[-1].monotonic_at(self._readings.raw()) / _NS_PER_S

    def to_virtual(self, system: NtpTimestamp) -> NtpTimestamp:
        """What this clock showed when the system clock showed `system`, a few seconds ago at most."""
        compared = difference(self._readings.realtime, self._readings.raw)
        realtime_ns = compared.at_ns + compared.ahead_ns
        raw_ns = compared.at_ns - (realtime_ns - system.to_unix_ns(realtime_ns))
        segment = next((s for s in reversed(self._segments) if s.raw_ns <= raw_ns), self._segments[0])
        return NtpTimestamp.from_unix_ns(segment.epoch_ns + segment.monotonic_at(raw_ns))

    def ahead_of_system(self) -> tuple[NtpTimestamp, NtpDuration]:
        """The system clock's time now, and how far this clock is ahead of it: what turns the kernel's stamps into this clock's time."""
        compared = difference(self._readings.realtime, self._readings.raw)
        realtime_ns = compared.at_ns + compared.ahead_ns
        segment = self._segments[-1]
        ahead_ns = segment.epoch_ns + segment.monotonic_at(compared.at_ns) - realtime_ns
        return NtpTimestamp.from_unix_ns(realtime_ns), NtpDuration.from_ns(ahead_ns)

    def frequency(self) -> float:
        """The frequency correction in force, s/s against CLOCK_MONOTONIC_RAW."""
        return self._segments[-1].frequency

    def set_frequency(self, frequency: float, now: float) -> ClockChange:  # noqa: ARG002 -- this clock reads its own
        """Correct the frequency, s/s, limited to ±0.1."""
        return self._begin(max(-_LARGEST_FREQUENCY, min(_LARGEST_FREQUENCY, frequency)), 0)

    def step(self, offset: NtpDuration, now: float) -> ClockChange:  # noqa: ARG002 -- this clock reads its own
        """Set the clock by `offset`, to 1 ns."""
        return self._begin(self._segments[-1].frequency, offset.to_ns())

    def set_status(self, status: ClockStatus) -> None:
        """Nothing: no other program can read this clock."""

    def displacement(self, now: float) -> float:  # noqa: ARG002 -- the protocol's signature
        """0.0: nobody else can set this clock."""
        return 0.0

    def _begin(self, frequency: float, step_ns: int) -> ClockChange:
        last = self._segments[-1]
        raw_ns = self._readings.raw()
        monotonic_ns = last.monotonic_at(raw_ns)
        self._segments.append(_Segment(raw_ns, monotonic_ns, last.epoch_ns + step_ns, frequency))
        return ClockChange(monotonic_ns / _NS_PER_S, frequency, step_ns / _NS_PER_S)
