from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_proto.algorithm.queueing import Direction


def density(direction: Direction, excess: float) -> float:
    """The module's model without noise, written down a second time."""
    if excess < 0.0:
        return 0.0
    j, big, weight, _ = direction
    return (1.0 - weight) * math.exp(-excess / j) / j + weight * math.exp(-excess / big) / big


def integrated(direction: Direction, arrival: float, mean: float, variance: float) -> tuple[float, float, float]:
    """Evidence, mean and variance of the posterior of b by brute force."""
    s = math.sqrt(variance)
    xs = [mean + s * (k / 2000.0) for k in range(-16000, 16001)]
    weights = [math.exp(-0.5 * ((x - mean) / s) ** 2) * density(direction, arrival - x) for x in xs]
    total = math.fsum(weights)
    new_mean = math.fsum(w * x for w, x in zip(weights, xs, strict=True)) / total
    new_variance = math.fsum(w * (x - new_mean) ** 2 for w, x in zip(weights, xs, strict=True)) / total
    return total / 2000.0 / math.sqrt(2 * math.pi), new_mean, new_variance


@pytest.mark.parametrize("arrival", [-1.0, 0.0, 0.7, 3.0, 12.0])
@pytest.mark.parametrize("jitter", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("weight", [0.0, 0.02, 0.5])
def test_the_moments_are_those_of_the_posterior(arrival: float, jitter: float, weight: float) -> None:
    direction = Direction(jitter, 20.0 * jitter, weight)
    mean, variance = 0.1, 0.8
    log_z, g, h = direction.evidence(arrival, mean, variance)
    z, new_mean, new_variance = integrated(direction, arrival, mean, variance)
    assert log_z == pytest.approx(math.log(z), abs=2e-3)
    assert mean + variance * g == pytest.approx(new_mean, abs=2e-3)
    assert variance + variance * variance * h == pytest.approx(new_variance, abs=2e-3)


def test_an_arrival_long_after_the_bound_pulls_by_its_jitter() -> None:
    """Far above, the density falls by a factor of e in a jitter: the mean moves by v/j, and nothing is learned of the spread."""
    _, g, h = Direction(1e-3, 20e-3, 0.0).evidence(5e-3, 0.0, 1e-10)
    assert g == pytest.approx(1000.0)
    assert abs(h * 1e-10) < 1e-6


def test_congestion_takes_the_pull_away() -> None:
    _, g, _ = Direction(1e-4, 1e-2, 0.02).evidence(5e-3, 0.0, 1e-10)
    assert g == pytest.approx(100.0, rel=0.01)


def test_an_arrival_before_the_bound_pulls_it_down() -> None:
    """The prior says that b is 10 standard errors above what has arrived: it cannot be."""
    _, g, h = Direction(1e-3, 20e-3, 0.02).evidence(-1e-4, 0.0, 1e-10)
    assert 1e-10 * g == pytest.approx(-1e-4, rel=0.05)
    assert -1.0 <= h * 1e-10 < -0.9


@given(
    arrival=st.floats(-1e3, 1e3),
    jitter=st.floats(1e-7, 1.0),
    scale=st.floats(1.0, 1e3),
    mean=st.floats(-1e3, 1e3),
    deviation=st.floats(1e-7, 1e3),
)
def test_any_numbers_give_a_posterior(arrival: float, jitter: float, scale: float, mean: float, deviation: float) -> None:
    """Nothing overflows, the variance stays between 0 and the prior's (give or take what a mixture adds), and b below the arrival."""
    log_z, g, h = Direction(jitter, scale * jitter, 0.02).evidence(arrival, mean, deviation**2)
    assert math.isfinite(log_z)
    assert math.isfinite(g)
    assert deviation**2 * h >= -1.0 - 1e-9
    assert mean + deviation**2 * g <= max(mean, arrival) + deviation**2 / jitter + 1e-6 * (1.0 + abs(arrival) + abs(mean))


def test_two_sided_noise_is_a_part_of_the_variance() -> None:
    noisy, quiet = Direction(1.0, 20.0, 0.02, noise_s=0.6), Direction(1.0, 20.0, 0.02)
    assert noisy.evidence(0.5, 0.0, 0.25) == pytest.approx(quiet.evidence(0.5, 0.0, 0.25 + 0.36))
