"""Time that a datagram spends in queues: distributions, and what switches them on and off.

A `Queue` draws the queueing of one datagram, s. All but `two_sided` are one-sided: they never take less than nothing. `together` adds any number
of them up.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable

__all__ = ["Queue", "bursts", "congestion", "constant", "exponential", "lognormal", "pareto", "spikes", "together", "two_sided"]

Queue = Callable[[random.Random, float], float]
"""The time in queues, s, from randomness and true time."""


def constant(delay_s: float) -> Queue:
    """The same for each datagram, s."""
    return lambda rng, now: delay_s  # noqa: ARG005 — the signature is `Queue`


def exponential(scale_s: float) -> Queue:
    """Queueing with an exponential distribution of this mean, s."""
    return lambda rng, now: rng.expovariate(1.0) * scale_s  # noqa: ARG005 — the same at all times


def pareto(scale_s: float, shape: float) -> Queue:
    """A heavy tail: longer than t with probability (1 + t / scale)^-shape (Lomax). Its mean is scale / (shape - 1), infinite for shape <= 1."""
    return lambda rng, now: scale_s * ((1.0 - rng.random()) ** (-1.0 / shape) - 1.0)  # noqa: ARG005 — the same at all times


def lognormal(median_s: float, sigma: float) -> Queue:
    """A heavy tail whose logarithm is normal with standard deviation `sigma`."""
    return lambda rng, now: median_s * math.exp(sigma * rng.gauss(0.0, 1.0))  # noqa: ARG005 — the same at all times


def two_sided(sigma_s: float) -> Queue:
    """Normal noise around the base delay, s: what stamps far from the wire do. A delay below zero becomes zero."""
    return lambda rng, now: rng.gauss(0.0, sigma_s)  # noqa: ARG005 — the same at all times


def spikes(probability: float, queue: Queue) -> Queue:
    """Queueing that meets only this part of the datagrams, each by itself."""
    return lambda rng, now: queue(rng, now) if rng.random() < probability else 0.0


def congestion(queue: Queue, period_s: float, length_s: float, start_s: float = 0.0) -> Queue:
    """Queueing during `length_s` of each `period_s`, the first time from `start_s` on."""
    return lambda rng, now: queue(rng, now) if now >= start_s and (now - start_s) % period_s < length_s else 0.0


def bursts(queue: Queue, spacing_s: float, length_s: float) -> Queue:
    """Queueing in episodes that come at random: each lasts `length_s` on average and `spacing_s` lie between two, both exponential.

    The episodes are those of one direction: the function that is returned must not be shared between two.
    """
    changes_at, is_busy = 0.0, True  # the first draw ends an episode of no length

    def draw(rng: random.Random, now: float) -> float:
        nonlocal changes_at, is_busy
        while changes_at <= now:
            is_busy = not is_busy
            changes_at += rng.expovariate(1.0) * (length_s if is_busy else spacing_s)
        return queue(rng, now) if is_busy else 0.0

    return draw


def together(queues: list[Queue]) -> Queue:
    """The sum of several queues, one after the other on the way."""
    return lambda rng, now: math.fsum(queue(rng, now) for queue in queues)
