"""Token buckets, kept as one instant each.

A bucket that holds `burst` tokens and gains `rate` tokens a second need not be filled by anybody: it is told by the instant at which it will be
full again. A request is within the limit when that lies no more than `burst` - 1 tokens' worth ahead, and moves it on by one token's. This is the
same as counting tokens, in whole nanoseconds, so that Python and C agree to the last one.

Source: the "virtual scheduling" form of the generic cell rate algorithm, ITU-T I.371 Annex A.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

__all__ = ["LONG_AGO_NS", "Bucket", "Rate", "TokenBucket", "nanoseconds"]

LONG_AGO_NS = -(1 << 62)
"""Before every instant that can occur."""

_NS_PER_S = 1_000_000_000


def nanoseconds(seconds: float) -> int:
    """Seconds as whole nanoseconds, cut off: for monotonic instants and lengths of time, the same double arithmetic as in C."""
    return int(seconds * _NS_PER_S)


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something may be done.

    Attributes:
        per_s: Lasting rate, 1/s, above 0 and at most 1e9.
        burst: How many at once after a pause, 1 to 1e6.

    Raises:
        ValueError: One of them is out of its range.
    """

    per_s: float
    burst: int

    def __post_init__(self) -> None:
        if not 1e-6 <= self.per_s <= 1e9:
            raise ValueError(f"a rate is 0.000001 to 1e9 per second, got {self.per_s}")
        if not 1 <= self.burst <= 1_000_000:
            raise ValueError(f"a burst is 1 to 1000000, got {self.burst}")

    @property
    def interval_ns(self) -> int:
        """From one token to the next."""
        return round(_NS_PER_S / self.per_s)

    @property
    def tolerance_ns(self) -> int:
        """How far ahead of now a bucket may be full again and still give a token."""
        return min((self.burst - 1) * self.interval_ns, 1 << 61)


class TokenBucket(Protocol):
    """The limit of all clients together; here in Python, in the fast path in C."""

    def take(self, now: float) -> bool:
        """Take a token if there is one.

        Args:
            now: Monotonic, s.
        """
        ...


class Bucket:
    """One token bucket, full at the start: the limit of all clients together."""

    __slots__ = ("_full_at_ns", "_interval_ns", "_tolerance_ns")

    def __init__(self, rate: Rate) -> None:
        self._interval_ns = rate.interval_ns
        self._tolerance_ns = rate.tolerance_ns
        self._full_at_ns = LONG_AGO_NS

    def take(self, now: float) -> bool:
        """Take a token if there is one.

        Args:
            now: Monotonic, s.
        """
        now_ns = nanoseconds(now)
        if self._full_at_ns > now_ns + self._tolerance_ns:
            return False
        self._full_at_ns = max(self._full_at_ns, now_ns) + self._interval_ns
        return True
