"""The sockets, in both implementations, on loopback."""

import contextlib
import errno
import os
import socket
from pathlib import Path

import pytest

from contracts.loopback import is_between, is_ready, receive, system_now
from ntp_proto.datagram import Address, StampSource
from ntp_proto.errors import UsageError
from ntp_proto.time_types import NtpDuration, NtpTimestamp
from ntp_udp.socket import _LISTENING, SocketError, StampHold, UdpServerSocket, UdpSocket, _explained


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_exchange(way: str, host: str) -> None:
    with contextlib.closing(UdpServerSocket.bind(Address(host, 0))) as server, contextlib.closing(UdpSocket.connect(server.local)) as client:
        client.send(b"question")
        question = receive(server)
        assert (question.data, question.remote, question.local) == (b"question", client.local, server.local)
        assert server.send(b"answer", question.remote)
        answer = receive(client)
        assert (answer.data, answer.remote, answer.local) == (b"answer", server.local, client.local)
        assert client.local.host == host
        assert client.remote == server.local


def test_nothing_there_is_none(client: UdpSocket, server: UdpServerSocket) -> None:
    assert client.receive() is None
    assert server.receive() is None
    client.send(b"x")
    receive(server)
    assert client.receive() is None
    assert server.receive() is None


def test_an_empty_datagram_is_a_datagram(client: UdpSocket, server: UdpServerSocket) -> None:
    client.send(b"")
    assert receive(server).data == b""


def test_arrivals_are_stamped_by_the_kernel(kernel_stamps: None, client: UdpSocket, server: UdpServerSocket) -> None:
    first = system_now()
    client.send(b"question")
    question = receive(server)
    server.send(b"answer", question.remote)
    answer = receive(client)
    last = system_now()
    for datagram in (question, answer):
        assert datagram.stamp_source is StampSource.KERNEL
        assert is_between(datagram.received_at, first, last)
    assert question.received_at.is_before(answer.received_at)


def test_departures_are_stamped_by_the_best_there_is(way: str, client: UdpSocket, server: UdpServerSocket) -> None:
    for _ in range(5):
        first = system_now()
        client.send(b"question")
        receive(server)
        last = system_now()
        stamp, source = client.sent_stamp()
        assert source is (StampSource.KERNEL if way == "extension" else StampSource.DAEMON)
        assert is_between(stamp, first, last)


def test_a_departure_precedes_the_arrival(kernel_stamps: None, client: UdpSocket, server: UdpServerSocket) -> None:
    client.send(b"question")
    assert client.sent_stamp()[0].is_before(receive(server).received_at)


def test_sending_does_not_leave_the_socket_ready(client: UdpSocket, server: UdpServerSocket) -> None:
    for _ in range(3):
        client.send(b"question")
        receive(server)
    assert client.receive() is None
    assert not is_ready(client)


def test_sent_stamp_before_send_is_a_bug(client: UdpSocket) -> None:
    with pytest.raises(UsageError):
        client.sent_stamp()


def test_every_stamp_is_converted(kernel_stamps: None) -> None:
    ahead = NtpDuration.from_seconds(1_000.0)

    def convert(system: NtpTimestamp) -> NtpTimestamp:
        return system + ahead

    with (
        contextlib.closing(UdpServerSocket.bind(Address("127.0.0.1", 0), convert)) as server,
        contextlib.closing(UdpSocket.connect(server.local, convert)) as client,
    ):
        first = system_now() + ahead
        client.send(b"question")
        question = receive(server)
        server.send(b"answer", question.remote)
        answer = receive(client)
        last = system_now() + ahead
        for stamp in (client.sent_stamp()[0], question.received_at, answer.received_at):
            assert is_between(stamp, first, last)


def test_a_departure_is_converted_when_it_leaves_and_not_when_it_is_asked_for(server: UdpServerSocket) -> None:
    converted: list[NtpTimestamp] = []

    def convert(system: NtpTimestamp) -> NtpTimestamp:
        converted.append(system)
        return system

    with contextlib.closing(UdpSocket.connect(server.local, convert)) as sock:
        sock.send(b"question")
        count = len(converted)
        assert count >= 1
        sock.sent_stamp()
        sock.sent_stamp()
        assert len(converted) == count


def test_a_closed_port_is_a_value_and_not_an_exception(way: str) -> None:
    nobody = UdpServerSocket.bind(Address("127.0.0.1", 0))
    address = nobody.local
    nobody.close()
    with contextlib.closing(UdpSocket.connect(address)) as client:
        assert not client.unreachable
        client.send(b"question")  # on loopback the ICMP message is back before send returns
        assert client.receive() is None
        assert client.unreachable
        client.send(b"question")
        assert not client.unreachable
        client.send(b"question")  # with the error of the second still on the socket
        assert client.sent_stamp()[1] is (StampSource.KERNEL if way == "extension" else StampSource.DAEMON)


def test_a_socket_goes_on_after_a_closed_port(way: str) -> None:
    nobody = UdpServerSocket.bind(Address("127.0.0.1", 0))
    address = nobody.local
    nobody.close()
    with contextlib.closing(UdpSocket.connect(address)) as client:
        client.send(b"question")
        client.receive()
        with contextlib.closing(UdpServerSocket.bind(address)) as server:
            client.send(b"again")
            question = receive(server)
            assert question.data == b"again"
            server.send(b"answer", question.remote)
            assert receive(client).data == b"answer"


def test_strangers_are_not_heard(client: UdpSocket, server: UdpServerSocket) -> None:
    with contextlib.closing(UdpSocket.connect(client.local)) as stranger:
        stranger.send(b"forged")
        client.send(b"question")
        server.send(b"answer", receive(server).remote)
        assert receive(client).data == b"answer"
        assert client.receive() is None


def test_the_longest_datagram_is_whole_and_a_longer_one_is_dropped(client: UdpSocket, server: UdpServerSocket) -> None:
    for data in (b"x" * 2049, b"y" * 2048, b"x" * 9_000, b"z"):
        client.send(data)
    assert receive(server).data == b"y" * 2048
    assert receive(server).data == b"z"
    question = client.local
    for data in (b"x" * 2049, b"y" * 2048):
        server.send(data, question)
    assert receive(client).data == b"y" * 2048


def test_a_flood_cannot_hold_the_program(client: UdpSocket, server: UdpServerSocket) -> None:
    for _ in range(20):
        client.send(b"x" * 3_000)
    client.send(b"question")
    assert server.receive() is None, "one call skips 16 and returns"
    assert is_ready(server)
    assert receive(server).data == b"question"


def test_each_socket_has_another_port(server: UdpServerSocket) -> None:
    clients = [UdpSocket.connect(server.local) for _ in range(20)]
    ports = [client.local.port for client in clients]
    for client in clients:
        client.close()
    assert len(set(ports)) == 20
    assert ports != sorted(ports), "in order, so not random"


def test_closing_twice_is_allowed(client: UdpSocket, server: UdpServerSocket) -> None:
    for sock in (client, server, StampHold()):
        sock.close()
        sock.close()


def test_a_closed_socket_is_a_bug_that_shows(client: UdpSocket) -> None:
    client.close()
    with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
        client.receive()


def test_a_port_in_use_is_said_so(server: UdpServerSocket) -> None:
    before = open_descriptors()
    with pytest.raises(SocketError) as caught:
        UdpServerSocket.bind(server.local)
    assert str(caught.value) == f"cannot listen on {server.local}: another program already listens there (`ss -ulpn` shows which)"
    assert caught.value.errno == errno.EADDRINUSE
    assert open_descriptors() == before


def test_a_foreign_address_is_said_so(way: str) -> None:
    with pytest.raises(SocketError, match=r"cannot listen on 192\.0\.2\.1:123: this machine does not have that address"):
        UdpServerSocket.bind(Address("192.0.2.1", 123))


def test_a_forbidden_port_is_said_so() -> None:
    error = _explained(OSError(errno.EACCES, "Permission denied"), "cannot listen on 127.0.0.1:123", _LISTENING)
    assert str(error) == "cannot listen on 127.0.0.1:123: permission denied; a port below 1024 needs root or CAP_NET_BIND_SERVICE"


def test_an_interface_that_does_not_exist_is_said_so(way: str) -> None:
    before = open_descriptors()
    with pytest.raises(SocketError, match=r"cannot open a socket to \[fe80::1%nowhere0\]:123: "):
        UdpSocket.connect(Address("fe80::1%nowhere0", 123))
    assert open_descriptors() == before


def test_what_the_kernel_refuses_to_send_is_said_so(way: str, server: UdpServerSocket) -> None:
    with contextlib.closing(UdpSocket.connect(server.local)) as client, pytest.raises(SocketError, match=f"cannot send to {server.local}: "):
        client.send(b"x" * 70_000)


def test_a_reply_that_cannot_be_sent_is_no_error(server: UdpServerSocket) -> None:
    assert server.send(b"x", Address("127.0.0.1", 0)) is False


def test_names_are_a_bug(way: str) -> None:
    with pytest.raises(UsageError, match=r"numeric address, got 'ntp\.example'"):
        UdpSocket.connect(Address("ntp.example", 123))
    with pytest.raises(UsageError):
        UdpServerSocket.bind(Address("", 123))


def test_the_hold_asks_the_kernel_for_stamps() -> None:
    with contextlib.closing(StampHold()) as hold:
        assert hold._sock.getsockopt(socket.SOL_SOCKET, 35) == 1
