r"""What one exchange says about the clock: a density of the offset, seen through the delay of that very exchange.

Queueing only ever adds delay. Write e for the delay excess of an exchange, its round trip less the path's round trip without queueing. The
queueing on the way out, e_out, and on the way back, e_back, are both >= 0 and e_out + e_back = e; the measured offset is wrong by
(e_out - e_back) / 2. So whatever the queues do, the truth lies within e/2 of the measured offset, and for exponential queues of equal
scale every place in that interval is equally likely. That is the box below. Its edges are soft by what is not known of the path's delay and by
the resolution of the timestamps; and beside it stands a broad, low bell for what the model does not know (a changed path, a timestamp
taken late), which bounds the influence of any single sample.

    density(x) = (1 - eps) * box(x - offset; half width e/2, edges blurred by sigma) + eps * bell(x - offset; 0, broad)

A filter with a Gaussian prior N(m, a) for the true offset needs three numbers of it, all in closed form:

    log Z      Z(m) = integral of prior * density, the evidence
    g          d log Z / dm
    h          d^2 log Z / dm^2

because the exact mean and variance after the sample are m + a g and a + a^2 h (and for anything correlated with the offset by
covariance b: + b g, and + b^2 h). For a Gaussian density of variance R these are Kalman's equations with g = y/S, h = -1/S.

Source: assumed-density filtering (Minka, "A family of algorithms for approximate Bayesian inference", 2001, §3.2); truncated normal moments.
"""

from __future__ import annotations

import math
from typing import NamedTuple

__all__ = ["Evidence", "OffsetLikelihood"]

_SQRT_HALF = math.sqrt(0.5)
_INV_SQRT_2PI = 1.0 / math.sqrt(2.0 * math.pi)
_LOG_2PI = math.log(2.0 * math.pi)
_WIDE_PRIOR = 200.0
"""A prior this many times wider (in variance) than the box cannot see its shape; the box then counts as a Gaussian of the same variance."""
_TINY = 1e-290


class Evidence(NamedTuple):
    """The three numbers that a Gaussian prior takes from a likelihood; see the module's text."""

    log_z: float
    g: float
    h: float


class OffsetLikelihood(NamedTuple):
    """The density of the true offset after one exchange.

    Attributes:
        offset_s: The measured offset, the middle.
        half_width_s: Half of the delay excess, 0 or more.
        edge_s: Standard deviation of the edges, above 0.
        outlier_s: Standard deviation of the broad component.
        outlier_weight: Its weight, 0 to 1.
    """

    offset_s: float
    half_width_s: float
    edge_s: float
    outlier_s: float
    outlier_weight: float

    @property
    def variance_s2(self) -> float:
        """The variance of the box with its soft edges."""
        return self.half_width_s * self.half_width_s / 3.0 + self.edge_s * self.edge_s

    def evidence(self, mean_s: float, variance_s2: float) -> Evidence:
        """What a prior with this mean and variance learns from the sample."""
        y = self.offset_s - mean_s
        box = self._box(y, variance_s2)
        bell = _gaussian(y, variance_s2 + self.outlier_s * self.outlier_s)
        return _mixed(box, 1.0 - self.outlier_weight, bell, self.outlier_weight)

    def _box(self, y: float, a: float) -> Evidence:
        w = self.half_width_s
        s2 = a + self.edge_s * self.edge_s
        if w * w < 0.03 * s2 or a > _WIDE_PRIOR * self.variance_s2:
            return _gaussian(y, a + self.variance_s2)
        s = math.sqrt(s2)
        lo, hi = (y - w) / s, (y + w) / s
        z = _normal_between(lo, hi)
        if z < _TINY:
            return Evidence(-math.inf, 0.0, 0.0)
        density_lo = _INV_SQRT_2PI * math.exp(-0.5 * lo * lo)
        density_hi = _INV_SQRT_2PI * math.exp(-0.5 * hi * hi)
        g = (density_lo - density_hi) / (s * z)
        h = (lo * density_lo - hi * density_hi) / (s2 * z) - g * g
        return Evidence(math.log(z / (2.0 * w)), g, h)


def _gaussian(y: float, s2: float) -> Evidence:
    return Evidence(-0.5 * (_LOG_2PI + math.log(s2) + y * y / s2), y / s2, -1.0 / s2)


def _mixed(one: Evidence, weight_one: float, two: Evidence, weight_two: float) -> Evidence:
    """The evidence of a mixture: its mean is the mean of the components', its spread includes their distance."""
    if weight_two <= 0.0:
        return one
    log_one = math.log(weight_one) + one.log_z if weight_one > 0.0 else -math.inf
    log_two = math.log(weight_two) + two.log_z
    top = max(log_one, log_two)
    part_one, part_two = math.exp(log_one - top), math.exp(log_two - top)
    total = part_one + part_two
    r1, r2 = part_one / total, part_two / total
    g = r1 * one.g + r2 * two.g
    h = r1 * (one.h + one.g * one.g) + r2 * (two.h + two.g * two.g) - g * g
    return Evidence(top + math.log(total), g, h)


def _normal_between(lo: float, hi: float) -> float:
    """The standard normal's probability of [lo, hi], without cancellation in the tails."""
    if lo > 0.0:
        return 0.5 * (math.erfc(lo * _SQRT_HALF) - math.erfc(hi * _SQRT_HALF))
    if hi < 0.0:
        return 0.5 * (math.erfc(-hi * _SQRT_HALF) - math.erfc(-lo * _SQRT_HALF))
    return 1.0 - 0.5 * (math.erfc(hi * _SQRT_HALF) + math.erfc(-lo * _SQRT_HALF))
