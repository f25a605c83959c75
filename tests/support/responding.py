"""A server without a socket, and what is asked of it: what the tests of `ntp_proto.server` are written with.

The server is at 192.0.2.1:123 and the client at 198.51.100.7:40000. The snapshot was made at `EPOCH`, the request arrives one second later and
the answer leaves 20 µs after that, unless a test says otherwise.
"""

from __future__ import annotations

from ntp_proto.identifiers import LeapIndicator, ReferenceId
from ntp_proto.packet import Header
from ntp_proto.server import (
    Answer,
    ClientLimits,
    Endpoint,
    Hook,
    NamePolicy,
    PythonClientTable,
    Request,
    Responder,
    ServerPolicy,
    Snapshot,
    Verdict,
    pack_address,
)
from ntp_proto.time_types import NtpDuration, NtpTimestamp

__all__ = ["CLIENT", "EPOCH", "NO_LIMITS", "SEED", "SERVER", "SNAPSHOT", "after", "ask", "endpoint", "header_of", "request_bytes", "server"]

EPOCH = NtpTimestamp(0xEC_00_00_00_00_00_00_00)  # in 2025
SEED = bytes(range(32))
NO_LIMITS = ServerPolicy(clients=ClientLimits(size=64))


def after(seconds: float) -> NtpTimestamp:
    """The kernel's clock so long after the snapshot."""
    return EPOCH + NtpDuration.from_seconds(seconds)


SNAPSHOT = Snapshot(
    leap=LeapIndicator.INSERT,
    stratum=3,
    precision=-24,
    root_delay=NtpDuration.from_seconds(0.0625),
    root_dispersion=NtpDuration.from_seconds(0.03125),
    dispersion_rate=15e-6,
    dispersion_limit=NtpDuration.from_seconds(1.0),
    reference_id=ReferenceId.from_address("203.0.113.5"),
    reference_time=after(-8.0),
    as_of=EPOCH,
)


def endpoint(host: str, port: int) -> Endpoint:
    """One end, from text."""
    return Endpoint(pack_address(host), port)


SERVER = endpoint("192.0.2.1", 123)
CLIENT = endpoint("198.51.100.7", 40000)


def request_bytes(version: int = 4, mode: int = 3, *, origin: int = 0, receive: int = 0, transmit: int = 0x1234_5678_9ABC_DEF0) -> bytes:
    """A request of 48 octets, with fields that no answer may repeat."""
    return Header(version << 3 | mode, 9, 6, -7, 0x111, 0x222, 0x333, 0x444, origin, receive, transmit).to_bytes()


def server(policy: ServerPolicy = NO_LIMITS, *, name_policy: NamePolicy | None = None, hook: Hook | None = None) -> Responder:
    """A responder with a table of its own."""
    return Responder(policy, PythonClientTable(policy.clients, SEED), name_policy=name_policy, hook=hook)


def ask(
    responder: Responder,
    data: bytes | None = None,
    *,
    client: Endpoint = CLIENT,
    local: Endpoint = SERVER,
    snapshot: Snapshot = SNAPSHOT,
    received_at: NtpTimestamp | None = None,
    transmit_at: NtpTimestamp | None = None,
    now: float = 100.0,
) -> Verdict:
    """What becomes of a request."""
    arrival = received_at or after(1.0)
    request = Request(request_bytes() if data is None else data, client, local, arrival)
    return responder.respond(request, transmit_at or arrival + NtpDuration.from_seconds(20e-6), snapshot, now)


def header_of(verdict: Verdict) -> Header:
    """The header of an answer that must be one."""
    assert isinstance(verdict, Answer), verdict
    assert len(verdict.data) == 48
    return Header.parse(verdict.data)
