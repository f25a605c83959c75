"""One guess of the oscillator's wander, and what follows from it: a Gaussian filter over the clock and the paths. The bank of them is `clock_filter`.

Glossary, inside this module only (letter, meaning, unit):
    x             state: offset s, frequency s/s, then out and back of each path, s
    p             covariance of the state
    q             wander density, (s/s)^2/s                  d        seconds since the last sample
    i             index of a path's `out`; `back` is i + 1

    predict over d:  x0 += x1 d;  P = F P F' + q [[d^3/3, d^2/2], [d^2/2, d]] for the clock, and a little for each path
    observe b = a.x: c = P a;  x += g c;  P += h c c'         with g, h of `queueing.Direction.evidence` at mean a.x, variance a.P.a

Source: the clock model is that of Zucca & Tavella, "The clock model and its relationship with the Allan and related variances" (2005).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from ntp_proto.algorithm.path import Path
from ntp_proto.algorithm.sample import Sample

__all__ = ["ASYMMETRY", "DENSITIES", "FIRST_DELAY_ERROR", "Member", "Site", "log_prior", "loosen"]

_WANDERS = tuple(10.0 ** (-11.0 + 0.5 * k) for k in range(10))
DENSITIES = tuple(wander * wander for wander in _WANDERS)
"""The guesses of the wander, (s/s)^2/s, from small to large."""
_USUAL_WANDER = 1e-9
_DECADES = 0.75
"""What is expected of an unknown oscillator: a wander of 10^-9 s/s per sqrt(s), with a standard error of so many decades."""
FIRST_DELAY_ERROR = 1.5
"""Standard error of a new path's delay, in its expected jitters."""
ASYMMETRY = 0.005
"""Standard deviation of (out - back)/2 of a path, as a part of its round trip."""
_LOST = -8.0
"""A member whose log weight has fallen this far is lost: it may have come to take every sample for an accident, and would never find back."""
_FORGETTING = 0.985
_ORDER_MATTERS = 16
"""While a path is new its uncertainty is larger than its queues, and the Gaussian after one direction depends on which came first; both orders are
then tried and the mean is taken, for this many exchanges."""
_RUBBISH = 1e-3
_RUBBISH_WIDTH = 50.0
"""An exchange that says nothing of the clock: its probability, and the width over which it is spread, in spreads of the delays each way."""


def log_prior(q: float) -> float:
    """How likely a wander is before any sample: a logarithm, 0.0 for the likeliest."""
    return -0.5 * (0.5 * math.log10(q / _USUAL_WANDER**2) / _DECADES) ** 2


class Site(NamedTuple):
    """A Gaussian factor exp(-precision b^2 / 2 + pull b) in what one direction of one exchange is about.

    Attributes:
        precision: 1/s^2, 0.0 or more.
        pull: 1/s.
    """

    precision: float
    pull: float

    def log_mass(self, mean_s: float, variance_s2: float) -> float:
        """The logarithm of its integral under N(mean, variance)."""
        total = 1.0 + self.precision * variance_s2
        exponent = mean_s * (2.0 * self.pull - self.precision * mean_s) + self.pull * self.pull * variance_s2
        return 0.5 * (exponent / total - math.log(total))

    def gain(self, mean_s: float, variance_s2: float) -> tuple[float, float]:
        """First and second derivative of `log_mass` in the mean: what `queueing.Evidence` calls g and h."""
        total = 1.0 + self.precision * variance_s2
        return (self.pull - self.precision * mean_s) / total, -self.precision / total

    def moved(self, by_s: float) -> Site:
        """The same said of b + by_s."""
        return Site(self.precision, self.pull + self.precision * by_s)


class Member(NamedTuple):
    """The state, its covariance, and the logarithm of the weight; see the glossary."""

    q: float
    x: list[float]
    p: list[list[float]]
    log_weight: float

    def predicted(self, d: float, drifts: list[float]) -> Member:
        """Args: seconds since the last sample; and the variance that each path's delays gain meanwhile, s^2."""
        x, q = self.x[:], self.q
        x[0] += x[1] * d
        row1 = self.p[1][:]
        row0 = [p0 + d * p1 for p0, p1 in zip(self.p[0], row1, strict=True)]
        a, b, c = self.p[0][0], self.p[0][1], row1[1]
        row0[0] = a + 2.0 * b * d + c * d * d + q * d * d * d / 3.0
        row0[1] = row1[0] = b + c * d + q * d * d / 2.0
        row1[1] = c + q * d
        p = [row0, row1, *(row[:] for row in self.p[2:])]
        for k in range(2, len(p)):
            p[k][0] = row0[k]
        for number, drift in enumerate(drifts):
            loosen(p, 2 + 2 * number, drift, 0.0)
        return Member(q, x, p, self.log_weight)

    def after(self, i: int, sample: Sample, path: Path) -> Member:
        """The member after both directions of an exchange."""
        before = self._replace(log_weight=_FORGETTING * self.log_weight)
        after = before.observed(i, sample, path, is_out=True).observed(i, sample, path, is_out=False)
        if path.exchanges < _ORDER_MATTERS:
            other = before.observed(i, sample, path, is_out=False).observed(i, sample, path, is_out=True)
            after = _mixed(after, other, 0.5)
        fits = after.log_weight - before.log_weight
        # An exchange that says nothing cannot be expected nearer to the prediction than the prediction is known.
        offset_width_s = math.hypot(_RUBBISH_WIDTH * path.out_spread_s, math.sqrt(2.0 * math.pi * self.p[0][0]))
        rubbish = math.log(_RUBBISH / (offset_width_s * _RUBBISH_WIDTH * path.back_spread_s))
        if fits > rubbish + 5.0:
            return after
        either = max(fits, rubbish) + math.log1p(math.exp(-abs(fits - rubbish)))
        after = _mixed(before, after, 1.0 / (1.0 + math.exp(min(50.0, rubbish - fits))))
        return after._replace(log_weight=before.log_weight + either)

    def after_sites(self, i: int, out: Site, back: Site) -> Member:
        """The member after an exchange of which it is known what it says; the weight is left alone."""
        return self.absorbed(1.0, i, out).absorbed(-1.0, i + 1, back)

    def beside(self, best: Member) -> Member:
        """The member with its weight relative to the best one's; when it is lost, it begins anew from where that one is."""
        log_weight = self.log_weight - best.log_weight
        if log_weight >= _LOST:
            return self._replace(log_weight=log_weight)
        return Member(self.q, best.x, best.p, _LOST)

    def observed(self, i: int, sample: Sample, path: Path, *, is_out: bool) -> Member:
        """The member after one direction of an exchange, its log evidence added to the weight."""
        sign, k, arrival_s, direction = (1.0, i, sample.out_s, path.out) if is_out else (-1.0, i + 1, sample.back_s, path.back)
        c = self._covariances(sign, k)
        log_z, g, h = direction.evidence(arrival_s, sign * self.x[0] + self.x[k], sign * c[0] + c[k])
        return self._moved(c, g, h, log_z)

    def absorbed(self, sign: float, k: int, site: Site) -> Member:
        """The member after what one direction of an exchange says of sign * offset + delay k."""
        c = self._covariances(sign, k)
        variance_s2 = sign * c[0] + c[k]
        if variance_s2 <= 0.0:
            return self  # nothing is left to be learned, but rounding
        g, h = site.gain(sign * self.x[0] + self.x[k], variance_s2)
        return self._moved(c, g, h, 0.0)

    def _covariances(self, sign: float, k: int) -> list[float]:
        return [sign * p0 + pk for p0, pk in zip(self.p[0], self.p[k], strict=True)]

    def _moved(self, c: list[float], g: float, h: float, log_z: float) -> Member:
        x = [value + g * cl for value, cl in zip(self.x, c, strict=True)]
        p = [[value + hcl * cm for value, cm in zip(row, c, strict=True)] for row, hcl in zip(self.p, [h * cl for cl in c], strict=True)]
        return Member(self.q, x, p, self.log_weight + log_z)


def loosen(p: list[list[float]], i: int, common_s2: float, difference_s2: float) -> None:
    """Add uncertainty to a path's delays: to both alike, and to half of their difference."""
    p[i][i] += common_s2 + difference_s2
    p[i + 1][i + 1] += common_s2 + difference_s2
    p[i][i + 1] += common_s2 - difference_s2
    p[i + 1][i] += common_s2 - difference_s2


def _mixed(one: Member, two: Member, weight_two: float) -> Member:
    """Mean and covariance of a mixture of two members of equal wander."""
    step = [b - a for a, b in zip(one.x, two.x, strict=True)]
    weight_one, spread = 1.0 - weight_two, weight_two * (1.0 - weight_two)
    x = [a + weight_two * s for a, s in zip(one.x, step, strict=True)]
    p = [
        [weight_one * a + weight_two * b + spread * sk * sl for a, b, sl in zip(row_one, row_two, step, strict=True)]
        for row_one, row_two, sk in zip(one.p, two.p, step, strict=True)
    ]
    return Member(one.q, x, p, weight_one * one.log_weight + weight_two * two.log_weight)
