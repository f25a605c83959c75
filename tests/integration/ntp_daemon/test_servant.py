"""The servant on real sockets: how old the time can be that it serves, and what it learns of its answers when they have left."""

from __future__ import annotations

import contextlib
import dataclasses
import select
import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from contracts import responder_contract
from contracts.loopback import system_now
from contracts.responder_contract import packet
from ntp_daemon.serving.counters import CounterPage
from ntp_daemon.serving.servant import Judges, Servant
from ntp_proto.datagram import Address
from ntp_proto.packet import Header
from ntp_proto.server import ServerPolicy, Snapshot
from ntp_proto.time_types import NtpDuration
from ntp_udp.departures import DEPARTURE_MESSAGE, report_departures
from ntp_udp.server_socket import ServerSocket, bind_sockets

CLOCK = dataclasses.replace(responder_contract.CLOCK, as_of=system_now())


@pytest.mark.parametrize("way", ["fast", "slow"])
def test_the_snapshot_is_read_when_a_request_is_there(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not before the wait for it, which may be long."""
    if way == "slow":
        monkeypatch.setenv("NTP_NO_EXT", "1")
    with contextlib.ExitStack() as stack:
        [server] = bind_sockets(Address("127.0.0.1", 0))
        stack.callback(server.close)
        poll = select.poll()
        poll.register(server.fileno(), select.POLLIN)
        was_ready: list[bool] = []

        def snapshot() -> Snapshot:
            was_ready.append(bool(poll.poll(0)))
            return CLOCK

        servant = Servant([server], ServerPolicy(), snapshot, Judges(), CounterPage())
        client = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        client.settimeout(5)
        client.connect(("127.0.0.1", server.local.port))
        servant.serve(timeout_s=0.0)
        was_ready.clear()
        timer = threading.Timer(0.05, lambda: client.send(packet()))
        timer.start()
        servant.serve(timeout_s=10.0)
        timer.join()
        assert len(client.recv(100)) == 48
        assert was_ready == [True]


HOSTS = {"127.0.0.1": "127.0.0.1", "::1": "::1", "0.0.0.0": "127.0.0.77", "::": "::1"}
SO_TIMESTAMPING = 37


class Served:
    """A servant on one socket, and a client that asks it."""

    def __init__(self, server: ServerSocket, client: socket.socket) -> None:
        self.server, self.client = server, client
        self.clock = CLOCK
        self.servant = Servant([server], ServerPolicy(), lambda: self.clock, Judges(), CounterPage())

    def ask(self, origin: int = 0, receive: int = 0) -> Header:
        self.client.send(packet(origin=origin, receive=receive))
        self.servant.serve()
        return Header.parse(self.client.recv(100))

    def events(self) -> int:
        """What would wake whoever waits for the server's socket."""
        poll = select.poll()
        poll.register(self.server.fileno(), select.POLLIN)
        return sum(event for _, event in poll.poll(0))


@pytest.fixture(params=[(way, host) for way in ("fast", "slow") for host in HOSTS], ids="-".join)
def served(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    way, host = request.param
    if way == "slow":
        monkeypatch.setenv("NTP_NO_EXT", "1")
    with contextlib.ExitStack() as stack:
        [server] = bind_sockets(Address(host, 0))
        stack.callback(server.close)
        client = stack.enter_context(socket.socket(socket.AF_INET6 if server.is_ipv6 else socket.AF_INET, socket.SOCK_DGRAM))
        client.settimeout(5)
        client.connect((HOSTS[host], server.local.port))
        one = Served(server, client)
        assert one.servant.is_fast == (way == "fast")
        yield one


def test_who_uses_interleaved_mode_is_told_when_the_answer_really_left(served: Served) -> None:
    kept = served.ask(origin=1, receive=5)
    served.servant.serve()
    after = system_now()
    interleaved = served.ask(origin=kept.receive_bits, receive=6)
    assert interleaved.origin_bits == 6
    assert kept.transmit.is_before(interleaved.transmit), "later than the reading of the clock before it was sent"
    assert not after.is_before(interleaved.transmit)
    for _ in range(3):
        kept, former_receive = interleaved, interleaved.receive
        interleaved = served.ask(origin=kept.receive_bits, receive=7)
        assert former_receive.is_before(interleaved.transmit)
        assert interleaved.transmit.is_before(interleaved.receive)


def test_the_kernels_stamp_is_carried_over_to_a_virtual_clock(served: Served) -> None:
    ahead = NtpDuration.from_seconds(1000.0)
    served.clock = dataclasses.replace(CLOCK, time_offset=ahead)
    kept = served.ask(origin=1, receive=5)
    served.servant.serve()
    after = system_now() + ahead
    told = served.ask(origin=kept.receive_bits, receive=6).transmit
    assert kept.transmit.is_before(told)
    assert not after.is_before(told)


def test_who_does_not_costs_nothing_for_it(served: Served) -> None:
    for origin in (0, 2, 1000):
        served.ask(origin=origin, receive=5)
    assert served.server._sock.getsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING) == 0
    assert served.events() == 0


def test_reports_that_another_process_has_asked_for_wake_nobody_for_ever(served: Served) -> None:
    """During a reload two processes serve one socket, and the one may leave a report to the other."""
    report_departures(served.server._sock)
    with socket.socket(served.client.family, socket.SOCK_DGRAM) as stranger:
        stranger.bind((served.client.getsockname()[0], 0))
        served.server._sock.sendmsg([bytes(48)], [DEPARTURE_MESSAGE], 0, stranger.getsockname())
    assert served.events() & select.POLLERR
    served.servant.serve()
    assert served.events() == 0
    assert served.ask().stratum == CLOCK.stratum


def test_an_arrival_is_stamped_as_before_when_departures_are_reported(served: Served) -> None:
    """Older kernels tell the arrival twice then."""
    served.server._sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, struct.pack("@I", 1 << 4))
    before = system_now()
    served.client.send(packet())
    sent = system_now()
    served.servant.serve()
    answer = Header.parse(served.client.recv(100))
    assert before.is_before(answer.receive)
    assert answer.receive.is_before(sent), "by the kernel"
