# ruff: noqa: ASYNC240 — a test may look at its own files while its event loop waits
import asyncio
import contextlib
import gc
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ntp_daemon import control_socket
from ntp_daemon.control_socket import MAXIMUM_CONNECTIONS, ControlSocket, Handler
from ntp_daemon.unix_listener import LocalSocketError
from ntp_proto.control import ConfigRequest, ForceSyncRequest, ReloadRequest, Reply, Request, decode_reply, encode, frame
from ntp_proto.errors import ClockError

pytestmark = pytest.mark.asyncio


class Recorder:
    """Does nothing and remembers what it was asked."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    async def __call__(self, request: Request) -> Reply:
        self.requests.append(request)
        return Reply(accepted=True, message="done", details=("a", "b"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "configure"


@pytest.fixture
def handler() -> Recorder:
    return Recorder()


@contextlib.asynccontextmanager
async def taking(path: Path, handle: Handler) -> AsyncIterator[ControlSocket]:
    control = await ControlSocket.open(path, 0o660, handle)
    try:
        yield control
    finally:
        control.close()


async def say(path: Path, data: bytes, *, end: bool = False) -> Reply:
    """What comes back for these bytes."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    try:
        with contextlib.suppress(ConnectionError):
            writer.write(data)
            if end:
                writer.write_eof()
            await writer.drain()
        length = int.from_bytes(await reader.readexactly(8), "big")
        return decode_reply(await reader.readexactly(length))
    finally:
        writer.close()


REQUESTS = [
    (b'{"command": "config", "log_filter": "debug"}', ConfigRequest(log_filter="debug")),
    (b'{"command": "config", "panic_threshold": 5}', ConfigRequest(panic_threshold=5.0)),
    (b'{"command": "config", "log_filter": "warn", "panic_threshold": 0.5}', ConfigRequest(log_filter="warn", panic_threshold=0.5)),
    (b'{"command": "force-sync"}', ForceSyncRequest()),
    (b' { "command" : "reload" } ', ReloadRequest()),
]


@pytest.mark.parametrize(("document", "request_"), REQUESTS)
async def test_each_request_reaches_the_handler_and_its_reply_comes_back(path: Path, handler: Recorder, document: bytes, request_: Request) -> None:
    async with taking(path, handler):
        assert await say(path, frame(document)) == Reply(accepted=True, message="done", details=("a", "b"))
    assert handler.requests == [request_]


async def test_a_request_may_come_in_pieces(path: Path, handler: Recorder) -> None:
    async with taking(path, handler):
        reader, writer = await asyncio.open_unix_connection(str(path))
        for byte in frame(encode(ReloadRequest())):
            writer.write(bytes([byte]))
            await writer.drain()
        assert decode_reply((await reader.read(-1))[8:]).accepted
        writer.close()


MALFORMED = [
    (frame(b""), "not a request: Input data was truncated"),
    (frame(b"hello"), "not a request: JSON is malformed"),
    (frame(b"\xff\xfe"), "not a request: JSON is malformed"),
    (frame(b"[]"), "not a request: Expected `object`, got `array`"),
    (frame(b"{}"), "not a request: Object missing required field `command`"),
    (frame(b"[" * 4000), "not a request"),
    (frame(b'{"a":' * 800), "not a request"),
    (frame(b'{"command": "explode"}'), "not a request: Invalid value 'explode' - at `$.command`"),
    (frame(b'{"command": ["reload"]}'), "not a request: Expected `str`"),
    (frame(b'{"command": "reload", "now": true}'), "not a request: Object contains unknown field `now`"),
    (frame(b'{"command": "reload"} x'), "not a request: JSON is malformed"),
    (frame(b'{"command": "config"}'), "not a request: config changes nothing: give log_filter or panic_threshold"),
    (frame(b'{"command": "config", "log_filter": "loud"}'), "not a request: Invalid enum value 'loud' - at `$.log_filter`"),
    (frame(b'{"command": "config", "panic_threshold": -1}'), "panic_threshold must be a finite number of seconds of 0 or more, got -1.0"),
    (frame(b'{"command": "config", "panic_threshold": 1e999}'), "not a request: Number out of range"),
    (frame(b'{"command": "config", "panic_threshold": "5"}'), "not a request: Expected `float | null`, got `str`"),
    (b"\xff" * 8, "a document of 18446744073709551615 bytes; at most 4096 are allowed"),
    (frame(b"x" * 4097), "a document of 4097 bytes; at most 4096 are allowed"),
    (b"GET / HTTP/1.0\r\n\r\n", "bytes; at most 4096 are allowed"),
]


@pytest.mark.parametrize(("data", "says"), MALFORMED)
async def test_what_is_no_request_is_told_so_and_does_nothing(path: Path, handler: Recorder, data: bytes, says: str) -> None:
    async with taking(path, handler):
        reply = await say(path, data)
        assert not reply.accepted
        assert says in reply.message
        assert (await say(path, frame(b'{"command": "reload"}'))).accepted, "the next one is served"
    assert handler.requests == [ReloadRequest()]


@pytest.mark.parametrize(
    ("data", "says"), [(b"", "ended after 0 of 8 bytes"), (frame(b"{}")[:5], "ended after 5 of 8"), (frame(b"{}")[:9], "ended after 1 of 2")]
)
async def test_a_request_that_ends_early_is_told_so(path: Path, handler: Recorder, data: bytes, says: str) -> None:
    async with taking(path, handler):
        reply = await say(path, data, end=True)
    assert (reply.accepted, says in reply.message) == (False, True)


async def test_a_request_that_does_not_come_is_told_so(path: Path, handler: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_socket, "_PATIENCE_S", 0.01)
    async with taking(path, handler):
        reply = await say(path, frame(b"{}")[:9])
    assert reply == Reply(accepted=False, message="no complete request within 0.01 s")


async def test_an_error_of_ours_is_told_in_its_words(path: Path) -> None:
    async def refuse(request: Request) -> Reply:
        raise ClockError("cannot set the clock: CAP_SYS_TIME missing")

    async with taking(path, refuse):
        assert await say(path, frame(b'{"command": "force-sync"}')) == Reply(accepted=False, message="cannot set the clock: CAP_SYS_TIME missing")


async def test_a_client_that_leaves_is_forgotten(path: Path) -> None:
    started, may_end = asyncio.Event(), asyncio.Event()

    async def slow(request: Request) -> Reply:
        started.set()
        await may_end.wait()
        return Reply(accepted=True, message="x" * 100_000)

    async with taking(path, slow) as control:
        _, writer = await asyncio.open_unix_connection(str(path))
        writer.write(frame(b'{"command": "reload"}'))
        await started.wait()
        writer.transport.abort()
        (task,) = control._tasks
        may_end.set()
        await asyncio.wait([task])
        assert task.exception() is None
        assert control._tasks == set()


async def test_too_many_at_a_time_are_told_so(path: Path, handler: Recorder) -> None:
    async with taking(path, handler) as control:
        waiting = [await asyncio.open_unix_connection(str(path)) for _ in range(MAXIMUM_CONNECTIONS - 1)]
        assert (await say(path, frame(b'{"command": "reload"}'))).accepted
        waiting.append(await asyncio.open_unix_connection(str(path)))
        assert await say(path, frame(b'{"command": "reload"}')) == Reply(accepted=False, message="too many connections at a time")
        for _, writer in waiting:
            writer.close()
        await asyncio.wait(set(control._tasks))
        assert (await say(path, frame(b'{"command": "reload"}'))).accepted


async def test_the_end_cuts_off_those_who_wait(path: Path) -> None:
    started = asyncio.Event()

    async def stuck(request: Request) -> Reply:
        started.set()
        await asyncio.Event().wait()
        raise AssertionError

    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
    async with taking(path, stuck):
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(frame(b'{"command": "reload"}'))
        await started.wait()
    assert await reader.read(-1) == b""
    writer.close()
    assert not path.exists()
    assert complaints == []


async def test_who_connects_and_goes_away_is_nothing_to_complain_of(path: Path, handler: Recorder) -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
    async with taking(path, handler):
        for _ in range(3):
            _, writer = await asyncio.open_unix_connection(str(path))
            writer.transport.abort()
        assert await say(path, frame(b'{"command": "reload"}')) == Reply(accepted=True, message="done", details=("a", "b"))
    await asyncio.sleep(0)
    gc.collect()  # what nobody has looked at complains when it goes
    assert complaints == []


async def test_the_end_cuts_off_those_whose_turn_comes_after_it(path: Path, handler: Recorder) -> None:
    control = await ControlSocket.open(path, 0o660, handler)
    control.close()
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with theirs:
        theirs.sendall(frame(b'{"command": "reload"}'))
        await control._serve(*await asyncio.open_unix_connection(sock=ours))
        await asyncio.sleep(0)  # the transport closes its socket in the next round of the loop
        with contextlib.suppress(ConnectionResetError):
            assert theirs.recv(100) == b""
    assert handler.requests == []


async def test_a_request_that_closes_its_own_socket_still_gets_its_reply(path: Path) -> None:
    async def close(request: Request) -> Reply:
        control.close()
        await asyncio.sleep(0)
        return Reply(accepted=True, message="moved")

    control = await ControlSocket.open(path, 0o660, close)
    assert await say(path, frame(b'{"command": "reload"}')) == Reply(accepted=True, message="moved")
    assert not path.exists()


async def test_the_permissions_are_those_that_were_asked_for(path: Path, handler: Recorder) -> None:
    async with taking(path, handler):
        assert path.stat().st_mode & 0o777 == 0o660


async def test_a_socket_in_use_is_refused(path: Path, handler: Recorder) -> None:
    async with taking(path, handler):
        with pytest.raises(LocalSocketError, match="in use by a running daemon"):
            await ControlSocket.open(path, 0o660, handler)


async def test_any_language_can_speak_it(path: Path, handler: Recorder) -> None:
    async with taking(path, handler):
        reader, writer = await asyncio.open_unix_connection(str(path))
        request = json.dumps({"command": "config", "log_filter": None, "panic_threshold": 7}).encode()
        writer.write(len(request).to_bytes(8, "big") + request)
        reply = await reader.read(-1)
        writer.close()
    assert json.loads(reply[8:]) == {"accepted": True, "message": "done", "details": ["a", "b"], "text": ""}
    assert handler.requests == [ConfigRequest(panic_threshold=7.0)]
