"""True time, and the events that are to happen in it."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable

from ntp_proto.time_types import NtpTimestamp

__all__ = ["World"]

_EPOCH_NS = 1_800_000_000_000_000_000
"""True time 0 of every simulation, ns since 1970: 15 January 2027."""


class World:
    """A heap of events in the order of true time.

    Args:
        seed: Of all randomness in the world.
    """

    def __init__(self, seed: int) -> None:
        self.now = 0.0
        """True time, s since the start."""
        self._seed = seed
        self._order = itertools.count()
        self._heap: list[tuple[float, int, Callable[[], None]]] = []

    def rng(self, name: str) -> random.Random:
        """A source of randomness of one's own, so that adding a part to the world does not change what the others draw."""
        return random.Random(f"{self._seed}/{name}")  # noqa: S311 — a simulation has to repeat

    def timestamp(self, error_s: float = 0.0) -> NtpTimestamp:
        """True time as a clock shows it that is wrong by `error_s`; > 0: it is ahead."""
        return NtpTimestamp.from_unix_ns(_EPOCH_NS + round((self.now + error_s) * 1e9))

    def at(self, when: float, event: Callable[[], None]) -> None:
        """Let something happen at a true time, s; what lies in the past happens at once."""
        heapq.heappush(self._heap, (max(when, self.now), next(self._order), event))

    def every(self, interval_s: float, event: Callable[[], None]) -> None:
        """Let something happen again and again, for the first time after one interval."""

        def repeat() -> None:
            event()
            self.at(self.now + interval_s, repeat)

        self.at(self.now + interval_s, repeat)

    def run(self, until: float) -> None:
        """Let time pass until `until`, s."""
        while self._heap and self._heap[0][0] <= until:
            self.now, _, event = heapq.heappop(self._heap)
            event()
        self.now = until
