"""What becomes of single requests: listened to while somebody watches, and for a while after, and kept by the last 500.

The daemon makes events only for who listens, and answers fewer clients while it does. So nobody listens when nobody has asked for minutes.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator
from pathlib import Path

import msgspec

from ntp_ctl.client import DaemonError, Failure
from ntp_dashboard import portray
from ntp_dashboard.answers import event, failure_text
from ntp_dashboard.documents import RequestEventDocument, Requests
from ntp_proto.control import FRAME_PREFIX_BYTES, MAXIMUM_DOCUMENT_BYTES, frame_length
from ntp_proto.history import RequestEvents, RequestsQuestion, decode_events, encode

__all__ = ["RequestFeed"]

_KEPT = 500
_LINGERS_S = 120.0
_RETRY_S = 2.0
_HEARTBEAT_S = 10.0
_FIRST_S = 1.0
_SILENCE_S = 15.0
"""The daemon gives a sign of life every 5 s."""
_AT_ONCE = 100
"""Events in one chunk: a reader that is far behind gets the last ones, and is told how many it has missed."""

_log = logging.getLogger(__name__)


class RequestFeed:
    """The last requests, and those that come.

    Args:
        path: The daemon's observation socket.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: deque[RequestEventDocument] = deque(maxlen=_KEPT)
        self._count = 0
        self._lost = 0
        self._refusal = ""
        self._readers = 0
        self._wanted_until = 0.0
        self._changed = asyncio.Event()
        self._heard = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    async def recent(self) -> Requests:
        """The last ones. The first who asks waits a moment, for there was nobody to listen.

        Raises:
            DaemonError: the daemon does not tell us.
        """
        self._listen()
        if not self._heard.is_set():
            try:
                async with asyncio.timeout(_FIRST_S):
                    await self._heard.wait()
            except TimeoutError:
                pass  # the daemon is away, or has nothing to say
        if self._refusal:
            raise DaemonError(Failure.PERMISSION, self._refusal)
        return Requests(requests=tuple(self._kept), lost=self._lost)

    async def watch(self) -> AsyncGenerator[bytes, None]:
        """Each from now on, until `close`. A reader that has fallen behind gets an event "resync" with the number that it has missed."""
        self._readers += 1
        self._listen()
        seen = self._count
        try:
            yield b""
            told = ""
            while not self._closed:
                if self._refusal != told:
                    told = self._refusal
                    yield event("unavailable", failure_text(told)) if told else b""
                if self._count == seen:
                    try:
                        async with asyncio.timeout(_HEARTBEAT_S):
                            await self._changed.wait()
                    except TimeoutError:
                        yield b""
                    continue
                fresh = min(self._count - seen, _AT_ONCE, len(self._kept))
                missed, seen = self._count - seen - fresh, self._count
                chunks = [event("resync", msgspec.json.encode({"missed": missed}))] if missed else []
                chunks += [event("request", msgspec.json.encode(one)) for one in list(self._kept)[-fresh:]]
                yield b"".join(chunks)
        finally:
            self._readers -= 1
            self._linger()

    def close(self) -> None:
        """End every stream, and listen no more."""
        self._closed = True
        self._changed.set()
        if self._task is not None:
            self._task.cancel()

    def _listen(self) -> None:
        self._linger()
        if (self._task is None or self._task.done()) and not self._closed:
            self._task = asyncio.get_running_loop().create_task(self._listen_while_wanted())

    def _linger(self) -> None:
        self._wanted_until = asyncio.get_running_loop().time() + _LINGERS_S

    def _is_wanted(self) -> bool:
        return self._readers > 0 or asyncio.get_running_loop().time() < self._wanted_until

    async def _listen_while_wanted(self) -> None:
        """One connection after the other: a daemon may end and come back."""
        while self._is_wanted():
            try:
                await self._listen_once()
            except (OSError, ValueError, asyncio.IncompleteReadError) as error:  # TimeoutError is an OSError
                _log.debug("no events of requests from %s: %s", self._path, error)
            await asyncio.sleep(_RETRY_S)

    async def _listen_once(self) -> None:
        reader, writer = await asyncio.open_unix_connection(str(self._path))
        try:
            writer.write(encode(RequestsQuestion()) + b"\n")
            await _receive(reader)  # the state, which everybody gets first
            while self._is_wanted():
                self._take(decode_events(await _receive(reader)))
        finally:
            writer.close()

    def _take(self, events: RequestEvents) -> None:
        self._lost = events.lost
        if events.error != self._refusal:
            self._refusal = events.error
            self._heard.set()
            self._wake()
        if events.events:
            self._heard.set()
            self._kept.extend(map(portray.request_event, events.events))
            self._count += len(events.events)
            self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


async def _receive(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(_SILENCE_S):
        length = frame_length(await reader.readexactly(FRAME_PREFIX_BYTES), MAXIMUM_DOCUMENT_BYTES)
        return await reader.readexactly(length)
