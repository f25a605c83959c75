"""The socket that shows the daemon's state to whoever connects: one framed document, then the end. Nothing is ever read from it.

A reader can cost the daemon no more than a document, half a second and one of 64 places: it is dropped when it does not read, and
documents are made at most every 50 ms however many ask. The protocol is described in docs/protocol-sockets.md.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from ntp_daemon.log import RateLimit
from ntp_daemon.unix_listener import UnixListener, open_listener
from ntp_proto.control import MAXIMUM_DOCUMENT_BYTES, frame

__all__ = ["MAXIMUM_READERS", "ObservationSocket"]

MAXIMUM_READERS = 64
_PATIENCE_S = 0.5
_FRESHNESS_S = 0.05

_LOGGER = logging.getLogger(__name__)
_LOGGER.addFilter(RateLimit())


class ObservationSocket:
    """Shows a document on a Unix socket. Made by `open`.

    Args:
        listener: The socket.
        produce: Makes the document, when somebody asks.
    """

    def __init__(self, listener: UnixListener, produce: Callable[[], bytes]) -> None:
        self._listener = listener
        self._produce = produce
        self._loop = asyncio.get_running_loop()
        self._server: asyncio.Server | None = None
        self._readers: dict[asyncio.Transport, asyncio.TimerHandle] = {}
        self._frame: bytes | None = None
        self._produced_at = 0.0

    @classmethod
    async def open(cls, path: Path, permissions: int, produce: Callable[[], bytes]) -> ObservationSocket:
        """Listen.

        Args:
            path: Of the socket.
            permissions: Of its file; who may write may connect.
            produce: Makes the document, when somebody asks; it must not fail, and should not take longer than a millisecond.

        Raises:
            LocalSocketError: it cannot be opened, or is in use.
        """
        socket = cls(open_listener(path, permissions), produce)
        socket._server = await socket._loop.create_unix_server(lambda: _Reader(socket), sock=socket._listener.socket)
        return socket

    def close(self) -> None:
        """Drop every reader and remove the socket."""
        if self._server is not None:
            self._server.close()
        for reader in list(self._readers):
            reader.abort()
        self._listener.close()

    def show(self, reader: asyncio.Transport) -> None:
        """Send the document to somebody who has connected."""
        if len(self._readers) >= MAXIMUM_READERS:
            reader.abort()
            return
        self._readers[reader] = self._loop.call_later(_PATIENCE_S, reader.abort)
        document = self._fresh_frame()
        if document is None:
            reader.abort()
            return
        reader.write(document)
        reader.close()  # nothing is read from now on, and the end comes once all is written

    def forget(self, reader: asyncio.Transport) -> None:
        """Free the place of somebody who is gone."""
        timer = self._readers.pop(reader, None)
        if timer is not None:
            timer.cancel()

    def _fresh_frame(self) -> bytes | None:
        now = self._loop.time()
        if self._produced_at + _FRESHNESS_S <= now or self._frame is None:
            document = self._produce()
            self._produced_at = now
            self._frame = frame(document)
            if len(document) > MAXIMUM_DOCUMENT_BYTES:
                _LOGGER.error(
                    "the observation document has %d bytes, more than readers take (%d); it is not shown", len(document), MAXIMUM_DOCUMENT_BYTES
                )
                self._frame = None
        return self._frame


class _Reader(asyncio.Protocol):
    """One who has connected."""

    def __init__(self, socket: ObservationSocket) -> None:
        self._socket = socket
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport), "a stream socket has a stream transport"
        self._transport = transport
        self._socket.show(transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 — how it went away does not matter
        if self._transport is not None:
            self._socket.forget(self._transport)
