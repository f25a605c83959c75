"""The place of the server: what orders do to it, with a real server on loopback, and what the chronicle tells of it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from ntp_daemon import capabilities
from ntp_daemon.chronicle import Chronicle
from ntp_daemon.clocks import open_clock
from ntp_daemon.config.diff import diff
from ntp_daemon.config.model import ClockConfig, ClockSelection, Config
from ntp_daemon.config.server import ServerConfig
from ntp_daemon.server_slot import ServerSlot
from ntp_daemon.unix_peer import UnixPeer
from ntp_proto.algorithm import Discipline
from ntp_proto.algorithm.config import DisciplineConfig
from ntp_proto.client import Client
from ntp_proto.control import ServiceAction
from ntp_proto.history import decode_events, decode_history
from ntp_proto.observation import ClockMode, ServiceState
from ntp_proto.server_address import ServerAddress
from support.serving import free_port
from support.virtual_loop import run_virtually

OURSELVES = UnixPeer(os.geteuid(), frozenset())
STRANGER = UnixPeer(65_534, frozenset((65_534,)))
START, STOP, RESTART = ServiceAction.START, ServiceAction.STOP, ServiceAction.RESTART


def make(*, is_served: bool = True) -> tuple[ServerSlot, Chronicle, Config]:
    clock = open_clock(ClockMode.LOCAL, ClockSelection.FILTER)
    client = Client(Discipline(DisciplineConfig(), clock.clock, clock.monotonic()), Random(1))
    slot = ServerSlot(client, clock, None, lambda: ())
    servers = (ServerConfig(listen=ServerAddress("127.0.0.1", free_port()), workers=0),) if is_served else ()
    return (
        slot,
        Chronicle(client, clock, slot, lambda: Path("/nonexistent/configure")),
        Config(servers=servers, clock=ClockConfig(mode=ClockMode.LOCAL)),
    )


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await scenario()

    asyncio.run(whole())


async def answers(config: Config) -> bool:
    """Whether there is an answer within a moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.connect(("127.0.0.1", config.servers[0].listen.port))
        client.send(bytes([0x23]) + bytes(39) + b"\x01\x02\x03\x04\x05\x06\x07\x08")
        try:
            async with asyncio.timeout(0.5):
                return len(await asyncio.get_running_loop().sock_recv(client, 1024)) == 48
        except (TimeoutError, ConnectionRefusedError):
            return False


def test_it_is_stopped_started_and_restarted() -> None:
    async def scenario() -> None:
        slot, _, config = make()
        await slot.start(config)
        assert slot.service(config) is ServiceState.RUNNING
        assert await answers(config)
        said = [(await slot.order(action, config)).message for action in (START, RESTART, STOP, STOP)]
        assert said == ["server is running already", "server restarted", "server stopped", "server is stopped already"]
        assert slot.service(config) is ServiceState.STOPPED
        assert (slot.report(), slot.counts()) == (None, None)
        assert not await answers(config)
        assert (await slot.order(START, config)).message == "server started"
        assert await answers(config)
        assert (await slot.order(STOP, config)).accepted
        assert (await slot.order(RESTART, config)).message == "server started"
        await slot.stop()

    run(scenario)


def test_a_reload_does_not_start_what_was_stopped() -> None:
    async def scenario() -> None:
        slot, _, config = make()
        await slot.start(config)
        await slot.order(STOP, config)
        changed = replace(config, servers=(replace(config.servers[0], rate_limit=7.0),))
        assert await slot.apply(diff(config, changed), changed) == ()
        assert slot.service(changed) is ServiceState.STOPPED
        assert (await slot.order(START, changed)).accepted
        report = slot.report()
        assert report is not None
        assert report.servers[0].rate_limit == 7.0
        await slot.stop()

    run(scenario)


def test_a_server_without_an_address_cannot_be_started() -> None:
    async def scenario() -> None:
        slot, _, config = make(is_served=False)
        assert slot.service(config) is ServiceState.DISABLED
        for action in ServiceAction:
            reply = await slot.order(action, config)
            assert (reply.accepted, reply.message) == (False, "server disabled in configuration")

    run(scenario)


def test_what_could_not_be_started_again_is_not_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        slot, _, config = make()
        await slot.start(config)
        monkeypatch.setattr(capabilities, "may_bind", lambda _port: False)
        reply = await slot.order(STOP, config)
        assert not reply.accepted
        assert "could not be opened again without root" in reply.message
        assert await answers(config)
        assert (await slot.order(RESTART, config)).accepted, "that keeps the sockets"
        await slot.stop()

    run(scenario)


def test_requests_are_told_while_somebody_watches() -> None:
    async def scenario() -> None:
        slot, chronicle, config = make()
        await slot.start(config)
        assert not slot.events.is_wanted
        stream = chronicle.answer(b'{"want":"requests"}', OURSELVES)
        assert not isinstance(stream, bytes)
        assert decode_events(await anext(stream)).events == ()
        assert slot.events.is_wanted
        assert await answers(config)
        (event,) = decode_events(await anext(stream)).events
        assert (event.client_ip, event.version, event.mode, event.outcome) == ("127.0.0.1", 4, 3, "time")
        assert event.at.endswith("Z")
        await stream.aclose()
        assert not slot.events.is_wanted
        counts = slot.counts()
        assert counts is not None
        assert (counts.answered, counts.answers) == (1, 1)
        assert counts.processing_s > 0.0
        await slot.stop()

    run(scenario)


def test_silence_is_told_too() -> None:
    async def scenario() -> None:
        _, chronicle, _ = make(is_served=False)
        stream = chronicle.answer(b'{"want":"requests"}', OURSELVES)
        assert not isinstance(stream, bytes)
        await anext(stream)
        began = asyncio.get_running_loop().time()
        assert decode_events(await anext(stream)).events == ()
        assert asyncio.get_running_loop().time() - began == pytest.approx(5.0, abs=0.3)
        await stream.aclose()

    run_virtually(scenario())


def test_a_sample_is_taken_every_four_seconds_and_none_after_the_end() -> None:
    async def rows(chronicle: Chronicle) -> int:
        answer = chronicle.answer(b'{"want":"history","window_s":600000}', STRANGER)
        assert isinstance(answer, bytes)
        return len(decode_history(answer).age_s)

    async def scenario() -> None:
        _, chronicle, _ = make(is_served=False)
        samples = []
        chronicle._history.add = lambda moment, _now: samples.append(moment)  # type: ignore[method-assign]
        chronicle.start()
        await asyncio.sleep(40.5)
        chronicle.close()
        await asyncio.sleep(100.0)
        assert len(samples) == 10
        assert samples[0].offset_s is None
        assert samples[0].counts is None
        assert await rows(chronicle) == 0

    run_virtually(scenario())


@pytest.mark.parametrize("line", [b"", b"{}", b'{"want":"money"}', b'{"want":"history"}', b'{"want":"history","window_s":0}', b"[" * 200, b"\xff"])
def test_what_is_no_question_is_told_so(line: bytes) -> None:
    _, chronicle, _ = make(is_served=False)
    with pytest.raises(ValueError, match="not a question"):
        chronicle.answer(line, STRANGER)


def test_a_question_is_a_line_of_json() -> None:
    _, chronicle, _ = make(is_served=False)
    answer = chronicle.answer(json.dumps({"want": "history", "window_s": 60}).encode(), STRANGER)
    assert isinstance(answer, bytes)
    assert b"\n" not in answer


def test_requests_are_told_to_those_alone_who_could_stop_the_server_too(tmp_path: Path) -> None:
    _, chronicle, _ = make(is_served=False)
    path = tmp_path / "configure"
    path.touch()
    path.chmod(0o660)
    chronicle._configuration_path = lambda: path
    group = path.stat().st_gid
    for peer, may in ((STRANGER, False), (UnixPeer(65_534, frozenset((65_534, group))), True), (UnixPeer(0, frozenset()), True)):
        if may:
            assert not isinstance(chronicle.answer(b'{"want":"requests"}', peer), bytes)
        else:
            with pytest.raises(ValueError, match="for those who may use the configuration socket"):
                chronicle.answer(b'{"want":"requests"}', peer)
