"""What the daemon and a worker say to each other: one packet of a socket pair (SOCK_SEQPACKET) for each message, the first byte its kind.

The set-up is too long for a packet and travels in a nameless file, pickled: it goes from the daemon to a process that runs the daemon's own code.
Nothing that comes *from* a worker is ever unpickled: a worker reads what strangers send, so the daemon takes numbers of fixed length from it
and nothing else.
"""

from __future__ import annotations

import math
import os
import pickle
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from ntp_daemon.privileges import Surrender
from ntp_daemon.serving.request_events import RequestEvent
from ntp_daemon.serving.settings import ServerSettings
from ntp_proto.datagram import Address
from ntp_proto.errors import ParseError
from ntp_proto.server import AnswerKind, ClientRecord, DropReason, address_text, pack_address
from ntp_proto.time_types import NtpTimestamp

__all__ = [
    "MESSAGE_MAXIMUM",
    "ClientReport",
    "Order",
    "Report",
    "WorkerSetup",
    "load_setup",
    "pack_clients",
    "pack_event",
    "save_setup",
    "unpack_clients",
    "unpack_events",
]

MESSAGE_MAXIMUM = 16384
"""Bytes of the longest message."""

_EVENT = struct.Struct("=Q16sHHBBhH")
_CLIENT = struct.Struct("=16sIId")
_ACTIVE = struct.Struct("=Q")
_NO_STRATUM = -1
_OUTCOMES = (
    *(kind.value for kind in AnswerKind if kind is not AnswerKind.KISS),
    *(f"kiss: {reason.value}" for reason in DropReason),
    *(reason.value for reason in DropReason),
)
_PLACE_OF_OUTCOME = {outcome: place for place, outcome in enumerate(_OUTCOMES)}


class Order(Enum):
    """From the daemon."""

    LOOK = b"L"
    """There is a new snapshot, or a sign of life is wanted."""
    EVENTS_ON = b"E"
    EVENTS_OFF = b"e"
    CLIENTS = b"C"
    """Say who is busiest."""
    STOP = b"S"
    """Answer what the kernel has queued, and end."""


class Report(Enum):
    """From a worker."""

    READY = b"r"
    FAILED = b"f"
    """It cannot begin; a text follows."""
    EVENTS = b"e"
    CLIENTS = b"c"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSetup:
    """All that a worker is told at its start. The numbers are descriptors that it inherits.

    Attributes:
        settings: Whom it serves, with its own part of the limit of all clients.
        sockets: Where.
        control: The socket pair's end.
        snapshot: The region with the clock.
        counters: The region for its counts.
        surrender: Who it becomes, and where. Whoever it is, it keeps no capability.
    """

    settings: ServerSettings
    sockets: tuple[int, ...]
    control: int
    snapshot: int
    counters: int
    surrender: Surrender


@dataclass(frozen=True, slots=True)
class ClientReport:
    """The clients that a worker remembers.

    Attributes:
        active: How many.
        busiest: Some of them, the busiest first.
    """

    active: int
    busiest: tuple[ClientRecord, ...]


def save_setup(setup: WorkerSetup) -> int:
    """Write it into a nameless file; returns the descriptor, the caller's to close."""
    fd = os.memfd_create("ntp-setup", os.MFD_CLOEXEC)
    with open(os.dup(fd), "wb") as file:  # noqa: PTH123 -- a descriptor, not a path
        pickle.dump(setup, file)
    return fd


def load_setup(fd: int) -> WorkerSetup:
    """Read it; closes the descriptor."""
    with open(fd, "rb") as file:
        file.seek(0)
        setup = pickle.load(file)  # noqa: S301 -- the parent's, which has chosen this program too
    assert isinstance(setup, WorkerSetup)
    return setup


def pack_event(event: RequestEvent) -> bytes:
    """One event; several make a message."""
    stratum = _NO_STRATUM if event.stratum is None else event.stratum
    address, port = pack_address(event.client.host), event.client.port
    outcome = _PLACE_OF_OUTCOME[event.outcome]
    return _EVENT.pack(event.at.bits, address, port, min(event.length, 0xFFFF), event.version, event.mode, stratum, outcome)


def unpack_events(body: bytes) -> list[RequestEvent]:
    """The events of a message.

    Raises:
        ParseError: No worker of ours says such a thing.
    """
    if len(body) % _EVENT.size:
        raise ParseError(f"events of {_EVENT.size} bytes, got {len(body)}")
    try:
        return [_event(fields) for fields in _EVENT.iter_unpack(body)]
    except IndexError as error:
        raise ParseError("an event with an unknown outcome") from error


def _event(fields: tuple[int, bytes, int, int, int, int, int, int]) -> RequestEvent:
    at, address, port, length, version, mode, stratum, outcome = fields
    client = Address(address_text(address), port)
    return RequestEvent(NtpTimestamp(at), client, length, version, mode, None if stratum == _NO_STRATUM else stratum, _OUTCOMES[outcome])


def pack_clients(report: ClientReport) -> bytes:
    """The body of a message, cut off where it would be too long."""
    most = (MESSAGE_MAXIMUM - 1 - _ACTIVE.size) // _CLIENT.size
    records = (_CLIENT.pack(one.address, one.requests, one.drops, one.idle_s) for one in report.busiest[:most])
    return _ACTIVE.pack(report.active) + b"".join(records)


def unpack_clients(body: bytes) -> ClientReport:
    """The opposite.

    Raises:
        ParseError: No worker of ours says such a thing.
    """
    records = body[_ACTIVE.size :]
    if len(body) < _ACTIVE.size or len(records) % _CLIENT.size:
        raise ParseError(f"clients of {_CLIENT.size} bytes, got {len(records)}")
    return ClientReport(_ACTIVE.unpack_from(body)[0], _records(records))


def _records(body: bytes) -> tuple[ClientRecord, ...]:
    fields: Iterable[tuple[bytes, int, int, float]] = _CLIENT.iter_unpack(body)
    records = tuple(ClientRecord(address, requests, drops, idle_s) for address, requests, drops, idle_s in fields)
    if not all(0.0 <= record.idle_s < math.inf for record in records):  # nor a NaN, which no document can hold
        raise ParseError("a client that was idle for no length of time")
    return records
