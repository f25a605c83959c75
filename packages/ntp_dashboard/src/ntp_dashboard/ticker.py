"""The state of the daemon every two seconds, made once and read by everybody who watches.

There is one place for the newest state and no queue: a reader that was busy finds the newest one, never a heap of old ones. While nobody watches,
nobody asks the daemon.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

from ntp_dashboard.answers import event

__all__ = ["PERIOD_S", "Ticker"]

PERIOD_S = 2.0
_HEARTBEAT_S = 10.0

Events = tuple[tuple[str, bytes], ...]


class Ticker:
    """Makes events for any number of readers.

    Args:
        produce: Makes the events of one tick, names and data; it must not raise.
        period_s: From tick to tick.
    """

    def __init__(self, produce: Callable[[], Awaitable[Events]], period_s: float = PERIOD_S) -> None:
        self._produce = produce
        self._period_s = period_s
        self._readers = 0
        self._chunk = b""
        self._number = 0
        self._ticked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def readers(self) -> int:
        """How many watch."""
        return self._readers

    async def watch(self) -> AsyncGenerator[bytes, None]:
        """Every tick from now on, until `close`; the first one at once. An empty chunk where there is none for ten seconds."""
        self._readers += 1
        try:
            await self._begin()
            seen = 0
            while not self._closed:
                if self._number == seen:
                    try:
                        async with asyncio.timeout(_HEARTBEAT_S):
                            await self._ticked.wait()
                    except TimeoutError:
                        yield b""
                    continue
                seen = self._number
                yield self._chunk
        finally:
            self._readers -= 1
            if not self._readers:
                self._end()

    def close(self) -> None:
        """End every stream."""
        self._closed = True
        self._end()
        self._ticked.set()

    async def _begin(self) -> None:
        """The first reader starts the ticks; a later one gets the last, which is no older than the period."""
        if self._task is None and not self._closed:
            self._task = asyncio.get_running_loop().create_task(self._tick_for_ever())

    def _end(self) -> None:
        task, self._task = self._task, None
        self._number = 0
        if task is not None:
            task.cancel()

    async def _tick_for_ever(self) -> None:
        loop = asyncio.get_running_loop()
        at = loop.time()
        number = 0
        while True:
            events = await self._produce()
            number += 1
            self._chunk = b"".join(event(name, data, number) for name, data in events)
            self._number = number
            self._ticked.set()
            self._ticked = asyncio.Event()
            at = max(at + self._period_s, loop.time())  # what was late is not caught up with
            await asyncio.sleep(at - loop.time())
