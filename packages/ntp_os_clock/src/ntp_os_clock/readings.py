"""What can be read of the machine's clocks, in whole nanoseconds, and how two of them are compared."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

__all__ = ["Difference", "MachineReadings", "Readings", "difference"]

_ATTEMPTS = 5


class Readings(Protocol):
    """The three clocks of a Linux machine, ns."""

    def realtime(self) -> int:
        """The system clock, since 1970: steered and stepped."""
        ...

    def monotonic(self) -> int:
        """Runs as the system clock does, frequency corrections included, but is never stepped."""
        ...

    def raw(self) -> int:
        """The bare oscillator: nobody steers it."""
        ...


class MachineReadings:
    """The clocks of this machine."""

    __slots__ = ()

    def realtime(self) -> int:
        """CLOCK_REALTIME."""
        return time.clock_gettime_ns(time.CLOCK_REALTIME)

    def monotonic(self) -> int:
        """CLOCK_MONOTONIC."""
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC)

    def raw(self) -> int:
        """CLOCK_MONOTONIC_RAW."""
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)


class Difference(NamedTuple):
    """How far one clock is ahead of another.

    Attributes:
        ahead_ns: First clock minus second clock, ns.
        at_ns: The second clock at that instant, ns.
        uncertainty_ns: The instants of the two readings are at most this far apart, ns.
    """

    ahead_ns: int
    at_ns: int
    uncertainty_ns: int


def difference(first: Callable[[], int], second: Callable[[], int]) -> Difference:
    """Compare two clocks: `first` is read between two readings of `second`, and the tightest of several attempts counts."""
    best: Difference | None = None
    before = second()
    for _ in range(_ATTEMPTS):
        reading = first()
        after = second()
        if best is None or after - before < 2 * best.uncertainty_ns:
            middle = (before + after) // 2
            best = Difference(reading - middle, middle, (after - before + 1) // 2)
        before = after
    assert best is not None
    return best
