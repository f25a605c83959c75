from __future__ import annotations

import itertools
import math
import random
import statistics

import pytest

from ntp_sim.network import Link
from ntp_sim.queueing import Queue, bursts, congestion, constant, exponential, lognormal, pareto, spikes, together, two_sided


def draws(queue: Queue, count: int = 20_000, now: float = 0.0) -> list[float]:
    rng = random.Random(1)
    return [queue(rng, now) for _ in range(count)]


def longer_than(delays: list[float], limit: float) -> float:
    return sum(delay > limit for delay in delays) / len(delays)


def test_exponential() -> None:
    delays = draws(exponential(2e-3))
    assert statistics.fmean(delays) == pytest.approx(2e-3, rel=0.03)
    assert longer_than(delays, 6e-3) == pytest.approx(math.exp(-3.0), rel=0.08)


@pytest.mark.parametrize("shape", [1.5, 3.0])
def test_pareto_has_the_tail_that_its_formula_says(shape: float) -> None:
    delays = draws(pareto(1e-3, shape))
    assert min(delays) >= 0.0
    for limit in (1e-3, 9e-3):
        assert longer_than(delays, limit) == pytest.approx((1.0 + limit / 1e-3) ** -shape, rel=0.25)


def test_lognormal_has_its_median_and_spread() -> None:
    logarithms = [math.log(delay) for delay in draws(lognormal(1e-3, 0.8))]
    assert math.exp(statistics.median(logarithms)) == pytest.approx(1e-3, rel=0.03)
    assert statistics.stdev(logarithms) == pytest.approx(0.8, rel=0.03)


def test_two_sided_noise_takes_as_often_as_it_gives() -> None:
    delays = draws(two_sided(1e-4))
    assert statistics.fmean(delays) == pytest.approx(0.0, abs=3e-6)
    assert statistics.stdev(delays) == pytest.approx(1e-4, rel=0.03)


def test_a_delay_is_never_below_zero() -> None:
    delays = [Link(1e-5, two_sided(1e-4)).delay(random.Random(seed), 0.0) for seed in range(100)]
    assert min(delay for delay in delays if delay is not None) == 0.0


def test_spikes_meet_their_part() -> None:
    assert longer_than(draws(spikes(0.05, constant(1.0))), 0.5) == pytest.approx(0.05, rel=0.1)


def test_congestion_comes_and_goes_with_the_time() -> None:
    queue = congestion(constant(1.0), period_s=100.0, length_s=20.0, start_s=50.0)
    rng = random.Random(1)
    assert [queue(rng, now) for now in (0.0, 49.0, 50.0, 69.0, 71.0, 149.0, 155.0)] == [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0]


def test_bursts_last_and_are_apart_as_long_as_they_should() -> None:
    queue, rng = bursts(constant(1.0), spacing_s=300.0, length_s=100.0), random.Random(1)
    busy = [queue(rng, float(now)) > 0.0 for now in range(400_000)]
    begins = sum(after and not before for before, after in itertools.pairwise(busy))
    assert sum(busy) / len(busy) == pytest.approx(0.25, rel=0.1)
    assert len(busy) / begins == pytest.approx(400.0, rel=0.1)
    assert not busy[0]


def test_queues_add_up() -> None:
    assert draws(together([constant(1.0), constant(0.25)]), 1) == [1.25]
    assert draws(together([]), 1) == [0.0]


def test_duplication_and_loss_of_datagrams() -> None:
    rng = random.Random(1)
    counts = [len(Link(0.01, duplication=0.2, loss=0.1).arrivals(rng, 0.0)) for _ in range(20_000)]
    assert statistics.fmean(counts) == pytest.approx(1.2 * 0.9, rel=0.02)
    assert counts.count(2) / len(counts) == pytest.approx(0.2 * 0.81, rel=0.08)


def test_copies_take_a_delay_of_their_own() -> None:
    first, second = Link(0.01, exponential(1e-3), duplication=1.0).arrivals(random.Random(1), 0.0)
    assert first != second


def test_reordering_holds_datagrams_back() -> None:
    delays = [Link(0.01, reordering=0.25, holdup_s=2.0).delay(random.Random(seed), 0.0) or 0.0 for seed in range(2000)]
    held = [delay for delay in delays if delay > 0.01]
    assert len(held) / len(delays) == pytest.approx(0.25, rel=0.15)
    assert statistics.fmean(held) == pytest.approx(1.01, rel=0.1)
    assert max(held) <= 2.01
