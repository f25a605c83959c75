"""The feed of single requests, on the daemon's own observation socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import msgspec
import pytest

from ntp_ctl.client import DaemonError
from ntp_daemon.observation_socket import ObservationSocket
from ntp_daemon.unix_peer import UnixPeer
from ntp_dashboard.request_feed import RequestFeed
from ntp_proto.history import RequestEvents, RequestNote, encode


def note(number: int) -> RequestNote:
    return RequestNote(at="2031-05-04T03:02:01Z", client_ip="192.0.2.1", client_port=number, length=48, version=4, mode=3, stratum=2, outcome="time")


class Daemon:
    """The daemon's socket, and what it tells."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[RequestEvents] = asyncio.Queue()
        self.watched = 0

    def answer(self, _line: bytes, _peer: UnixPeer) -> AsyncGenerator[bytes, None]:
        return self._tell()

    async def _tell(self) -> AsyncGenerator[bytes, None]:
        self.watched += 1
        while True:
            yield encode(await self.told.get())

    def tell(self, first: int, last: int, lost: int = 0) -> None:
        self.told.put_nowait(RequestEvents(events=tuple(map(note, range(first, last))), lost=lost))


def run(path: Path, scenario: Callable[[Daemon, RequestFeed], Awaitable[None]]) -> None:
    async def whole() -> None:
        daemon = Daemon()
        socket = await ObservationSocket.open(path, 0o600, lambda: b"{}", daemon.answer)
        feed = RequestFeed(path)
        try:
            async with asyncio.timeout(20):
                await scenario(daemon, feed)
        finally:
            feed.close()
            socket.close()

    asyncio.run(whole())


def ports(chunk: bytes) -> list[int]:
    lines = [line for line in chunk.split(b"\n") if line.startswith(b"data: ")]
    return [msgspec.json.decode(line[6:]).get("clientPort", -1) for line in lines]


def test_events_come_and_the_last_are_kept(tmp_path: Path) -> None:
    async def scenario(daemon: Daemon, feed: RequestFeed) -> None:
        async with aclosing(feed.watch()) as stream:
            assert await anext(stream) == b"", "a sign of life at once"
            daemon.tell(1, 4)
            assert ports(await anext(stream)) == [1, 2, 3]
            daemon.tell(4, 600, lost=7)
            await anext(stream)
        kept = await feed.recent()
        assert [request.client_port for request in kept.requests] == list(range(100, 600))
        assert kept.lost == 7
        assert daemon.watched == 1, "the same connection"

    run(tmp_path / "observe", scenario)


def test_who_is_far_behind_is_told_how_much_was_missed(tmp_path: Path) -> None:
    async def scenario(daemon: Daemon, feed: RequestFeed) -> None:
        async with aclosing(feed.watch()) as stream:
            await anext(stream)
            daemon.tell(0, 1000)
            chunk = await anext(stream)
            assert chunk.startswith(b'event: resync\ndata: {"missed":900}\n\n')
            assert ports(chunk)[1:] == list(range(900, 1000))

    run(tmp_path / "observe", scenario)


def test_who_asks_first_waits_a_moment_for_the_first(tmp_path: Path) -> None:
    async def scenario(daemon: Daemon, feed: RequestFeed) -> None:
        daemon.tell(1, 3)
        assert [request.client_port for request in (await feed.recent()).requests] == [1, 2]

    run(tmp_path / "observe", scenario)


def test_a_daemon_that_is_away_has_nothing_to_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ntp_dashboard.request_feed._FIRST_S", 0.05)

    async def scenario(_daemon: Daemon, _feed: RequestFeed) -> None:
        feed = RequestFeed(tmp_path / "nobody")
        assert (await feed.recent()).requests == ()
        feed.close()

    run(tmp_path / "observe", scenario)


def test_it_comes_back_when_the_daemon_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ntp_dashboard.request_feed._RETRY_S", 0.02)

    async def scenario(daemon: Daemon, _feed: RequestFeed) -> None:
        late = tmp_path / "late"
        feed = RequestFeed(late)
        async with aclosing(feed.watch()) as stream:
            await anext(stream)
            socket = await ObservationSocket.open(late, 0o600, lambda: b"{}", daemon.answer)
            daemon.tell(5, 6)
            assert ports(await anext(stream)) == [5]
            socket.close()
            socket = await ObservationSocket.open(late, 0o600, lambda: b"{}", daemon.answer)
            daemon.tell(6, 7)
            assert ports(await anext(stream)) == [6]
            socket.close()
        feed.close()

    run(tmp_path / "observe", scenario)


def test_nobody_listens_when_nobody_has_asked_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ntp_dashboard.request_feed._LINGERS_S", 0.0)

    async def scenario(daemon: Daemon, feed: RequestFeed) -> None:
        async with aclosing(feed.watch()) as stream:
            await anext(stream)
            daemon.tell(1, 2)
            await anext(stream)
            assert feed._is_wanted()
        assert not feed._is_wanted()
        daemon.tell(2, 3)  # the next sign of life lets it notice
        assert feed._task is not None
        await asyncio.wait([feed._task], timeout=10)
        assert feed._task.done()

    run(tmp_path / "observe", scenario)


def test_a_daemon_that_does_not_tell_us_says_why(tmp_path: Path) -> None:
    async def scenario(daemon: Daemon, feed: RequestFeed) -> None:
        async with aclosing(feed.watch()) as stream:
            await anext(stream)
            daemon.told.put_nowait(RequestEvents(error="not for you"))
            assert await anext(stream) == b'event: unavailable\ndata: {"error":"not for you"}\n\n'
            with pytest.raises(DaemonError, match="not for you"):
                await feed.recent()
            daemon.tell(1, 2)
            assert await anext(stream) == b""
            assert ports(await anext(stream)) == [1]

    run(tmp_path / "observe", scenario)
