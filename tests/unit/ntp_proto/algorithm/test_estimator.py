from __future__ import annotations

import math
import random

import pytest

from ntp_proto.algorithm.estimate import FrequencyPrior
from ntp_proto.algorithm.estimator import SourceEstimator
from ntp_proto.algorithm.path import QUEUES
from ntp_proto.algorithm.sample import Sample
from unit.ntp_proto.algorithm.samples import queued_samples

PRIOR = FrequencyPrior(0.0, 1e-4)


def grown(count: int, *, offset_s: float = 0.0) -> SourceEstimator:
    samples = queued_samples(count, offset_s=offset_s)
    estimator = SourceEstimator.starting(samples[0], PRIOR)
    for sample in samples[1:]:
        estimator = estimator.after(sample, PRIOR)
    return estimator


def test_it_finds_the_offset_far_better_than_the_jitter() -> None:
    estimator = grown(200, offset_s=0.005)
    estimate = estimator.estimate(estimator.samples[-1].at)
    assert estimate.offset_s == pytest.approx(0.005, abs=2e-5)


def test_one_sample_is_an_estimate_with_the_error_of_one_sample() -> None:
    estimator = grown(1, offset_s=0.005)
    assert estimator.estimate(0.0).offset_s == pytest.approx(0.005, abs=1e-3)
    assert estimator.estimate(0.0).offset_error_s > 1e-5


def test_the_path_is_known() -> None:
    assert grown(100).path.base_delay_s == pytest.approx(0.020, abs=3e-5)


def test_memory_is_bounded() -> None:
    assert len(grown(100).samples) == 32


def test_one_mad_answer_is_an_accident_and_three_are_a_change() -> None:
    """The server is 0.5 s ahead from the 31st answer on."""
    estimator, samples = grown(30), queued_samples(60)
    for count, sample in enumerate(samples[30:40], start=1):
        estimator = estimator.after(sample._replace(offset_s=sample.offset_s + 0.5), PRIOR)
        offset_s = estimator.estimate(sample.at).offset_s
        assert offset_s == pytest.approx(0.0 if count < 3 else 0.5, abs=1e-3)
    assert estimator.lives == 1
    assert len(estimator.samples) == 10


def test_a_stray_first_round_trip_is_left_out_once_the_others_agree() -> None:
    """The clock was set back by 0.9 ms between the timestamps of the first exchange; they seem to be missing from the path."""
    first, *others = queued_samples(8)
    stray = first._replace(offset_s=first.offset_s - 0.45e-3, delay_s=first.delay_s - 0.9e-3)
    estimator = SourceEstimator.starting(stray, PRIOR)
    for sample in others:
        estimator = estimator.after(sample, PRIOR)
    assert stray not in estimator.samples
    assert len(estimator.samples) == 7
    assert estimator.path.base_delay_s == pytest.approx(0.020, abs=1e-3)
    assert estimator.estimate(others[-1].at).offset_s == pytest.approx(0.0, abs=1e-4)


def test_the_shortest_of_scattered_round_trips_is_the_best_and_stays() -> None:
    kept = 0
    for seed in range(40):
        samples = queued_samples(8, jitter_s=1e-3, seed=seed)
        estimator = SourceEstimator.starting(samples[0], PRIOR)
        for sample in samples[1:]:
            estimator = estimator.after(sample, PRIOR)
        kept += min(samples, key=lambda sample: sample.delay_s) in estimator.samples
    assert kept >= 38


def test_a_young_source_looks_back_when_a_sample_surprises_it() -> None:
    """After four samples with short queues it believes in a frequency that is 20 ppm off; the fifth shows it."""
    samples = [sample._replace(offset_s=sample.offset_s + 2e-5 * sample.at) for sample in queued_samples(4, jitter_s=1e-6, interval_s=2.0)]
    estimator = SourceEstimator.starting(samples[0], PRIOR)
    for sample in samples[1:]:
        estimator = estimator.after(sample, PRIOR)
    expected, surprising = queued_samples(6, jitter_s=1e-6, interval_s=16.0)[4], Sample(64.0, 0.0, 0.020)
    assert not estimator.after(expected._replace(offset_s=2e-5 * expected.at), PRIOR).has_looked_back
    assert estimator.after(surprising, PRIOR).has_looked_back


def test_the_shape_of_the_delays_is_asked_for_again_when_more_is_known() -> None:
    """The first 16 round trips look queued, the next ones have as many early as late ones."""
    rng = random.Random(3)
    samples = queued_samples(16)
    for number in range(16, 70):
        there_s, back_s = rng.gauss(0.01, 1e-4), rng.gauss(0.01, 1e-4)
        samples.append(Sample(16.0 * number, 0.5 * (there_s - back_s), there_s + back_s))
    estimator, shapes = SourceEstimator.starting(samples[0], PRIOR), []
    for sample in samples[1:]:
        estimator = estimator.after(sample, PRIOR)
        shapes.append(estimator.filter.paths[0].shape)
    assert shapes[20] is QUEUES
    assert shapes[-1] is not QUEUES
    assert len(estimator.samples) == 22  # those of the look back, the 16 before the 64th, and what followed
    assert not estimator.is_complete


def test_one_long_queue_does_not_hide_a_stray_round_trip() -> None:
    """Round trips as they were met, µs: the shortest is 0.8 ms off, but the longest as far on the other side."""
    round_trips = [1332, 2242, 2374, 2128, 2294, 2213, 2724, 2138]
    estimator = SourceEstimator.starting(Sample(0.0, -4e-4, round_trips[0] * 1e-6), PRIOR)
    for number, delay in enumerate(round_trips[1:], start=1):
        estimator = estimator.after(Sample(16.0 * number, 0.0, delay * 1e-6), PRIOR)
    assert min(sample.delay_s for sample in estimator.samples) == 2128e-6
    assert estimator.path.base_delay_s == pytest.approx(2.05e-3, abs=1e-4)


@pytest.mark.parametrize("seed", range(30))
def test_no_samples_whatever_are_more_than_the_arithmetic_bears(seed: int) -> None:
    """Offsets of years, round trips of minutes that are all alike, or backwards: rounding then leaves variances below zero."""
    rng = random.Random(seed)
    offset_s, delay_s, spacing_s = 10 ** rng.uniform(-9, 9), 10 ** rng.uniform(-9, 3), 10 ** rng.uniform(-3, 5)
    is_alike = seed % 3 == 0
    at, estimator = 0.0, None
    for _ in range(18):
        sample = Sample(at, offset_s * (1.0 if is_alike else rng.gauss(0.0, 1.0)), delay_s * (1.0 if is_alike else rng.gauss(0.0, 1.0)))
        estimator = estimator.after(sample, PRIOR) if estimator else SourceEstimator.starting(sample, PRIOR)
        at += rng.choice([0.0, spacing_s])
        assert all(map(math.isfinite, (*estimator.estimate(at), estimator.path.base_error_s, estimator.estimate(at).offset_error_s)))
