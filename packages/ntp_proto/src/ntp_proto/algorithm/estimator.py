"""What one server alone says about the clock, and how well the path to it is known.

The samples are kept as they were measured; what they mean depends on the path model, which later samples sharpen. So while a source is new
all its samples are weighed again at each measurement, and whenever somebody needs the history (`replayed`) it is weighed by the present model.
"""

from __future__ import annotations

from dataclasses import dataclass

from ntp_proto.algorithm.clock_filter import ClockEstimate, ClockFilter
from ntp_proto.algorithm.likelihood import OffsetLikelihood
from ntp_proto.algorithm.path import PathModel
from ntp_proto.algorithm.sample import Sample

__all__ = ["FrequencyPrior", "SourceEstimator"]

_KEPT = 200
_NEW = 16
"""A source is new for this many samples."""


@dataclass(frozen=True, slots=True)
class FrequencyPrior:
    """What is known of the oscillator before any sample.

    Attributes:
        frequency: Needed correction, s/s; > 0: the oscillator is slow.
        error: Its standard error, s/s.
    """

    frequency: float
    error: float


@dataclass(frozen=True, slots=True)
class SourceEstimator:
    """The samples of one source, its path and its own view of the clock; a sample makes the successor."""

    samples: tuple[Sample, ...]
    path: PathModel
    filter: ClockFilter

    @classmethod
    def starting(cls, sample: Sample, prior: FrequencyPrior) -> SourceEstimator:
        """From the first sample."""
        path = PathModel.of([sample.delay_s])
        return cls((sample,), path, _replay((sample,), path, prior))

    def after(self, sample: Sample, prior: FrequencyPrior) -> SourceEstimator:
        """With one more sample."""
        samples = (*self.samples[-_KEPT + 1 :], sample)
        path = PathModel.of([s.delay_s for s in samples])
        if self.is_new:
            return SourceEstimator(samples, path, _replay(samples, path, prior))
        return SourceEstimator(samples, path, self.filter.after(sample.at, path.likelihood(sample.offset_s, sample.delay_s)))

    @property
    def is_new(self) -> bool:
        """Whether the path is still little known, so that old samples are weighed anew."""
        return len(self.samples) <= _NEW

    def estimate(self, at: float) -> ClockEstimate:
        """This source's view of the clock at an uncorrected instant."""
        return self.filter.estimate().at_time(at)

    def weighed(self, newest: int) -> list[tuple[float, OffsetLikelihood]]:
        """The last `newest` samples with what they say by the present model of the path."""
        return [(s.at, self.path.likelihood(s.offset_s, s.delay_s)) for s in self.samples[-newest:]]


def _replay(samples: tuple[Sample, ...], path: PathModel, prior: FrequencyPrior) -> ClockFilter:
    first = samples[0]
    start = ClockFilter.starting(first.at, first.offset_s, max(0.5 * first.delay_s, 1e-6), prior.frequency, prior.error)
    return start.after_all((s.at, path.likelihood(s.offset_s, s.delay_s)) for s in samples)
