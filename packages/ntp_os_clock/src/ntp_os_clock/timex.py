"""The kernel's clock parameters: ring two around `clock_adjtime`, and the only place where ppm, ticks and microseconds exist.

The kernel splits a frequency correction in two: `freq`, in 2^-16 ppm and limited to ±500 ppm, and the length of a tick, of which one unit is
100 ppm and which may be 10 % off. The sum counts. `split_frequency` chooses the two; everything above this module sees one number in s/s.

Every call goes through the C library's symbol `clock_adjtime`, so a simulator loaded in front of the C library stays in control.

Source: adjtimex(2) and kernel/time/ntp.c of Linux, described, not copied.
"""

from __future__ import annotations

import errno
import os
from enum import IntFlag
from typing import TYPE_CHECKING, NamedTuple

from ntp_proto.errors import ClockError

if TYPE_CHECKING:
    from ntp_os_clock._timex import TimexFfi, TimexLib, TimexStruct

__all__ = ["LARGEST_FREQUENCY", "KernelState", "KernelStatus", "Timex", "split_frequency"]

LARGEST_FREQUENCY = 0.1
"""The largest correction that a tick of 9000 to 11000 µs can express, s/s."""

_CLOCK_REALTIME = 0
_NOMINAL_TICK_US = 10_000  # Linux shows a tick of 1/100 s to programs, whatever it uses inside
_FREQUENCY_PER_TICK = 100e-6  # 1 µs in 10 000
_FREQ_UNITS = 65536 * 1e6  # units of `freq` in 1 s/s
_FREQ_LIMIT = 500 << 16
_NOMINAL_WITHIN = 400e-6  # below this the tick returns to nominal; 100 ppm of hysteresis to the limit of `freq`
_ERROR_LIMIT_US = 16_000_000  # NTP_PHASE_LIMIT of the kernel: more is "not synchronised"
_NS_PER_S = 1_000_000_000

_NO_PERMISSION = "cannot set the clock: CAP_SYS_TIME missing; run with sudo, or use --clock virtual"


class _Mode(IntFlag):
    """Which fields of `struct timex` a call sets. Checked against the system's header in _ffi/timex.c."""

    OFFSET = 0x0001
    FREQUENCY = 0x0002
    MAXERROR = 0x0004
    ESTERROR = 0x0008
    STATUS = 0x0010
    SETOFFSET = 0x0100
    MICRO = 0x1000
    NANO = 0x2000
    TICK = 0x4000
    OFFSET_SINGLESHOT = 0x8001


class KernelStatus(IntFlag):
    """The bits of the kernel's status word that are used here."""

    PLL = 0x0001
    INSERT_LEAP = 0x0010
    DELETE_LEAP = 0x0020
    UNSYNCHRONIZED = 0x0040
    NANOSECONDS = 0x2000


class KernelState(NamedTuple):
    """What the kernel says of its clock.

    Attributes:
        frequency: The correction in force, s/s; > 0: the clock is made to run faster.
        tick_us: Length of a tick, µs; 10 000 is nominal.
        status: The status word; bits without a name here are kept.
        estimated_error_us: As last published.
        maximum_error_us: As last published, grown by the kernel since.
        tai_offset_s: TAI - UTC as far as the kernel was told, 0 when it was not.
    """

    frequency: float
    tick_us: int
    status: KernelStatus
    estimated_error_us: int
    maximum_error_us: int
    tai_offset_s: int


def split_frequency(frequency: float, tick_us: int) -> tuple[int, int]:
    """The kernel's two numbers for a frequency correction.

    An ordinary frequency uses the nominal tick. Beyond that the present tick is kept as long as `freq` can express the rest, so that a
    frequency that wanders around a limit does not make the tick flap.

    Args:
        frequency: s/s; limited to ±`LARGEST_FREQUENCY`.
        tick_us: The tick in force, µs.

    Returns:
        `freq` in 2^-16 ppm, and the tick in µs.
    """
    frequency = max(-LARGEST_FREQUENCY, min(LARGEST_FREQUENCY, frequency))
    if abs(frequency) <= _NOMINAL_WITHIN:
        tick_us = _NOMINAL_TICK_US
    elif abs(frequency - _tick_part(tick_us)) * _FREQ_UNITS > _FREQ_LIMIT:
        tick_us = _NOMINAL_TICK_US + round(frequency / _FREQUENCY_PER_TICK)
    return round((frequency - _tick_part(tick_us)) * _FREQ_UNITS), tick_us


def _tick_part(tick_us: int) -> float:
    return (tick_us - _NOMINAL_TICK_US) * _FREQUENCY_PER_TICK


def _load() -> tuple[TimexFfi, TimexLib]:
    """The compiled binding, or the one through libffi where it is missing or NTP_NO_EXT asks for it."""
    if not os.environ.get("NTP_NO_EXT"):
        try:
            from ntp_os_clock._timex import ffi, lib  # noqa: PLC0415 -- which of the two exists is known only now
        except ImportError:
            pass
        else:
            return ffi, lib
    try:
        from ntp_os_clock._timex_abi import ffi as abi  # noqa: PLC0415 -- as above
    except ImportError as error:
        raise ImportError("ntp_os_clock is not built: run `python build_ext.py` in the checkout, or install the project with pip") from error
    return abi, abi.dlopen(None)  # the global namespace: what is preloaded comes first


class Timex:
    """The parameters of CLOCK_REALTIME.

    Args:
        binding: cffi's `ffi` and `lib`; None: the best there is.

    Every method raises `ClockError` when the kernel refuses.
    """

    __slots__ = ("_ffi", "_lib")

    def __init__(self, binding: tuple[TimexFfi, TimexLib] | None = None) -> None:
        self._ffi, self._lib = binding or _load()

    def read(self) -> KernelState:
        """The parameters; needs no privilege and changes nothing."""
        return self._call("read the clock's parameters", self._new(_Mode(0)))

    def check_permission(self) -> None:
        """Find out whether the clock may be set, by setting the estimated error to what it is: nothing that keeps time reads it."""
        request = self._new(_Mode.ESTERROR)
        request.esterror = self.read().estimated_error_us
        self._call("set the clock", request)

    def set_frequency(self, frequency: float) -> KernelState:
        """Correct the frequency, s/s; what came of it, after limits and rounding, is in the answer."""
        request = self._new(_Mode.FREQUENCY | _Mode.TICK)
        request.freq, request.tick = split_frequency(frequency, self.read().tick_us)
        return self._call(f"set the frequency to {frequency:.3e}", request)

    def step(self, nanoseconds: int) -> KernelState:
        """Set the clock forward (> 0) or back. The kernel then calls it unsynchronised until the status is set again."""
        request = self._new(_Mode.SETOFFSET | _Mode.NANO)
        # the kernel wants the fraction within 0 and 1 s also when the whole is negative
        request.time.tv_sec, request.time.tv_usec = divmod(nanoseconds, _NS_PER_S)
        return self._call(f"step by {nanoseconds} ns", request)

    def set_status(self, status: KernelStatus, *, estimated_error_us: int, maximum_error_us: int) -> KernelState:
        """Publish the quality of the clock; bits that are not in `status` are cleared, the errors are limited to 0 to 16 s."""
        request = self._new(_Mode.STATUS | _Mode.ESTERROR | _Mode.MAXERROR)
        request.status = int(status)
        request.esterror = max(0, min(_ERROR_LIMIT_US, estimated_error_us))
        request.maxerror = max(0, min(_ERROR_LIMIT_US, maximum_error_us))
        return self._call("set the clock's status", request)

    def end_slews(self) -> None:
        """End what others have left running: a slew of adjtime(3), and the kernel's own loop with the offset that it still works off.

        The kernel takes an offset (here: none left) only while its loop is on, so the loop is switched on for that one call.
        """
        request = self._new(_Mode.OFFSET_SINGLESHOT)
        self._call("end a slew", request)
        request = self._new(_Mode.OFFSET | _Mode.STATUS | _Mode.NANO)
        request.status = int(KernelStatus.PLL | KernelStatus.UNSYNCHRONIZED)
        self._call("end the kernel's slew", request)
        request = self._new(_Mode.STATUS)
        request.status = int(KernelStatus.UNSYNCHRONIZED)
        self._call("switch the kernel's loop off", request)

    def show_microseconds(self) -> None:
        """Let the kernel show the clock in microseconds again to those who read its parameters; every call with an offset changes that."""
        self._call("set the clock's unit", self._new(_Mode.MICRO))

    def _new(self, modes: _Mode) -> TimexStruct:
        request = self._ffi.new("struct timex *")
        request.modes = int(modes)
        return request

    def _call(self, what: str, request: TimexStruct) -> KernelState:
        if self._lib.clock_adjtime(_CLOCK_REALTIME, request) < 0:
            number = self._ffi.errno
            text = _NO_PERMISSION if number == errno.EPERM else f"cannot {what}: {os.strerror(number)}"
            raise ClockError(text, errno=number)
        return KernelState(
            frequency=_tick_part(request.tick) + request.freq / _FREQ_UNITS,
            tick_us=request.tick,
            status=KernelStatus(request.status),
            estimated_error_us=request.esterror,
            maximum_error_us=request.maxerror,
            tai_offset_s=request.tai,
        )
