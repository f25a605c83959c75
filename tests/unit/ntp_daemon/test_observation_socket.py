# ruff: noqa: ASYNC240 — a test may look at its own files while its event loop waits
import asyncio
import contextlib
import socket
import stat
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path

import pytest

from ntp_daemon import observation_socket
from ntp_daemon.observation_socket import MAXIMUM_READERS, MAXIMUM_STAYING, Answerer, ObservationSocket
from ntp_daemon.unix_listener import LocalSocketError
from ntp_daemon.unix_peer import UnixPeer
from ntp_proto.control import FRAME_PREFIX_BYTES, MAXIMUM_DOCUMENT_BYTES, frame

pytestmark = pytest.mark.asyncio

DOCUMENT = b'{"version":1}'
LARGE = b"x" * MAXIMUM_DOCUMENT_BYTES


def no_answer(line: bytes, _peer: UnixPeer) -> bytes:
    raise ValueError(f"nobody asks {line!r} here")


@contextlib.asynccontextmanager
async def showing(path: Path, produce: Callable[[], bytes] = lambda: DOCUMENT, answer: Answerer = no_answer) -> AsyncIterator[ObservationSocket]:
    shown = await ObservationSocket.open(path, 0o666, produce, answer)
    try:
        yield shown
    finally:
        shown.close()


async def fetch(path: Path) -> bytes:
    reader, writer = await asyncio.open_unix_connection(str(path))
    try:
        return await reader.read(-1)
    finally:
        writer.close()


def silent_client(path: Path) -> socket.socket:
    """One who connects and does not read."""
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(path))
    client.setblocking(False)
    return client


def next_departure(shown: ObservationSocket) -> asyncio.Event:
    """Set when the socket has dropped, or served, the next reader."""
    gone, forget = asyncio.Event(), shown.forget

    def forget_and_tell(reader: asyncio.Transport) -> None:
        forget(reader)
        gone.set()

    shown.forget = forget_and_tell  # type: ignore[method-assign] # the only way to be told; the method itself does its work
    return gone


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "observe"


async def test_who_connects_gets_the_document_with_its_length_and_the_end(path: Path) -> None:
    async with showing(path):
        data = await fetch(path)
    assert data == b"\0\0\0\0\0\0\0\x0d" + DOCUMENT
    assert data == frame(DOCUMENT)


async def test_the_largest_document_arrives_whole(path: Path) -> None:
    async with showing(path, lambda: LARGE):
        assert await fetch(path) == frame(LARGE)


async def test_many_read_at_a_time(path: Path) -> None:
    async with showing(path) as shown:
        assert await asyncio.gather(*(fetch(path) for _ in range(50))) == [frame(DOCUMENT)] * 50
        assert shown._readers == {}


async def test_a_document_is_made_at_most_every_50_ms(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = iter(range(100))
    now = [1000.0]
    async with showing(path, lambda: b"%d" % next(numbers)) as shown:

        async def number() -> int:
            reader, writer = await asyncio.open_unix_connection(str(path))
            prefix = await reader.readexactly(FRAME_PREFIX_BYTES)  # the end would not come: the time stands still
            document = await reader.readexactly(int.from_bytes(prefix, "big"))
            writer.close()
            return int(document)

        monkeypatch.setattr(shown._loop, "time", lambda: now[0])
        first = [await number(), await number()]
        now[0] += 0.0499
        first.append(await number())
        now[0] += 0.0002
        second = [await number(), await number()]
        monkeypatch.undo()
    assert (first, second) == ([0, 0, 0], [1, 1])


async def test_what_a_reader_writes_is_not_read(path: Path) -> None:
    async with showing(path):
        reader, writer = await asyncio.open_unix_connection(str(path))
        with contextlib.suppress(ConnectionError):
            writer.write(b"x" * 1000)
            await writer.drain()
        assert await reader.readexactly(len(frame(DOCUMENT))) == frame(DOCUMENT)
        writer.close()
        assert await fetch(path) == frame(DOCUMENT)


async def test_a_reader_that_does_not_read_is_dropped(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observation_socket, "_PATIENCE_S", 0.01)
    async with showing(path, lambda: LARGE) as shown:
        gone = next_departure(shown)
        with silent_client(path) as client:
            await asyncio.wait_for(gone.wait(), timeout=30)
            received = b""
            with contextlib.suppress(ConnectionError):
                while chunk := client.recv(1 << 20):
                    received += chunk
        assert 0 < len(received) < len(LARGE)
        assert shown._readers == {}


async def test_a_reader_that_goes_away_frees_its_place(path: Path) -> None:
    async with showing(path, lambda: LARGE) as shown:
        gone = next_departure(shown)
        reader, writer = await asyncio.open_unix_connection(str(path))
        await reader.readexactly(FRAME_PREFIX_BYTES)
        assert len(shown._readers) == 1
        writer.transport.abort()
        await asyncio.wait_for(gone.wait(), timeout=30)
        assert shown._readers == {}


async def test_one_too_many_is_turned_away_and_the_others_are_served(path: Path) -> None:
    async with showing(path, lambda: LARGE) as shown:
        with contextlib.ExitStack() as clients:
            for _ in range(MAXIMUM_READERS):
                clients.enter_context(silent_client(path))
            with contextlib.suppress(ConnectionError):
                assert await fetch(path) == b""
            assert len(shown._readers) == MAXIMUM_READERS


async def test_a_document_that_is_too_large_is_not_shown_but_an_error_in_the_log(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with showing(path, lambda: LARGE + b"x"):
        with contextlib.suppress(ConnectionError):
            assert await fetch(path) == b""
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert "1048577 bytes, more than readers take (1048576)" in record.getMessage()


async def test_a_socket_in_use_is_refused(path: Path) -> None:
    async with showing(path):
        with pytest.raises(LocalSocketError, match="in use by a running daemon"):
            await ObservationSocket.open(path, 0o666, lambda: DOCUMENT, no_answer)
        assert await fetch(path) == frame(DOCUMENT)


async def test_the_end_drops_the_readers_and_removes_the_socket(path: Path) -> None:
    async with showing(path, lambda: LARGE):
        reader, writer = await asyncio.open_unix_connection(str(path))
        await reader.readexactly(FRAME_PREFIX_BYTES)
    with contextlib.suppress(ConnectionError):
        assert len(await reader.read(-1)) < len(LARGE)
    writer.close()
    assert not path.exists()


async def test_the_permissions_are_those_that_were_asked_for(path: Path) -> None:
    shown = await ObservationSocket.open(path, 0o640, lambda: DOCUMENT, no_answer)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    shown.close()


async def frames(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while prefix := await reader.read(FRAME_PREFIX_BYTES):
        yield await reader.readexactly(int.from_bytes(prefix, "big"))


async def ask(path: Path, line: bytes) -> list[bytes]:
    """Everything that comes back."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(line)
    try:
        return [document async for document in frames(reader)]
    finally:
        writer.close()


async def test_the_state_comes_before_the_answer_to_a_question(path: Path) -> None:
    async with showing(path, answer=lambda line, _peer: b"answer to " + line):
        assert await ask(path, b"why?\n") == [DOCUMENT, b"answer to why?"]


async def test_what_is_no_question_is_told_so(path: Path) -> None:
    async with showing(path):
        assert await ask(path, b"?\n") == [DOCUMENT, b'{"error":"nobody asks b\'?\' here"}']


async def test_a_question_without_an_end_is_refused(path: Path) -> None:
    async with showing(path):
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(b"x" * 300)
        with contextlib.suppress(ConnectionError):  # the document may have come before
            assert DOCUMENT in await reader.read(-1) + DOCUMENT
        writer.close()


async def test_documents_come_until_the_reader_leaves(path: Path) -> None:
    ended = asyncio.Event()

    async def numbers() -> AsyncGenerator[bytes, None]:
        try:
            for number in range(1000):
                yield b"%d" % number
                await asyncio.sleep(0)
        finally:
            ended.set()

    async with showing(path, answer=lambda _line, _peer: numbers()):
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(b"numbers\n")
        stream = frames(reader)
        assert [await anext(stream) for _ in range(4)] == [DOCUMENT, b"0", b"1", b"2"]
        writer.close()
        await ended.wait()


async def test_a_reader_that_does_not_keep_up_is_not_written_to(path: Path) -> None:
    made = 0

    async def large() -> AsyncGenerator[bytes, None]:
        nonlocal made
        while True:
            made += 1
            yield b"x" * 100_000
            await asyncio.sleep(0)

    async with showing(path, answer=lambda _line, _peer: large()):
        client = silent_client(path)
        client.send(b"more\n")
        before = -1
        while before != made or made == 0:
            before = made
            for _ in range(50):
                await asyncio.sleep(0)
        assert made < 20, "it waits for the reader"
        client.close()


async def test_who_stays_has_few_places_and_the_others_keep_theirs(path: Path) -> None:
    async def forever() -> AsyncGenerator[bytes, None]:
        yield b"here"
        await asyncio.Event().wait()

    async with showing(path, answer=lambda _line, _peer: forever()):
        staying = []
        for _ in range(MAXIMUM_STAYING):
            reader, writer = await asyncio.open_unix_connection(str(path))
            writer.write(b"stay\n")
            stream = frames(reader)
            assert [await anext(stream), await anext(stream)] == [DOCUMENT, b"here"]
            staying.append(writer)
        assert await ask(path, b"stay\n") == [DOCUMENT]
        assert await fetch(path) == frame(DOCUMENT)
        for writer in staying:
            writer.close()
