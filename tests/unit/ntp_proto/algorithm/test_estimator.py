from __future__ import annotations

import pytest

from ntp_proto.algorithm.estimator import FrequencyPrior, SourceEstimator
from unit.ntp_proto.algorithm.samples import queued_samples

PRIOR = FrequencyPrior(0.0, 1e-4)


def grown(count: int, **physics: float) -> SourceEstimator:
    samples = queued_samples(count, **physics)  # type: ignore[arg-type]  # seed is never given here
    estimator = SourceEstimator.starting(samples[0], PRIOR)
    for sample in samples[1:]:
        estimator = estimator.after(sample, PRIOR)
    return estimator


def test_it_finds_the_offset_far_better_than_the_jitter() -> None:
    estimator = grown(200, offset_s=0.005)
    estimate = estimator.estimate(estimator.samples[-1].at)
    assert estimate.offset_s == pytest.approx(0.005, abs=2e-5)
    assert abs(estimate.offset_s - 0.005) < 4 * estimate.offset_error_s


def test_one_sample_is_an_estimate_with_the_error_of_one_sample() -> None:
    estimator = grown(1, offset_s=0.005)
    assert estimator.estimate(0.0).offset_s == pytest.approx(0.005, abs=1e-3)
    assert estimator.estimate(0.0).offset_error_s > 1e-5


def test_old_samples_are_weighed_by_the_present_path() -> None:
    """The first sample had a large excess, which nobody could know before the second."""
    slow, fast = queued_samples(1)[0], queued_samples(1)[0]._replace(at=16.0)
    slow = slow._replace(delay_s=fast.delay_s + 0.010, offset_s=0.005)
    estimator = SourceEstimator.starting(slow, PRIOR).after(fast, PRIOR)
    (_, first), (_, second) = estimator.weighed(2)
    assert first.half_width_s > 0.005
    assert second.half_width_s < first.half_width_s
    assert abs(estimator.estimate(16.0).offset_s - fast.offset_s) < 0.5 * abs(slow.offset_s - fast.offset_s)


def test_memory_is_bounded() -> None:
    assert len(grown(260).samples) == 200


def test_it_is_new_for_sixteen_samples() -> None:
    assert grown(16).is_new
    assert not grown(17).is_new
