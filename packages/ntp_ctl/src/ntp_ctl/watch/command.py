"""`ntp-ctl watch`: which screen, and that the terminal is given back whatever happens."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

from ntp_ctl.access import observation_socket
from ntp_ctl.arguments import Arguments
from ntp_ctl.client import DaemonError, fetch_observation
from ntp_ctl.exit_status import DONE
from ntp_ctl.output import say
from ntp_ctl.style import Style
from ntp_ctl.watch.loop import look_on
from ntp_ctl.watch.plain import PlainScreen
from ntp_proto.observation import Observation

__all__ = ["watch"]

_EXCHANGE_S = 2.0


class _EndedError(Exception):
    """Somebody has sent SIGTERM or SIGHUP."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def watch(arguments: Arguments) -> int:
    """Show the status until the reader has seen enough.

    Returns:
        The exit status.

    Raises:
        DaemonError: see `look_on`.
    """
    path, note = observation_socket(arguments)

    def fetch() -> Observation:
        try:
            return fetch_observation(path, timeout_s=_EXCHANGE_S)
        except DaemonError as error:
            raise DaemonError(error.failure, f"{error}{note}") from error

    def style() -> Style:
        return Style.of(stdout, arguments.color)

    stdout = sys.stdout

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    try:
        if arguments.plain or not _is_capable():
            clears = sys.stdout.isatty() and not arguments.plain
            look_on(fetch, PlainScreen.on_stdout(style, clears=clears), arguments.interval, arguments.screens)
        else:
            _watch_all_over(fetch, style, arguments)
    except KeyboardInterrupt:
        return DONE  # the way to end it where there are no keys
    except _EndedError as error:
        return 128 + error.number
    return DONE


def _watch_all_over(fetch: Callable[[], Observation], style: Callable[[], Style], arguments: Arguments) -> None:
    try:
        from rich.console import Console  # noqa: PLC0415 - an extra, and slow to load

        from ntp_ctl.watch.keyboard import Keyboard  # noqa: PLC0415
        from ntp_ctl.watch.rich_screen import RichScreen  # noqa: PLC0415
    except ImportError:
        say("watch is at its best with rich: pip install 'ntpd-py[watch]'")
        look_on(fetch, PlainScreen.on_stdout(style, clears=True), arguments.interval, arguments.screens)
        return
    with RichScreen(Console(file=sys.stdout, no_color=not style().color, highlight=False), style, Keyboard(sys.stdin.fileno())) as screen:
        look_on(fetch, screen, arguments.interval, arguments.screens)


def _is_capable() -> bool:
    """Whether the output is a terminal that can be drawn on."""
    return sys.stdout.isatty() and os.environ.get("TERM", "") not in ("", "dumb", "unknown")


def _end(number: int, _frame: FrameType | None) -> None:
    raise _EndedError(number)
