"""A small world to keep time in: a clock that drifts from this machine's, servers that tell it over paths with queues, and one that lies.

The packets are real ones, on the loopback interface. What is made up is how long they are on their way: a sleep before the server
takes a request's arrival, and one after it has taken the departure of the answer. Which half of a round trip was the slow one nobody can
see from the client's side, as on a real network.
"""

from __future__ import annotations

import contextlib
import math
import random
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from ntp_proto.errors import ParseError
from ntp_proto.identifiers import Mode, ReferenceId
from ntp_proto.packet import Header, response_to
from ntp_proto.time_types import NtpDuration, NtpTimestamp

__all__ = ["SERVERS", "ReferenceClock", "Server", "serving"]

_LONGEST_S = 1.0


class ReferenceClock:
    """The true time of this world: 8 ms ahead of the system clock at first, 40 ppm faster, with a slow swing of 0.5 ppm as of a temperature."""

    _AHEAD_S, _RATE, _SWING, _PERIOD_S = 8e-3, 40e-6, 0.5e-6, 300.0

    def __init__(self) -> None:
        self._start_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
        self._epoch_ns = time.time_ns() - self._start_ns

    def read_ns(self) -> int:
        """Since 1970."""
        raw_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
        elapsed_s = (raw_ns - self._start_ns) * 1e-9
        turn = 2.0 * math.pi / self._PERIOD_S
        ahead_s = self._AHEAD_S + self._RATE * elapsed_s + self._SWING / turn * (1.0 - math.cos(turn * elapsed_s))
        return self._epoch_ns + raw_ns + round(ahead_s * 1e9)

    def read(self) -> NtpTimestamp:
        """The same as a timestamp."""
        return NtpTimestamp.from_unix_ns(self.read_ns())


@dataclass(frozen=True, slots=True)
class Server:
    """One server.

    Attributes:
        host: Where it listens, on the loopback interface.
        one_way_s: The shortest way there, and back.
        queue_s: How long a packet waits on its way on average, exponentially distributed.
        lie_s: What it adds to the truth.
    """

    host: str
    one_way_s: float
    queue_s: float
    lie_s: float = 0.0


SERVERS = (
    Server("127.0.0.11", 0.002, 60e-6),
    Server("127.0.0.12", 0.006, 250e-6),
    Server("127.0.0.13", 0.011, 120e-6),
    Server("127.0.0.14", 0.004, 80e-6, lie_s=0.120),
)


class _Answering(threading.Thread):
    """A server at work. It takes one request after the other: its only client sends a few a second at most."""

    def __init__(self, server: Server, clock: ReferenceClock, rng: random.Random) -> None:
        super().__init__(daemon=True)
        self._server, self._clock, self._rng = server, clock, rng
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((server.host, 0))
        self.address = "{}:{}".format(*self._socket.getsockname())

    def run(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                data, client = self._socket.recvfrom(1024)
                with contextlib.suppress(ParseError):
                    self._answer(Header.parse(data), client)

    def close(self) -> None:
        """Stop answering."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # it is not connected, and wakes the thread up all the same
        self.join(_LONGEST_S)
        self._socket.close()

    def _answer(self, request: Header, client: tuple[str, int]) -> None:
        if request.mode is not Mode.CLIENT:
            return
        time.sleep(self._way_s())
        now = self._clock.read() + NtpDuration.from_seconds(self._server.lie_s)
        answer = response_to(request, receive=now, transmit=now, reference_id=ReferenceId.from_ascii("DEMO"))
        time.sleep(self._way_s())
        self._socket.sendto(answer.to_bytes(), client)

    def _way_s(self) -> float:
        return self._server.one_way_s + self._rng.expovariate(1.0 / self._server.queue_s)


@contextlib.contextmanager
def serving(clock: ReferenceClock) -> Iterator[list[str]]:
    """All servers, each in a thread; gives their addresses with ports."""
    rng = random.Random(1)  # noqa: S311 -- the same queues at each run
    threads = [_Answering(server, clock, rng) for server in SERVERS]
    for thread in threads:
        thread.start()
    try:
        yield [thread.address for thread in threads]
    finally:
        for thread in threads:
            thread.close()
