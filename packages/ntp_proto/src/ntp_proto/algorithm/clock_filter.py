r"""The clock and the paths to its servers, estimated together: a bank of Gaussian filters, one for each guess of the oscillator's wander.

Model. The offset of the remote time against the uncorrected local clock, and its rate, the frequency, obey

    d offset = frequency dt          d frequency = sqrt(q) dW

with W a Wiener process: the frequency of a quartz wanders. Each path has a delay without queueing in each direction, `out` and `back`, nearly
constant. An exchange shows two differences of timestamps, each the sum of what is to be known and of a queueing delay >= 0:

    receive - origin          =  offset + out  + queue          destination - transmit  =  back - offset + queue

What such a bound teaches is in `queueing`. Treating the paths' delays as states, together with the offset, matters: whether an early arrival
means that the clock is off or that the path is shorter than was thought is decided by the covariance, and several servers on one
clock sharpen each other's paths. That `out` and `back` are nearly equal is an assumption, as everywhere in NTP; here it is one with a number
(`member.ASYMMETRY`), and in the covariance.

The wander sqrt(q) [s/s per sqrt(s)] spans decades between a good crystal in a cellar and a virtual machine in the sun, and it changes. So it is not
configured: each member of the bank assumes one value, half a decade apart, and is weighted by how well it has predicted the samples of late (a
forgetting factor makes the past fade). The estimate is the weighted mean; its covariance includes the disagreement of the members.

Three guards keep a model that is wrong from doing harm:
    - an exchange that fits no member, in neither direction, is taken for rubbish with the probability that it is (`member`);
    - a round trip shorter than the path's means that the route has changed: the path's delays are unknown again, the clock is not;
    - so do many exchanges in a row with both directions congested (`path`). Before that, such an exchange is only counted: were it to be
      explained, a member with a wild oscillator would rather move the clock until one direction looks free.
A route change is assumed to be symmetric. It cannot be known better with one server: were the difference of the two directions set free, the
offset would be free with it, for ever. With several, a direction that has become longer alone counts as congested at first, which costs its voice
and nothing else.

Deliberately not modelled here: frequency drift (ageing, temperature ramps; the wander takes it up) and flicker noise.

Source: Magill, "Optimal adaptive estimation of sampled stochastic processes" (1965), for the mixing of models.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

from ntp_proto.algorithm.estimate import ClockEstimate, FrequencyPrior
from ntp_proto.algorithm.hindsight import Hindsight
from ntp_proto.algorithm.member import ASYMMETRY, DENSITIES, FIRST_DELAY_ERROR, Member, Site, log_prior, loosen
from ntp_proto.algorithm.path import Path
from ntp_proto.algorithm.sample import Sample

__all__ = ["ClockFilter", "PathEstimate"]

_T = TypeVar("_T")

_PATH_DRIFT = 5.5e-5
"""How far a path's delays drift in a second, in spreads per sqrt(s): a third of a spread in a year. It is what limits the filter's memory of them."""
_SHORTER = 5.0
"""A round trip this many standard errors below the path's is not chance."""


@dataclass(frozen=True, slots=True)
class PathEstimate:
    """A path's delay without queueing.

    Attributes:
        base_delay_s: Out and back together, s.
        base_error_s: Its standard error, s.
        jitter_s: The usual spread of the delays each way, s.
        noise_s: Two-sided noise of a round trip, standard deviation, s.
    """

    base_delay_s: float
    base_error_s: float
    jitter_s: float
    noise_s: float


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
    members: tuple[Member, ...]

    @classmethod
    def starting(cls, sample: Sample, prior: FrequencyPrior) -> ClockFilter:
        """A bank that knows no more than the first sample's bound, and nothing of any path.

        Args:
            sample: The first sample; it is still to be taken in with `after`.
            prior: What is known of the frequency before it.
        """
        a, c = max(0.5 * sample.delay_s, 1e-6) ** 2, prior.error**2
        members = (Member(q, [sample.offset_s, prior.frequency], [[a, 0.0], [0.0, c]], log_prior(q)) for q in DENSITIES)
        return cls(sample.at, {}, tuple(members))

    @classmethod
    def looked_back(cls, source: int, at: float, hindsight: Hindsight) -> ClockFilter:
        """The bank that follows from a look back at all samples of one source, the last one at `at`."""
        return cls(at, {source: hindsight.path}, hindsight.members)

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
        bank = self._predicted(d)
        if source not in bank.paths:
            bank = bank.with_path(source, Path.expected((sample.delay_s,)), (sample.delay_s,))
        return bank.observed(source, sample)

    def after_sites(self, source: int, at: float, sites: tuple[Site, Site]) -> ClockFilter:
        """The bank after a sample of an uncorrected instant of which a look back has told what it says, out and back; the weights are left alone."""
        bank, i = self._predicted(max(0.0, at - self.at)), self._index(source)
        return replace(bank, members=tuple(member.after_sites(i, *sites) for member in bank.members))

    def weighed(self, log_odds: Sequence[float]) -> ClockFilter:
        """The bank with what else is known of the wander: a logarithm for each member."""
        return self._ranked([member._replace(log_weight=member.log_weight + more) for member, more in zip(self.members, log_odds, strict=True)])

    def with_queueing(self, source: int, path: Path) -> ClockFilter:
        """The bank with another idea of the queueing of a path; when the delays have another shape, less is known of what they are without it."""
        old, bank = self.paths[source], self
        if path.shape is not old.shape:
            bank = self._loosened(self._index(source), FIRST_DELAY_ERROR * max(path.jitter_s, old.jitter_s))
        return replace(bank, paths={**self.paths, source: path})

    def observed(self, source: int, sample: Sample) -> ClockFilter:
        """The bank after a sample of this very instant, of a source whose path is among the states."""
        i, path = self._index(source), self.paths[source]
        excesses_s = self.excesses(i, sample)
        if path.is_congested(*excesses_s) and not path.is_longer_with(*excesses_s):
            return self.with_queueing(source, path.after(*excesses_s))
        after = self._ranked([member.after(i, sample, path) for member in self._with_route_checked(i, path, sample).members])
        return after.with_queueing(source, path.after(*after.excesses(i, sample)))

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
        return ClockEstimate(self.at, x0, x1, max(0.0, a), b, max(0.0, c), math.exp(log_q))  # rounding may leave less than nothing

    def path(self, source: int) -> PathEstimate:
        """The path to a source that has been sampled."""
        i = self._index(source)
        base = self._mean(i) + self._mean(i + 1)
        return PathEstimate(base, math.sqrt(self._delay_variance_s2(i)), self.paths[source].jitter_s, self.paths[source].noise_s)

    @cached_property
    def _weights(self) -> list[tuple[float, Member]]:
        raw = [math.exp(member.log_weight) for member in self.members]
        total = math.fsum(raw)
        return [(weight / total, member) for weight, member in zip(raw, self.members, strict=True)]

    def _mean(self, k: int) -> float:
        return math.fsum(weight * member.x[k] for weight, member in self._weights)

    def _delay_variance_s2(self, i: int) -> float:
        return max(0.0, math.fsum(weight * (m.p[i][i] + m.p[i + 1][i + 1] + 2.0 * m.p[i][i + 1]) for weight, m in self._weights))

    def excesses(self, i: int, sample: Sample) -> tuple[float, float]:
        """The queueing of an exchange, out and back, s, as the bank sees it; noise can make it less than nothing."""
        offset_s = self._mean(0)
        return sample.out_s - offset_s - self._mean(i), sample.back_s + offset_s - self._mean(i + 1)

    def _index(self, source: int) -> int:
        return 2 + 2 * list(self.paths).index(source)

    def with_path(self, source: int, path: Path, delays_s: Sequence[float]) -> ClockFilter:
        """The bank with one more path, of which no more is known than its queueing and some round trips, s: at least one."""
        shortest_s = min(delays_s)
        half_s = 0.5 * shortest_s - path.jitter_s / len(delays_s)
        common, difference = (FIRST_DELAY_ERROR * path.jitter_s) ** 2, (ASYMMETRY * shortest_s) ** 2
        members: list[Member] = []
        for member in self.members:
            n = len(member.x)
            p = [[*row, 0.0, 0.0] for row in member.p] + [[0.0] * (n + 2), [0.0] * (n + 2)]
            loosen(p, n, common, difference)
            members.append(member._replace(x=[*member.x, half_s, half_s], p=p))
        return ClockFilter(self.at, {**self.paths, source: path}, tuple(members))

    def _predicted(self, d: float) -> ClockFilter:
        drifts = [(_PATH_DRIFT * path.jitter_s) ** 2 * d for path in self.paths.values()]
        return ClockFilter(self.at + d, self.paths, tuple(member.predicted(d, drifts) for member in self.members))

    def _ranked(self, members: Sequence[Member]) -> ClockFilter:
        """The bank with these members, their weights relative to the best one's."""
        best = max(members, key=lambda member: member.log_weight)
        return ClockFilter(self.at, self.paths, tuple(member.beside(best) for member in members))

    def _with_route_checked(self, i: int, path: Path, sample: Sample) -> ClockFilter:
        """The bank with the path's delays unknown again, when this exchange shows that the route has changed."""
        shorter_s = self._mean(i) + self._mean(i + 1) - sample.delay_s
        out_s, back_s = self.excesses(i, sample)
        if shorter_s > _SHORTER * math.sqrt(self._delay_variance_s2(i) + path.noise_s**2):
            error_s = shorter_s
        elif path.is_longer_with(out_s, back_s):
            error_s = 0.5 * (out_s + back_s)
        else:
            return self
        return self._loosened(i, error_s)

    def _loosened(self, i: int, error_s: float) -> ClockFilter:
        """The bank with the delays of a path unknown by so much, s, each way alike."""
        members: list[Member] = []
        for member in self.members:
            p = [row[:] for row in member.p]
            loosen(p, i, error_s**2, 0.0)
            members.append(member._replace(p=p))
        return ClockFilter(self.at, self.paths, tuple(members))


def _cut(values: list[_T], i: int) -> list[_T]:
    return values[:i] + values[i + 2 :]
