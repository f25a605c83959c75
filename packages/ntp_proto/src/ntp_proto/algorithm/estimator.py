"""What one server alone says about the clock, and how well the path to it is known.

It is the source's voice in the vote (`selection`), so it has to follow its server wherever that goes, also when it begins to lie: the filter takes
one mad answer for an accident, but a source that contradicts its own past several times running has changed, and its past is dropped.
The samples are kept, so that a filter of several sources can be made anew from them (`combination`).

What the first samples say depends on the queueing that is expected of the path, and that is a guess until a few round trips are known. So
while a source is young it looks at all of its samples again, a few times, with the queueing that they show; and whenever one is a surprise. Later,
as long as all are kept, only a round trip that is far too short is occasion for it: a path that was congested from the start looks free, until it
is. The very first exchange is dropped when a few others are known. What is done for the first time takes another time, addresses being sought,
caches cold and radios asleep, and a round trip that was stamped too short would be taken for the path's delay for a long time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ntp_proto.algorithm.clock_filter import ClockFilter, PathEstimate
from ntp_proto.algorithm.estimate import ClockEstimate, FrequencyPrior
from ntp_proto.algorithm.hindsight import UNDECIDED, Hindsight, likeliest_shape, look_back, shape_evidences
from ntp_proto.algorithm.member import Site
from ntp_proto.algorithm.path import Path
from ntp_proto.algorithm.sample import Sample

__all__ = ["SourceEstimator", "surprise"]

_KEPT = 32
_LOOKS = (4, 6, 8, 16)
"""With so many samples, the very first not counted once it is dropped, a source looks back at all of them ..."""
_SHAPES_WEIGHED = (32, 64, 128)
"""With so many samples the last 16 of them are asked as well what shape the delays have."""
_SHAPED = 8
"""Of fewer samples nobody can tell the shape of the delays."""
_SURPRISES = 3.0
"""... and when one is so many standard errors from its prediction; with more, only when its round trip is as many too short."""
_OPENED = 5
"""With so many samples the very first one is dropped, and the others are looked at."""
_BOUNDING = 8
"""The last exchanges, of which the tightest bounds the offset: as many as a new route must be seen for."""
_ONLY = 0
"""The key of the only path in a filter of one source."""
_CONTRADICTS = 6.0
"""A sample this many standard errors from its prediction contradicts it ..."""
_CHANGED_AFTER = 3
"""... and so many in a row are no accident."""


@dataclass(frozen=True, slots=True)
class SourceEstimator:
    """The latest samples of one source, and its own view of the clock; a sample makes the successor.

    Attributes:
        samples: Those that still count, in the order of time.
        filter: What they say.
        prior: What was known of the oscillator before them.
        contradictions: How many of the last in a row contradicted what was before.
        lives: How often the past was dropped.
        hindsight: What the last look back has found, if there was one; its sites are those of the first samples.
        has_looked_back: Whether the last sample was the occasion for it.
        heard: How many samples there were, since the source was last taken to have changed, also those that are no longer kept; without the very
            first one, once it is dropped.
        shapes: How well each shape of the delays has explained them (`hindsight.shape_evidences`).
        is_opening: Whether the very first sample of the source is still among them.
    """

    samples: tuple[Sample, ...]
    filter: ClockFilter
    prior: FrequencyPrior
    contradictions: int = 0
    lives: int = 0
    hindsight: Hindsight | None = None
    has_looked_back: bool = False
    heard: int = 1
    shapes: tuple[float, ...] = UNDECIDED
    is_opening: bool = True

    @classmethod
    def starting(cls, sample: Sample, prior: FrequencyPrior) -> SourceEstimator:
        """From the first sample."""
        return cls((sample,), _filter_of((sample,), prior), prior)

    def after(self, sample: Sample, prior: FrequencyPrior) -> SourceEstimator:
        """With one more sample; `prior` is for a source that has changed."""
        samples, heard = (*self.samples[-_KEPT + 1 :], sample), self.heard + 1
        surprising = surprise(self.path, sample, self.estimate(sample.at))
        contradictions = self.contradictions + 1 if surprising > _CONTRADICTS else 0
        if contradictions >= _CHANGED_AFTER:
            recent = samples[-_CHANGED_AFTER:]
            return SourceEstimator(recent, _filter_of(recent, prior), prior, 0, self.lives + 1, heard=_CHANGED_AFTER, is_opening=False)
        is_opening = self.is_opening and heard < _OPENED
        if is_opening is not self.is_opening:
            samples, heard = samples[1:], heard - 1
        told = replace(self, samples=samples, contradictions=contradictions, heard=heard, has_looked_back=False, is_opening=is_opening)
        if heard in _LOOKS or is_opening is not self.is_opening or (surprising > _SURPRISES and told.is_occasion(sample)):
            return replace(told, shapes=shape_evidences(samples, self.prior) if heard >= _SHAPED else UNDECIDED).looking_back(samples)
        if heard in _SHAPES_WEIGHED:
            recent = samples[-_LOOKS[-1] :]
            told = replace(told, shapes=tuple(map(sum, zip(self.shapes, shape_evidences(recent, self.prior), strict=True))))
            if likeliest_shape(told.shapes) is not self.filter.paths[_ONLY].shape:
                return told.looking_back(recent)
        hindsight = self.hindsight.without_first() if self.hindsight and len(self.samples) == _KEPT else self.hindsight
        return replace(told, filter=self.filter.after(_ONLY, sample), hindsight=hindsight)

    def is_occasion(self, sample: Sample) -> bool:
        """Whether a sample that is a surprise makes the source look back: later, one mad answer must not explain all the others."""
        if self.heard <= _LOOKS[-1]:
            return self.heard > _LOOKS[0]
        path = self.path
        return self.is_complete and path.base_delay_s - sample.delay_s > _SURPRISES * math.hypot(path.base_error_s, path.noise_s)

    def looking_back(self, samples: tuple[Sample, ...]) -> SourceEstimator:
        """With no more than these samples, which are looked at together."""
        hindsight = look_back(samples, self.prior, likeliest_shape(self.shapes))
        after = ClockFilter.looked_back(_ONLY, samples[-1].at, hindsight) if hindsight else _filter_of(samples, self.prior)
        return replace(self, samples=samples, filter=after, hindsight=hindsight, has_looked_back=True)

    @property
    def is_complete(self) -> bool:
        """Whether all samples that were heard are still kept."""
        return len(self.samples) == self.heard

    @property
    def known_samples(self) -> list[tuple[Sample, tuple[Site, Site] | None]]:
        """Each sample with what a look back has found that it says, out and back, if that is known."""
        sites = self.hindsight.sites if self.hindsight else ()
        return [(sample, sites[number] if number < len(sites) else None) for number, sample in enumerate(self.samples)]

    def with_path(self, bank: ClockFilter, source: int) -> ClockFilter:
        """A bank with the path to this source, as it is known from the samples without the clock."""
        delays_s = [sample.delay_s for sample in self.samples]
        return bank.with_path(source, self.hindsight.path if self.hindsight else Path.expected(delays_s), delays_s)

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
    return beyond_s / math.hypot(predicted.offset_error_s, 0.5 * path.base_error_s, 0.5 * path.noise_s)


def _filter_of(samples: tuple[Sample, ...], prior: FrequencyPrior) -> ClockFilter:
    delays_s = [sample.delay_s for sample in samples]
    bank = ClockFilter.starting(samples[0], prior).with_path(_ONLY, Path.expected(delays_s), delays_s)
    for sample in samples:
        bank = bank.after(_ONLY, sample)
    return bank
