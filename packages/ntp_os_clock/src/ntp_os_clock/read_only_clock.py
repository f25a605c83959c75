"""The system clock, looked at and never touched: for programs that serve it, or measure it, and leave it to somebody else.

It takes every order and carries none out, and says so: what it reports as applied is always nothing, so that whoever estimates its error
knows that the whole of it is still there. Corrections of its frequency by others are part of the clock; when somebody *sets* it, that is a
displacement, told as for the clock that we steer. A leap second counts as one too.
"""

from __future__ import annotations

from ntp_os_clock.readings import MachineReadings, Readings, difference
from ntp_proto.clock import ClockChange, ClockStatus
from ntp_proto.time_types import NtpDuration, NtpTimestamp

__all__ = ["ReadOnlyClock"]

_NS_PER_S = 1_000_000_000
_SMALLEST_DISPLACEMENT_NS = 10_000
"""As for the clock that we steer: what is less is left to add up."""


class ReadOnlyClock:
    """CLOCK_REALTIME behind the `Clock` protocol, for programs that leave it alone.

    Args:
        readings: The machine's clocks.
    """

    def __init__(self, readings: Readings | None = None) -> None:
        self._readings = readings or MachineReadings()
        self._epoch = difference(self._readings.realtime, self._readings.monotonic)

    def read(self) -> NtpTimestamp:
        """The time now, to 1 ns."""
        return NtpTimestamp.from_unix_ns(self._readings.realtime())

    def monotonic(self) -> float:
        """The monotonic instant now, s: the time scale of `now` and of `ClockChange.at`, that of `asyncio` too."""
        return self._readings.monotonic() / _NS_PER_S

    def frequency(self) -> float:
        """0.0: this program corrects nothing."""
        return 0.0

    def set_frequency(self, frequency: float, now: float) -> ClockChange:  # noqa: ARG002 -- the protocol's signature
        """Nothing is applied, and the answer says so."""
        return ClockChange(self.monotonic(), 0.0)

    def step(self, offset: NtpDuration, now: float) -> ClockChange:  # noqa: ARG002 -- the protocol's signature
        """Nothing is applied, and the answer says so."""
        return ClockChange(self.monotonic(), 0.0)

    def set_status(self, status: ClockStatus) -> None:
        """Nothing: what other programs read of the system clock is for those to say who keep it."""

    def displacement(self, now: float) -> float:  # noqa: ARG002 -- two of the machine's clocks are compared
        """How far somebody has set the clock since the last call, s; > 0: forward."""
        compared = difference(self._readings.realtime, self._readings.monotonic)
        moved_ns = compared.ahead_ns - self._epoch.ahead_ns
        if abs(moved_ns) <= max(_SMALLEST_DISPLACEMENT_NS, compared.uncertainty_ns + self._epoch.uncertainty_ns):
            return 0.0
        self._epoch = compared
        return moved_ns / _NS_PER_S
