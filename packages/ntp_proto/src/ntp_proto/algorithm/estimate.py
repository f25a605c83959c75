"""What is known of the clock: an estimate with its covariance, and what was known of the oscillator before."""

from __future__ import annotations

import math
from typing import NamedTuple

__all__ = ["ClockEstimate", "FrequencyPrior"]


class FrequencyPrior(NamedTuple):
    """What is known of the oscillator before any sample.

    Attributes:
        frequency: Needed correction, s/s; > 0: the oscillator is slow.
        error: Its standard error, s/s.
    """

    frequency: float
    error: float


class ClockEstimate(NamedTuple):
    """Offset and frequency of the remote time against the uncorrected clock, with covariance, at one instant.

    Attributes:
        at: Uncorrected seconds.
        offset_s: Remote minus uncorrected local; > 0: the uncorrected clock is behind.
        frequency: Its rate, s/s; > 0: the oscillator is slow.
        offset_variance_s2: P00.
        covariance_s: P01, s^2/s.
        frequency_variance: P11, (s/s)^2.
        wander: The density q of the frequency's random walk, (s/s)^2/s.
    """

    at: float
    offset_s: float
    frequency: float
    offset_variance_s2: float
    covariance_s: float
    frequency_variance: float
    wander: float

    def at_time(self, at: float) -> ClockEstimate:
        """The prediction for another instant; the past is answered with the present's uncertainty."""
        d = at - self.at
        a, b, c, q = self.offset_variance_s2, self.covariance_s, self.frequency_variance, self.wander
        if d > 0.0:
            a, b, c = a + 2.0 * b * d + c * d * d + q * d * d * d / 3.0, b + c * d + q * d * d / 2.0, c + q * d
        return ClockEstimate(at, self.offset_s + self.frequency * d, self.frequency, a, b, c, q)

    @property
    def offset_error_s(self) -> float:
        """Standard error of the offset."""
        return math.sqrt(max(0.0, self.offset_variance_s2))

    @property
    def frequency_error(self) -> float:
        """Standard error of the frequency."""
        return math.sqrt(max(0.0, self.frequency_variance))
