"""What `ntp-serve` does where there is no Linux: the same answers, through nothing but Python's own sockets.

One socket, one thread, a request after the other. Stamps are taken by the program, a request that comes to a machine with several addresses may be
answered from another one, and nothing tells what the kernel has dropped: for a handful of clients that is enough, and for more there is Linux.
What is answered, and to whom, is decided by the responder that the servers on Linux have.
"""

from __future__ import annotations

import ipaddress
import math
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType

from ntp_daemon.serve_text import lines_of, summary_text
from ntp_daemon.serving.request_events import RequestEvent
from ntp_proto.datagram import Address
from ntp_proto.identifiers import LeapIndicator, ReferenceId
from ntp_proto.server import Answer, AnswerKind, Endpoint, PythonClientTable, Request, Responder, ServerPolicy, Snapshot, pack_address
from ntp_proto.time_types import NtpDuration, NtpTimestamp

__all__ = ["PortableServer", "run"]

_LONGEST = 2048
_SEED_OCTETS = 32
_PATIENCE_S = 0.5
"""How long a signal, and a summary, may have to wait: not every system wakes a program that waits for a datagram."""
_SUMMARY_S = 10.0


@dataclass(slots=True)
class _Counts:
    received: int = 0
    accepted: int = 0
    last: str = "-"


class PortableServer:
    """A bound socket and whoever answers on it.

    Args:
        listen: Numeric; port 0 takes a free one.
        stratum: To be claimed.
        policy: Whom to serve.

    Raises:
        OSError: It cannot listen there.
    """

    def __init__(self, listen: Address, stratum: int, policy: ServerPolicy) -> None:
        host = ipaddress.ip_address(listen.host)
        self._clients = PythonClientTable(policy.clients, os.urandom(_SEED_OCTETS))
        self._responder = Responder(policy, self._clients)
        self._socket = socket.socket(socket.AF_INET6 if host.version == 6 else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            if host.version == 6:
                self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            self._socket.bind((listen.host, listen.port))
        except OSError:
            self._socket.close()
            raise
        self._socket.settimeout(_PATIENCE_S)
        self.address = Address(*self._socket.getsockname()[:2])
        # Which address of the machine was asked is not known here; any that is a host's will do for the judgement.
        asked = ("::1" if host.version == 6 else "127.0.0.1") if host.is_unspecified else listen.host
        self._local = Endpoint(pack_address(asked), self.address.port)
        self._stratum = stratum
        self._counts = _Counts()

    def serve_one(self) -> RequestEvent | None:
        """Wait for a datagram, and answer it; None: none came for half a second, or a reply of ours has come back as undeliverable."""
        try:
            data, sender = self._socket.recvfrom(_LONGEST + 1)
        except (TimeoutError, ConnectionError, InterruptedError):  # Windows reports an earlier reply's port as unreachable here
            return None
        received_at = _now()
        request = Request(data, Endpoint(pack_address(sender[0]), sender[1]), self._local, received_at)
        snapshot = self._snapshot(received_at)
        refusal = self._responder.judge(request, snapshot, time.monotonic())
        verdict = self._responder.conclude(request, refusal, _now(), snapshot)
        if isinstance(verdict, Answer):
            self._reply(verdict.data, sender)
        event = RequestEvent.of(request, verdict, received_at)
        self._counts.received += 1
        self._counts.accepted += isinstance(verdict, Answer) and verdict.kind is not AnswerKind.KISS
        self._counts.last = event.client.host
        return event

    def summary(self) -> str:
        """The counters since the start."""
        counts = self._counts
        return summary_text(counts.received, counts.accepted, self._clients.active(time.monotonic()), counts.last)

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()

    def _reply(self, data: bytes, sender: tuple[str, int]) -> None:
        try:
            self._socket.sendto(data, sender)
        except OSError:
            return  # the other side, or its address, may have caused it

    def _snapshot(self, now: NtpTimestamp) -> Snapshot:
        """The system's clock, as it is: nobody tells how wrong it is, so no error is claimed and none grows."""
        return Snapshot(
            leap=LeapIndicator.NO_WARNING,
            stratum=self._stratum,
            precision=_PRECISION,
            root_delay=NtpDuration(0),
            root_dispersion=NtpDuration(0),
            dispersion_rate=0.0,
            dispersion_limit=NtpDuration.from_seconds(float(1 << 32)),
            reference_id=ReferenceId.from_ascii("LOCL"),
            reference_time=now,
            as_of=now,
        )


def run(server: PortableServer, say: Callable[[Sequence[str]], None], *, quiet: bool) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Args:
        server: Is closed at the end.
        say: Writes lines.
        quiet: A summary now and then, in place of lines for each request.
    """
    is_over = False

    def end(_number: int, _frame: FrameType | None) -> None:
        nonlocal is_over
        is_over = True

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    say([f"NTP Server started on {server.address}", "Waiting for NTP requests... (Press Ctrl+C to stop)"])
    due = time.monotonic() + _SUMMARY_S
    try:
        while not is_over:
            event = server.serve_one()
            if event is not None and not quiet:
                say(lines_of(event))
            if quiet and time.monotonic() >= due:
                say([server.summary()])
                due += _SUMMARY_S
        say(["", "Shutting down NTP server..."])
    finally:
        server.close()
        for number, handler in before.items():
            signal.signal(number, handler)
    say(["NTP Server stopped"])


def _now() -> NtpTimestamp:
    return NtpTimestamp.from_unix_ns(time.time_ns())


_PRECISION = max(-32, math.ceil(math.log2(time.get_clock_info("time").resolution)))
"""log2 s. Windows counts in steps of 15.6 ms before Python 3.13."""
