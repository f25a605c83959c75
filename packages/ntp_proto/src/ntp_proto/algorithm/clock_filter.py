r"""The clock and the paths to its servers, estimated together: a bank of Gaussian filters, one for each guess of the oscillator's wander.

Model. The offset of the remote time against the uncorrected local clock, and its rate, the frequency, obey

    d offset = frequency dt          d frequency = sqrt(q) dW

with W a Wiener process: the frequency of a quartz wanders. Each path has a delay without queueing in each direction, `out` and `back`, nearly
constant. An exchange shows two differences of timestamps, each the sum of what is to be known and of a queueing delay >= 0:

    receive - origin          =  offset + out  + queue          destination - transmit  =  back - offset + queue

What such a bound teaches is in `queueing`. Treating the paths' delays as states, together with the offset, matters: whether an early arrival
means that the clock is off or that the path is shorter than was thought is decided by the covariance, and several servers on one
clock sharpen each other's paths. That `out` and `back` are nearly equal is an assumption, as everywhere in NTP; here it is one with a number
(`_ASYMMETRY`), and in the covariance.

The wander sqrt(q) [s/s per sqrt(s)] spans decades between a good crystal in a cellar and a virtual machine in the sun, and it changes. So it is not
configured: each member of the bank assumes one value, half a decade apart, and is weighted by how well it has predicted the samples of late (a
forgetting factor makes the past fade). The estimate is the weighted mean; its covariance includes the disagreement of the members.

Three guards keep a model that is wrong from doing harm:
    - an exchange that fits no member, in neither direction, is taken for rubbish with the probability that it is (`_RUBBISH`);
    - a round trip shorter than the path's means that the route has changed: the path's delays are unknown again, the clock is not;
    - so do many exchanges in a row with both directions congested (`path`). Before that, such an exchange is only counted: were it to be
      explained, a member with a wild oscillator would rather move the clock until one direction looks free.
A route change is assumed to be symmetric. It cannot be known better with one server: were the difference of the two directions set free, the
offset would be free with it, for ever. With several, a direction that has become longer alone counts as congested at first, which costs its voice
and nothing else.

Glossary, inside this module only (letter, meaning, unit):
    x             state: offset s, frequency s/s, then out and back of each path, s
    p             covariance of the state
    q             wander density, (s/s)^2/s                  d        seconds since the last sample
    i             index of a path's `out`; `back` is i + 1

    predict over d:  x0 += x1 d;  P = F P F' + q [[d^3/3, d^2/2], [d^2/2, d]] for the clock, and a little for each path
    observe b = a.x: c = P a;  x += g c;  P += h c c'         with g, h of `queueing.Direction.evidence` at mean a.x, variance a.P.a + noise

Deliberately not modelled here: frequency drift (ageing, temperature ramps; the wander takes it up) and flicker noise.

Source: the clock model is that of Zucca & Tavella, "The clock model and its relationship with the Allan and related variances" (2005);
multiple-model mixing after Magill (1965).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, TypeVar

from ntp_proto.algorithm.path import Path
from ntp_proto.algorithm.sample import Sample

__all__ = ["ClockEstimate", "ClockFilter", "PathEstimate"]

_T = TypeVar("_T")

_WANDERS = tuple(10.0 ** (-11.0 + 0.5 * k) for k in range(10))
_FORGETTING = 0.985
_RESOLUTION_S = 200e-9
"""What two good clock readings on one machine disagree by."""
_FIRST_DELAY_ERROR = 1.5
"""Standard error of a new path's delay, in its expected jitters."""
_ASYMMETRY = 0.005
"""Standard deviation of (out - back)/2 of a path, as a part of its round trip."""
_PATH_DRIFT = 5.5e-5
"""How far a path's delays drift in a second, in jitters per sqrt(s): a third of a jitter in a year. It is what limits the filter's memory of them."""
_LOST = -8.0
"""A member whose log weight has fallen this far is lost: it may have come to take every sample for an accident, and would never find back."""
_ORDER_MATTERS = 16
"""While a path is new its uncertainty is larger than its queues, and the Gaussian after one direction depends on which came first; both orders are
then tried and the mean is taken, for this many exchanges."""
_SHORTER = 5.0
"""A round trip this many standard errors below the path's is not chance."""
_RUBBISH = 1e-3
_RUBBISH_WIDTH = 50.0
"""An exchange that says nothing of the clock: its probability, and the width over which it is spread, in jitters each way."""


@dataclass(frozen=True, slots=True)
class ClockEstimate:
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
        return math.sqrt(self.offset_variance_s2)

    @property
    def frequency_error(self) -> float:
        """Standard error of the frequency."""
        return math.sqrt(self.frequency_variance)


@dataclass(frozen=True, slots=True)
class PathEstimate:
    """A path's delay without queueing.

    Attributes:
        base_delay_s: Out and back together, s.
        base_error_s: Its standard error, s.
        jitter_s: The usual scale of the queueing each way, s.
    """

    base_delay_s: float
    base_error_s: float
    jitter_s: float


class _Member(NamedTuple):
    q: float
    x: list[float]
    p: list[list[float]]
    log_weight: float

    def predicted(self, d: float, drifts: list[float]) -> _Member:
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
            _loosen(p, 2 + 2 * number, drift, 0.0)
        return _Member(q, x, p, self.log_weight)

    def observed(self, i: int, sample: Sample, path: Path, *, is_out: bool) -> _Member:
        """The member after one direction of an exchange, its log evidence added to the weight."""
        x, p = self.x, self.p
        sign, k, arrival_s, direction = (1.0, i, sample.out_s, path.out) if is_out else (-1.0, i + 1, sample.back_s, path.back)
        c = [sign * p0 + pk for p0, pk in zip(p[0], p[k], strict=True)]
        log_z, g, h = direction.evidence(arrival_s, sign * x[0] + x[k], sign * c[0] + c[k] + _RESOLUTION_S**2)
        after = [value + g * cl for value, cl in zip(x, c, strict=True)]
        rows = [[value + hcl * cm for value, cm in zip(row, c, strict=True)] for row, hcl in zip(p, [h * cl for cl in c], strict=True)]
        return _Member(self.q, after, rows, self.log_weight + log_z)

    def beside(self, best: _Member) -> _Member:
        """The member with its weight relative to the best one's; when it is lost, it begins anew from where that one is."""
        log_weight = self.log_weight - best.log_weight
        if log_weight >= _LOST:
            return self._replace(log_weight=log_weight)
        return _Member(self.q, best.x, best.p, _LOST)

    def after(self, i: int, sample: Sample, path: Path) -> _Member:
        """The member after both directions of an exchange."""
        before = self._replace(log_weight=_FORGETTING * self.log_weight)
        after = before.observed(i, sample, path, is_out=True).observed(i, sample, path, is_out=False)
        if path.exchanges < _ORDER_MATTERS:
            other = before.observed(i, sample, path, is_out=False).observed(i, sample, path, is_out=True)
            after = _mixed(after, other, 0.5)
        fits = after.log_weight - before.log_weight
        # An exchange that says nothing cannot be expected nearer to the prediction than the prediction is known.
        offset_width_s = math.hypot(_RUBBISH_WIDTH * path.out.jitter_s, math.sqrt(2.0 * math.pi * self.p[0][0]))
        rubbish = math.log(_RUBBISH / (offset_width_s * _RUBBISH_WIDTH * path.back.jitter_s))
        if fits > rubbish + 5.0:
            return after
        either = max(fits, rubbish) + math.log1p(math.exp(-abs(fits - rubbish)))
        after = _mixed(before, after, 1.0 / (1.0 + math.exp(min(50.0, rubbish - fits))))
        return after._replace(log_weight=before.log_weight + either)


@dataclass(frozen=True)  # without slots: what is derived is kept
class ClockFilter:
    """The bank at one instant; a sample makes its successor.

    Attributes:
        at: Uncorrected seconds.
        paths: The queueing of each path, by source, in the order of their states.
        members: One for each wander.
    """

    at: float
    paths: dict[int, Path]
    members: tuple[_Member, ...]

    @classmethod
    def starting(cls, sample: Sample, frequency: float, frequency_error: float) -> ClockFilter:
        """A bank that knows no more than the first sample's bound, and nothing of any path.

        Args:
            sample: The first sample; it is still to be taken in with `after`.
            frequency: Prior of the frequency, s/s.
            frequency_error: Its standard error.
        """
        a, c = max(0.5 * sample.delay_s, 1e-6) ** 2, frequency_error**2
        members = (_Member(wander * wander, [sample.offset_s, frequency], [[a, 0.0], [0.0, c]], 0.0) for wander in _WANDERS)
        return cls(sample.at, {}, tuple(members))

    def without(self, sources: Iterable[int]) -> ClockFilter:
        """The bank without the paths to some sources; what they have taught of the clock stays."""
        bank = self
        for source in sources:
            i = 2 + 2 * list(bank.paths).index(source)
            members = tuple(m._replace(x=_cut(m.x, i), p=[_cut(row, i) for row in _cut(m.p, i)]) for m in bank.members)
            bank = ClockFilter(bank.at, {key: path for key, path in bank.paths.items() if key != source}, members)
        return bank

    def after(self, source: int, sample: Sample) -> ClockFilter:
        """The bank after one more sample; one that is older than the newest is taken at the newest's time."""
        d = max(0.0, sample.at - self.at)
        drifts = [(_PATH_DRIFT * path.jitter_s) ** 2 * d for path in self.paths.values()]
        bank = ClockFilter(self.at + d, self.paths, tuple(member.predicted(d, drifts) for member in self.members))
        if source not in bank.paths:
            bank = bank.with_path(source, (sample.delay_s,))
        return bank.observed(source, sample)

    def observed(self, source: int, sample: Sample) -> ClockFilter:
        """The bank after a sample of this very instant, of a source whose path is among the states."""
        i, path = self._index(source), self.paths[source]
        excesses_s = self.excesses(i, sample)
        if path.is_congested(*excesses_s) and not path.is_longer_with(*excesses_s):
            return replace(self, paths={**self.paths, source: path.after(*excesses_s)})
        members = [member.after(i, sample, path) for member in self._with_route_checked(i, path, sample).members]
        best = max(members, key=lambda member: member.log_weight)
        after = replace(self, members=tuple(member.beside(best) for member in members))
        return replace(after, paths={**self.paths, source: path.after(*after.excesses(i, sample))})

    def after_all(self, samples: Iterable[tuple[int, Sample]]) -> ClockFilter:
        """The bank after several samples, each with its source, in the order of time."""
        bank = self
        for source, sample in samples:
            bank = bank.after(source, sample)
        return bank

    def estimate(self) -> ClockEstimate:
        """The weighted mean of the members and its covariance, disagreement included."""
        return self._estimate

    @cached_property
    def _estimate(self) -> ClockEstimate:
        weights = self._weights
        x0 = math.fsum(weight * member.x[0] for weight, member in weights)
        x1 = math.fsum(weight * member.x[1] for weight, member in weights)
        a = b = c = 0.0
        for weight, member in weights:
            d0, d1 = member.x[0] - x0, member.x[1] - x1
            a += weight * (member.p[0][0] + d0 * d0)
            b += weight * (member.p[0][1] + d0 * d1)
            c += weight * (member.p[1][1] + d1 * d1)
        # The mean of the logarithms: a member that is a thousand times wilder must not count because its weight is a thousandth.
        log_q = math.fsum(weight * math.log(member.q) for weight, member in weights)
        return ClockEstimate(self.at, x0, x1, a, b, c, math.exp(log_q))

    def path(self, source: int) -> PathEstimate:
        """The path to a source that has been sampled."""
        i = self._index(source)
        base = self._mean(i) + self._mean(i + 1)
        return PathEstimate(base, math.sqrt(self._delay_variance_s2(i)), self.paths[source].jitter_s)

    @cached_property
    def _weights(self) -> list[tuple[float, _Member]]:
        raw = [math.exp(member.log_weight) for member in self.members]
        total = math.fsum(raw)
        return [(weight / total, member) for weight, member in zip(raw, self.members, strict=True)]

    def _mean(self, k: int) -> float:
        return math.fsum(weight * member.x[k] for weight, member in self._weights)

    def _delay_variance_s2(self, i: int) -> float:
        return math.fsum(weight * (m.p[i][i] + m.p[i + 1][i + 1] + 2.0 * m.p[i][i + 1]) for weight, m in self._weights)

    def excesses(self, i: int, sample: Sample) -> tuple[float, float]:
        """The queueing of an exchange, out and back, s, as the bank sees it."""
        offset_s = self._mean(0)
        return max(0.0, sample.out_s - offset_s - self._mean(i)), max(0.0, sample.back_s + offset_s - self._mean(i + 1))

    def _index(self, source: int) -> int:
        return 2 + 2 * list(self.paths).index(source)

    def with_path(self, source: int, delays_s: Sequence[float]) -> ClockFilter:
        """The bank with a path of which no more is known than some round trips, s: at least one."""
        path, shortest_s = Path.expected(delays_s), min(delays_s)
        half_s = 0.5 * shortest_s - path.jitter_s / len(delays_s)
        common, difference = (_FIRST_DELAY_ERROR * path.jitter_s) ** 2, (_ASYMMETRY * shortest_s) ** 2
        members: list[_Member] = []
        for member in self.members:
            n = len(member.x)
            p = [[*row, 0.0, 0.0] for row in member.p] + [[0.0] * (n + 2), [0.0] * (n + 2)]
            _loosen(p, n, common, difference)
            members.append(member._replace(x=[*member.x, half_s, half_s], p=p))
        return ClockFilter(self.at, {**self.paths, source: path}, tuple(members))

    def _with_route_checked(self, i: int, path: Path, sample: Sample) -> ClockFilter:
        """The bank with the path's delays unknown again, when this exchange shows that the route has changed."""
        shorter_s = self._mean(i) + self._mean(i + 1) - sample.delay_s
        out_s, back_s = self.excesses(i, sample)
        if shorter_s > _SHORTER * math.sqrt(self._delay_variance_s2(i) + 2.0 * _RESOLUTION_S**2):
            error_s = shorter_s
        elif path.is_longer_with(out_s, back_s):
            error_s = 0.5 * (out_s + back_s)
        else:
            return self
        members: list[_Member] = []
        for member in self.members:
            p = [row[:] for row in member.p]
            _loosen(p, i, error_s**2, 0.0)
            members.append(member._replace(p=p))
        return ClockFilter(self.at, self.paths, tuple(members))


def _loosen(p: list[list[float]], i: int, common_s2: float, difference_s2: float) -> None:
    """Add uncertainty to a path's delays: to both alike, and to half of their difference."""
    p[i][i] += common_s2 + difference_s2
    p[i + 1][i + 1] += common_s2 + difference_s2
    p[i][i + 1] += common_s2 - difference_s2
    p[i + 1][i] += common_s2 - difference_s2


def _mixed(one: _Member, two: _Member, weight_two: float) -> _Member:
    """Mean and covariance of a mixture of two members of equal wander."""
    step = [b - a for a, b in zip(one.x, two.x, strict=True)]
    weight_one, spread = 1.0 - weight_two, weight_two * (1.0 - weight_two)
    x = [a + weight_two * s for a, s in zip(one.x, step, strict=True)]
    p = [
        [weight_one * a + weight_two * b + spread * sk * sl for a, b, sl in zip(row_one, row_two, step, strict=True)]
        for row_one, row_two, sk in zip(one.p, two.p, step, strict=True)
    ]
    return _Member(one.q, x, p, weight_one * one.log_weight + weight_two * two.log_weight)


def _cut(values: list[_T], i: int) -> list[_T]:
    return values[:i] + values[i + 2 :]
