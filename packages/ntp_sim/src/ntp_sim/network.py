"""One direction of a path: how long a datagram takes, whether it arrives, and how often."""

from __future__ import annotations

import random
from dataclasses import dataclass

from ntp_sim.queueing import Queue, constant, exponential

__all__ = ["Link", "Queue", "exponential"]

_no_queue = constant(0.0)


@dataclass(frozen=True, slots=True)
class Link:
    """Attributes are those of one direction.

    Attributes:
        base_s: Delay without queueing, s.
        queue: The rest of the delay.
        loss: Probability that a datagram is lost.
        duplication: Probability that one arrives twice; the copy takes a delay of its own.
        reordering: Probability that one is held back so that later ones overtake it.
        holdup_s: The longest time for which it is, s; all shorter ones are as likely.
    """

    base_s: float
    queue: Queue = _no_queue
    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0
    holdup_s: float = 0.0

    def delay(self, rng: random.Random, now: float) -> float | None:
        """The delay of one datagram, s; None: it is lost. Both are drawn in any case, so that a lost datagram does not shift the others."""
        delay = max(0.0, self.base_s + self.queue(rng, now))
        if self.reordering and rng.random() < self.reordering:
            delay += rng.random() * self.holdup_s
        return None if rng.random() < self.loss else delay

    def arrivals(self, rng: random.Random, now: float) -> tuple[float, ...]:
        """The delay of each copy of one datagram that arrives, s: usually one, none when it is lost."""
        copies = 2 if self.duplication and rng.random() < self.duplication else 1
        delays = (self.delay(rng, now) for _ in range(copies))
        return tuple(delay for delay in delays if delay is not None)
