from __future__ import annotations

import math
import random

import pytest

from ntp_proto.algorithm.clock_filter import ClockFilter
from ntp_proto.algorithm.likelihood import OffsetLikelihood


def gaussian(offset_s: float, error_s: float) -> OffsetLikelihood:
    return OffsetLikelihood(offset_s, 0.0, error_s, 1.0, 0.0)


def test_a_straight_line_is_found() -> None:
    """Offset 3 ms growing by 20 ppm, noise of 1 µs: after 20 samples both are known to what the samples allow."""
    rng = random.Random(1)
    bank = ClockFilter.starting(0.0, 0.003, 0.01, 0.0, 1e-4)
    bank = bank.after_all((16.0 * k, gaussian(0.003 + 20e-6 * 16.0 * k + rng.gauss(0.0, 1e-6), 1e-6)) for k in range(20))
    estimate = bank.estimate()
    assert estimate.at == 304.0
    assert estimate.offset_s == pytest.approx(0.003 + 20e-6 * 304.0, abs=2e-6)
    assert estimate.frequency == pytest.approx(20e-6, abs=2e-8)
    assert abs(estimate.frequency - 20e-6) < 4 * estimate.frequency_error


def test_one_gaussian_update_is_kalmans() -> None:
    bank = ClockFilter.starting(0.0, 0.0, 2.0, 0.5, 1.0).after(1.0, gaussian(3.0, 1.0))
    # Prediction over 1 s without wander: offset 0.5, variances 4 + 1, covariance 1; gain 5/6 and 1/6.
    estimate = bank.estimate()
    assert estimate.offset_s == pytest.approx(0.5 + 2.5 * 5 / 6)
    assert estimate.frequency == pytest.approx(0.5 + 2.5 / 6)
    assert estimate.offset_variance_s2 == pytest.approx(5 - 25 / 6)
    assert estimate.covariance_s == pytest.approx(1 - 5 / 6)
    assert estimate.frequency_variance == pytest.approx(1 - 1 / 6)


def test_prediction_carries_the_offset_and_loses_certainty() -> None:
    estimate = ClockFilter.starting(0.0, 1.0, 0.1, 1e-3, 1e-4).estimate()
    later = estimate.at_time(100.0)
    assert later.offset_s == pytest.approx(1.1)
    assert later.offset_variance_s2 == pytest.approx(0.01 + 1e-8 * 1e4 + estimate.wander * 1e6 / 3)
    earlier = estimate.at_time(-100.0)
    assert earlier.offset_s == pytest.approx(0.9)
    assert earlier.offset_variance_s2 == estimate.offset_variance_s2


@pytest.mark.parametrize("wander", [1e-10, 1e-9, 1e-8, 1e-7])
def test_the_wander_is_found_from_the_samples(wander: float) -> None:
    rng = random.Random(7)
    offset = frequency = 0.0
    bank = ClockFilter.starting(0.0, 0.0, 1e-5, 0.0, 1e-6)
    for k in range(1, 1500):
        for _ in range(16):
            frequency += rng.gauss(0.0, wander)
            offset += frequency
        bank = bank.after(16.0 * k, gaussian(offset + rng.gauss(0.0, 1e-7), 1e-7))
    assert math.log10(math.sqrt(bank.estimate().wander)) == pytest.approx(math.log10(wander), abs=0.5)


def test_a_sample_from_the_past_is_taken_at_the_present() -> None:
    bank = ClockFilter.starting(10.0, 0.0, 1.0, 0.0, 1.0).after(9.0, gaussian(0.5, 0.1))
    assert bank.at == 10.0


def test_variances_stay_positive_over_a_long_run_of_bounds() -> None:
    rng = random.Random(3)
    bank = ClockFilter.starting(0.0, 0.0, 0.01, 0.0, 1e-4)
    for k in range(3000):
        there, back = rng.expovariate(1e3), rng.expovariate(1e3)
        bank = bank.after(64.0 * k, OffsetLikelihood(0.5 * (there - back), 0.5 * (there + back), 1e-6, 6e-3, 0.02))
        for member in bank.members:
            assert member.a > 0.0
            assert member.c > 0.0
            assert member.b * member.b <= member.a * member.c * (1 + 1e-9)
