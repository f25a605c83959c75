from __future__ import annotations

import random

import pytest

from ntp_proto.algorithm.path import PathModel


def delays(base_s: float, jitter_s: float, count: int, seed: int = 1) -> list[float]:
    rng = random.Random(seed)
    return [base_s + rng.expovariate(1 / jitter_s) + rng.expovariate(1 / jitter_s) for _ in range(count)]


@pytest.mark.parametrize("jitter_s", [10e-6, 1e-3])
@pytest.mark.parametrize("count", [16, 200])
def test_base_and_jitter_of_exponential_queues(jitter_s: float, count: int) -> None:
    """Over 200 paths the base delay is right on average, and its stated error is the real one within a quarter."""
    paths = [PathModel.of(delays(0.02, jitter_s, count, seed)) for seed in range(200)]
    errors = [path.base_delay_s - 0.02 for path in paths]
    stated = (sum(path.base_error_s**2 for path in paths) / 200) ** 0.5
    assert abs(sum(errors) / 200) < 0.3 * stated
    assert (sum(e * e for e in errors) / 200) ** 0.5 == pytest.approx(stated, rel=0.25)
    if count == 200:
        assert sum(path.jitter_s for path in paths) / 200 == pytest.approx(jitter_s, rel=0.25)


def test_one_exchange_is_taken_with_a_margin() -> None:
    path = PathModel.of([0.020])
    assert path.base_delay_s < 0.020
    assert path.base_error_s > 1e-5


def test_a_constant_delay_leaves_the_resolution() -> None:
    path = PathModel.of([0.001] * 50)
    assert path.jitter_s < 2e-6
    assert path.likelihood(0.0, 0.001).edge_s < 1e-6


def test_the_interval_is_half_of_the_excess() -> None:
    path = PathModel(0.020, 1e-5, 1e-3)
    likelihood = path.likelihood(0.1, 0.024)
    assert likelihood.offset_s == 0.1
    assert likelihood.half_width_s == pytest.approx(0.002)
    assert likelihood.edge_s == pytest.approx(5e-6, rel=0.01)


def test_congestion_says_next_to_nothing() -> None:
    """Far above the usual queueing, mostly one way: the edges are blurred beyond the interval's own width."""
    likelihood = PathModel(0.020, 1e-5, 1e-4).likelihood(0.0, 0.030)
    assert likelihood.edge_s > 10 * likelihood.half_width_s


def test_a_delay_below_the_base_is_no_excess() -> None:
    assert PathModel(0.020, 1e-5, 1e-4).likelihood(0.0, 0.0199).half_width_s == 0.0
