"""The fast path on real sockets: what goes out, from where, with which stamps, and what comes back to Python."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import socket
import threading
from collections.abc import Iterator

import pytest

from contracts import responder_contract
from contracts.loopback import is_between, is_ready, system_now
from contracts.responder_contract import NONCE, packet, told
from ntp_proto.datagram import Address
from ntp_proto.errors import UsageError
from ntp_proto.identifiers import LeapIndicator, Mode
from ntp_proto.packet import Header
from ntp_proto.server import (
    AccessList,
    Answer,
    AnswerKind,
    ClientLimits,
    DropReason,
    PrefixTable,
    Rate,
    RefusalAction,
    Responder,
    ServerPolicy,
    Tally,
    pack_address,
)
from ntp_proto.time_types import NtpTimestamp
from ntp_udp.server_socket import ServerSocket, bind_sockets
from ntp_udp.socket import StampHold

pytest.importorskip("ntp_udp._fast_server", reason="the extension is not compiled")

from ntp_udp.fast_path import load_fast_server
from ntp_udp.fast_server import FastServer, Handled

SEED = bytes(range(32))
CLOCK = dataclasses.replace(responder_contract.CLOCK, as_of=system_now())
LISTENING = {"127.0.0.1": "127.0.0.1", "::1": "::1", "0.0.0.0": "127.0.0.77", "::": "::1"}
_REASONS, _KINDS = list(DropReason), list(AnswerKind)


@pytest.fixture
def keep() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        stack.callback(StampHold().close)
        yield stack


def bind(keep: contextlib.ExitStack, host: str = "127.0.0.1") -> ServerSocket:
    [server] = bind_sockets(Address(host, 0))
    keep.callback(server.close)
    return server


def client_of(keep: contextlib.ExitStack, server: ServerSocket, host: str | None = None) -> socket.socket:
    """Connected: the kernel hands it only what comes from the address that it asked."""
    client = keep.enter_context(socket.socket(socket.AF_INET6 if server.is_ipv6 else socket.AF_INET, socket.SOCK_DGRAM))
    client.settimeout(5)
    client.connect((host or server.local.host, server.local.port))
    return client


def refused(tally: Tally) -> dict[str, int]:
    return {reason: count for reason, count in tally.by_reason().items() if count}


def answered(tally: Tally, kind: AnswerKind) -> int:
    return tally.answered[_KINDS.index(kind)]


@pytest.mark.parametrize("host", list(LISTENING))
def test_an_exchange(keep: contextlib.ExitStack, host: str) -> None:
    server = bind(keep, host)
    fast = FastServer(ServerPolicy(), SEED, [server])
    client = client_of(keep, server, LISTENING[host])
    before = system_now()
    client.send(packet(poll=7))
    sent = system_now()
    assert fast.serve(CLOCK) == []
    after = system_now()
    data = client.recv(100)
    assert len(data) == 48
    reply = Header.parse(data)
    assert (reply.mode, reply.version, reply.stratum, reply.poll_log2, reply.origin_bits) == (Mode.SERVER, 4, 3, 7, NONCE)
    assert (reply.leap, reply.reference_id, reply.reference) == (LeapIndicator.INSERT, CLOCK.reference_id, CLOCK.reference_time)
    assert is_between(reply.receive, NtpTimestamp(before.bits - 1), after), "the stamp was made odd, which may be 0.2 ns earlier"
    assert is_between(reply.transmit, sent, NtpTimestamp(after.bits + 1))
    tally = fast.tally()
    assert tally == Tally(answered=[1, 0, 0, 0], bytes_in=48, bytes_out=48, processing=tally.processing)
    assert 0 < tally.processing <= (after - before).value


def test_arrivals_are_stamped_by_the_kernel_and_departures_one_by_one(keep: contextlib.ExitStack) -> None:
    server = bind(keep)
    fast = FastServer(ServerPolicy(), SEED, [server])
    client = client_of(keep, server)
    for _ in range(10_000):  # the kernel begins a moment after the first socket has asked
        for _ in range(3):
            client.send(packet())
        sent = system_now()
        fast.serve(CLOCK)
        replies = [Header.parse(client.recv(100)) for _ in range(3)]
        if replies[2].receive.is_before(sent):
            break
    else:
        pytest.fail("the kernel never stamped an arrival")
    stamps = [reply.receive for reply in replies] + [reply.transmit for reply in replies]
    assert all(earlier.is_before(later) for earlier, later in itertools.pairwise(stamps))


def test_many_batches_in_one_call(keep: contextlib.ExitStack) -> None:
    servers = [bind(keep), bind(keep, "::1"), bind(keep, "0.0.0.0")]
    fast = FastServer(ServerPolicy(), SEED, servers)
    clients = [client_of(keep, server, LISTENING[server.local.host]) for server in servers]
    for _ in range(150):
        for client in clients:
            client.send(packet())
    assert fast.serve(CLOCK) == []
    for client in clients:
        assert [len(client.recv(100)) for _ in range(150)] == [48] * 150
    assert answered(fast.tally(), AnswerKind.TIME) == 450


def test_what_is_dropped_is_counted_by_its_reason(keep: contextlib.ExitStack) -> None:
    server = bind(keep, "0.0.0.0")
    policy = ServerPolicy(denylist=AccessList(PrefixTable(["127.0.0.9"])), clients=ClientLimits(rate=Rate(1e-6, 2), leak=0))
    fast = FastServer(policy, SEED, [server])
    client = client_of(keep, server, "127.0.0.1")
    for data in (b"", packet()[:47], packet(more=2004), packet(0x24), packet(0x2B), packet(), packet(more=20), packet(), packet()):
        client.send(data)
    denied = keep.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    denied.bind(("127.0.0.9", 0))
    denied.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    denied.sendto(packet(), ("127.0.0.1", server.local.port))
    denied.sendto(packet(), ("127.255.255.255", server.local.port))
    server._sock.sendto(packet(), ("127.0.0.1", server.local.port))
    assert fast.serve(CLOCK) == []
    assert refused(fast.tally()) == {
        "bad-length": 3,
        "bad-mode": 1,
        "bad-version": 1,
        "client-rate": 2,
        "denylist": 1,
        "bad-destination": 1,
        "own-address": 1,
    }
    assert answered(fast.tally(), AnswerKind.TIME) == 2
    assert fast.tally().bytes_out == 96
    assert len([client.recv(100) for _ in range(2)]) == 2
    client.setblocking(False)
    with pytest.raises(BlockingIOError):
        client.recv(100)


def test_a_kiss_is_sent_and_counted(keep: contextlib.ExitStack) -> None:
    server = bind(keep)
    policy = ServerPolicy(clients=ClientLimits(rate=Rate(1e-6, 1), leak=0), limit_action=RefusalAction.DENY)
    fast = FastServer(policy, SEED, [server])
    client = client_of(keep, server)
    for _ in range(3):
        client.send(packet())
    fast.serve(CLOCK)
    assert [Header.parse(client.recv(100)).stratum for _ in range(3)] == [3, 0, 0]
    tally = fast.tally()
    assert (answered(tally, AnswerKind.KISS), tally.kissed[_REASONS.index(DropReason.CLIENT_RATE)]) == (2, 2)


def test_what_is_left_to_python_is_answered_by_it(keep: contextlib.ExitStack) -> None:
    """From the address that was asked, and counted once."""
    server = bind(keep, "0.0.0.0")
    policy = ServerPolicy(serves_legacy=True)
    fast = FastServer(policy, SEED, [server])
    slow = Responder(policy, fast.responder.clients, global_bucket=fast.responder.global_bucket)
    client = client_of(keep, server, "127.0.0.5")
    for first_byte in (0x23, 0x13, 0x23):
        client.send(packet(first_byte))
    [handled] = fast.serve(CLOCK)
    assert handled.verdict is None
    assert handled.incoming.request.data == packet(0x13)
    assert str(handled.incoming.request.client) == f"127.0.0.1:{client.getsockname()[1]}"
    assert str(handled.incoming.request.local) == f"127.0.0.5:{server.local.port}"
    verdict = slow.respond(handled.incoming.request, system_now(), CLOCK, 1.0)
    assert isinstance(verdict, Answer)
    assert handled.socket.answer(handled.incoming, verdict.data)
    assert [Header.parse(client.recv(100)).version for _ in range(3)] == [4, 4, 2]
    assert sum(fast.tally().answered) == 2


@pytest.mark.parametrize("host", list(LISTENING))
def test_who_watches_sees_every_datagram(keep: contextlib.ExitStack, host: str) -> None:
    server = bind(keep, host)
    fast = FastServer(ServerPolicy(serves_legacy=True), SEED, [server])
    client = client_of(keep, server, LISTENING[host])
    for data in (packet(), packet(0x13), b"?"):
        client.send(data)
    handled = fast.serve(CLOCK, watch=True)
    assert [None if one.verdict is None else told(one.verdict) for one in handled] == [AnswerKind.TIME, None, DropReason.BAD_LENGTH]
    assert [one.incoming.request.data for one in handled] == [packet(), packet(0x13), b"?"]
    assert {one.incoming.request.client.address for one in handled} == {pack_address(client.getsockname()[0])}
    assert {one.incoming.sender for one in handled} == {client.getsockname()}
    assert isinstance(handled[0].verdict, Answer)
    assert client.recv(100) == handled[0].verdict.data
    assert fast.serve(CLOCK, watch=True) == []


def test_a_flood_of_what_python_must_see_comes_in_parts(keep: contextlib.ExitStack) -> None:
    server = bind(keep)
    fast = FastServer(ServerPolicy(serves_legacy=True), SEED, [server])
    client = client_of(keep, server)
    for _ in range(150):
        client.send(packet(0x13))
    assert [len(fast.serve(CLOCK)) for _ in range(4)] == [64, 64, 22, 0]


def test_two_servers_never_talk_to_each_other(keep: contextlib.ExitStack) -> None:
    """One forged packet, from one server's port to the other's."""
    one, other = bind(keep), bind(keep)
    both = FastServer(ServerPolicy(), SEED, [one, other])
    one._sock.sendto(packet(), (other.local.host, other.local.port))
    both.serve(CLOCK)
    both.serve(CLOCK)
    assert refused(both.tally()) == {"bad-mode": 1}
    assert answered(both.tally(), AnswerKind.TIME) == 1
    assert not is_ready(one)  # type: ignore[arg-type]  # only its descriptor is used
    assert not is_ready(other)  # type: ignore[arg-type]


def test_it_waits_until_it_is_woken_with_the_lock_released(keep: contextlib.ExitStack) -> None:
    fast = FastServer(ServerPolicy(), SEED, [bind(keep)])
    wake, ring = os.pipe()
    keep.callback(os.close, wake)
    results: list[list[Handled]] = []
    thread = threading.Thread(target=lambda: results.append(fast.serve(CLOCK, timeout_s=60.0, wake_fd=wake)), daemon=True)
    thread.start()
    os.close(ring)
    thread.join(10)
    assert not thread.is_alive()
    assert results == [[]]


def test_it_goes_on_for_its_time_and_no_longer(keep: contextlib.ExitStack) -> None:
    """A client that asks all the time does not keep it: the snapshot grows old."""
    server = bind(keep)
    fast = FastServer(ServerPolicy(), SEED, [server])
    client = client_of(keep, server)
    results: list[list[Handled]] = []
    thread = threading.Thread(target=lambda: results.append(fast.serve(CLOCK, timeout_s=0.05)), daemon=True)
    client.send(packet())
    thread.start()
    answers = 0
    while thread.is_alive():  # each answer is the next question's turn
        with contextlib.suppress(TimeoutError):
            client.settimeout(0.1)
            client.recv(100)
            answers += 1
            client.send(packet())
        assert answers < 1_000_000
    assert results == [[]]
    assert answers > 1


def test_what_wakes_comes_before_what_is_served(keep: contextlib.ExitStack) -> None:
    server = bind(keep)
    fast = FastServer(ServerPolicy(), SEED, [server])
    client = client_of(keep, server)
    client.send(packet())
    wake, ring = os.pipe()
    keep.callback(os.close, wake)
    os.close(ring)
    fast.serve(CLOCK, timeout_s=60.0, wake_fd=wake)
    assert sum(fast.tally().answered) == 0
    fast.serve(CLOCK)
    assert sum(fast.tally().answered) == 1


def test_a_broken_socket_is_an_error(keep: contextlib.ExitStack) -> None:
    server = bind(keep)
    fast = FastServer(ServerPolicy(), SEED, [server])
    server.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        fast.serve(CLOCK)


def test_limits_of_the_set_up(keep: contextlib.ExitStack) -> None:
    with pytest.raises(UsageError, match="64 sockets at most, got 65"):
        FastServer(ServerPolicy(), SEED, [bind(keep)] * 65)
    with pytest.raises(ValueError, match="32 octets"):
        FastServer(ServerPolicy(), b"short", [])


def test_it_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NTP_NO_EXT", raising=False)
    assert load_fast_server() is FastServer
    monkeypatch.setenv("NTP_NO_EXT", "1")
    assert load_fast_server() is None
    monkeypatch.delenv("NTP_NO_EXT")
    monkeypatch.setitem(__import__("sys").modules, "ntp_udp.fast_server", None)
    assert load_fast_server() is None
