"""The socket that shows the daemon's state to whoever connects: one framed document, at once, and then the end.

Who wants to know more sends a line with a question; it is waited for a tenth of a second after the document, for who has connected and who has
asked cannot be told apart before. The answer is one more document, or one after the other until the asker leaves.

A reader can cost the daemon no more than a document or two, half a second and one of 64 places: it is dropped when it does not read, and
documents are made at most every 50 ms however many ask. Those who stay have 8 places. The protocol is described in docs/protocol-sockets.md.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path

import msgspec

from ntp_daemon.log import RateLimit
from ntp_daemon.unix_listener import UnixListener, open_listener
from ntp_daemon.unix_peer import UnixPeer, peer_of
from ntp_proto.control import MAXIMUM_DOCUMENT_BYTES, frame
from ntp_proto.history import MAXIMUM_QUESTION_BYTES

__all__ = ["MAXIMUM_READERS", "MAXIMUM_STAYING", "ObservationSocket"]

MAXIMUM_READERS = 64
MAXIMUM_STAYING = 8
_ASKING_S = 0.1
_PATIENCE_S = 0.5
_FRESHNESS_S = 0.05
_STALLED_S = 5.0

_LOGGER = logging.getLogger(__name__)
_LOGGER.addFilter(RateLimit())

Answerer = Callable[[bytes, UnixPeer], bytes | AsyncGenerator[bytes, None]]
"""Answers a question, a line without its end, of this peer: by one document, or by documents without end. Raises `ValueError` for what is no
question, or not for him."""


class ObservationSocket:
    """Shows a document on a Unix socket. Made by `open`.

    Args:
        listener: The socket.
        produce: Makes the document, when somebody asks.
        answer: Answers questions.
    """

    def __init__(self, listener: UnixListener, produce: Callable[[], bytes], answer: Answerer) -> None:
        self._listener = listener
        self._produce = produce
        self._answer = answer
        self._staying: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._server: asyncio.Server | None = None
        self._readers: dict[asyncio.Transport, asyncio.TimerHandle] = {}
        self._frame: bytes | None = None
        self._produced_at = 0.0

    @classmethod
    async def open(cls, path: Path, permissions: int, produce: Callable[[], bytes], answer: Answerer) -> ObservationSocket:
        """Listen.

        Args:
            path: Of the socket.
            permissions: Of its file; who may write may connect.
            produce: Makes the document, when somebody asks; it must not fail, and should not take longer than a millisecond.
            answer: Answers questions; what holds for `produce` holds for it, but that it may raise `ValueError`.

        Raises:
            LocalSocketError: it cannot be opened, or is in use.
        """
        socket = cls(open_listener(path, permissions), produce, answer)
        socket._server = await socket._loop.create_unix_server(lambda: _Reader(socket), sock=socket._listener.socket)
        return socket

    def close(self) -> None:
        """Drop every reader and remove the socket."""
        if self._server is not None:
            self._server.close()
        for task in self._staying:
            task.cancel()
        for reader in list(self._readers):
            reader.abort()
        self._listener.close()

    def show(self, reader: asyncio.Transport) -> None:
        """Send the document to somebody who has connected."""
        if len(self._readers) >= MAXIMUM_READERS:
            reader.abort()
            return
        self._be_patient(reader)
        document = self._fresh_frame()
        if document is None:
            reader.abort()
            return
        reader.write(document)
        self._loop.call_later(_ASKING_S, self._end_unless_staying, reader)

    def answer(self, reader: asyncio.Transport, line: bytes, flow: _Flow) -> None:
        """Answer a question of somebody to whom the document was sent."""
        try:
            answer = self._answer(line, peer_of(reader.get_extra_info("socket")))
        except (ValueError, OSError) as error:
            reader.write(frame(msgspec.json.encode({"error": str(error)})))
            reader.close()
            return
        if isinstance(answer, bytes):
            self._be_patient(reader)
            reader.write(frame(answer))
            reader.close()
        elif len(self._staying) >= MAXIMUM_STAYING:
            reader.abort()
        else:
            self._be_patient(reader).cancel()
            task = self._loop.create_task(_tell(answer, reader, flow))
            self._staying.add(task)
            flow.teller = task
            task.add_done_callback(self._staying.discard)

    def forget(self, reader: asyncio.Transport) -> None:
        """Free the place of somebody who is gone."""
        timer = self._readers.pop(reader, None)
        if timer is not None:
            timer.cancel()

    def _be_patient(self, reader: asyncio.Transport) -> asyncio.TimerHandle:
        """From now on for half a second."""
        timer = self._readers.get(reader)
        if timer is not None:
            timer.cancel()
        self._readers[reader] = self._loop.call_later(_PATIENCE_S, reader.abort)
        return self._readers[reader]

    def _end_unless_staying(self, reader: asyncio.Transport) -> None:
        """The end comes once all is written; nothing is read from now on."""
        timer = self._readers.get(reader)
        if timer is not None and not timer.cancelled():
            reader.close()

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


class _Flow:
    """Whether a reader keeps up, and who writes to it."""

    def __init__(self) -> None:
        self.may_write = asyncio.Event()
        self.may_write.set()
        self.teller: asyncio.Task[None] | None = None


async def _tell(documents: AsyncGenerator[bytes, None], reader: asyncio.Transport, flow: _Flow) -> None:
    """One document after the other. A reader that does not keep up is asked for its next one later; who stops reading is dropped."""
    async with aclosing(documents):
        async for document in documents:
            reader.write(frame(document))
            try:
                async with asyncio.timeout(_STALLED_S):
                    await flow.may_write.wait()
            except TimeoutError:
                reader.abort()
                return


class _Reader(asyncio.Protocol):
    """One who has connected."""

    def __init__(self, socket: ObservationSocket) -> None:
        self._socket = socket
        self._transport: asyncio.Transport | None = None
        self._line = b""
        self._has_asked = False
        self._flow = _Flow()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport), "a stream socket has a stream transport"
        self._transport = transport
        self._socket.show(transport)

    def data_received(self, data: bytes) -> None:
        """Part of a question, of which there is one. What comes after it is not looked at, but it must not pile up in the kernel either."""
        if self._has_asked or self._transport is None or self._transport.is_closing():
            return
        self._line += data
        line, end, _ = self._line.partition(b"\n")
        if end and len(line) <= MAXIMUM_QUESTION_BYTES:
            self._has_asked = True
            self._socket.answer(self._transport, line, self._flow)
        elif len(self._line) > MAXIMUM_QUESTION_BYTES:
            self._transport.abort()

    def pause_writing(self) -> None:
        """It does not keep up."""
        self._flow.may_write.clear()

    def resume_writing(self) -> None:
        """It does again."""
        self._flow.may_write.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 — how it went away does not matter
        if self._flow.teller is not None:
            self._flow.teller.cancel()
        if self._transport is not None:
            self._socket.forget(self._transport)
