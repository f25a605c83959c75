"""What one server alone says about the clock, and how well the path to it is known.

It is the source's voice in the vote (`selection`), so it has to follow its server wherever that goes, also when it begins to lie: the filter takes
one mad answer for an accident, but a source that contradicts its own past several times running has changed, and its past is dropped.
The samples are kept, so that a filter of several sources can be made anew from them (`combination`).

What the first samples say depends on the queueing that is expected of the path, and that is a guess until a few round trips are known. So
while a source is young it looks at all of its samples again, a few times, with the queueing that they show. A round trip that is
shorter, and then far from all others, which are near each other, was none: a clock was set on the way. It would be taken for the path's delay for a
long time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ntp_proto.algorithm.clock_filter import ClockEstimate, ClockFilter, PathEstimate
from ntp_proto.algorithm.sample import Sample

__all__ = ["FrequencyPrior", "SourceEstimator", "surprise"]

_KEPT = 32
_LOOKS = (4, 8, 16)
"""With so many samples a source looks at all of them again."""
_STRAY = 1.5
"""How much farther from the second shortest a stray round trip is than the longest."""
_STRAY_AMONG = 8
"""A stray round trip is told among so many samples; among fewer, chance does it too often."""
_BOUNDING = 8
"""The last exchanges, of which the tightest bounds the offset: as many as a new route must be seen for."""
_ONLY = 0
"""The key of the only path in a filter of one source."""
_CONTRADICTS = 6.0
"""A sample this many standard errors from its prediction contradicts it ..."""
_CHANGED_AFTER = 3
"""... and so many in a row are no accident."""
_RESOLUTION_S = 200e-9
"""What two good clock readings on one machine disagree by."""


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
    """The latest samples of one source, and its own view of the clock; a sample makes the successor.

    Attributes:
        samples: Those that still count, in the order of time.
        filter: What they say.
        prior: What was known of the oscillator before them.
        contradictions: How many of the last in a row contradicted what was before.
        lives: How often the past was dropped.
        has_looked_again: Whether the last one was the occasion to look at all of them again.
    """

    samples: tuple[Sample, ...]
    filter: ClockFilter
    prior: FrequencyPrior
    contradictions: int = 0
    lives: int = 0
    has_looked_again: bool = False

    @classmethod
    def starting(cls, sample: Sample, prior: FrequencyPrior) -> SourceEstimator:
        """From the first sample."""
        return cls((sample,), _filter_of((sample,), prior), prior)

    def after(self, sample: Sample, prior: FrequencyPrior) -> SourceEstimator:
        """With one more sample; `prior` is for a source that has changed."""
        samples = (*self.samples[-_KEPT + 1 :], sample)
        contradictions = self.contradictions + 1 if surprise(self.path, sample, self.estimate(sample.at)) > _CONTRADICTS else 0
        if contradictions >= _CHANGED_AFTER:
            recent = samples[-_CHANGED_AFTER:]
            return SourceEstimator(recent, _filter_of(recent, prior), prior, 0, self.lives + 1)
        looks_again = len(samples) in _LOOKS
        samples = _without_stray(samples) if looks_again else samples
        after = _filter_of(samples, self.prior) if looks_again else self.filter.after(_ONLY, sample)
        return SourceEstimator(samples, after, self.prior, contradictions, self.lives, looks_again)

    @property
    def is_complete(self) -> bool:
        """Whether all samples since the source was last taken to have changed are still kept."""
        return len(self.samples) < _KEPT

    @property
    def delays_s(self) -> list[float]:
        """The round trips of the samples, s."""
        return [sample.delay_s for sample in self.samples]

    @property
    def path(self) -> PathEstimate:
        """The path to the server."""
        return self.filter.path(_ONLY)

    @property
    def congested_run(self) -> int:
        """How many of the last exchanges in a row were congested in both directions."""
        return self.filter.paths[_ONLY].congested_run

    def unexplained_s(self, estimate: ClockEstimate) -> float:
        """How far the true offset may lie from an estimate beyond half of the path's delay, s.

        Whatever the queues did, the truth of each exchange is within half of its round trip of its offset. The tightest of the last exchanges counts;
        where all of them are longer than the path is believed to be, the path may be what has changed.
        """
        bounds = (0.5 * sample.delay_s + abs(sample.offset_s - estimate.at_time(sample.at).offset_s) for sample in self.samples[-_BOUNDING:])
        return max(0.0, min(bounds) - 0.5 * max(0.0, self.path.base_delay_s))

    def estimate(self, at: float) -> ClockEstimate:
        """This source's view of the clock at an uncorrected instant."""
        return self.filter.estimate().at_time(at)


def surprise(path: PathEstimate, sample: Sample, predicted: ClockEstimate) -> float:
    """How far a prediction lies outside of what the sample's bound allows, in standard errors of both; 0.0: it is inside."""
    half_width_s = 0.5 * max(0.0, sample.delay_s - path.base_delay_s)
    beyond_s = max(0.0, abs(sample.offset_s - predicted.offset_s) - half_width_s)
    return beyond_s / math.hypot(predicted.offset_error_s, 0.5 * path.base_error_s, _RESOLUTION_S)


def _without_stray(samples: tuple[Sample, ...]) -> tuple[Sample, ...]:
    if len(samples) < _STRAY_AMONG:
        return samples
    shortest, second, *others = sorted(samples, key=lambda sample: sample.delay_s)
    is_stray = second.delay_s - shortest.delay_s > _STRAY * (others[-1].delay_s - second.delay_s) + _RESOLUTION_S
    return tuple(sample for sample in samples if not (is_stray and sample is shortest))


def _filter_of(samples: tuple[Sample, ...], prior: FrequencyPrior) -> ClockFilter:
    start = ClockFilter.starting(samples[0], prior.frequency, prior.error).with_path(_ONLY, [sample.delay_s for sample in samples])
    return start.after_all((_ONLY, sample) for sample in samples)
