from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_proto.algorithm.likelihood import OffsetLikelihood


def density(likelihood: OffsetLikelihood, x: float) -> float:
    """The module's definition, written down a second time."""
    y = x - likelihood.offset_s
    w, edge = likelihood.half_width_s, likelihood.edge_s
    box = (math.erf((y + w) / edge / math.sqrt(2)) - math.erf((y - w) / edge / math.sqrt(2))) / (4 * w)
    bell = math.exp(-0.5 * (y / likelihood.outlier_s) ** 2) / (likelihood.outlier_s * math.sqrt(2 * math.pi))
    return (1 - likelihood.outlier_weight) * box + likelihood.outlier_weight * bell


def integrated(likelihood: OffsetLikelihood, mean: float, variance: float) -> tuple[float, float, float]:
    """Evidence, mean and variance of the posterior by brute force."""
    s = math.sqrt(variance)
    xs = [mean + s * (k / 500.0) for k in range(-5000, 5001)]
    weights = [math.exp(-0.5 * ((x - mean) / s) ** 2) * density(likelihood, x) for x in xs]
    total = math.fsum(weights)
    new_mean = math.fsum(w * x for w, x in zip(weights, xs, strict=True)) / total
    new_variance = math.fsum(w * (x - new_mean) ** 2 for w, x in zip(weights, xs, strict=True)) / total
    return total / 500.0 / math.sqrt(2 * math.pi), new_mean, new_variance


@pytest.mark.parametrize("offset", [0.0, 0.3, 1.0, 1.8, -2.5])
@pytest.mark.parametrize(("half_width", "edge"), [(1.0, 0.1), (1.0, 1.0), (3.0, 0.2), (0.5, 0.5)])
@pytest.mark.parametrize("weight", [0.0, 0.02, 0.5])
def test_the_moments_are_those_of_the_posterior(offset: float, half_width: float, edge: float, weight: float) -> None:
    likelihood = OffsetLikelihood(offset, half_width, edge, 6.0, weight)
    mean, variance = 0.1, 0.8
    log_z, g, h = likelihood.evidence(mean, variance)
    z, new_mean, new_variance = integrated(likelihood, mean, variance)
    assert log_z == pytest.approx(math.log(z), abs=1e-4)
    assert mean + variance * g == pytest.approx(new_mean, abs=1e-4)
    assert variance + variance * variance * h == pytest.approx(new_variance, abs=1e-4)


def test_a_narrow_box_is_kalmans_gaussian() -> None:
    likelihood = OffsetLikelihood(1.0, 1e-6, 0.5, 10.0, 0.0)
    log_z, g, h = likelihood.evidence(0.0, 2.0)
    s2 = 2.25
    assert g == pytest.approx(1.0 / s2)
    assert h == pytest.approx(-1.0 / s2)
    assert log_z == pytest.approx(-0.5 * (math.log(2 * math.pi * s2) + 1.0 / s2))


def test_inside_a_wide_box_nothing_is_learned() -> None:
    """The prior fits into the interval that the delay allows, wherever its middle is."""
    _, g, h = OffsetLikelihood(0.005, 0.010, 1e-5, 0.010, 0.0).evidence(0.0, 1e-10)
    assert abs(g * 1e-10) < 1e-9
    assert abs(h * 1e-10) < 1e-4


def test_an_impossible_sample_is_an_outlier_and_moves_little() -> None:
    """Ten thousand standard errors outside of the bound: the broad component takes over, and the pull stays bounded."""
    prior_s2 = 1e-10
    _, g, h = OffsetLikelihood(0.1, 1e-5, 1e-6, 1e-3, 0.02).evidence(0.0, prior_s2)
    assert 0.0 < prior_s2 * g < 1.1 * prior_s2 * 0.1 / 1e-6
    assert math.isfinite(h)


@given(
    offset=st.floats(-1e3, 1e3),
    half_width=st.floats(0.0, 10.0),
    edge=st.floats(1e-9, 1.0),
    outlier=st.floats(1e-6, 10.0),
    mean=st.floats(-1e3, 1e3),
    deviation=st.floats(1e-9, 1e3),
)
def test_any_numbers_give_a_posterior(offset: float, half_width: float, edge: float, outlier: float, mean: float, deviation: float) -> None:
    """Nothing overflows, and the posterior's mean lies between prior and sample, give or take the interval."""
    a = deviation * deviation
    log_z, g, h = OffsetLikelihood(offset, half_width, edge, outlier, 0.02).evidence(mean, a)
    assert math.isfinite(log_z)
    assert math.isfinite(h)
    moved = a * g
    slack = 1e-6 * (abs(offset - mean) + half_width + edge + deviation)
    low, high = sorted((0.0, offset - mean))
    assert low - half_width - slack <= moved <= high + half_width + slack
