"""Notices a worker that hangs without dying: it would keep its sockets, and its clients would wait for nothing.

A worker counts the turns of its loop in the memory that it shares with the daemon. With each look it is given a reason to make one, and is looked
at again some seconds later. It is looks without a turn that count, not time: a machine that slept, or a daemon that was stopped for a while, has
looked only once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ["Watchdog"]

_INTERVAL_S = 5.0
_LOOKS = 3
"""In vain, one after the other. A loaded machine may hold up a process for a second, not for 15."""


class Watchdog:
    """Watches one worker from its making to `stop`, or until it has been silent for too long.

    Args:
        turns: How many it has made.
        nudge: Gives it a reason to make one.
        on_silence: Called once, with the time in which it has made none, s.
    """

    def __init__(self, turns: Callable[[], int], nudge: Callable[[], object], on_silence: Callable[[float], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._turns = turns
        self._nudge = nudge
        self._on_silence = on_silence
        self._seen = turns()
        self._in_vain = 0
        self._timer = self._loop.call_later(_INTERVAL_S, self._look)
        nudge()

    def stop(self) -> None:
        """Look no more; stopping twice does nothing."""
        self._timer.cancel()

    def _look(self) -> None:
        seen, self._seen = self._seen, self._turns()
        self._in_vain = self._in_vain + 1 if self._seen == seen else 0
        if self._in_vain == _LOOKS:
            self._on_silence(_LOOKS * _INTERVAL_S)
            return
        self._timer = self._loop.call_later(_INTERVAL_S, self._look)
        self._nudge()
