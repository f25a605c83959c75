"""Single keys from a terminal, without Enter and without echo, as long as the context lasts."""

from __future__ import annotations

import os
import select
import termios
import tty
from types import TracebackType
from typing import Self

__all__ = ["Keyboard"]


class Keyboard:
    """A terminal in which each key counts at once. Where `descriptor` is not one, there are no keys.

    Args:
        descriptor: Of the terminal.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._saved: list[int | list[bytes | int]] | None = None

    def __enter__(self) -> Self:
        if os.isatty(self._descriptor):
            self._saved = termios.tcgetattr(self._descriptor)
            tty.setcbreak(self._descriptor)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._saved is not None:
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._saved)
            self._saved = None

    def key(self, timeout_s: float) -> str:
        """The key that is pressed within that time, or several, "" for none; a terminal that is gone counts as a "q"."""
        watched = [self._descriptor] if self._saved is not None else []
        ready, _, _ = select.select(watched, [], [], max(0.0, timeout_s))
        if not ready:
            return ""
        try:
            data = os.read(self._descriptor, 64)
        except OSError:
            return "q"
        return data.decode("ascii", "replace") if data else "q"
