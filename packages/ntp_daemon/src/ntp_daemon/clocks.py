"""The choice of the clock: the system's, steered or only looked at, or a virtual one when the system's is not to be or cannot be steered."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ntp_daemon.config.model import ClockSelection
from ntp_os_clock import OsClock, ReadOnlyClock, VirtualClock
from ntp_proto.clock import Clock
from ntp_proto.errors import ClockError
from ntp_proto.states import ClockMode
from ntp_proto.time_types import NtpDuration, NtpTimestamp

__all__ = ["Correction", "MachineClock", "open_clock"]


class Correction(NamedTuple):
    """The way from the kernel's clock, which stamps packets, to the clock that is disciplined.

    Attributes:
        as_of: The kernel's clock.
        offset: The disciplined clock less the kernel's, at that instant.
        frequency: How much faster it runs than the kernel's, s/s.
    """

    as_of: NtpTimestamp
    offset: NtpDuration
    frequency: float


class MachineClock(NamedTuple):
    """A clock of this machine with what the daemon needs around it.

    Attributes:
        clock: What is disciplined.
        monotonic: The scale of all instants that the client and the clock exchange, s.
        convert: From a kernel's timestamp to the clock's; None: they are the same.
        correction: The same as two numbers, for those who convert many.
        release: Gives the clock back, with this base frequency, s/s.
        foreign_frequency: What something else has set the frequency to, s/s; None: nothing did.
        mode: Which clock it is.
        is_passive: Whether it is only looked at: what is found out of it must not be taken for what was done to it.
        reason: Why it is not the system clock though it should be, "" otherwise.
    """

    clock: Clock
    monotonic: Callable[[], float]
    convert: Callable[[NtpTimestamp], NtpTimestamp] | None
    correction: Callable[[], Correction]
    release: Callable[[float], object]
    foreign_frequency: Callable[[], float | None]
    mode: ClockMode
    is_passive: bool = False
    reason: str = ""


def open_clock(mode: ClockMode, select: ClockSelection = ClockSelection.FILTER) -> MachineClock:
    """The clock to be disciplined: the system's where that is wanted and permitted, else a virtual one.

    Raises:
        ClockError: the system clock cannot even be read.
    """
    match mode:
        case ClockMode.MIRROR | ClockMode.LOCAL:
            return _read_only(mode)
        case ClockMode.VIRTUAL:
            return _read_only(mode) if select is ClockSelection.MEDIAN else _virtual("")
        case ClockMode.STEER:
            return _system()


def _system() -> MachineClock:
    system = OsClock()
    obstacle = system.obstacle()
    if obstacle is not None:
        return _virtual(obstacle)
    system.take_over()
    return MachineClock(system, system.monotonic, None, lambda: _no_correction(system), system.release, system.foreign_frequency, ClockMode.STEER)


def _read_only(mode: ClockMode) -> MachineClock:
    clock = ReadOnlyClock()
    return MachineClock(clock, clock.monotonic, None, lambda: _no_correction(clock), _nothing_to_release, lambda: None, mode, is_passive=True)


def _virtual(reason: str) -> MachineClock:
    clock = VirtualClock()

    def correction() -> Correction:
        as_of, offset = clock.ahead_of_system()
        return Correction(as_of, offset, (1.0 + clock.frequency()) / (1.0 + _system_frequency()) - 1.0)

    return MachineClock(clock, clock.monotonic, clock.to_virtual, correction, _nothing_to_release, lambda: None, ClockMode.VIRTUAL, reason=reason)


def _system_frequency() -> float:
    """The system clock's frequency correction by whoever keeps it, s/s; 0.0 where even that may not be read."""
    try:
        return OsClock().frequency()
    except ClockError:
        return 0.0


def _no_correction(clock: Clock) -> Correction:
    return Correction(clock.read(), NtpDuration(0), 0.0)


def _nothing_to_release(frequency: float) -> None:
    """A clock that was not touched needs nothing; a virtual one ends with the program."""
