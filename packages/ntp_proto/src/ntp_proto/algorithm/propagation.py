r"""What some samples of one path say together, if the wander and the shape of the delays are so: expectation propagation.

Each direction of each exchange is described by a *site*, the Gaussian factor that says of b = a.z the same as its likelihood does in the company of
all others:

    site(b) = C exp(-precision b^2 / 2 + pull b)

It is made anew from the cavity N(m, v), the posterior of b without it: `queueing.Direction.evidence` gives the mean m + v g and the variance
v + v^2 h of the cavity times the true likelihood, and a Gaussian factor that does the same has

    precision = -h / (1 + v h)        pull = (g - m h) / (1 + v h)

This is repeated until what each says agrees with what the others say. Between the rounds the jitters are made anew from the excesses: one
step of expectation maximisation, in which an excess counts as far as it is no congestion. (A site that would have a negative precision is
given none; only the congested part of the likelihood asks for one.)

Glossary, inside this module only (letter, meaning, unit):
    z             offset s and frequency s/s at the last sample, the path's out and back, s; then for each earlier sample w, how far the wander
                  has taken the offset from the straight line through the last one, s
    x, p          mean and covariance of z
    q             wander density, (s/s)^2/s

Backwards in time a frequency that walks with density q gives at the ages a <= b

    offset(a) = z0 - a z1 + w_a        Cov[w_a, w_b] = q (a^2 b / 2 - a^3 / 6)

The evidence tells how well the assumptions explain all samples:

    log Z = log(integral of prior and sites) + sum of log C        log C = log Z_cavity - log(integral of cavity and site)

Source: Minka, "A family of algorithms for approximate Bayesian inference" (2001), §3.2; Rasmussen & Williams, "Gaussian Processes for Machine
Learning" (2006), §3.6, for the form with sites.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ntp_proto.algorithm.estimate import FrequencyPrior
from ntp_proto.algorithm.member import ASYMMETRY, FIRST_DELAY_ERROR, Site, loosen
from ntp_proto.algorithm.path import QUEUES, Path
from ntp_proto.algorithm.queueing import Direction
from ntp_proto.algorithm.sample import Sample

__all__ = ["Account", "account"]

_ROUNDS = 4
"""At least so many, and of few samples more:"""
_EXCHANGES = 64
"""in all rounds so many exchanges are looked at."""
_DAMPING = 0.7
"""How far a site moves towards its new value, from the second round on."""
_RESTLESS = 1.0
"""When the last round still moves what is known by so many standard errors, the sites do not agree, and what they say together means nothing."""
_FLAT = 2.0
"""Prior standard error of the offset, in units of what it could be at most."""
_LEAST_CAVITY = 1e-6
"""The part of its information that a marginal must owe to others."""
_EDGE = 0.05
"""Noise of the edge of a queue's distribution, in jitters: of a young path no more than that is believed."""
_PRIOR_EXCHANGES = 4.0
"""A direction's jitter is mixed with the mean of both, which counts as so many exchanges."""
_UNKNOWN_JITTER = 0.75
"""So many exchanges fewer share the excesses: of few, the likeliest jitter would make the edge of the queues look sharper than it is known."""


class Account(NamedTuple):
    """What the samples say.

    Attributes:
        x: Offset s, frequency s/s, out and back, s, at the last sample.
        p: Their covariance.
        path: The queueing.
        sites: One for each direction of each exchange, out and back in turn.
        log_evidence: -inf where the sites do not agree: then all this means nothing.
    """

    x: list[float]
    p: list[list[float]]
    path: Path
    sites: list[Site]
    log_evidence: float


class _Projection(NamedTuple):
    """How one direction of one exchange sees the state: b = a.z. `wander` is the place of its w, 0: it has none."""

    is_back: bool
    age: float
    wander: int
    arrival_s: float

    def of(self, vector: Sequence[float]) -> float:
        """The product with a vector."""
        clock = vector[0] - self.age * vector[1] + (vector[self.wander] if self.wander else 0.0)
        return vector[3] - clock if self.is_back else vector[2] + clock

    def of_rows(self, p: list[list[float]]) -> list[float]:
        """The product with a symmetric matrix."""
        rows = zip(p[0], p[1], p[3 if self.is_back else 2], strict=True)
        sign, age = -1.0 if self.is_back else 1.0, self.age
        c = [delay + sign * (offset - age * frequency) for offset, frequency, delay in rows]
        return [value + sign * w for value, w in zip(c, p[self.wander], strict=True)] if self.wander else c


def account(samples: Sequence[Sample], prior: FrequencyPrior, q: float, path: Path) -> Account:
    """Let the samples agree.

    Args:
        samples: At least two, in the order of time.
        prior: What is known of the frequency before them.
        q: The density of the wander, (s/s)^2/s; 0.0: there is none.
        path: A guess of the queueing; its shape stays.
    """
    path = _softened(path)
    prior_x, prior_p = _prior(samples, prior, q, path)
    projections = list(_projections(samples, has_wander=q > 0.0))
    x, p, sites = prior_x, prior_p, [Site(0.0, 0.0)] * len(projections)
    unrest = 0.0
    for number in range(max(_ROUNDS, _EXCHANGES // len(samples))):
        unrest = 0.0
        if number:
            path = _relearned(path, [projection.arrival_s - projection.of(x) for projection in projections])
        for k, projection in enumerate(projections):
            c = projection.of_rows(p)
            mean_s, variance_s2 = projection.of(x), projection.of(c)
            if not variance_s2 > 0.0:
                return Account(x, p, path, sites, -math.inf)  # rounding has the last word
            direction = path.back if projection.is_back else path.out
            site = _site(direction, projection.arrival_s, mean_s, variance_s2, sites[k], damping=_DAMPING if number else 1.0)
            change = Site(site.precision - sites[k].precision, site.pull - sites[k].pull)
            x, p = _absorbed(x, p, c, mean_s, variance_s2, change)
            sites[k] = site
            unrest = max(unrest, abs(change.gain(mean_s, variance_s2)[0]) * math.sqrt(max(0.0, variance_s2)))
    if unrest > _RESTLESS:
        return Account(x, p, path, sites, -math.inf)
    return _concluded(prior_x, prior_p, path, projections, sites)


def _prior(samples: Sequence[Sample], prior: FrequencyPrior, q: float, path: Path) -> tuple[list[float], list[list[float]]]:
    """Mean and covariance before any sample: next to nothing of the clock, a guess of the path."""
    ages = [samples[-1].at - sample.at for sample in samples]
    shortest = min(samples, key=lambda sample: sample.delay_s)
    longest_s = max(sample.delay_s for sample in samples)
    error_s = _FLAT * (longest_s + prior.error * ages[0] + math.sqrt(q * ages[0] ** 3 / 3.0))
    half_s = 0.5 * (shortest.delay_s if path.shape is QUEUES else sorted(sample.delay_s for sample in samples)[len(samples) // 2])
    half_s -= path.out.jitter_s / (len(samples) if path.shape is QUEUES else 1)
    wandering = ages[:-1] if q > 0.0 else []
    n = 4 + len(wandering)
    p = [[0.0] * n for _ in range(n)]
    p[0][0], p[1][1] = max(error_s, 1e-6) ** 2, prior.error**2 + q * ages[0]
    loosen(p, 2, (FIRST_DELAY_ERROR * path.jitter_s) ** 2, (ASYMMETRY * shortest.delay_s) ** 2)
    for i, one in enumerate(wandering, start=4):
        for k, other in enumerate(wandering, start=4):
            a, b = (one, other) if one < other else (other, one)
            p[i][k] = q * (0.5 * a * a * b - a**3 / 6.0)
    return [shortest.offset_s + prior.frequency * (samples[-1].at - shortest.at), prior.frequency, half_s, half_s, *(0.0 for _ in wandering)], p


def _projections(samples: Sequence[Sample], *, has_wander: bool) -> Iterable[_Projection]:
    for i, sample in enumerate(samples):
        age, wander = samples[-1].at - sample.at, 4 + i if has_wander and i < len(samples) - 1 else 0
        yield _Projection(is_back=False, age=age, wander=wander, arrival_s=sample.out_s)
        yield _Projection(is_back=True, age=age, wander=wander, arrival_s=sample.back_s)


def _site(direction: Direction, arrival_s: float, mean_s: float, variance_s2: float, old: Site, *, damping: float) -> Site:
    """The site made anew, by the marginal of b with the old one in it."""
    others = 1.0 / variance_s2 - old.precision
    if others <= _LEAST_CAVITY / variance_s2:
        return Site(0.5 * old.precision, 0.5 * old.pull)
    v, m = 1.0 / others, (mean_s / variance_s2 - old.pull) / others
    _, g, h = direction.evidence(arrival_s, m, v)
    remaining = 1.0 + v * h  # v'/v
    new = Site(-h / remaining, (g - m * h) / remaining) if h < 0.0 < remaining else Site(0.0, g)
    return Site(old.precision + damping * (new.precision - old.precision), old.pull + damping * (new.pull - old.pull))


def _absorbed(
    x: list[float], p: list[list[float]], c: list[float], mean_s: float, variance_s2: float, site: Site
) -> tuple[list[float], list[list[float]]]:
    """The state times a site, or a difference of sites; c = p a."""
    g, h = site.gain(mean_s, variance_s2)
    return (
        [value + g * ck for value, ck in zip(x, c, strict=True)],
        [[value + hc * cl for value, cl in zip(row, c, strict=True)] for row, hc in zip(p, [h * ck for ck in c], strict=True)],
    )


def _concluded(prior_x: list[float], prior_p: list[list[float]], path: Path, projections: list[_Projection], sites: list[Site]) -> Account:
    """Everything once more from the prior, without what rounding has left, and the evidence."""
    x, p, log_evidence = prior_x, prior_p, 0.0
    for projection, site in zip(projections, sites, strict=True):
        c = projection.of_rows(p)
        mean_s, variance_s2 = projection.of(x), projection.of(c)
        if not variance_s2 > 0.0:
            return Account(x, p, path, sites, -math.inf)
        log_evidence += site.log_mass(mean_s, variance_s2)
        x, p = _absorbed(x, p, c, mean_s, variance_s2, site)
    for projection, site in zip(projections, sites, strict=True):
        variance_s2 = projection.of(projection.of_rows(p))
        others = 1.0 / variance_s2 - site.precision if variance_s2 > 0.0 else 0.0
        if not others * variance_s2 > _LEAST_CAVITY:
            log_evidence = -math.inf
            break
        v, m = 1.0 / others, (projection.of(x) / variance_s2 - site.pull) / others
        direction = path.back if projection.is_back else path.out
        log_evidence += direction.evidence(projection.arrival_s, m, v).log_z - site.log_mass(m, v)
    log_evidence = log_evidence if math.isfinite(log_evidence) else -math.inf
    return Account(x[:4], [row[:4] for row in p[:4]], path.with_noise(path.shape.noise), sites, log_evidence)


def _relearned(path: Path, excesses_s: Sequence[float]) -> Path:
    """The path with its jitters made anew from the excesses, out and back in turn."""
    n = len(excesses_s) // 2
    if path.shape is QUEUES:
        out_s, back_s = (_mean_queue(way, way_s, path.jitter_s) for way, way_s in ((path.out, excesses_s[::2]), (path.back, excesses_s[1::2])))
    else:
        centre_s = path.shape.centre * 0.5 * (path.out.jitter_s + path.back.jitter_s)
        out_s = back_s = sorted(abs(excess_s - centre_s) for excess_s in excesses_s)[n] / path.shape.median
    return _softened(Path.known(out_s, back_s, path.shape, n))


def _mean_queue(direction: Direction, excesses_s: Sequence[float], common_s: float) -> float:
    """The mean of the excesses, each as far as it is no congestion, and of the prior; as much larger as it is uncertain.

    The excesses of n exchanges, less offset, frequency and the delay each way, tell j as well as nu = 2 n - 4 do, and give it an inverse gamma
    density whose mode is S/nu and whose root mean square S/sqrt((nu - 1)(nu - 2)), nearly S/(nu - 1.5). That is larger by 1.60, 1.23, 1.14 and 1.06
    with 4, 6, 8 and 16 exchanges. The factor here comes to 1.60, 1.26, 1.16 and 1.06, since what is mixed in has grown by it in the round before.
    """
    j, big, weight, n = direction.jitter_s, direction.congestion_s, direction.congestion_weight, len(excesses_s)
    total_s, count = _PRIOR_EXCHANGES * common_s, _PRIOR_EXCHANGES
    for excess_s in excesses_s:
        e = max(0.0, excess_s)
        usual, congested = (1.0 - weight) / j * math.exp(-e / j), weight / big * math.exp(-e / big)
        share = usual / (usual + congested) if usual > 0.0 else 0.0
        total_s += share * e
        count += share
    return total_s / count * n / (n - _UNKNOWN_JITTER)


def _softened(path: Path) -> Path:
    """With the edges that a look back believes in."""
    return path.with_noise(max(_EDGE, path.shape.noise))
