"""One direction of a path: how long a datagram takes, and whether it arrives."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Link", "Queue", "exponential"]

Queue = Callable[[random.Random, float], float]
"""The time in queues, s, from randomness and true time."""


def exponential(scale_s: float) -> Queue:
    """Queueing with an exponential distribution of this mean, s."""
    return lambda rng, now: rng.expovariate(1.0) * scale_s  # noqa: ARG005 — the same at all times


def _no_queue(rng: random.Random, now: float) -> float:  # noqa: ARG001 — the signature is `Queue`
    return 0.0


@dataclass(frozen=True, slots=True)
class Link:
    """Attributes are those of one direction.

    Attributes:
        base_s: Delay without queueing, s.
        queue: The rest of the delay.
        loss: Probability that a datagram is lost.
    """

    base_s: float
    queue: Queue = _no_queue
    loss: float = 0.0

    def delay(self, rng: random.Random, now: float) -> float | None:
        """The delay of one datagram, s; None: it is lost. Both are drawn in any case, so that a lost datagram does not shift the others."""
        delay = self.base_s + self.queue(rng, now)
        return None if rng.random() < self.loss else delay
