"""Ring two of the fast path: the judgement and the answers of `ntp_proto.server`, made in C.

A `FastResponder` says what `ntp_proto.server.Responder` says, or leaves the datagram to it. What both count, they count in one place: the
slow path beside it is to be given this one's `clients` and `global_bucket`.

Importable only where the extension was compiled; see `fast_path`.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from ntp_proto.server import (
    AccessList,
    Answer,
    AnswerKind,
    ClientLimits,
    ClientRecord,
    Dropped,
    DropReason,
    PrefixTable,
    Rate,
    Refusal,
    Request,
    ServerPolicy,
    Snapshot,
    Verdict,
)
from ntp_proto.server.rate_limit import LONG_AGO_NS, nanoseconds
from ntp_proto.time_types import NtpTimestamp
from ntp_udp._fast_server import ffi, lib

if TYPE_CHECKING:
    from ntp_udp._fast_server import BucketStruct, Bytes, ClientsStruct, PrefixesStruct, ResponderStruct, SnapshotStruct

__all__ = ["FastBucket", "FastClientTable", "FastResponder", "fill_snapshot", "halves", "verdict_of"]

_U64 = (1 << 64) - 1
_NS_PER_S = 1_000_000_000
_SEED = struct.Struct("<4Q")
_HALVES = struct.Struct(">QQ")
_KINDS = tuple(AnswerKind)
_REASONS = tuple(DropReason)
_REFUSALS = tuple(Refusal(reason) for reason in _REASONS)
_DROPPED = tuple(Dropped(refusal) for refusal in _REFUSALS)


class FastResponder:
    """Judges requests and writes answers, without a system call.

    Args:
        policy: Who is served.
        seed: 32 random octets, secret, as for `PythonClientTable`.

    Raises:
        ValueError: The seed has another length.
    """

    def __init__(self, policy: ServerPolicy, seed: bytes) -> None:
        self.policy = policy
        self.struct: ResponderStruct = ffi.new("struct ntp_responder *")
        self._kept = [_fill_list(self.struct.denylist, policy.denylist), _fill_list(self.struct.allowlist, policy.allowlist)]
        self.clients = FastClientTable(policy.clients, seed, ffi.addressof(self.struct, "clients"))
        self.global_bucket = FastBucket(policy.global_limit, ffi.addressof(self.struct, "global_limit")) if policy.global_limit else None
        self._size = max(2, 1 << (policy.interleaved_size - 1).bit_length()) if policy.interleaved_size else 0
        self._places = ffi.new("struct ntp_sent[]", max(1, self._size))
        self.struct.sent.places = self._places
        self.struct.sent.shift = 65 - self._size.bit_length() if self._size else 63
        self.struct.sent.is_on = bool(self._size)
        self.struct.serves_legacy = policy.serves_legacy
        self.struct.serves_unsynchronized = policy.serves_unsynchronized
        for place, reason in enumerate(_REASONS):
            kiss = policy.kiss_for(reason)
            self.struct.kiss[place] = int.from_bytes(kiss.value.encode(), "big") if kiss else 0
        self._request = ffi.new("struct ntp_request *")
        self._snapshot = ffi.new("struct ntp_snapshot *")
        self._reply = ffi.new("uint8_t[]", lib.NTP_REPLY_LENGTH)

    def respond(self, request: Request, transmit_at: NtpTimestamp, snapshot: Snapshot, now: float) -> Verdict | None:
        """Judge a request and write what becomes of it; None: nothing was done, the slow path is to be asked.

        For a datagram that is in hand already; `FastServer` takes them from sockets.
        """
        one = self._request
        data = ffi.from_buffer("uint8_t[]", request.data)
        one.data = data
        one.length = len(request.data)
        one.client_high, one.client_low = halves(request.client.address)
        one.local_high, one.local_low = halves(request.local.address)
        one.client_port, one.local_port = request.client.port, request.local.port
        one.received_at = request.received_at.bits
        fill_snapshot(self._snapshot, snapshot)
        outcome = lib.ntp_respond(self.struct, one, transmit_at.bits, self._snapshot, nanoseconds(now), self._reply)
        return verdict_of(outcome, self._reply)

    def handle_sent(self, data: bytes, departed_at: NtpTimestamp, snapshot: Snapshot) -> None:
        """Take a better transmit timestamp of an answer; see `Responder.handle_sent`. `FastServer` does so by itself."""
        fill_snapshot(self._snapshot, snapshot)
        lib.ntp_handle_sent(self.struct, ffi.from_buffer("uint8_t[]", data), departed_at.bits, self._snapshot)

    def handle_clock_set(self) -> None:
        """The served clock was stepped: forget the timestamps from before."""
        view = ffi.buffer(self._places)
        view[:] = bytes(len(view))


class FastClientTable:
    """The table of clients in C; a `ClientTable`.

    Args:
        limits: What a client may do, and the size.
        seed: 32 random octets, secret.
        clients: Where it lives.

    Raises:
        ValueError: The seed has another length.
    """

    def __init__(self, limits: ClientLimits, seed: bytes, clients: ClientsStruct | None = None) -> None:
        if len(seed) != _SEED.size:
            raise ValueError(f"a seed has {_SEED.size} octets, got {len(seed)}")
        self._struct = clients = ffi.new("struct ntp_clients *") if clients is None else clients
        self._sets = ffi.new("struct ntp_client_set[]", limits.sets)
        clients.sets = self._sets
        clients.set_mask = limits.sets - 1
        clients.hash_key, first, second, clients.leak_state = _SEED.unpack(seed)
        clients.hash_multiplier[0], clients.hash_multiplier[1] = first | 1, second | 1
        clients.ipv4_mask_low = limits.ipv4_mask & _U64
        clients.ipv6_mask_high, clients.ipv6_mask_low = limits.ipv6_mask >> 64, limits.ipv6_mask & _U64
        clients.interval = limits.rate.interval_ns if limits.rate else 0
        clients.tolerance = limits.rate.tolerance_ns if limits.rate else 1 << 61
        clients.gap = nanoseconds(limits.minimum_gap_s)
        clients.idle = nanoseconds(limits.idle_s)
        clients.leak = limits.leak
        lib.ntp_clients_clear(clients)

    def admit(self, client: bytes, now: float) -> bool:
        """See `ClientTable`."""
        return bool(lib.ntp_clients_admit(self._struct, *halves(client), nanoseconds(now)))

    def top(self, count: int, now: float) -> tuple[ClientRecord, ...]:
        """See `ClientTable`."""
        talkers = ffi.new("struct ntp_talker[]", count)
        found = lib.ntp_clients_top(self._struct, nanoseconds(now), talkers, count)
        return tuple(
            ClientRecord(_HALVES.pack(one.high, one.low), one.requests, one.drops, one.quiet_for / _NS_PER_S)
            for one in (talkers[place] for place in range(found))
        )

    def active(self, now: float) -> int:
        """See `ClientTable`."""
        return lib.ntp_clients_active(self._struct, nanoseconds(now))


class FastBucket:
    """The bucket of all clients together in C.

    Args:
        rate: Its limit.
        bucket: Where it lives.
    """

    def __init__(self, rate: Rate, bucket: BucketStruct) -> None:
        self._struct = bucket
        bucket.full_at = LONG_AGO_NS
        bucket.interval = rate.interval_ns
        bucket.tolerance = rate.tolerance_ns

    def take(self, now: float) -> bool:
        """Take a token if there is one."""
        return bool(lib.ntp_bucket_take(self._struct, nanoseconds(now)))


def halves(address: bytes) -> tuple[int, int]:
    """A packed address as C holds it."""
    high, low = _HALVES.unpack(address)
    return high, low


def verdict_of(outcome: int, reply: Bytes) -> Verdict | None:
    """What C says became of a datagram; None: it is left to the slow path."""
    if outcome == lib.NTP_PUNT:
        return None
    if outcome >= lib.NTP_DROPPED:
        return _DROPPED[outcome - lib.NTP_DROPPED]
    data = bytes(ffi.buffer(reply, lib.NTP_REPLY_LENGTH))
    if outcome >= lib.NTP_KISSED:
        return Answer(data, AnswerKind.KISS, _REFUSALS[outcome - lib.NTP_KISSED])
    return Answer(data, _KINDS[outcome])


def fill_snapshot(target: SnapshotStruct, snapshot: Snapshot) -> None:
    """Write a snapshot for C."""
    target.as_of = snapshot.as_of.bits
    target.reference_time = snapshot.reference_time.bits
    target.root_dispersion = snapshot.root_dispersion.value
    target.dispersion_limit = snapshot.dispersion_limit.value
    target.time_offset = snapshot.time_offset.value
    target.dispersion_rate = snapshot.dispersion_rate
    target.time_frequency = snapshot.time_frequency
    target.root_delay = snapshot.root_delay.to_short()
    target.reference_id = snapshot.reference_id.bits
    target.leap = snapshot.leap
    target.stratum = snapshot.stratum
    target.precision = snapshot.precision


def _fill_list(target: PrefixesStruct, access: AccessList | None) -> object:
    """Write a list for C, and return what has to be kept for it."""
    table = access.prefixes if access else PrefixTable()
    words = f"{4 * len(table)}Q"
    intervals = ffi.from_buffer("struct ntp_interval[]", struct.pack("=" + words, *struct.unpack(">" + words, table.to_bytes())))
    target.intervals = intervals
    target.count = len(table)
    target.is_on = access is not None
    return intervals
