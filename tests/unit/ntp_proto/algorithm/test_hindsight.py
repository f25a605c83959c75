from __future__ import annotations

import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_proto.algorithm.clock_filter import ClockFilter
from ntp_proto.algorithm.estimate import FrequencyPrior
from ntp_proto.algorithm.hindsight import likeliest_shape, look_back, shape_evidences
from ntp_proto.algorithm.member import DENSITIES, log_prior
from ntp_proto.algorithm.path import QUEUES, SHAPES, Path
from ntp_proto.algorithm.sample import Sample
from unit.ntp_proto.algorithm.samples import queued_samples

PRIOR = FrequencyPrior(0.0, 1e-4)


def noisy_samples(count: int, *, seed: int) -> list[Sample]:
    rng = random.Random(seed)
    ways = [(rng.gauss(0.01, 1e-4), rng.gauss(0.01, 1e-4)) for _ in range(count)]
    return [Sample(16.0 * number, 0.5 * (there_s - back_s), there_s + back_s) for number, (there_s, back_s) in enumerate(ways)]


def looked_back(samples: list[Sample]) -> ClockFilter:
    hindsight = look_back(samples, PRIOR, QUEUES)
    assert hindsight is not None
    return ClockFilter.looked_back(0, samples[-1].at, hindsight)


def one_after_the_other(samples: list[Sample]) -> ClockFilter:
    delays_s = [sample.delay_s for sample in samples]
    bank = ClockFilter.starting(samples[0], PRIOR).with_path(0, Path.expected(delays_s), delays_s)
    for sample in samples:
        bank = bank.after(0, sample)
    return bank


def test_it_knows_the_clock_better_than_the_filter_does() -> None:
    worlds = [queued_samples(16, seed=seed) for seed in range(40)]
    looked, filtered = (
        [of(samples).estimate() for samples in worlds] for of in (looked_back, one_after_the_other)
    )  # the truth is 0, of offset and frequency
    assert statistics.fmean(e.offset_s**2 for e in looked) < 0.8**2 * statistics.fmean(e.offset_s**2 for e in filtered)
    assert statistics.fmean(e.frequency**2 for e in looked) < 0.8**2 * statistics.fmean(e.frequency**2 for e in filtered)


def test_its_stated_error_is_honest() -> None:
    estimates = [looked_back(queued_samples(12, seed=seed)).estimate() for seed in range(40)]
    spread = statistics.fmean((estimate.frequency / estimate.frequency_error) ** 2 for estimate in estimates)
    assert 0.3 < spread < 1.5


def test_queues_are_told_from_noise() -> None:
    queued = [likeliest_shape(shape_evidences(queued_samples(16, seed=seed), PRIOR)) for seed in range(20)]
    noisy = [likeliest_shape(shape_evidences(noisy_samples(16, seed=seed), PRIOR)) for seed in range(20)]
    assert queued.count(QUEUES) == 20
    assert noisy.count(QUEUES) <= 6


def test_it_needs_some_evidence_to_say_that_there_is_noise() -> None:
    assert likeliest_shape((0.0, 0.0, 0.0)) is QUEUES
    assert likeliest_shape((-2.0, 0.0, -5.0)) is QUEUES
    assert likeliest_shape((-4.0, 0.0, -5.0)) is SHAPES[1]


def test_its_sites_say_to_another_filter_what_the_samples_have_said() -> None:
    samples = queued_samples(12)
    found = look_back(samples, PRIOR, QUEUES)
    assert found is not None
    bank = ClockFilter.starting(samples[0], PRIOR).with_path(7, found.path, [sample.delay_s for sample in samples])
    for sample, sites in zip(samples, found.sites, strict=True):
        bank = bank.after_sites(7, sample.at, sites)
    told, known = bank.weighed(found.evidences).estimate(), looked_back(samples).estimate()
    assert told.offset_s == pytest.approx(known.offset_s, abs=0.2 * known.offset_error_s)
    assert told.frequency == pytest.approx(known.frequency, abs=0.2 * known.frequency_error)


def test_a_clock_that_is_years_away_is_known_as_well() -> None:
    near, years_s = queued_samples(12), 2.0**30
    far = [sample._replace(offset_s=sample.offset_s + years_s) for sample in near]
    one, other = looked_back(near).estimate(), looked_back(far).estimate()
    assert other.offset_s - years_s == pytest.approx(one.offset_s, abs=1e-6)
    assert other.offset_error_s == pytest.approx(one.offset_error_s, rel=0.05)


def test_evidences_are_without_what_was_thought_before() -> None:
    """Over so short a time no wander makes itself felt, so all but the largest explain the samples alike."""
    found = look_back(queued_samples(8, interval_s=1.0), PRIOR, QUEUES)
    assert found is not None
    assert max(found.evidences[:6]) - min(found.evidences[:6]) < 0.5
    assert log_prior(DENSITIES[0]) < log_prior(DENSITIES[4]) == pytest.approx(0.0, abs=1e-9)


SECONDS = st.floats(-1.0, 1.0)


@given(st.lists(st.tuples(st.floats(0.0, 1024.0), SECONDS, st.floats(-0.01, 1.0)), min_size=2, max_size=9))
def test_whatever_the_samples_it_ends_in_numbers_or_says_no(steps: list[tuple[float, float, float]]) -> None:
    at, samples = 0.0, []
    for elapsed, offset_s, delay_s in steps:
        at += elapsed
        samples.append(Sample(at, offset_s, delay_s))
    for found in (look_back(samples, PRIOR, shape) for shape in SHAPES):
        if found is None:
            continue
        for member in found.members:
            assert all(map(math.isfinite, [*member.x, member.log_weight, *(value for row in member.p for value in row)]))
            assert min(member.p[k][k] for k in range(4)) >= 0.0
