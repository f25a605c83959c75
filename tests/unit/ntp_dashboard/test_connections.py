"""How long a connection may keep the dashboard waiting: real sockets, in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from ntp_dashboard.connections import IDLE_S, LimitedProtocol
from support.virtual_loop import run_virtually

HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n\r\n"
BODY = b"x" * 20
LONG = bytes(8 << 20)
"""More than the buffers of a socket take."""


class Served:
    """One connection to an application that answers `body` to a whole request, `after_s` later."""

    def __init__(self, body: bytes = b"thanks", after_s: float = 0.0) -> None:
        self._body = body
        self._after_s = after_s
        self._state = ServerState()
        self._ours, self._theirs = socket.socketpair()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        config = uvicorn.Config(
            self._application, http=LimitedProtocol, ws="none", lifespan="off", interface="asgi3", log_config=None, timeout_keep_alive=IDLE_S
        )
        loop = asyncio.get_running_loop()
        self._ours.setblocking(False)
        with self._ours:
            transport, _ = await loop.connect_accepted_socket(lambda: LimitedProtocol(config, self._state, {}), self._theirs)
            try:
                yield
            finally:
                transport.abort()

    async def _application(self, scope: Scope, receive: Receive, send: Send) -> None:
        while (message := await receive()).get("more_body"):
            pass
        if message["type"] == "http.request":
            await asyncio.sleep(self._after_s)
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(self._body))]})
            await send({"type": "http.response.body", "body": self._body})

    @property
    def is_open(self) -> bool:
        return bool(self._state.connections)

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._ours, data)

    async def receive(self) -> bytes:
        """What has come, or comes next; nothing: the connection was closed."""
        with contextlib.suppress(ConnectionResetError):
            return await asyncio.get_running_loop().sock_recv(self._ours, 1 << 20)
        return b""


async def answer_and_time(*data: bytes, apart_s: float = 1.0) -> tuple[bytes, float]:
    """What comes back for these pieces of a request, sent one after another, and when."""
    served = Served()
    async with served.running():
        for number, piece in enumerate(data):
            if number:
                await asyncio.sleep(apart_s)
            await served.send(piece)
        answer = await served.receive()
        return answer, asyncio.get_running_loop().time()


def test_who_sends_nothing() -> None:
    answer, after_s = run_virtually(answer_and_time())
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert after_s == 10.0


def test_a_byte_now_and_then_gains_no_time() -> None:
    answer, after_s = run_virtually(answer_and_time(b"GET / HTTP/1.1\r\nHost: ", *[b"x"] * 9))
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert after_s == 10.0


def test_a_body_that_does_not_come() -> None:
    answer, after_s = run_virtually(answer_and_time(HEAD, BODY[:5]))
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert after_s == 10.0


def test_a_request_that_comes_in_time_is_answered() -> None:
    answer, after_s = run_virtually(answer_and_time(HEAD[:20], HEAD[20:], BODY[:5], BODY[5:], apart_s=3.0))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert after_s == 9.0


async def _a_second_request() -> tuple[list[bytes], float]:
    served = Served()
    async with served.running():
        answers = []
        for pause_s in (0.0, 25.0):
            await asyncio.sleep(pause_s)
            await served.send(HEAD + BODY)
            answers.append(await served.receive())
        await asyncio.sleep(5.0)
        await served.send(HEAD)
        answers.append(await served.receive())
        return answers, asyncio.get_running_loop().time()


def test_the_next_request_may_be_waited_for_and_then_has_ten_seconds_again() -> None:
    answers, after_s = run_virtually(_a_second_request())
    assert [answer[9:12] for answer in answers] == [b"200", b"200", b"408"]
    assert after_s == 25.0 + 5.0 + 10.0


async def _open_while_nothing_is_read(after_s: float) -> bool:
    served = Served(LONG)
    async with served.running():
        await served.send(HEAD + BODY)
        await asyncio.sleep(after_s)
        return served.is_open


def test_a_reader_that_does_not_read_is_let_go() -> None:
    assert run_virtually(_open_while_nothing_is_read(19.9))
    assert not run_virtually(_open_while_nothing_is_read(20.1))


async def _read_late() -> tuple[int, bool]:
    served = Served(LONG)
    async with served.running():
        await served.send(HEAD + BODY)
        await asyncio.sleep(15.0)
        received = 0
        while received < len(LONG) and (chunk := await served.receive()):
            received += len(chunk)
        await asyncio.sleep(10.0)
        return received, served.is_open


def test_a_reader_that_reads_late_gets_all_and_may_stay() -> None:
    received, is_open = run_virtually(_read_late())
    assert received >= len(LONG)
    assert is_open


async def _answer_after(after_s: float) -> tuple[bytes, float]:
    served = Served(after_s=after_s)
    async with served.running():
        await served.send(HEAD + BODY)
        return await served.receive(), asyncio.get_running_loop().time()


def test_an_answer_may_take_longer_than_a_request() -> None:
    answer, after_s = run_virtually(_answer_after(60.0))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert after_s == 60.0
