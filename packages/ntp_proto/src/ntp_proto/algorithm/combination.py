"""One estimate of the clock from all surviving sources: a single filter that sees all their samples.

The sources measure the same clock, so its wander is common to them; averaging their separate estimates would count it several times. One
filter over all samples, with the paths among its states, is the combination by covariance done right.

When a source turns out to lie, or drops its own past, the filter is made anew from the survivors' recent samples, and what it has said is
gone; so it is when one survivor after the other contradicts it, for then the filter is what is wrong. When a source merely leaves, what it has
taught stays. While all samples are still kept, it is also made anew when a source looks at its samples again, for what it is said to know then
rests on a better idea of that path.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ntp_proto.algorithm.clock_filter import ClockFilter
from ntp_proto.algorithm.estimate import ClockEstimate, FrequencyPrior
from ntp_proto.algorithm.estimator import SourceEstimator, surprise

__all__ = ["Combination", "combine"]

_CONTRADICTS = 6.0
"""A sample this many standard errors from its prediction contradicts the filter ..."""
_WRONG_AFTER = 5
"""... and so many in a row mean that the filter is lost."""


@dataclass(frozen=True, slots=True)
class Combination:
    """The joint filter, and whose samples it holds.

    Attributes:
        contributors: The sources, each with how often it had dropped its past when it was last heard (`SourceEstimator.lives`).
        filter: What they know together.
        prior: What was known of the oscillator before their samples.
        contradictions: How many of the last samples in a row contradicted that, of whichever source.
    """

    contributors: dict[int, int]
    filter: ClockFilter
    prior: FrequencyPrior
    contradictions: int = 0

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
    estimator, lives = estimators[measured], estimators[measured].lives
    if previous is None or previous.contributors.keys() & liars or previous.contributors.get(measured, lives) != lives:
        return _made_anew(survivors, estimators, prior)
    sample = estimator.samples[-1]
    contradicts = surprise(estimator.path, sample, previous.estimate(sample.at)) > _CONTRADICTS
    contradictions = previous.contradictions + 1 if contradicts else 0
    if contradictions >= _WRONG_AFTER:
        return _made_anew(survivors, estimators, prior)
    bank = previous.filter
    if estimator.has_looked_back:
        if _loses_nothing(previous, survivors, estimators):
            return _made_anew(survivors, estimators, previous.prior)
        if estimator.hindsight and measured in bank.paths:
            bank = bank.with_queueing(measured, estimator.hindsight.path)
    gone = previous.contributors.keys() - estimators.keys()
    contributors = {source: known for source, known in previous.contributors.items() if source not in gone} | {measured: lives}
    return replace(previous, contributors=contributors, filter=bank.without(gone).after(measured, sample), contradictions=contradictions)


def _loses_nothing(previous: Combination, survivors: frozenset[int], estimators: Mapping[int, SourceEstimator]) -> bool:
    """Whether everything that the filter has learned can be learned again from the survivors' samples."""
    return previous.contributors.keys() <= survivors and all(estimators[source].is_complete for source in survivors)


def _made_anew(survivors: frozenset[int], estimators: Mapping[int, SourceEstimator], prior: FrequencyPrior) -> Combination:
    """From all that is still known of the survivors' samples: what a look back has found where there was one, else the samples themselves."""
    items = [(sample.at, source, sample, sites) for source in survivors for sample, sites in estimators[source].known_samples]
    items.sort(key=lambda item: item[:2])
    bank = ClockFilter.starting(items[0][2], prior)
    for source in sorted(survivors):
        bank = estimators[source].with_path(bank, source)
    for at, source, sample, sites in items:
        bank = bank.after_sites(source, at, sites) if sites else bank.after(source, sample)
    # The sites are those of the likeliest wander, so it is the look back, and not they, that tells how likely the others are.
    found = [hindsight.evidences for source in sorted(survivors) if (hindsight := estimators[source].hindsight)]
    bank = bank.weighed([math.fsum(evidences) for evidences in zip(*found, strict=True)]) if found else bank
    return Combination({source: estimators[source].lives for source in survivors}, bank, prior)
