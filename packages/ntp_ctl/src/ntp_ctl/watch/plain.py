"""One status after the other: for pipes, files, dumb terminals, and where rich is not installed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

from ntp_ctl.render import render_status
from ntp_ctl.style import Style
from ntp_ctl.units import coarse_duration
from ntp_ctl.watch.loop import View

__all__ = ["PlainScreen"]

_CLEAR = "\x1b[H\x1b[2J"


class PlainScreen:
    """Writes each status below the one before, or over it.

    Args:
        stream: Where to.
        style: What it can show, asked anew each time, since a window may change its size.
        clears: Whether to clear the terminal first.
    """

    def __init__(self, stream: TextIO, style: Callable[[], Style], *, clears: bool) -> None:
        self._stream = stream
        self._style = style
        self._clears = clears
        self._is_first = True

    def now(self) -> float:
        """See `Screen`."""
        return time.monotonic()

    def show(self, view: View) -> None:
        """See `Screen`."""
        style = self._style()
        parts = [_CLEAR if self._clears else "" if self._is_first else "\n" + "-" * min(style.width, 72) + "\n"]
        if view.trouble:
            age = "" if view.observation is None else f"; last seen {coarse_duration(view.away_s)} ago"
            parts.append(style.text(f"! {view.trouble}{age}; asking again every {view.interval_s:g} s") + "\n")
        elif view.observation is not None:
            parts.append(render_status(view.observation, style))
        self._is_first = False
        self._stream.write("".join(parts))
        self._stream.flush()

    def wait(self, seconds: float) -> bool:
        """See `Screen`; nobody can press a key here but Ctrl-C."""
        time.sleep(seconds)
        return True

    @classmethod
    def on_stdout(cls, style: Callable[[], Style], *, clears: bool) -> PlainScreen:
        """On the standard output."""
        return cls(sys.stdout, style, clears=clears)
