"""Connections with limits: what a stranger can make grow, or can keep open, is bounded here, below everything that understands a request.

uvicorn's protocol waits for ever for a head that does not come and for a reader that does not read, and keeps every connection that it gets.
"""

from __future__ import annotations

import asyncio
import logging

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from ntp_dashboard.answers import failure_text

__all__ = ["HEAD_BYTES", "IDLE_S", "MAXIMUM_CONNECTIONS", "LimitedProtocol"]

MAXIMUM_CONNECTIONS = 1024
HEAD_BYTES = 16384
IDLE_S = 30
_ARRIVAL_S = 10.0
"""For a whole request to come, from its first byte or from the making of the connection."""
_STALLED_S = 20.0
"""How long a reader may leave what we have written where it is."""

_log = logging.getLogger(__name__)


class LimitedProtocol(H11Protocol):
    """One connection, which ends when it takes too long."""

    _full = False
    """Whether the log has been told that there are too many."""
    _deadline: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the class above has it
        """Take it, if there is room."""
        super().connection_made(transport)
        if len(self.connections) > MAXIMUM_CONNECTIONS:
            self._refuse(503, "too many connections")
            if not LimitedProtocol._full:
                LimitedProtocol._full = True
                _log.warning("there are %d connections; more are refused until some end", MAXIMUM_CONNECTIONS)
            return
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        for timer in (self._deadline, self._stalled):
            if timer is not None:
                timer.cancel()
        self._deadline = self._stalled = None
        super().connection_lost(exc)
        if len(self.connections) < MAXIMUM_CONNECTIONS // 2:
            LimitedProtocol._full = False

    def data_received(self, data: bytes) -> None:
        """More of a request. Its end ends the wait for it."""
        if self.transport.is_closing():
            return
        if self._deadline is None and not self._is_answering():
            self._expect()
        super().data_received(data)
        if self._is_answering() and self._deadline is not None and self.conn.their_state is not h11.SEND_BODY:
            self._deadline.cancel()
            self._deadline = None

    def on_response_complete(self) -> None:
        """The next one may take its time again."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        super().on_response_complete()

    def pause_writing(self) -> None:
        """The reader does not keep up."""
        super().pause_writing()
        self._stalled = self.loop.call_later(_STALLED_S, self.transport.abort)

    def resume_writing(self) -> None:
        """It does again."""
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP, or has too long a head."""
        self._refuse(400, msg.rstrip("."))

    def _is_answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # uvicorn does not say that it begins as None
        return cycle is not None and not cycle.response_complete

    def _expect(self) -> None:
        self._deadline = self.loop.call_later(_ARRIVAL_S, self._give_up)

    def _give_up(self) -> None:
        self._deadline = None
        if self._is_answering() and self.cycle.response_started:
            self.transport.abort()
        elif not self.transport.is_closing():
            self._refuse(408, f"no whole request within {_ARRIVAL_S:g} s")

    def _refuse(self, status: int, words: str) -> None:
        """Answer without the application, and end the connection."""
        body = failure_text(words)
        self.transport.write(
            b"HTTP/1.1 %d \r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s" % (status, len(body), body)
        )
        self.transport.close()
