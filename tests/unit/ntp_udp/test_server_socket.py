"""The sockets of a server on loopback: who may share the port, which address answers, what the kernel dropped."""

import contextlib
import dataclasses
import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.loopback import is_between, receive, system_now
from ntp_proto.datagram import Address
from ntp_proto.errors import UsageError
from ntp_proto.server.request import Endpoint, judge_ends, judge_form, pack_address
from ntp_proto.server.verdict import DropReason
from ntp_udp.server_socket import Buffers, ServerSocket, _explained, bind_sockets, steer
from ntp_udp.socket import SocketError, StampHold

HOSTS = ["127.0.0.1", "::1"]
WILDCARDS = {"0.0.0.0": "127.0.0.77", "::": "::1"}


@pytest.fixture
def keep() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack


def bind(keep: contextlib.ExitStack, host: str, count: int = 1, **options: object) -> list[ServerSocket]:
    sockets = bind_sockets(Address(host, 0), count, **options)  # type: ignore[arg-type] -- the tests' own options
    for one in sockets:
        keep.callback(one.close)
    return sockets


def client_of(keep: contextlib.ExitStack, server: ServerSocket, *, host: str | None = None, source: str | None = None) -> socket.socket:
    """A plain socket, connected: the kernel hands it only what comes from the address that it asked."""
    family = socket.AF_INET6 if server.is_ipv6 else socket.AF_INET
    client = keep.enter_context(socket.socket(family, socket.SOCK_DGRAM))
    client.settimeout(5)
    if source is not None:
        client.bind((source, 0))
    client.connect((host or server.local.host, server.local.port))
    return client


@pytest.mark.parametrize("host", HOSTS)
def test_an_exchange(keep: contextlib.ExitStack, host: str) -> None:
    [server] = bind(keep, host)
    client = client_of(keep, server)
    before = system_now()
    client.send(b"question")
    question = receive(server)
    data, asker, local, received_at = question.request
    assert (data, str(local)) == (b"question", str(server.local))
    assert str(asker) == str(Address(*client.getsockname()[:2]))
    assert is_between(received_at, before, system_now())
    assert server.answer(question, b"answer")
    assert client.recv(100) == b"answer"
    assert server.receive() is None
    assert not server.is_wildcard


@pytest.mark.parametrize("host", list(WILDCARDS))
def test_the_reply_leaves_from_the_address_that_was_asked(keep: contextlib.ExitStack, host: str) -> None:
    [server] = bind(keep, host)
    assert server.is_wildcard
    client = client_of(keep, server, host=WILDCARDS[host])
    client.send(b"question")
    question = receive(server)
    assert question.request.local == Endpoint(pack_address(WILDCARDS[host]), server.local.port)
    assert server.answer(question, b"answer")
    assert client.recv(100) == b"answer"


def test_a_broadcast_is_told_as_one(keep: contextlib.ExitStack) -> None:
    [server] = bind(keep, "0.0.0.0")
    client = keep.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    client.sendto(b"to all", ("127.255.255.255", server.local.port))
    client.sendto(b"to one", ("127.0.0.1", server.local.port))
    [to_all, to_one] = [receive(server), receive(server)]
    assert to_all.request.local.address == pack_address("255.255.255.255")
    assert judge_ends(to_all.request.client, to_all.request.local) is DropReason.BAD_DESTINATION
    assert judge_ends(to_one.request.client, to_one.request.local) is None


def test_arrivals_are_stamped_by_the_kernel(keep: contextlib.ExitStack) -> None:
    """A datagram that waits in the queue keeps the instant of its arrival."""
    keep.callback(StampHold().close)
    [server] = bind(keep, "127.0.0.1")
    client = client_of(keep, server)
    for _ in range(10_000):  # the kernel begins a moment after the first socket has asked
        client.send(b"?")
        taken_not_before = system_now()
        if receive(server).request.received_at.is_before(taken_not_before):
            return
    pytest.fail("the kernel never stamped an arrival")


@pytest.mark.parametrize("option", [None, socket.SO_REUSEADDR, socket.SO_REUSEPORT])
def test_a_port_that_somebody_shares_is_not_taken(keep: contextlib.ExitStack, option: int | None) -> None:
    """A stranger who allows sharing would get half of the requests, or all of them."""
    stranger = keep.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    if option is not None:
        stranger.setsockopt(socket.SOL_SOCKET, option, 1)
    stranger.bind(("127.0.0.1", 0))
    address = Address("127.0.0.1", stranger.getsockname()[1])
    with pytest.raises(SocketError) as caught:
        bind_sockets(address, 2)
    name = Path("/proc/self/comm").read_text().strip()
    assert str(caught.value) == f"cannot listen on {address}: {name} (pid {os.getpid()}) already listens there"
    assert caught.value.errno == errno.EADDRINUSE


@pytest.mark.parametrize("option", [None, socket.SO_REUSEADDR])
def test_nobody_takes_the_port_later(keep: contextlib.ExitStack, option: int | None) -> None:
    [server] = bind(keep, "127.0.0.1")
    stranger = keep.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    if option is not None:
        stranger.setsockopt(socket.SOL_SOCKET, option, 1)
    with pytest.raises(OSError, match="in use"):
        stranger.bind(("127.0.0.1", server.local.port))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs the right to be another user for a moment")
def test_another_user_cannot_join(keep: contextlib.ExitStack) -> None:
    [server] = bind(keep, "127.0.0.1")
    os.seteuid(65534)
    try:
        stranger = keep.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        with pytest.raises(OSError, match="in use"):
            stranger.bind(("127.0.0.1", server.local.port))
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("host", HOSTS)
def test_a_client_always_meets_the_same_socket(keep: contextlib.ExitStack, host: str) -> None:
    sockets = bind(keep, host, 4)
    assert {one.local for one in sockets} == {sockets[0].local}
    assert steer(sockets) is None
    for _ in range(40):  # forty source ports
        client_of(keep, sockets[0]).send(b"question")
    assert sorted(len(drain(one)) for one in sockets) == [0, 0, 0, 40]


def test_clients_are_spread(keep: contextlib.ExitStack) -> None:
    sockets = bind(keep, "127.0.0.1", 4)
    assert steer(sockets) is None
    for number in range(256):
        client_of(keep, sockets[0], source=f"127.0.9.{number}").send(b"question")
    counts = [len(drain(one)) for one in sockets]
    assert sum(counts) == 256
    assert min(counts) >= 16, counts


def test_a_prefix_is_one_client(keep: contextlib.ExitStack) -> None:
    sockets = bind(keep, "127.0.0.1", 4)
    assert steer(sockets, ipv4_prefix=24) is None
    for number in range(64):
        client_of(keep, sockets[0], source=f"127.0.9.{number}").send(b"question")
    assert sorted(len(drain(one)) for one in sockets) == [0, 0, 0, 64]


def test_a_group_grows(keep: contextlib.ExitStack) -> None:
    sockets = bind(keep, "127.0.0.1", 2)
    sockets += bind_sockets(sockets[0].local, 2, group=sockets[0])
    for one in sockets[2:]:
        keep.callback(one.close)
    assert steer(sockets) is None
    for number in range(64):
        client_of(keep, sockets[0], source=f"127.0.9.{number}").send(b"question")
    assert min(len(drain(one)) for one in sockets) > 0


def drain(server: ServerSocket) -> list[bytes]:
    found = []
    while (datagram := server.receive()) is not None:
        found.append(datagram.request.data)
    return found


def test_buffers_are_what_was_granted(keep: contextlib.ExitStack) -> None:
    limit = int(Path("/proc/sys/net/core/rmem_max").read_text())
    [server] = bind(keep, "127.0.0.1")
    assert server.receive_buffer in (4 << 20, min(limit, 4 << 20)), "forced, or up to the limit of the machine"
    [small] = bind(keep, "127.0.0.1", buffers=Buffers(receive=8192))
    assert small.receive_buffer == 8192


def test_what_the_kernel_drops_is_counted(keep: contextlib.ExitStack) -> None:
    [server] = bind(keep, "127.0.0.1", buffers=Buffers(receive=8192))
    client = client_of(keep, server)
    assert server.kernel_drops == 0
    for _ in range(200):
        client.send(b"x" * 48)
    assert server.kernel_drops == 200 - len(drain(server)) > 100


def test_a_long_datagram_keeps_too_much_to_be_a_request(keep: contextlib.ExitStack) -> None:
    [server] = bind(keep, "127.0.0.1")
    client = client_of(keep, server)
    client.send(b"\x23" * 2052)
    client.send(b"\x23" * 2048)
    judged = [judge_form(receive(server).request.data, 1, is_legacy_served=False) for _ in range(2)]
    assert judged == [DropReason.BAD_LENGTH, None]


def test_a_descriptor_is_handed_over(keep: contextlib.ExitStack) -> None:
    [server] = bind(keep, "0.0.0.0")
    adopted = ServerSocket.adopt(os.dup(server.fileno()))
    keep.callback(adopted.close)
    client_of(keep, server, host="127.0.0.5").send(b"question")
    assert str(receive(adopted).request.local) == f"127.0.0.5:{server.local.port}"


def test_a_reply_that_cannot_be_sent_is_no_error(keep: contextlib.ExitStack) -> None:
    [server] = bind(keep, "127.0.0.1")
    client_of(keep, server).send(b"question")
    question = receive(server)
    assert server.answer(dataclasses.replace(question, sender=("127.0.0.1", 0)), b"answer") is False


def test_addresses_that_cannot_be_bound(keep: contextlib.ExitStack) -> None:
    with pytest.raises(SocketError, match=r"cannot listen on 192\.0\.2\.1:123: this machine does not have that address"):
        bind_sockets(Address("192.0.2.1", 123))
    for host in ("224.0.1.1", "ff02::101"):
        with pytest.raises(UsageError, match="multicast"):
            bind_sockets(Address(host, 123))
    with pytest.raises(UsageError, match="numeric"):
        bind_sockets(Address("ntp.example", 123))


def test_a_forbidden_port_is_said_so() -> None:
    denied = OSError(errno.EACCES, "Permission denied")
    hint = "cannot listen on 127.0.0.1:123: permission denied; a port below 1024 needs root or CAP_NET_BIND_SERVICE"
    assert str(_explained(denied, Address("127.0.0.1", 123))) == hint
    assert str(_explained(denied, Address("127.0.0.1", 1123))) == "cannot listen on 127.0.0.1:1123: Permission denied"


def test_nothing_is_left_open_after_a_failure(keep: contextlib.ExitStack) -> None:
    [server] = bind(keep, "127.0.0.1")
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(SocketError):
        bind_sockets(server.local)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
