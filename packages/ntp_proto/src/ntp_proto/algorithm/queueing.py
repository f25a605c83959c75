r"""What one direction of one exchange says: queueing only ever adds delay.

Write b for what the timestamps of one direction would differ by, had the datagram met no queue (it holds the offset of the clocks and the
path's own delay). The queue adds e >= 0, so the difference that is measured is

    arrival = b + e,      e ~ Exp(j) usually, and with a small probability Exp(J), J >> j, when the direction is congested

This bounds b from above, sharply, and says how far below the bound it may be. A filter with a Gaussian prior N(m, v) for b needs three
numbers of it, in closed form. With s^2 = v + resolution^2 (the timestamps' own noise) and w = (arrival - m)/s - s/j,

    log Z = -log j + (m - arrival)/j + s^2/(2 j^2) + log Phi(w)       the evidence: an exponentially modified Gaussian density
    g     = d log Z / dm   =  1/j - r/s            with  r = phi(w)/Phi(w)
    h     = d^2 log Z/dm^2 = -r (r + w)/s^2

because the exact mean and variance of the posterior are m + v g and v + v^2 h, and anything correlated with b by covariance c moves by
c g, and its variance by c^2 h. In one direction alone, far from the bound, g = 1/j: the sample pulls b up to where arrivals of that jitter would come
from. With both directions of an exchange at equal jitter the two pulls cancel in the offset and what remains is the interval between the two bounds;
when one direction is congested, J >> j takes its pull away and the other direction alone still tells the time.

Source: assumed-density filtering (Minka, "A family of algorithms for approximate Bayesian inference", 2001, §3.2); Grushka, "Characterization
of exponentially modified Gaussian peaks" (1972).
"""

from __future__ import annotations

import math
from typing import NamedTuple

__all__ = ["Direction", "Evidence"]

_SQRT_HALF = math.sqrt(0.5)
_INV_SQRT_2PI = 1.0 / math.sqrt(2.0 * math.pi)
_LOG_SQRT_2PI = 0.5 * math.log(2.0 * math.pi)
_FAR_TAIL = -6.0
"""Below this the difference of the terms loses digits, and a continued fraction of a dozen terms has them all."""


class Evidence(NamedTuple):
    """The three numbers that a Gaussian prior takes from a likelihood; see the module's text."""

    log_z: float
    g: float
    h: float


class Direction(NamedTuple):
    """The queueing in one direction of a path.

    Attributes:
        jitter_s: The usual scale j, s, above 0.
        congestion_s: The scale J of the rest, s, above j.
        congestion_weight: Its probability, 0 to 1.
        noise_s: Standard deviation of what makes an arrival early as often as late, s.
    """

    jitter_s: float
    congestion_s: float
    congestion_weight: float
    noise_s: float = 0.0

    def evidence(self, arrival_s: float, mean_s: float, variance_s2: float) -> Evidence:
        """What a prior for b learns from one arrival.

        Args:
            arrival_s: The measured difference, s.
            mean_s: Prior mean of b, s.
            variance_s2: Its variance, s^2; with that of the noise above 0.
        """
        s = math.sqrt(max(0.0, variance_s2) + self.noise_s * self.noise_s)  # rounding may leave less than nothing
        usual = _exponential(arrival_s - mean_s, s, self.jitter_s)
        if self.congestion_weight <= 0.0:
            return usual
        congested = _exponential(arrival_s - mean_s, s, self.congestion_s)
        return _mixed(usual, congested, self.congestion_weight)


def _exponential(excess_s: float, s: float, scale_s: float) -> Evidence:
    w = excess_s / s - s / scale_s
    if w > _FAR_TAIL:
        below = 0.5 * math.erfc(-w * _SQRT_HALF)
        r = _INV_SQRT_2PI * math.exp(-0.5 * w * w) / below
        log_z = -math.log(scale_s) - excess_s / scale_s + 0.5 * (s / scale_s) ** 2 + math.log(below)
        return Evidence(log_z, 1.0 / scale_s - r / s, -r * (r + w) / (s * s))
    # Far in the tail r + w is a small difference of large numbers; it is what the continued fraction of r leaves out, and with it all else follows.
    rest = 0.0
    for k in range(12, 0, -1):
        rest = k / (rest - w)
    r = rest - w
    log_z = -math.log(scale_s) - 0.5 * (excess_s / s) ** 2 - _LOG_SQRT_2PI - math.log(r)
    return Evidence(log_z, excess_s / (s * s) - rest / s, -r * rest / (s * s))


def _mixed(one: Evidence, two: Evidence, weight_two: float) -> Evidence:
    """The evidence of a mixture: its mean is the mean of the components', its spread includes their distance."""
    log_one = math.log1p(-weight_two) + one.log_z
    log_two = math.log(weight_two) + two.log_z
    if log_one >= log_two:
        odds = math.exp(log_two - log_one)
        log_z, r1 = log_one + math.log1p(odds), 1.0 / (1.0 + odds)
    else:
        odds = math.exp(log_one - log_two)
        log_z, r1 = log_two + math.log1p(odds), odds / (1.0 + odds)
    r2 = 1.0 - r1
    return Evidence(log_z, r1 * one.g + r2 * two.g, r1 * one.h + r2 * two.h + r1 * r2 * (one.g - two.g) ** 2)
