"""Waiting until the clock is right: `ntp-ctl wait-sync`, for scripts and units that must not start before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ntp_ctl.client import DaemonError, Failure
from ntp_ctl.units import duration
from ntp_proto.observation import Observation, SyncState

__all__ = ["Timer", "Waited", "shortfall", "wait_for_synchronization"]

_SHORTEST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 1.0
_LONGEST_EXCHANGE_S = 5.0
_SHORTEST_EXCHANGE_S = 0.2


class Timer(Protocol):
    """What waiting needs of the world."""

    def now(self) -> float:
        """Monotonic seconds."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let that much time pass."""
        ...


@dataclass(frozen=True, slots=True)
class Waited:
    """How the waiting ended.

    Attributes:
        observation: The last document, None when the daemon never answered.
        missing: What is still missing, "" when the clock is right.
    """

    observation: Observation | None
    missing: str


def shortfall(observation: Observation, maximum_error_s: float | None) -> str:
    """What keeps the clock from being right, in words; "" when nothing does.

    Args:
        observation: The state of the daemon.
        maximum_error_s: The bound that its error bound must not exceed, None when being synchronized is enough.
    """
    system = observation.system
    if system.state is not SyncState.SYNCHRONIZED:
        return f"{system.state.value}: {system.reason}" if system.reason else system.state.value
    if maximum_error_s is None:
        return ""
    if system.maximum_error_s is None:
        return "synchronized, but the maximum error is not known yet"
    if system.maximum_error_s > maximum_error_s:
        return f"synchronized, but the maximum error is {duration(system.maximum_error_s)}"
    return ""


def wait_for_synchronization(
    fetch: Callable[[float], Observation],
    timer: Timer,
    report: Callable[[str], None],
    *,
    maximum_error_s: float | None,
    timeout_s: float,
) -> Waited:
    """Ask again and again until the clock is right or the time is up. A daemon that does not run yet is waited for too.

    Args:
        fetch: Asks the daemon; its argument is the time it may take, s.
        timer: The passing of time.
        report: Takes what is still missing, each time.
        maximum_error_s: See `shortfall`.
        timeout_s: When to give up, s; infinite: never. The daemon is asked at least once.

    Raises:
        DaemonError: asking again cannot help: no permission, or not a daemon of this version.
    """
    deadline = timer.now() + timeout_s
    pause_s = _SHORTEST_PAUSE_S
    last: Observation | None = None
    while True:
        try:
            last = fetch(max(_SHORTEST_EXCHANGE_S, min(_LONGEST_EXCHANGE_S, deadline - timer.now())))
            missing = shortfall(last, maximum_error_s)
        except DaemonError as error:
            if error.failure in (Failure.PERMISSION, Failure.PROTOCOL):
                raise
            missing = str(error)
        if not missing:
            return Waited(last, "")
        report(missing)
        remaining = deadline - timer.now()
        if remaining <= 0:
            return Waited(last, missing)
        timer.sleep(min(pause_s, remaining))
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
