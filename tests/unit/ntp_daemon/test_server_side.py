"""The daemon's end of serving, with a real server in its own loop on loopback."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from ipaddress import ip_network

import pytest

from ntp_daemon.config.model import ClockConfig
from ntp_daemon.config.server import Denylist, ServerConfig
from ntp_daemon.server_side import ServerError, ServerSide
from ntp_daemon.serving.event_hub import EventHub
from ntp_proto.identifiers import LeapIndicator, ReferenceId
from ntp_proto.server import Snapshot
from ntp_proto.server_address import ServerAddress
from ntp_proto.time_types import NtpDuration, NtpTimestamp
from ntp_udp import SocketError
from ntp_udp.addresses import is_own_address
from support.serving import free_port

REQUEST = bytes([0x23]) + bytes(39) + b"\x01\x02\x03\x04\x05\x06\x07\x08"


@dataclass
class Served:
    """A clock that shows what the test wants."""

    current: Snapshot
    settings: ClockConfig = field(default_factory=ClockConfig)

    def snapshot(self) -> Snapshot:
        return self.current


def snapshot(**changes: object) -> Snapshot:
    base = replace(
        Snapshot.unsynchronized(NtpTimestamp(0xEA000000_00000000)),
        leap=LeapIndicator.NO_WARNING,
        stratum=2,
        reference_id=ReferenceId.from_address("192.0.2.1"),
    )
    return replace(base, **changes)  # type: ignore[arg-type] # each is named as its field


def table(**changes: object) -> ServerConfig:
    base = ServerConfig(listen=ServerAddress("127.0.0.1", free_port()), workers=0)
    return replace(base, **changes)  # type: ignore[arg-type] # each is named as its field


async def ask(server: ServerConfig) -> bytes | None:
    """The answer to a request; None when there is none within a moment."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.connect(("127.0.0.1", server.listen.port))
        client.send(REQUEST)
        try:
            async with asyncio.timeout(0.3):
                return await loop.sock_recv(client, 1024)
        except (TimeoutError, ConnectionRefusedError):
            return None


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await scenario()

    asyncio.run(whole())


def test_it_serves_what_is_published_and_shows_what_was_done() -> None:
    async def scenario() -> None:
        server, served, steps = table(), Served(snapshot()), [0]
        side = ServerSide([server], served, lambda: steps[0], None, EventHub(0))
        await side.start()
        try:
            answer = await ask(server)
            assert answer is not None
            assert (len(answer), answer[1]) == (48, 2)
            served.current = snapshot(stratum=5)
            side.publish()
            answer = await ask(server)
            assert answer is not None
            assert answer[1] == 5
            await side._ask_for_clients()  # else in the background
            report = side.observe()
        finally:
            await side.stop()
        (shown,) = report.servers
        assert (shown.address, shown.workers, shown.requests, shown.accepted, shown.answers["time"]) == (str(server.listen), 0, 2, 2, 2)
        assert shown.requests == shown.accepted + shown.denied + shown.ignored
        assert (report.served.synchronized, report.served.stratum, report.served.reference_id) == (True, 5, "192.0.2.1")
        assert [(client.address, client.requests) for client in report.clients] == [("127.0.0.1", 2)]

    run(scenario)


def test_a_list_changes_at_once_and_the_counters_go_on() -> None:
    async def scenario() -> None:
        server = table()
        side = ServerSide([server], Served(snapshot()), lambda: 0, None, EventHub(0))
        await side.start()
        try:
            assert await ask(server) is not None
            denied = replace(server, denylist=Denylist(filter=(ip_network("127.0.0.0/8"),)))
            assert await side.apply([denied]) == ()
            assert await ask(server) is None
            assert await side.apply([server]) == ()
            assert await ask(server) is not None
            (shown,) = side.observe().servers
        finally:
            await side.stop()
        assert (shown.requests, shown.accepted, shown.drops["denylist"], shown.refusals["acl_denied"]) == (3, 2, 1, 1)

    run(scenario)


def test_an_address_that_cannot_be_had_is_said_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        server, lost = table(), table(listen=ServerAddress("192.0.2.77", 1123))
        side = ServerSide([server], Served(snapshot()), lambda: 0, None, EventHub(0))
        await side.start()
        try:
            (problem,) = await side.apply([server, lost])
            assert "cannot listen on 192.0.2.77:1123: this machine does not have that address" in problem
            assert [str(address) for address in side.addresses] == [str(server.listen)]
            assert await ask(server) is not None
        finally:
            await side.stop()

    run(scenario)


def test_at_the_start_it_is_an_error() -> None:
    async def scenario() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", 0))
            busy = table(listen=ServerAddress("127.0.0.1", other.getsockname()[1]))
            with pytest.raises(SocketError, match=f"cannot listen on {busy.listen}"):
                await ServerSide([busy], Served(snapshot()), lambda: 0, None, EventHub(0)).start()

    run(scenario)


def test_a_log_that_cannot_be_written_is_an_error() -> None:
    async def scenario() -> None:
        server = table()
        server = replace(server, request_log=replace(server.request_log, path="/proc/no/log"))
        with pytest.raises(ServerError, match="/proc/no/log"):
            await ServerSide([server], Served(snapshot()), lambda: 0, None, EventHub(0)).start()

    run(scenario)


@pytest.mark.parametrize(
    ("change", "steps", "is_set"),
    [
        ({}, 0, False),
        ({"root_delay": NtpDuration.from_seconds(1.0)}, 0, False),
        ({"time_offset": NtpDuration.from_seconds(0.0009)}, 0, False),
        ({"time_offset": NtpDuration.from_seconds(-0.0011)}, 0, True),
        ({}, 1, True),
    ],
)
def test_workers_are_told_when_the_clock_was_set(change: dict[str, object], steps: int, is_set: bool) -> None:
    async def scenario() -> None:
        served, counted, told = Served(snapshot()), [0], []
        side = ServerSide([], served, lambda: counted[0], None, EventHub(0))
        side._serving.publish = lambda _, *, clock_set=False: told.append(clock_set)  # type: ignore[method-assign, assignment]
        served.current, counted[0] = snapshot(**change), steps
        side.publish()
        side.publish()
        assert told == [is_set, False]

    run(scenario)


def test_what_is_ours_and_what_is_not() -> None:
    assert is_own_address("127.0.0.1")
    assert is_own_address("127.9.9.9")
    assert not is_own_address("192.0.2.77")
