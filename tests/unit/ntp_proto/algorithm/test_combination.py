from __future__ import annotations

from dataclasses import replace

import pytest

from ntp_proto.algorithm.combination import Combination, combine
from ntp_proto.algorithm.estimate import FrequencyPrior
from ntp_proto.algorithm.estimator import SourceEstimator
from unit.ntp_proto.algorithm.samples import queued_samples

PRIOR = FrequencyPrior(0.0, 1e-4)
NOBODY: frozenset[int] = frozenset()


class Group:
    """Sources that are measured in turn, and the combination after each."""

    def __init__(self) -> None:
        self.estimators: dict[int, SourceEstimator] = {}
        self.combination: Combination | None = None

    def measure(self, source: int, index: int, offset_s: float = 0.0, liars: frozenset[int] = NOBODY) -> None:
        sample = queued_samples(1, offset_s=offset_s, seed=100 * source + index)[0]._replace(at=16.0 * index + source)
        before = self.estimators.get(source)
        self.estimators[source] = before.after(sample, PRIOR) if before else SourceEstimator.starting(sample, PRIOR)
        survivors = frozenset(self.estimators) - liars
        self.combination = combine(self.combination, survivors, liars, self.estimators, source, PRIOR)

    @property
    def offset_s(self) -> float:
        assert self.combination is not None
        return self.combination.filter.estimate().offset_s

    @property
    def error_s(self) -> float:
        assert self.combination is not None
        return self.combination.filter.estimate().offset_error_s


def test_nothing_comes_of_a_source_that_is_not_followed() -> None:
    group = Group()
    group.measure(1, 0, liars=frozenset({1}))
    assert group.combination is None


def test_more_sources_know_more() -> None:
    errors = {}
    for count in (1, 2, 4):
        group = Group()
        for index in range(60):
            for source in range(count):
                group.measure(source, index)
        errors[count] = group.error_s
        assert abs(group.offset_s) < 4 * group.error_s
    assert errors[4] < errors[2] < errors[1]


def test_what_a_liar_has_said_is_gone() -> None:
    group, honest = Group(), Group()
    for index in range(40):
        honest.measure(1, index)
        group.measure(1, index)
        group.measure(2, index, offset_s=0.010)
    honest.measure(1, 40)
    group.measure(1, 40, liars=frozenset({2}))
    assert group.combination is not None
    assert list(group.combination.filter.paths) == [1]
    assert group.offset_s == pytest.approx(honest.offset_s, abs=2 * honest.error_s)


def test_what_a_source_that_left_has_taught_stays() -> None:
    group = Group()
    for index in range(40):
        group.measure(1, index)
    taught = group.error_s
    del group.estimators[1]
    group.measure(2, 41)
    assert group.combination is not None
    assert list(group.combination.filter.paths) == [2]
    assert group.error_s <= 1.5 * taught, "one new sample cannot have made us forget forty"
    assert abs(group.offset_s) < 3 * group.error_s


def test_a_filter_that_every_survivor_contradicts_is_made_anew() -> None:
    """It is 18 s off and takes every sample for an accident: seen once, after a start in the middle of congestion."""
    group = Group()
    for index in range(20):
        group.measure(1, index)
        group.measure(2, index)
    assert group.combination is not None
    lost = [member._replace(x=[member.x[0] + 18.0, *member.x[1:]]) for member in group.combination.filter.members]
    group.combination = replace(group.combination, filter=replace(group.combination.filter, members=tuple(lost)))
    assert group.offset_s > 17.0
    for index in range(20, 23):
        group.measure(1, index)
        group.measure(2, index)
    assert abs(group.offset_s) < 1e-3
