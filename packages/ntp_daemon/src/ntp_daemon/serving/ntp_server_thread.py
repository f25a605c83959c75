"""An NTP server for programs without an event loop: the same server in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from types import TracebackType
from typing import Self, TypeVar

from ntp_daemon.serving.event_hub import Subscription
from ntp_daemon.serving.ntp_server import NtpServer, NtpServerConfig, ReadableClock, ServerMetrics
from ntp_daemon.serving.request_events import RequestEvent
from ntp_daemon.serving.servant import HostHook
from ntp_proto.datagram import Address

__all__ = ["NtpServerThread"]

_T = TypeVar("_T")

_PATIENCE_S = 15.0
"""A start takes 10 s at most, a stop 5 s."""


class NtpServerThread:
    """`NtpServer` whose methods block, from any thread. The thread lives from `start` to `stop`, and never keeps a program from its end.

    Args:
        config: See `NtpServer`.
        clock: The same; read in the thread.
        hook: The same; called in the thread, and every answer waits for it.
    """

    def __init__(self, config: NtpServerConfig, *, clock: ReadableClock | None = None, hook: HostHook | None = None) -> None:
        self._server = NtpServer(config, clock=clock, hook=hook)
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @property
    def is_running(self) -> bool:
        """Whether it answers."""
        return self._server.is_running

    @property
    def address(self) -> Address:
        """Where it answers; while it does not, where it is configured to."""
        return self._server.address

    def start(self) -> None:
        """Begin to answer; raises what `NtpServer.start` raises."""
        with self._lock:
            if self._loop is None:
                self._begin()
            try:
                self._call(self._server.start())
            except BaseException:
                if not self._server.is_running:
                    self._end()
                raise

    def stop(self) -> None:
        """Answer what is queued and end, within five seconds. Stopping twice does nothing."""
        with self._lock:
            if self._loop is not None:
                self._call(self._server.stop())
                self._end()

    def restart(self) -> None:
        """Begin anew on the same socket; subscriptions go on, and no request is lost."""
        with self._lock:
            if self._loop is None:
                self._begin()
            self._call(self._server.restart())

    def metrics(self) -> ServerMetrics:
        """What it has done since its last start."""
        with self._lock:
            return asyncio.run(self._server.metrics()) if self._loop is None else self._call(self._server.metrics())

    def history(self) -> tuple[RequestEvent, ...]:
        """The last events, the oldest first."""
        return self._server.history()

    def subscribe(self) -> Iterator[RequestEvent]:
        """What becomes of each request from now on; each step waits for the next one, and the end comes with `stop`."""

        async def begin() -> Subscription:
            return self._server.subscribe()

        with self._lock:
            loop = self._loop
            subscription = None if loop is None else self._call(begin())
        return iter(()) if loop is None or subscription is None else _events(loop, subscription)

    def _begin(self) -> None:
        loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=_run, args=(loop,), name="ntp server", daemon=True)
        self._loop = loop
        self._thread.start()

    def _end(self) -> None:
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(_PATIENCE_S)

    def _call(self, work: Coroutine[None, None, _T]) -> _T:
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE_S)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
        waiting = asyncio.all_tasks(loop)  # for an event; they have been told of the end
        if waiting:
            loop.run_until_complete(asyncio.wait(waiting, timeout=1.0))
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


def _events(loop: asyncio.AbstractEventLoop, subscription: Subscription) -> Iterator[RequestEvent]:
    async def take() -> RequestEvent | None:
        return await anext(subscription, None)

    while True:
        work = take()
        try:
            event = asyncio.run_coroutine_threadsafe(work, loop).result()
        except RuntimeError:  # the loop has been closed: the server has stopped
            work.close()
            return
        if event is None:
            return
        yield event
