"""The path to one server: what its round trip would be without queueing, and how much queueing is usual.

The smallest round trip of the last exchanges is the path's, plus a little that no exchange has yet escaped. With queueing that is
exponential each way, of scale j, the excess of one exchange follows Gamma(2, j), and the smallest of n such excesses is close to a Weibull
distribution of shape 2 and scale j sqrt(2/n): mean 0.886 and standard deviation 0.463 of that scale. The median of Gamma(2, j) is 1.678 j, which
gives j, robustly. While there are few exchanges, j is drawn towards a fraction of the round trip.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ntp_proto.algorithm.likelihood import OffsetLikelihood

__all__ = ["PathModel"]

_WEIBULL_MEAN = 0.8862
_WEIBULL_DEVIATION = 0.4633
_GAMMA_MEDIAN = 1.6783
_MEDIAN_ERROR = 1.3
"""Relative standard error of a jitter that is taken from the median of n excesses, times sqrt(n) (by simulation)."""
_PRIOR_JITTER = 0.05
"""The jitter that is expected of an unknown path, as a part of its round trip ..."""
_PRIOR_COUNT = 0.5
"""... and the number of exchanges that this expectation weighs."""
_RESOLUTION_S = 200e-9
"""What two good clock readings on one machine disagree by: the floor of every uncertainty here."""
_USUAL_EXCESS = 6.0
"""An excess above this many jitters is not the usual queueing, which this model describes, but congestion, mostly of one direction: the truth
then lies at the end of the interval, and many such samples would pull the estimate towards its middle. Its edges are blurred beyond its width."""
_OUTLIER_WEIGHT = 0.02
_OUTLIER_WIDTH = 6.0
"""The broad component, in units of the jitter: what this model leaves out is seldom farther away."""


@dataclass(frozen=True, slots=True)
class PathModel:
    """The estimate of a path.

    Attributes:
        base_delay_s: The round trip without queueing, s.
        base_error_s: Its standard error, s.
        jitter_s: The scale of the queueing each way, s.
    """

    base_delay_s: float
    base_error_s: float
    jitter_s: float

    @classmethod
    def of(cls, delays_s: Sequence[float]) -> PathModel:
        """From the round trips of at least one exchange, s, in any order."""
        ordered = sorted(delays_s)
        n = len(ordered)
        smallest = ordered[0]
        # The excess is measured from the smallest round trip, which itself has one: in units of the jitter, the mean of the Weibull distribution.
        escaped = math.sqrt(2.0 / n)
        seen = max(_RESOLUTION_S, (ordered[n // 2] - smallest) / (_GAMMA_MEDIAN - _WEIBULL_MEAN * escaped))
        expected = max(_RESOLUTION_S, _PRIOR_JITTER * smallest)
        jitter = seen * (expected / seen) ** (_PRIOR_COUNT / (n - 1 + _PRIOR_COUNT))  # a mean of logarithms: paths differ by decades
        scale = jitter * escaped
        error = scale * math.hypot(_WEIBULL_DEVIATION, _WEIBULL_MEAN * _MEDIAN_ERROR / math.sqrt(n))
        return cls(smallest - _WEIBULL_MEAN * scale, error, jitter)

    def likelihood(self, offset_s: float, delay_s: float) -> OffsetLikelihood:
        """What an exchange with this offset and round trip says about the clock."""
        excess = max(0.0, delay_s - self.base_delay_s)
        unusual = max(0.0, (excess / (_USUAL_EXCESS * self.jitter_s)) ** 2 - 1.0)
        edge = math.hypot(_RESOLUTION_S, 0.5 * self.base_error_s) + 0.5 * excess * unusual
        outlier = max(_OUTLIER_WIDTH * self.jitter_s, excess)
        return OffsetLikelihood(offset_s, 0.5 * excess, edge, outlier, _OUTLIER_WEIGHT)
