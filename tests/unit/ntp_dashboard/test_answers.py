"""Answers as ASGI has them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from starlette.types import Message

from ntp_dashboard.answers import EventStream, event, failure
from support.virtual_loop import run_virtually


class Source:
    """Endless chunks; knows whether it was closed."""

    def __init__(self) -> None:
        self.is_closed = False

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield b"data\n\n"
                await asyncio.sleep(1)
                yield b""
        finally:
            self.is_closed = True


class Connection:
    """A reader that leaves after some seconds; `stalls` makes it take nothing after the head."""

    def __init__(self, leaves_after_s: float, *, stalls: bool = False) -> None:
        self._leaves_after_s = leaves_after_s
        self._stalls = stalls
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        await asyncio.sleep(self._leaves_after_s)
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)
        if self._stalls and message["type"] == "http.response.body":
            await asyncio.Event().wait()


async def serve(source: Source, connection: Connection, method: str = "GET") -> None:
    await EventStream(source.chunks())({"type": "http", "method": method}, connection.receive, connection.send)


def test_a_stream_goes_on_until_its_reader_leaves_and_beats_in_between() -> None:
    source, connection = Source(), Connection(2.5)
    run_virtually(serve(source, connection))
    assert [message.get("body") for message in connection.sent[1:5]] == [b"data\n\n", b": beat\n\n", b"data\n\n", b": beat\n\n"]
    assert all(message["more_body"] for message in connection.sent[1:])
    assert source.is_closed
    head = dict(connection.sent[0]["headers"])
    assert head[b"content-type"].startswith(b"text/event-stream")
    assert b"content-length" not in head


def test_a_reader_that_stalls_and_leaves_is_forgotten_at_once() -> None:
    source, connection = Source(), Connection(3.0, stalls=True)
    run_virtually(serve(source, connection))
    assert source.is_closed


def test_of_a_head_there_is_no_stream() -> None:
    source, connection = Source(), Connection(3.0)
    run_virtually(serve(source, connection, "HEAD"))
    assert connection.sent[1:] == [{"type": "http.response.body", "body": b""}]


def test_an_event_and_a_failure() -> None:
    assert event("stats", b'{"a":1}', 7) == b'id: 7\nevent: stats\ndata: {"a":1}\n\n'
    assert event("stats", b"{}") == b"event: stats\ndata: {}\n\n"
    answer = failure(413, 'too "long"', close=True, fields={"X": "y"})
    assert (answer.status_code, answer.body) == (413, b'{"error":"too \\"long\\""}')
    assert (answer.headers["connection"], answer.headers["x"], answer.headers["cache-control"]) == ("close", "y", "no-store")
