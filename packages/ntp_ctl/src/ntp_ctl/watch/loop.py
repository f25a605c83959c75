"""Looking again and again: decisions only. A daemon that goes away is waited for, and seen again when it comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ntp_ctl.client import DaemonError, Failure
from ntp_ctl.watch.history import History
from ntp_proto.observation import Observation

__all__ = ["Screen", "View", "look_on"]


@dataclass(frozen=True, slots=True)
class View:
    """What there is to show.

    Attributes:
        observation: The last document; None when there has been none.
        history: What came before.
        trouble: Why the daemon does not answer now, "" when it does.
        away_s: Since its last answer, s.
        interval_s: Until the next look.
    """

    observation: Observation | None
    history: History
    trouble: str
    away_s: float
    interval_s: float


class Screen(Protocol):
    """Where it is shown, and who looks at it."""

    def now(self) -> float:
        """Monotonic seconds."""
        ...

    def show(self, view: View) -> None:
        """Show this in place of what was shown before."""
        ...

    def wait(self, seconds: float) -> bool:
        """Let that much time pass, or less when the reader is in a hurry; False when he has seen enough."""
        ...


def look_on(fetch: Callable[[], Observation], screen: Screen, interval_s: float, screens: int | None) -> None:
    """Show the daemon's state until the reader has seen enough.

    Args:
        fetch: Asks the daemon.
        screen: Where to show it.
        interval_s: Between two looks.
        screens: How many looks to take; None: no limit.

    Raises:
        DaemonError: asking again cannot help: there was no permission, or something else than a daemon of this version, from the first.
    """
    history = History()
    last: Observation | None = None
    seen_at = screen.now()
    trouble = ""
    taken = 0
    while True:
        try:
            last = fetch()
            history.add(last)
            trouble, seen_at = "", screen.now()
        except DaemonError as error:
            if last is None and error.failure in (Failure.PERMISSION, Failure.PROTOCOL):
                raise
            history.add_gap("the daemon does not answer", is_new=not trouble)
            trouble = str(error)
        screen.show(View(last, history, trouble, screen.now() - seen_at, interval_s))
        taken += 1
        if taken == screens or not screen.wait(interval_s):
            return
