"""Ring two of the fast path: sockets served in C, with the interpreter lock released.

One call serves many batches and comes back when there is something that Python has to see: a datagram that is left to the slow path, the
batches themselves if somebody watches requests, a descriptor that has become readable, or the end of its time. What has come meanwhile waits
in the kernel, stamped. The snapshot is the one that was given, so who has nothing to do waits first and reads the snapshot then:

    while ...:
        wait(sockets, control)
        for handled in fast.serve(snapshots.read(), timeout_s=0.01, wake_fd=control.fileno()):
            if handled.verdict is None:
                ...  # judge handled.incoming.request with the slow path, answer by handled.socket.answer(handled.incoming, data)

Importable only where the extension was compiled; see `fast_path`.
"""

from __future__ import annotations

import math
import os
import socket
import struct
import sys
from collections.abc import Sequence
from typing import NamedTuple

from ntp_proto.errors import UsageError
from ntp_proto.server import Endpoint, Request, ServerPolicy, Snapshot, Tally, Verdict
from ntp_proto.time_types import NtpTimestamp
from ntp_udp._fast_server import ffi, lib
from ntp_udp.addresses import SocketAddress
from ntp_udp.fast_responder import FastResponder, fill_snapshot, halves, verdict_of
from ntp_udp.server_socket import Incoming, ServerSocket

__all__ = ["FastServer", "Handled"]

_HALVES = struct.Struct(">QQ")
_TIMEOUT_MAX_MS = 3_600_000


class Handled(NamedTuple):
    """A datagram that the fast path has taken from a socket.

    Attributes:
        socket: Which one.
        incoming: The datagram, with the way back.
        verdict: What became of it, and was sent already; None: nothing yet, it is the slow path's.
    """

    socket: ServerSocket
    incoming: Incoming
    verdict: Verdict | None


class FastServer:
    """Serves sockets.

    Args:
        policy: Who is served.
        seed: 32 random octets, secret: for the table of clients.
        sockets: What to serve, at most 64; they stay the caller's to close, after the last call.
        counts: Where to count, so that another process can read it at any time: 64-bit words in the order of the rows and fields of `Tally`.
            None: memory of its own.

    Raises:
        ValueError: The seed has another length, or `counts` is too short.
        UsageError: Too many sockets.
    """

    def __init__(self, policy: ServerPolicy, seed: bytes, sockets: Sequence[ServerSocket], counts: memoryview | None = None) -> None:
        if len(sockets) > lib.NTP_LISTENERS_MAX:
            raise UsageError(f"one process serves {lib.NTP_LISTENERS_MAX} sockets at most, got {len(sockets)}")
        self.responder = FastResponder(policy, seed)
        self._sockets = tuple(sockets)
        self._listeners = ffi.new("struct ntp_listener[]", max(1, len(sockets)))
        for place, one in enumerate(sockets):
            listener = self._listeners[place]
            listener.fd = one.fileno()
            listener.local_high, listener.local_low = halves(one.endpoint.address)
            listener.local_port = one.endpoint.port
            listener.is_wildcard = one.is_wildcard
        self._batch = ffi.new("struct ntp_batch *")
        self._tally = ffi.new("struct ntp_tally *") if counts is None else ffi.from_buffer("struct ntp_tally *", counts, require_writable=True)
        self._struct = ffi.new("struct ntp_snapshot *")
        self._snapshot: Snapshot | None = None

    def serve(self, snapshot: Snapshot, *, timeout_s: float = 0.0, wake_fd: int = -1, watch: bool = False) -> list[Handled]:
        """Answer what has come, and what comes.

        Args:
            snapshot: The server's clock.
            timeout_s: How long to go on, which is also how old the snapshot may become meanwhile; 0.0: take what is there.
            wake_fd: Come back when this becomes readable, before anything else is served.
            watch: Hand over every datagram, not only those that are left to the slow path.

        Returns:
            What the slow path has to do, or with `watch` all of one batch, in the order of arrival.

        Raises:
            OSError: A socket is broken.
        """
        if snapshot is not self._snapshot:
            fill_snapshot(self._struct, snapshot)
            self._snapshot = snapshot
        timeout_ms = min(math.ceil(timeout_s * 1000), _TIMEOUT_MAX_MS)
        result = lib.ntp_serve(
            self._listeners, len(self._sockets), wake_fd, timeout_ms, watch, self.responder.struct, self._struct, self._batch, self._tally
        )
        if result < 0:
            raise OSError(-result, os.strerror(-result))
        if not result:
            return []
        outcome = self._batch.outcome
        return [self._handled(place) for place in range(self._batch.count) if watch or outcome[place] == lib.NTP_PUNT]

    def tally(self) -> Tally:
        """What this has counted since it began; what went to the slow path is counted there."""
        tally = self._tally
        return Tally(
            answered=[tally.answered[place] for place in range(lib.NTP_KINDS)],
            dropped=[tally.dropped[place] for place in range(lib.NTP_REASONS)],
            kissed=[tally.kissed[place] for place in range(lib.NTP_REASONS)],
            bytes_in=tally.bytes_in,
            bytes_out=tally.bytes_out,
            send_errors=tally.send_errors,
            processing=tally.processing,
        )

    def _handled(self, place: int) -> Handled:
        batch = self._batch
        one = batch.request[place]
        sender = _sender(bytes(ffi.buffer(batch.sender[place])))
        request = Request(
            data=bytes(ffi.buffer(batch.data[place], one.length)),
            client=Endpoint(_HALVES.pack(one.client_high, one.client_low), one.client_port),
            local=Endpoint(_HALVES.pack(one.local_high, one.local_low), one.local_port),
            received_at=NtpTimestamp(one.received_at),
        )
        incoming = Incoming(request, sender, batch.zone[place])
        return Handled(self._sockets[batch.listener], incoming, verdict_of(batch.outcome[place], batch.reply[place]))


def _sender(raw: bytes) -> SocketAddress:
    """From the kernel's form: struct sockaddr_in or sockaddr_in6."""
    family = int.from_bytes(raw[:2], sys.byteorder)
    port = int.from_bytes(raw[2:4], "big")
    if family == socket.AF_INET:
        return socket.inet_ntoa(raw[4:8]), port
    return socket.inet_ntop(socket.AF_INET6, raw[8:24]), port, int.from_bytes(raw[4:8], "big"), int.from_bytes(raw[24:28], sys.byteorder)
