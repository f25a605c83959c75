"""Events leave a worker in messages, and are lost rather than waited for."""

import socket
from collections.abc import Iterator

import pytest

from ntp_daemon.serving import event_queue
from ntp_daemon.serving.event_queue import EventQueue
from ntp_daemon.serving.messages import MESSAGE_MAXIMUM, Report, unpack_events
from ntp_daemon.serving.request_events import RequestEvent
from ntp_proto.datagram import Address
from ntp_proto.server import Bucket, Rate
from ntp_proto.time_types import NtpTimestamp


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with pair[0], pair[1]:
        yield pair


def event(number: int) -> RequestEvent:
    return RequestEvent(NtpTimestamp(number), Address("192.0.2.1", 123), 48, 4, 3, 2, "time")


def received(sock: socket.socket) -> list[int]:
    """The numbers of the events that have come."""
    sock.setblocking(False)
    numbers: list[int] = []
    while True:
        try:
            message = sock.recv(MESSAGE_MAXIMUM)
        except BlockingIOError:
            return numbers
        assert message[:1] == Report.EVENTS.value
        numbers += [one.at.bits for one in unpack_events(message[1:])]


def test_they_go_out_in_order_with_a_flush_or_when_there_are_enough(ends: tuple[socket.socket, socket.socket]) -> None:
    queue = EventQueue(ends[0])
    queue.put(event(0))
    assert received(ends[1]) == []
    for number in range(1, 1000):
        queue.put(event(number))
    early = received(ends[1])
    assert early == list(range(len(early)))
    assert len(early) > 400
    queue.flush()
    queue.flush()
    assert received(ends[1]) == list(range(len(early), 1000))
    assert queue.lost == 0


def test_what_the_daemon_does_not_take_is_lost_and_counted(ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_queue, "_RATE", Rate(1e6, 1_000_000))
    queue = EventQueue(ends[0])
    for number in range(50_000):
        queue.put(event(number))
    queue.flush()
    arrived = received(ends[1])
    assert 0 < len(arrived) < 50_000
    assert queue.lost == 50_000 - len(arrived)


def test_more_than_the_daemon_should_look_at_is_lost(ends: tuple[socket.socket, socket.socket]) -> None:
    queue = EventQueue(ends[0])
    queue._bucket = Bucket(Rate(1e-6, 10))
    for number in range(100):
        queue.put(event(number))
    queue.flush()
    assert received(ends[1]) == list(range(10))
    assert queue.lost == 90
