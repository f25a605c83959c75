"""What is remembered of each client: how often it has asked, and whether it may ask again.

One table serves the rate limit, the counts behind the list of the busiest clients, and its own bound: it is made once in its full size, and a
new client takes the place of the one that has been quiet for the longest among the eight that share a set. Which set an address belongs to
depends on secret random numbers, so that nobody can choose addresses that push a victim out of the table, except by filling all of it.

The limit leaks. A client over its limit is still answered now and then, at random: whoever sends requests under a stranger's address can use up
the stranger's allowance, and would otherwise silence the server for him. With a leak of 2 a quarter of his requests still gets an answer, and
he needs no more. What has leaked does not count against the allowance.

The C table has the same sets, the same hash and the same random numbers: for the same seed and the same requests it says the same.
"""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass
from typing import Protocol

from ntp_proto.server.rate_limit import LONG_AGO_NS, Rate, nanoseconds
from ntp_proto.server.request import MAPPED_PREFIX

__all__ = ["WAYS", "ClientLimits", "ClientRecord", "ClientTable", "PythonClientTable"]

WAYS = 8
"""Clients in a set."""
_U64 = (1 << 64) - 1
_U32 = (1 << 32) - 1
_NS_PER_S = 1_000_000_000
_SEED = struct.Struct("<4Q")
_NOBODY = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientLimits:
    """How often one client may ask, who counts as one client, and how many of them are remembered.

    Attributes:
        rate: The token bucket of each client; None: no bucket.
        minimum_gap_s: The shortest time between two answers to a client, s; 0: none.
        leak: A client over its limit is answered with probability 2^-leak, 1 to 32; 0: never.
        ipv4_prefix: Bits of an IPv4 address that make one client, 8 to 32.
        ipv6_prefix: Bits of an IPv6 address that make one client, 16 to 128. A site has 2^64 addresses to itself.
        size: Clients remembered, at least; rounded up to a power of two times `WAYS`.
        idle_s: After this time without a request a client counts as new, s.

    Raises:
        ValueError: One of them is out of its range.
    """

    rate: Rate | None = None
    minimum_gap_s: float = 0.0
    leak: int = 2
    ipv4_prefix: int = 32
    ipv6_prefix: int = 64
    size: int = 16384
    idle_s: float = 600.0

    def __post_init__(self) -> None:
        for name, minimum, maximum in (
            ("minimum_gap_s", 0.0, 1e6),
            ("leak", 0, 32),
            ("ipv4_prefix", 8, 32),
            ("ipv6_prefix", 16, 128),
            ("size", 1, 1 << 24),
            ("idle_s", 1.0, 1e6),
        ):
            value: float = getattr(self, name)
            if not minimum <= value <= maximum:
                raise ValueError(f"{name} is {minimum} to {maximum}, got {value}")

    @property
    def sets(self) -> int:
        """How many sets of `WAYS` clients the table has: a power of two."""
        return 1 << (-(-self.size // WAYS) - 1).bit_length()

    @property
    def ipv4_mask(self) -> int:
        """The mask of a packed IPv4 address, 128 bits."""
        return (1 << 128) - (1 << (32 - self.ipv4_prefix))

    @property
    def ipv6_mask(self) -> int:
        """The mask of an IPv6 address, 128 bits."""
        return (1 << 128) - (1 << (128 - self.ipv6_prefix))


@dataclass(frozen=True, slots=True)
class ClientRecord:
    """What is remembered of one client.

    Attributes:
        address: Its packed address, zeros where `ClientLimits` cuts it off.
        requests: Since it was last new: those that reached the limit, denied ones not.
        drops: Of these, the ones that were over the limit and not answered with the time.
        idle_s: Since the last of them, s.
    """

    address: bytes
    requests: int
    drops: int
    idle_s: float


class ClientTable(Protocol):
    """What a server remembers of its clients, bounded; here in Python, in the fast path in C."""

    def admit(self, client: bytes, now: float) -> bool:
        """Count a request, and say whether it is within its client's limit (or leaks through it).

        Args:
            client: Packed address, 16 octets.
            now: Monotonic, s; never before that of an earlier call.
        """
        ...

    def top(self, count: int, now: float) -> tuple[ClientRecord, ...]:
        """The busiest clients that are not idle: by requests, then by address."""
        ...

    def active(self, now: float) -> int:
        """How many clients of the table are not idle."""
        ...


class PythonClientTable:
    """The table in Python: the semantics, and what is used where there is no C.

    Args:
        limits: What a client may do, and the size.
        seed: 32 random octets, secret: three numbers for the hash and one for the leak.

    Raises:
        ValueError: The seed has another length.
    """

    def __init__(self, limits: ClientLimits, seed: bytes) -> None:
        if len(seed) != _SEED.size:
            raise ValueError(f"a seed has {_SEED.size} octets, got {len(seed)}")
        numbers: tuple[int, int, int, int] = _SEED.unpack(seed)
        self._key_high, first, second, self._leak_state = numbers
        self._multipliers = first | 1, second | 1
        self._set_mask = limits.sets - 1
        self._ipv4_mask, self._ipv6_mask = limits.ipv4_mask, limits.ipv6_mask
        self._interval_ns = limits.rate.interval_ns if limits.rate else 0
        self._tolerance_ns = limits.rate.tolerance_ns if limits.rate else 1 << 61
        self._gap_ns = nanoseconds(limits.minimum_gap_s)
        self._idle_ns = nanoseconds(limits.idle_s)
        self._leak = limits.leak
        # Columns: 36 octets for a client beside its key, where an object would take 200.
        size = limits.sets * WAYS
        self._keys = [_NOBODY] * size
        self._slots: dict[int, int] = {}
        self._full_at = array("q", [LONG_AGO_NS]) * size
        self._answered_at = array("q", [LONG_AGO_NS]) * size
        self._seen_at = array("q", [LONG_AGO_NS]) * size
        self._requests = array("I", [0]) * size
        self._drops = array("I", [0]) * size

    def admit(self, client: bytes, now: float) -> bool:
        """See `ClientTable`."""
        now_ns = nanoseconds(now)
        key = int.from_bytes(client, "big") & (self._ipv4_mask if client.startswith(MAPPED_PREFIX) else self._ipv6_mask)
        slot = self._slots.get(key)
        if slot is None:
            slot = self._make_room(key)
        elif now_ns - self._seen_at[slot] > self._idle_ns:
            self._requests[slot] = self._drops[slot] = 0
        self._seen_at[slot] = now_ns
        if self._requests[slot] < _U32:
            self._requests[slot] += 1
        if self._take(slot, now_ns) or self._leaks():
            return True
        if self._drops[slot] < _U32:
            self._drops[slot] += 1
        return False

    def top(self, count: int, now: float) -> tuple[ClientRecord, ...]:
        """See `ClientTable`."""
        now_ns = nanoseconds(now)
        busiest = sorted(self._active(now_ns), key=lambda slot: (-self._requests[slot], self._keys[slot]))[:count]
        return tuple(
            ClientRecord(
                self._keys[slot].to_bytes(16, "big"),
                self._requests[slot],
                self._drops[slot],
                (now_ns - self._seen_at[slot]) / _NS_PER_S,
            )
            for slot in busiest
        )

    def active(self, now: float) -> int:
        """See `ClientTable`."""
        return len(self._active(nanoseconds(now)))

    def _active(self, now_ns: int) -> list[int]:
        return [slot for slot in self._slots.values() if now_ns - self._seen_at[slot] <= self._idle_ns]

    def _take(self, slot: int, now_ns: int) -> bool:
        """Take a token and start a gap, if both allow it."""
        full_at_ns = self._full_at[slot]
        if full_at_ns > now_ns + self._tolerance_ns or (self._gap_ns and now_ns - self._answered_at[slot] < self._gap_ns):
            return False
        self._full_at[slot] = max(full_at_ns, now_ns) + self._interval_ns
        self._answered_at[slot] = now_ns
        return True

    def _leaks(self) -> bool:
        """Draw a number, and say whether this request gets through.

        Source: SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
        """
        if not self._leak:
            return False
        self._leak_state = (self._leak_state + 0x9E3779B97F4A7C15) & _U64
        mixed = self._leak_state
        mixed = ((mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9) & _U64
        mixed = ((mixed ^ mixed >> 27) * 0x94D049BB133111EB) & _U64
        return (mixed ^ mixed >> 31) >> (64 - self._leak) == 0

    def _set_of(self, key: int) -> int:
        """The number of the key's set: two rounds of keyed multiplication, each folding the well-mixed upper half onto the lower."""
        first, second = self._multipliers
        mixed = (((key >> 64) ^ self._key_high) * first) & _U64
        mixed ^= mixed >> 32
        mixed = ((mixed ^ key & _U64) * second) & _U64
        return (mixed ^ mixed >> 32) & self._set_mask

    def _make_room(self, key: int) -> int:
        """Give a new client the place in its set that has been quiet for the longest; an empty one has been for ever."""
        start = self._set_of(key) * WAYS
        slot = min(range(start, start + WAYS), key=self._seen_at.__getitem__)
        if self._keys[slot] != _NOBODY:
            del self._slots[self._keys[slot]]
        self._keys[slot] = key
        self._slots[key] = slot
        self._full_at[slot] = self._answered_at[slot] = LONG_AGO_NS
        self._requests[slot] = self._drops[slot] = 0
        return slot
