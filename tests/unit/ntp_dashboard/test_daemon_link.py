"""The daemon is asked seldom, however many ask us, and its going and coming is said once."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from ntp_ctl.client import DaemonError, Failure
from ntp_daemon.control_socket import ControlSocket
from ntp_daemon.history import History, Moment
from ntp_daemon.observation_socket import ObservationSocket
from ntp_daemon.unix_peer import UnixPeer
from ntp_dashboard.daemon_link import DaemonLink
from ntp_dashboard.documents import Series
from ntp_proto.control import Reply, Request, ServiceAction, ServiceRequest
from ntp_proto.history import HistoryQuestion, decode_question
from ntp_proto.history import encode as encode_history
from ntp_proto.observation import encode
from unit.ntp_ctl.documents import STATES

pytestmark = pytest.mark.asyncio


class Daemon:
    """Both of its sockets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shown = self.answered = 0
        self.requests: list[Request] = []
        self._sockets: list[ObservationSocket | ControlSocket] = []
        self._history = History()
        for number in range(3):
            self._history.add(Moment(1e-6 * number, 1e-5, 1e-3, 0.0), 4.0 * number)

    async def start(self) -> None:
        self._sockets = [
            await ObservationSocket.open(self.folder / "observe", 0o600, self._show, self._answer),
            await ControlSocket.open(self.folder / "configure", 0o600, self._handle),
        ]

    def stop(self) -> None:
        for one in self._sockets:
            one.close()
        self._sockets = []

    def _show(self) -> bytes:
        self.shown += 1
        return encode(STATES["serving"]())

    def _answer(self, line: bytes, _peer: UnixPeer) -> bytes:
        self.answered += 1
        question = decode_question(line)
        assert isinstance(question, HistoryQuestion)
        return encode_history(self._history.document(question.window_s, "2031-05-04T03:02:01Z", 8.0))

    async def _handle(self, request: Request) -> Reply:
        self.requests.append(request)
        return Reply(accepted=True, message="done")


async def with_daemon(folder: Path, scenario: Callable[[Daemon, DaemonLink], Awaitable[None]]) -> None:
    daemon = Daemon(folder)
    await daemon.start()
    try:
        async with asyncio.timeout(20):
            await scenario(daemon, DaemonLink(folder / "observe", folder / "configure"))
    finally:
        daemon.stop()


async def test_many_who_ask_at_once_are_one_question(tmp_path: Path) -> None:
    async def scenario(daemon: Daemon, link: DaemonLink) -> None:
        documents = await asyncio.gather(*(link.observe() for _ in range(100)))
        assert all(document == STATES["serving"]() for document in documents)
        await link.observe()
        assert daemon.shown == 1

    await with_daemon(tmp_path, scenario)


async def test_what_is_old_is_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ntp_daemon.observation_socket._FRESHNESS_S", 0.0)

    async def scenario(daemon: Daemon, link: DaemonLink) -> None:
        await link.observe()
        await asyncio.sleep(0.3)
        await link.observe()
        assert daemon.shown == 2

    await with_daemon(tmp_path, scenario)


async def test_who_goes_away_takes_nothing_from_the_others(tmp_path: Path) -> None:
    async def scenario(_daemon: Daemon, link: DaemonLink) -> None:
        first = asyncio.ensure_future(link.observe())
        second = asyncio.ensure_future(link.observe())
        await asyncio.sleep(0)
        first.cancel()
        assert await second == STATES["serving"]()

    await with_daemon(tmp_path, scenario)


async def test_the_past_is_asked_for_once_for_each_window(tmp_path: Path) -> None:
    async def scenario(daemon: Daemon, link: DaemonLink) -> None:
        texts = await asyncio.gather(*(link.series(900.0) for _ in range(20)))
        series = msgspec.json.decode(texts[0], type=Series)
        assert series.offset_millis == pytest.approx((0.0, 1e-3, 2e-3))
        assert daemon.answered == 1
        for window_s in range(100, 140):
            await link.series(float(window_s))
        assert len(link._series) == 16, "a client that asks for any window cannot make them grow"

    await with_daemon(tmp_path, scenario)


async def test_orders_go_to_the_other_socket(tmp_path: Path) -> None:
    async def scenario(daemon: Daemon, link: DaemonLink) -> None:
        order = ServiceRequest(action=ServiceAction.STOP)
        assert (await link.order(order)).message == "done"
        assert daemon.requests == [order]
        with pytest.raises(DaemonError, match="switched off"):
            await DaemonLink(tmp_path / "observe", None).order(order)

    await with_daemon(tmp_path, scenario)


async def test_its_going_and_coming_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def scenario(daemon: Daemon, link: DaemonLink) -> None:
        await link.observe()
        daemon.stop()
        await asyncio.sleep(0.3)
        for _ in range(5):
            with pytest.raises(DaemonError) as caught:
                await link.observe()
            assert caught.value.failure is Failure.NOT_RUNNING
        await daemon.start()
        for _ in range(5):
            await link.observe()

    await with_daemon(tmp_path, scenario)
    first, second = [record.getMessage() for record in caplog.records if record.name == "ntp_dashboard.daemon_link"]
    assert "the daemon is not running" in first
    assert second == "the daemon answers again"


async def test_a_daemon_from_before_there_was_a_history(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "observe"))
        listener.listen()
        asked = asyncio.ensure_future(DaemonLink(tmp_path / "observe", None).series(900.0))

        def old_daemon() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall((2).to_bytes(8, "big") + b"{}")

        await asyncio.to_thread(old_daemon)
        with pytest.raises(DaemonError, match="without a whole answer"):
            await asked
