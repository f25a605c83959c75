"""How often to ask: as seldom as what is to be learned allows, and at once more often when the clock surprises.

Between two samples the prediction of the offset loses certainty, by the frequency's error and by its wander. As long as that loss stays below
the part of a sample's own noise that filtering cannot remove, asking more often would teach little, and the interval may grow. It grows slowly,
though: the frequency, its wander and the paths are learned from many samples, and every octave is given two dozen of them, of all sources, and a
quarter of an hour. A sample far from its prediction means that the oscillator or the path has changed: then every source is asked at its
shortest interval again. Where answers are lost, what counts is the time between those that come.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ntp_proto.algorithm.estimate import ClockEstimate
from ntp_proto.time_types import PollInterval

__all__ = ["PollPolicy", "allowed_loss_s"]

_NOISE_PART = 0.5
"""The noise that is compared with the loss of prediction, as a part of the path's jitter."""
_SECONDS_EACH = 1024.0
_SAMPLES_EACH = 24
"""How long each interval is kept before it grows, and for how many samples of all sources at least."""
_LONGEST_GAP = 4.0
_GAP_STEP = 0.125
"""An answer moves the mean gap, in intervals, by this part of the way to the last one; a longer one is an outage, and does not count."""

_CONFIDENCE = 3.29
"""Standard errors within which a normal variable lies 99.9 % of the time."""
_LEAST_PART = 0.1
"""The part of the target that an interval may always cost: a target that is out of reach must not ask for the impossible."""


def allowed_loss_s(estimate: ClockEstimate, jitter_s: float, sources: int, target_error_s: float | None) -> float:
    """How much certainty the prediction may lose over an interval, s (one standard deviation).

    Args:
        estimate: The joint estimate.
        jitter_s: The scale of the path's queueing, s.
        sources: How many sources are followed. Bounds are as good as the tightest of them, so n sources know the offset n times as well as one.
        target_error_s: What the error is to stay below 99.9 % of the time, s; None: as well as the samples are worth asking for.
    """
    if target_error_s is None:
        return _NOISE_PART * jitter_s / sources
    likely_s = target_error_s / _CONFIDENCE
    return math.sqrt(max(likely_s**2 - estimate.offset_variance_s2, (_LEAST_PART * likely_s) ** 2))


@dataclass(frozen=True, slots=True)
class PollPolicy:
    """The interval of one source.

    Attributes:
        interval: Wanted between requests.
        minimum: The shortest allowed.
        maximum: The longest allowed.
        samples: How many were taken at this interval.
        gap: How long it takes from one answer to the next, mean, in intervals.
    """

    interval: PollInterval
    minimum: PollInterval
    maximum: PollInterval
    samples: int = 0
    gap: float = 1.0

    def answered(self, gap_s: float) -> PollPolicy:
        """The policy after one more answer, so many seconds after the one before it.

        The first gap after a change of the interval has begun at another one, and does not count.
        """
        gap = gap_s / self.interval.seconds
        if not self.samples or gap > _LONGEST_GAP:
            return self
        return replace(self, gap=self.gap + _GAP_STEP * (max(1.0, gap) - self.gap))

    def after(self, estimate: ClockEstimate, allowed_s: float, sources: int = 1) -> PollPolicy:
        """The policy after one more sample that was no surprise.

        Args:
            estimate: The joint estimate after the sample.
            allowed_s: What the prediction may lose over an interval, s; see `allowed_loss_s`.
            sources: How many sources are followed; they are taken to be asked as often as this one.
        """
        if _loss_s(estimate, self.gap * self.interval.seconds) > allowed_s:
            return replace(self, interval=self.interval.shorter(self.minimum), samples=0)
        longer, samples = self.interval.longer(self.maximum), self.samples + 1
        is_learned = samples * sources >= _SAMPLES_EACH and samples * self.interval.seconds >= _SECONDS_EACH
        if not is_learned or _loss_s(estimate, self.gap * longer.seconds) > allowed_s:
            return replace(self, samples=samples)
        return replace(self, interval=longer, samples=0)

    def surprised(self) -> PollPolicy:
        """The policy after a surprise: all is to be learned again."""
        return replace(self, interval=self.minimum, samples=0)


def _loss_s(estimate: ClockEstimate, interval_s: float) -> float:
    """Standard deviation that the offset's prediction gains over an interval, s."""
    return math.sqrt(estimate.frequency_variance * interval_s**2 + estimate.wander * interval_s**3 / 3.0)
