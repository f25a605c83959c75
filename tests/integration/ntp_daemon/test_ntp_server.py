"""The server that other programs embed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

import ntp_daemon
from ntp_daemon import NtpServer, NtpServerConfig, NtpServerThread
from ntp_daemon.serving.worker_process import WorkerError, WorkerProcess
from ntp_proto.datagram import Address
from ntp_proto.errors import ConfigError, UsageError
from ntp_proto.identifiers import LeapIndicator, ReferenceId
from ntp_proto.server import ClientLimits, DropReason, Rate, RefusalAction, Request, ServerPolicy, pack_address
from ntp_proto.time_types import NtpDuration, NtpTimestamp
from ntp_udp.socket import SocketError
from support.asking import DEADLINE_S, Asker, synchronized, system_now, until

CONFIG = NtpServerConfig(listen="127.0.0.1:0")
NEW_YEAR = NtpTimestamp.from_unix_ns(1_767_225_600_000_000_000)


class Stopped:
    """A clock that stands still."""

    def read(self) -> NtpTimestamp:
        return NEW_YEAR


@contextlib.asynccontextmanager
async def asking(server: NtpServer) -> AsyncIterator[Asker]:
    with Asker(server.address) as client:
        yield client


@pytest.mark.asyncio
@pytest.mark.parametrize("workers", [0, 1])
async def test_it_serves_the_systems_clock_as_it_is_configured(workers: int) -> None:
    config = replace(CONFIG, workers=workers, stratum=5, reference_id="GPS", leap=LeapIndicator.INSERT, root_delay_s=1.5, root_dispersion_s=0.25)
    async with NtpServer(config) as server, asking(server) as client:
        before = system_now()
        reply = await client.ask()
        after = system_now()
        assert (reply.first_byte, reply.stratum, reply.precision) == (0x64, 5, -20)
        assert reply.reference_id_bits == ReferenceId.from_ascii("GPS").bits
        assert (reply.root_delay_bits, reply.root_dispersion_bits) == (0x18000, 0x4000)
        received, sent = NtpTimestamp(reply.receive_bits), NtpTimestamp(reply.transmit_bits)
        assert not received.is_before(before)
        assert not sent.is_before(received)
        assert not after.is_before(sent)


@pytest.mark.asyncio
async def test_start_stop_and_start_again() -> None:
    server = NtpServer(CONFIG)
    assert not server.is_running
    assert server.address == Address("127.0.0.1", 0)
    await server.stop()
    for _ in range(2):
        await server.start()
        assert server.is_running
        assert server.address.port != 0
        with pytest.raises(UsageError, match="runs already"):
            await server.start()
        async with asking(server) as client:
            await client.ask()
        assert (await server.metrics()).totals.accepted == 1, "the counters begin at zero"
        await server.stop()
        await server.stop()
        assert not server.is_running
        assert (await server.metrics()).totals.accepted == 1
    assert len(server.history()) == 2, "the history goes on"


@pytest.mark.asyncio
async def test_a_stop_that_is_cancelled_is_carried_out_and_the_next_one_does_not_hang() -> None:
    server = NtpServer(replace(CONFIG, workers=1))
    await server.start()
    assert server._serving is not None
    assert server._serving._servers[0]._workers is not None
    worker = server._serving._servers[0]._workers._places[0].service
    assert isinstance(worker, WorkerProcess)
    stopping = asyncio.get_running_loop().create_task(server.stop())
    for _ in range(5):  # into the middle of it
        await asyncio.sleep(0)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    async with asyncio.timeout(5.0):
        await server.stop()
    assert not server.is_running
    assert worker.has_ended


@pytest.mark.asyncio
@pytest.mark.parametrize("after_s", [0.0, 0.01, 0.2])
async def test_a_start_that_is_cancelled_is_undone(after_s: float) -> None:
    server = NtpServer(replace(CONFIG, workers=1))
    starting = asyncio.get_running_loop().create_task(server.start())
    await asyncio.sleep(after_s)
    starting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await starting
        await server.stop()  # it was quick
    async with asyncio.timeout(5.0):
        await asyncio.wait({server._change} if server._change else ())
    assert not server.is_running
    await server.start()
    assert server.is_running
    await server.stop()


@pytest.mark.asyncio
async def test_a_start_that_fails_leaves_it_stopped() -> None:
    async with NtpServer(CONFIG) as first:
        second = NtpServer(replace(CONFIG, listen=str(first.address)))
        with pytest.raises(SocketError, match="cannot listen on"):
            await second.start()
        assert not second.is_running
        await second.stop()
    await second.start()
    await second.stop()


@pytest.mark.asyncio
async def test_restart_keeps_subscriptions_and_stop_ends_them() -> None:
    server = NtpServer(CONFIG)
    await server.start()
    subscription = server.subscribe()
    for _ in range(2):
        async with asking(server) as client:
            await client.ask()
        await server.restart()
    await server.stop()
    assert [one.outcome async for one in subscription] == ["time", "time"]


@pytest.mark.asyncio
@pytest.mark.parametrize("workers", [0, 1])
async def test_restart_loses_no_request_and_begins_to_count_anew(workers: int) -> None:
    async with NtpServer(replace(CONFIG, workers=workers)) as server, asking(server) as client:
        address = server.address
        for _ in range(20):
            await client.ask()
        started_at = (await server.metrics()).started_at
        restarting = asyncio.get_running_loop().create_task(server.restart())
        while not restarting.done():
            client.send()
            await asyncio.sleep(0.001)
        await client.wait_all()
        assert server.address == address
        metrics = await server.metrics()
        assert metrics.totals.received <= len(client.asked) - 20
        assert metrics.started_at is not None
        assert started_at is not None
        assert started_at.is_before(metrics.started_at)


@pytest.mark.asyncio
@pytest.mark.parametrize("workers", [0, 1])
async def test_a_slow_subscriber_loses_events_and_the_server_never_waits(workers: int) -> None:
    async with NtpServer(replace(CONFIG, workers=workers, event_buffer=10, history=20)) as server:
        slow = server.subscribe()
        async with asking(server) as client:
            for _ in range(30):
                await client.ask()
            await until(lambda: slow.lost == 20, "the rest is lost")
        assert len(server.history()) == 20
        await server.stop()
        assert len([one async for one in slow]) == 10


@pytest.mark.asyncio
async def test_a_clock_of_ones_own_is_served() -> None:
    async with NtpServer(CONFIG, clock=Stopped()) as server, asking(server) as client:
        for _ in range(2):
            reply = await client.ask()
            for bits in (reply.receive_bits, reply.transmit_bits, reply.reference_bits):
                assert abs((NtpTimestamp(bits) - NEW_YEAR).to_seconds()) < 0.1
        assert abs((server.history()[-1].at - NEW_YEAR).to_seconds()) < 0.1
        with pytest.raises(UsageError):
            server.publish(synchronized())


@pytest.mark.asyncio
@pytest.mark.parametrize("workers", [0, 1])
async def test_a_program_that_knows_its_clock_publishes_it(workers: int) -> None:
    async with NtpServer(replace(CONFIG, workers=workers)) as server, asking(server) as client:
        server.publish(replace(synchronized(7), time_offset=NtpDuration.from_seconds(3600.0)))
        reply = await client.ask()
        assert reply.stratum == 7
        assert 3590.0 < (NtpTimestamp(reply.transmit_bits) - system_now()).to_seconds() < 3600.0
    with pytest.raises(UsageError):
        server.publish(synchronized())


@pytest.mark.asyncio
async def test_the_hook_drops_with_its_reason_and_its_failure_lets_nobody_through(caplog: pytest.LogCaptureFixture) -> None:
    def hook(request: Request) -> str | None:
        assert request.client.address == pack_address("127.0.0.1")
        match request.data[47] % 3:
            case 0:
                return "not today"
            case 1:
                raise RuntimeError("a bug of the host")
        return None

    async with NtpServer(CONFIG, hook=hook) as server, asking(server) as client:
        for _ in range(9):
            client.send()
        await until(lambda: len(server.history()) == 9, "all were judged")
        client.collect()
        metrics = await server.metrics()
    assert sorted(one.outcome for one in server.history()) == ["not today"] * 3 + ["the hook failed"] * 3 + ["time"] * 3
    assert len(client.replies) == 3
    assert metrics.totals.hook_denied == 6
    assert metrics.counters.hook_errors == 3
    assert [record.levelno for record in caplog.records] == [logging.ERROR], "said once"


@pytest.mark.asyncio
async def test_metrics() -> None:
    policy = ServerPolicy(clients=ClientLimits(rate=Rate(0.01, 2), leak=0), limit_action=RefusalAction.DENY)
    async with NtpServer(replace(CONFIG, policy=policy)) as server:
        empty = await server.metrics()
        assert (empty.totals.received, empty.last_request, empty.top_clients, empty.clients) == (0, None, (), 0)
        for host, requests in (("127.0.0.2", 3), ("127.0.0.1", 1), ("127.0.0.3", 2)):
            with Asker(server.address, host) as client:
                for _ in range(requests):
                    await client.ask()
        metrics = await server.metrics()
    assert [(one.address, one.requests) for one in metrics.top_clients] == [
        (pack_address("127.0.0.2"), 3),
        (pack_address("127.0.0.3"), 2),
        (pack_address("127.0.0.1"), 1),
    ]
    assert metrics.clients == 3
    assert metrics.totals.rate_limited == metrics.totals.denied == 1
    assert metrics.counters.tally.refused_for(DropReason.CLIENT_RATE) == 1
    assert metrics.last_request is not None
    assert metrics.last_request.client.host == "127.0.0.3"
    assert metrics.started_at is not None
    assert 0.0 < metrics.uptime_s < 60.0


@pytest.mark.asyncio
async def test_zero_is_zero() -> None:
    """Seed 4 took every zero for "the default"."""
    zeros = NtpServerConfig(listen="127.0.0.1:0", precision=0, root_delay_s=0.0, root_dispersion_s=0.0, workers=0, history=0, event_buffer=0)
    async with NtpServer(zeros) as server, asking(server) as client:
        subscription = server.subscribe()
        reply = await client.ask()
        assert (reply.precision, reply.root_delay_bits, reply.root_dispersion_bits) == (0, 0, 0)
        assert server.history() == ()
        assert (await server.metrics()).last_request is None
        await server.stop()
        assert [one async for one in subscription] == []
        assert subscription.lost == 1


@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        ({"stratum": 0}, ValueError, "stratum is 1 to 16, got 0"),
        ({"stratum": 16}, ValueError, "UNSYNCHRONIZED"),
        ({"reference_id": "TOOLONG"}, ValueError, "1 to 4"),
        ({"history": -1}, ValueError, "history is 0 or more"),
        ({"listen": "time.example:123"}, ConfigError, "numeric address"),
        ({"listen": "127.0.0.1:99999"}, ConfigError, "99999"),
    ],
)
def test_what_cannot_be_served_is_refused_when_it_is_written(wrong: dict[str, object], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        replace(CONFIG, **wrong)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1", Address("127.0.0.1", 123)),
        ("127.0.0.1:0", Address("127.0.0.1", 0)),
        ("[::1]:1123", Address("::1", 1123)),
        ("[::1]:0", Address("::1", 0)),
        ("::1", Address("::1", 123)),
        ("::", Address("::", 123)),
        ("fe80::0", Address("fe80::", 123)),
        ("127.0.0.1:10", Address("127.0.0.1", 10)),
    ],
)
def test_where_it_listens(text: str, address: Address) -> None:
    assert NtpServerConfig(listen=text).settings().listen == address


def test_a_hook_or_a_clock_cannot_leave_this_process() -> None:
    for given in ({"hook": lambda _: None}, {"clock": Stopped()}):
        with pytest.raises(UsageError, match="workers=0"):
            NtpServer(replace(CONFIG, workers=1), **given)  # type: ignore[arg-type]  # one of the two


def ask_blocking(address: Address) -> int:
    async def ask() -> int:
        with Asker(address) as client:
            return (await client.ask()).stratum

    return asyncio.run(ask())


def test_the_thread_serves_a_program_without_a_loop() -> None:
    server = NtpServerThread(CONFIG)
    server.stop()
    assert (server.metrics().totals.received, server.history(), list(server.subscribe())) == (0, (), [])
    for _ in range(2):
        with server:
            assert server.is_running
            events = server.subscribe()
            assert ask_blocking(server.address) == 2
            assert next(events).outcome == "time"
            assert server.metrics().totals.accepted == 1
            waiting = threading.Thread(target=list, args=(events,))
            waiting.start()
        waiting.join(DEADLINE_S)
        assert not waiting.is_alive(), "the end of the server is the end of its events"
        assert not server.is_running
        server.stop()
    server.restart()
    assert ask_blocking(server.address) == 2
    server.stop()
    assert len(server.history()) == 3
    assert not [thread for thread in threading.enumerate() if thread.name == "ntp server"]


def test_a_thread_that_cannot_start_ends_and_can_be_started_later() -> None:
    with NtpServerThread(CONFIG) as first:
        second = NtpServerThread(replace(CONFIG, listen=str(first.address)))
        with pytest.raises((SocketError, WorkerError)):
            second.start()
        with pytest.raises(UsageError):
            first.start()
        assert first.is_running
        assert not second.is_running
    second.start()
    second.stop()


def test_importing_the_package_loads_nothing() -> None:
    script = "import sys, ntp_daemon; print([name for name in sys.modules if name.startswith(('ntp_', 'asyncio')) and name != 'ntp_daemon'])"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_what_is_promised_is_there() -> None:
    assert all(getattr(ntp_daemon, name).__name__ == name for name in ntp_daemon.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = ntp_daemon.nothing
