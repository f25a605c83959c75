"""Waiting for real sockets on loopback: for the descriptor, with a deadline, never for a time."""

import select
import time
from typing import Protocol, TypeVar

from ntp_proto.time_types import NtpTimestamp

DEADLINE_MS = 5_000


Received_co = TypeVar("Received_co", covariant=True)


class Receiver(Protocol[Received_co]):
    def fileno(self) -> int: ...
    def receive(self) -> Received_co | None: ...


def receive(sock: Receiver[Received_co]) -> Received_co:
    """The next datagram; readiness may also be an error report, so it is asked again until the deadline."""
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN)
    while poll.poll(DEADLINE_MS):
        datagram = sock.receive()
        if datagram is not None:
            return datagram
    raise AssertionError("no datagram came")


def is_ready(sock: Receiver[object]) -> bool:
    """Whether an event loop would be woken for this socket."""
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def system_now() -> NtpTimestamp:
    return NtpTimestamp.from_unix_ns(time.clock_gettime_ns(time.CLOCK_REALTIME))


def is_between(stamp: NtpTimestamp, first: NtpTimestamp, last: NtpTimestamp) -> bool:
    return not stamp.is_before(first) and not last.is_before(stamp)
