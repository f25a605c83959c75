"""What is answered, as ASGI applications: a document, a failure, a stream of events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ntp_dashboard.documents import Failure

__all__ = ["EventStream", "document", "event", "failure", "failure_text", "json_text"]

_HEARTBEAT = b": beat\n\n"
_NO_STORE = {"Cache-Control": "no-store"}


def document(value: msgspec.Struct, status: int = 200) -> Response:
    """One of `ntp_dashboard.documents` as JSON."""
    return json_text(msgspec.json.encode(value), status)


def json_text(text: bytes, status: int = 200) -> Response:
    """JSON that is made already."""
    return Response(text, status, _NO_STORE, "application/json")


def failure(status: int, message: str, *, close: bool = False, fields: Mapping[str, str] | None = None) -> Response:
    """An answer that is no success.

    Args:
        status: The HTTP status.
        message: What is wrong, in words for people.
        close: End the connection after it: there may be more of the request, which nobody wants.
        fields: Further header fields.
    """
    headers = {**_NO_STORE, **(fields or {}), **({"Connection": "close"} if close else {})}
    return Response(failure_text(message), status, headers, "application/json")


def failure_text(message: str) -> bytes:
    """What is wrong, as JSON."""
    return msgspec.json.encode(Failure(error=message))


def event(name: str, data: bytes, number: int | None = None) -> bytes:
    """One event of a stream.

    Args:
        name: Its type.
        data: JSON in one line.
        number: Its id.

    Source: WHATWG HTML, Server-sent events, "Interpreting an event stream".
    """
    identity = b"" if number is None else b"id: %d\n" % number
    return b"%sevent: %s\ndata: %s\n\n" % (identity, name.encode("ascii"), data)


class EventStream(Response):
    """An answer that goes on until the reader leaves, or the source of events ends.

    Args:
        chunks: The events, encoded; an empty chunk is a heartbeat. Each is asked for only when the reader has taken the one before.
    """

    media_type = "text/event-stream"

    def __init__(self, chunks: AsyncGenerator[bytes, None]) -> None:
        super().__init__(None, 200, {"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the end."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        writer = asyncio.ensure_future(self._write(send))
        gone = asyncio.ensure_future(_disconnection(receive))
        try:
            await asyncio.wait((writer, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (writer, gone):
                task.cancel()
            await asyncio.gather(writer, gone, return_exceptions=True)

    async def _write(self, send: Send) -> None:
        async with aclosing(self._chunks):  # also when it is the sending that is cancelled: whoever feeds the stream learns of it at once
            async for chunk in self._chunks:
                await send({"type": "http.response.body", "body": chunk or _HEARTBEAT, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _disconnection(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
