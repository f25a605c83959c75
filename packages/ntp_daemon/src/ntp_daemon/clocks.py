"""The choice of the clock: the system's, or a virtual one when the system's is not to be or cannot be steered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ntp_os_clock import OsClock, VirtualClock
from ntp_proto.clock import Clock
from ntp_proto.observation import ClockMode
from ntp_proto.time_types import NtpTimestamp

__all__ = ["MachineClock", "open_clock"]


@dataclass(frozen=True, slots=True)
class MachineClock:
    """A clock of this machine with what the daemon needs around it.

    Attributes:
        clock: What is disciplined.
        monotonic: The scale of all instants that the client and the clock exchange, s.
        convert: From a kernel's timestamp to the clock's; None: they are the same.
        release: Gives the clock back, with this base frequency, s/s.
        foreign_frequency: What something else has set the frequency to, s/s; None: nothing did.
        mode: Which clock it is.
        reason: Why it is not the system clock though it should be, "" otherwise.
    """

    clock: Clock
    monotonic: Callable[[], float]
    convert: Callable[[NtpTimestamp], NtpTimestamp] | None
    release: Callable[[float], object]
    foreign_frequency: Callable[[], float | None]
    mode: ClockMode
    reason: str = ""


def open_clock(mode: ClockMode) -> MachineClock:
    """The clock to be disciplined: the system's where that is wanted and permitted, else a virtual one.

    Raises:
        ClockError: the system clock cannot even be read.
    """
    if mode is ClockMode.VIRTUAL:
        return _virtual("")
    system = OsClock()
    obstacle = system.obstacle()
    if obstacle is not None:
        return _virtual(obstacle)
    system.take_over()
    return MachineClock(system, system.monotonic, None, system.release, system.foreign_frequency, ClockMode.STEER)


def _virtual(reason: str) -> MachineClock:
    clock = VirtualClock()
    return MachineClock(clock, clock.monotonic, clock.to_virtual, _nothing_to_release, lambda: None, ClockMode.VIRTUAL, reason)


def _nothing_to_release(frequency: float) -> None:
    """A virtual clock ends with the program."""
