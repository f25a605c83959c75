"""One estimate of the clock from all surviving sources: a single filter that sees all their samples.

The sources measure the same clock, so its wander is common to them; averaging their separate estimates would count it several times. One
filter over all samples, each weighed by its own path, is the combination by covariance done right. It holds samples of survivors only: when the group
changes it is made anew from their recent history, and what a source that turned out to lie has said is gone.
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
    """The joint filter and whose samples it holds."""

    survivors: frozenset[int]
    filter: ClockFilter

    def estimate(self, at: float) -> ClockEstimate:
        """The joint estimate at an uncorrected instant."""
        return self.filter.estimate().at_time(at)


def combine(
    previous: Combination | None,
    survivors: frozenset[int],
    estimators: Mapping[int, SourceEstimator],
    measured: int | None,
    prior: FrequencyPrior,
) -> Combination | None:
    """Bring the joint filter up to date.

    Args:
        previous: The combination before this measurement, if there was one.
        survivors: Whom to follow now; when empty the previous combination stands.
        estimators: The sources' samples and paths.
        measured: The source with a new sample, or None.
        prior: The oscillator before any sample, for a filter that is made anew.

    Returns:
        The combination, or None when there is nothing to combine yet.
    """
    if not survivors:
        return previous
    if previous is None or previous.survivors != survivors or (measured is not None and estimators[measured].is_new):
        return Combination(survivors, _made_anew([estimators[source] for source in sorted(survivors)], prior))
    if measured is None or measured not in survivors:
        return previous
    at, likelihood = estimators[measured].weighed(1)[0]
    return Combination(survivors, previous.filter.after(at, likelihood))


def _made_anew(estimators: list[SourceEstimator], prior: FrequencyPrior) -> ClockFilter:
    first = min((e.samples[-_REPLAYED:][0] for e in estimators), key=lambda sample: sample.at)
    weighed = sorted((item for e in estimators for item in e.weighed(_REPLAYED)), key=lambda item: item[0])
    start = ClockFilter.starting(first.at, first.offset_s, max(0.5 * first.delay_s, 1e-6), prior.frequency, prior.error)
    return start.after_all(weighed)
