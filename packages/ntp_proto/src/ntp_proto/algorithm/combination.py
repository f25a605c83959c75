"""One estimate of the clock from all surviving sources: a single filter that sees all their samples.

The sources measure the same clock, so its wander is common to them; averaging their separate estimates would count it several times. One
filter over all samples, each weighed by its own path, is the combination by covariance done right.

When a source turns out to lie, the filter is made anew from the survivors' recent samples, and what the liar has said is gone. When a source
merely leaves, what it has taught stays. While a source is new, its path model still improves much with each sample, so its samples are weighed again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ntp_proto.algorithm.clock_filter import ClockEstimate, ClockFilter
from ntp_proto.algorithm.estimator import FrequencyPrior, SourceEstimator

__all__ = ["Combination", "combine"]

_REPLAYED = 64
"""Samples of each source from which the filter is made anew: about as far as the frequency remembers."""


@dataclass(frozen=True, slots=True)
class Combination:
    """The joint filter.

    Attributes:
        contributors: Whose samples it holds.
        start: What was known before them.
        filter: What is known with them.
    """

    contributors: frozenset[int]
    start: ClockFilter
    filter: ClockFilter

    def estimate(self, at: float) -> ClockEstimate:
        """The joint estimate at an uncorrected instant."""
        return self.filter.estimate().at_time(at)


def combine(
    previous: Combination | None,
    survivors: frozenset[int],
    liars: frozenset[int],
    estimators: Mapping[int, SourceEstimator],
    measured: int,
    prior: FrequencyPrior,
) -> Combination | None:
    """Bring the joint filter up to date with a new sample.

    Args:
        previous: The combination before it, if there was one.
        survivors: Whom to follow now.
        liars: Whom the majority contradicts.
        estimators: The sources' samples and paths.
        measured: The source with the new sample.
        prior: The oscillator before any sample.

    Returns:
        The combination; the previous one when the new sample is not of a survivor.
    """
    if measured not in survivors:
        return previous
    if previous is None or previous.contributors & liars:
        return _replayed(_nothing_known([estimators[source] for source in survivors], prior), survivors, estimators)
    if not estimators[measured].is_new:
        at, likelihood = estimators[measured].weighed(1)[0]
        return Combination(previous.contributors | survivors, previous.start, previous.filter.after(at, likelihood))
    has_left = not previous.contributors <= estimators.keys()
    return _replayed(previous.filter if has_left else previous.start, survivors, estimators)


def _nothing_known(estimators: list[SourceEstimator], prior: FrequencyPrior) -> ClockFilter:
    first = min((estimator.samples[-_REPLAYED:][0] for estimator in estimators), key=lambda sample: sample.at)
    return ClockFilter.starting(first.at, first.offset_s, max(0.5 * first.delay_s, 1e-6), prior.frequency, prior.error)


def _replayed(start: ClockFilter, survivors: frozenset[int], estimators: Mapping[int, SourceEstimator]) -> Combination:
    samples = sorted((item for source in survivors for item in estimators[source].weighed(_REPLAYED)), key=lambda item: item[0])
    return Combination(survivors, start, start.after_all(item for item in samples if item[0] >= start.at))
