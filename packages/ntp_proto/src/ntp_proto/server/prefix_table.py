"""A set of address prefixes, made for one question: does it hold this address?

Overlapping prefixes are merged into disjoint intervals of packed addresses in ascending order; the answer is one binary search, the same for
ten prefixes and for ten thousand, and C searches the same octets with `memcmp`.

IPv4 is judged as IPv4: a prefix of IPv6 addresses holds no IPv4 client, though the packed form of those lies among its addresses ("::/0"
means every IPv6 address). Only a prefix inside ::ffff:0:0/96 is about IPv4, and then the same as the IPv4 prefix.
"""

from __future__ import annotations

import ipaddress
from bisect import bisect_right
from collections.abc import Iterable
from typing import TypeAlias

from ntp_proto.server.request import MAPPED_PREFIX

__all__ = ["PrefixTable"]

_Interval: TypeAlias = tuple[int, int]
_MAPPED_FIRST = int.from_bytes(MAPPED_PREFIX + bytes(4), "big")
_MAPPED_LAST = _MAPPED_FIRST + 0xFFFFFFFF


class PrefixTable:
    """An immutable set of prefixes.

    Args:
        prefixes: Addresses or networks ("192.0.2.0/24", "2001:db8::/32", "192.0.2.1"); bits below the mask are ignored.

    Raises:
        ValueError: One of them is no prefix; the text names it.
    """

    __slots__ = ("_firsts", "_lasts")

    def __init__(self, prefixes: Iterable[str] = ()) -> None:
        intervals = _merged(sorted(interval for prefix in prefixes for interval in _intervals(prefix)))
        self._firsts = [first.to_bytes(16, "big") for first, _ in intervals]
        self._lasts = [last.to_bytes(16, "big") for _, last in intervals]

    def __contains__(self, address: bytes) -> bool:
        """Whether a packed address (16 octets, IPv4 in its mapped form) is in one of the prefixes."""
        index = bisect_right(self._firsts, address) - 1
        return index >= 0 and address <= self._lasts[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PrefixTable) and self.to_bytes() == other.to_bytes()

    def __hash__(self) -> int:
        return hash(self.to_bytes())

    def __len__(self) -> int:
        """The number of disjoint intervals."""
        return len(self._firsts)

    def to_bytes(self) -> bytes:
        """The intervals in ascending order, each as its first and its last address: 32 octets."""
        return b"".join(first + last for first, last in zip(self._firsts, self._lasts, strict=True))


def _intervals(prefix: str) -> list[_Interval]:
    """What the prefix covers among the packed addresses.

    Raises:
        ValueError: no prefix.
    """
    try:
        # A zone means an interface of this machine; no packet carries it.
        network = ipaddress.ip_network("" if "%" in prefix else prefix, strict=False)
    except ValueError as error:
        raise ValueError(f"not an address or a prefix such as 192.0.2.0/24 or 2001:db8::/32: {prefix!r}") from error
    first, last = int(network.network_address), int(network.broadcast_address)
    if network.version == 4:
        return [(_MAPPED_FIRST + first, _MAPPED_FIRST + last)]
    if first < _MAPPED_FIRST <= last:
        around = [(first, _MAPPED_FIRST - 1), (_MAPPED_LAST + 1, last)]
        return [(start, end) for start, end in around if start <= end]
    return [(first, last)]


def _merged(ascending: list[_Interval]) -> list[_Interval]:
    merged: list[_Interval] = []
    for first, last in ascending:
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged
