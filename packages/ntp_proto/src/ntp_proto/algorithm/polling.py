"""How often to ask: as seldom as what is to be learned allows, and at once more often when the clock surprises.

Between two samples the prediction of the offset loses certainty, by the frequency's error and by its wander. As long as that loss stays below
the part of a sample's own noise that filtering cannot remove, asking more often would teach little; the interval then grows, one
step at a time. A sample far from its prediction means that the oscillator or the path has changed: the interval falls at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ntp_proto.algorithm.clock_filter import ClockEstimate
from ntp_proto.time_types import PollInterval

__all__ = ["PollPolicy"]

_NOISE_PART = 0.3
"""The noise that is compared with the loss of prediction, as a part of the path's jitter."""
_PATIENCE = 3
"""Samples in a row that must allow a longer interval before it grows."""
_SURPRISE = 4.0
"""A sample this many standard errors from its prediction is a surprise."""


@dataclass(frozen=True, slots=True)
class PollPolicy:
    """The interval of one source and the samples in a row that allow a longer one."""

    interval: PollInterval
    minimum: PollInterval
    maximum: PollInterval
    patience: int = 0

    def after(self, estimate: ClockEstimate, jitter_s: float, surprise: float) -> PollPolicy:
        """The policy after one more sample.

        Args:
            estimate: The joint estimate after the sample.
            jitter_s: The scale of the path's queueing, s.
            surprise: How far the sample was from its prediction, in standard errors, 0 or more.
        """
        if surprise > _SURPRISE:
            return PollPolicy(self.interval.shorter(self.minimum).shorter(self.minimum), self.minimum, self.maximum)
        noise_s = _NOISE_PART * jitter_s
        if _loss_s(estimate, self.interval.seconds) > noise_s:
            return PollPolicy(self.interval.shorter(self.minimum), self.minimum, self.maximum)
        longer = self.interval.longer(self.maximum)
        if _loss_s(estimate, longer.seconds) > noise_s:
            return PollPolicy(self.interval, self.minimum, self.maximum)
        if self.patience + 1 < _PATIENCE:
            return PollPolicy(self.interval, self.minimum, self.maximum, self.patience + 1)
        return PollPolicy(longer, self.minimum, self.maximum)


def _loss_s(estimate: ClockEstimate, interval_s: float) -> float:
    """Standard deviation that the offset's prediction gains over an interval, s."""
    return math.sqrt(estimate.frequency_variance * interval_s**2 + estimate.wander * interval_s**3 / 3.0)
