"""All samples of a young source at once: what each of them says, in the light of the others.

The filter (`clock_filter`) takes one exchange after the other, so what the first ones say is settled while neither the path nor its
queueing is known. Looking back, all are taken together (`propagation`), under each guess of the wander and of the shape of the delays. The evidence
tells how likely the wanders are, and chooses the shape: queues, as much noise as queues, or little else than noise.

A wander too small to matter is left out, and the answer is then the same for all of those.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ntp_proto.algorithm.estimate import FrequencyPrior
from ntp_proto.algorithm.member import DENSITIES, Member, Site, log_prior
from ntp_proto.algorithm.path import QUEUES, SHAPES, Path, Shape
from ntp_proto.algorithm.propagation import Account, account
from ntp_proto.algorithm.sample import Sample

__all__ = ["UNDECIDED", "Hindsight", "likeliest_shape", "look_back", "shape_evidences"]

_COARSE = DENSITIES[1::3]
"""Wanders enough to find the shape by."""
_RELUCTANCE = 3.0
"""Log odds against anything but queues: for most paths have nothing else, and are known far better when that is known."""
_CERTAIN = 20.0
"""No shape is less likely than by so many log odds, however badly it explains the samples: next time it may be another one."""
UNDECIDED = (0.0,) * len(SHAPES)
"""The evidences of the shapes before any sample."""
_NEGLIGIBLE_WANDER = 0.1
"""In spreads of the delays, over all samples."""
_HOPELESS = 6.0
"""A wander whose log evidence is so far below the best: those that are larger still are not looked at."""


@dataclass(frozen=True, slots=True)
class Hindsight:
    """What a look back has found.

    Attributes:
        members: One for each wander, at the last sample, with the path's out and back as their only delays.
        path: The queueing of the path.
        sites: What each sample says, out and back, if the wander is the likeliest.
    """

    members: tuple[Member, ...]
    path: Path
    sites: tuple[tuple[Site, Site], ...]

    def without_first(self) -> Hindsight:
        """The same when the first sample is no longer kept."""
        return replace(self, sites=self.sites[1:])

    @property
    def evidences(self) -> list[float]:
        """How well each wander explains the samples: logarithms, without the prior."""
        return [member.log_weight - log_prior(member.q) for member in self.members]


def look_back(samples: Sequence[Sample], prior: FrequencyPrior, shape: Shape) -> Hindsight | None:
    """Look at all samples of one path together.

    Args:
        samples: At least two, in the order of time.
        prior: What is known of the frequency before them.
        shape: Of the delays.

    Returns:
        What they say together; None when that cannot be told, because they contradict each other.
    """
    centre_s, samples = _centred(samples)
    found = _accounts(samples, prior, shape, DENSITIES)
    best_weight, best = max(found, key=lambda item: item[0])
    if best_weight == -math.inf:
        return None
    members = [
        Member(q, [centre_s + found_so.x[0], *found_so.x[1:]], found_so.p, weight) for q, (weight, found_so) in zip(DENSITIES, found, strict=True)
    ]
    likeliest = max(members, key=lambda member: member.log_weight)
    sites = zip((site.moved(centre_s) for site in best.sites[::2]), (site.moved(-centre_s) for site in best.sites[1::2]), strict=True)
    return Hindsight(tuple(member.beside(likeliest) for member in members), best.path, tuple(sites))


def shape_evidences(samples: Sequence[Sample], prior: FrequencyPrior) -> tuple[float, ...]:
    """How well each shape explains some samples of one path: logarithms, 0.0 for the best. Those of other samples may be added."""
    samples = _centred(samples)[1]
    found = [max(weight for weight, _ in _accounts(samples, prior, shape, _COARSE)) for shape in SHAPES]
    best = max(found)
    return tuple(max(-_CERTAIN, evidence - best) for evidence in found) if best > -math.inf else UNDECIDED


def likeliest_shape(evidences: Sequence[float]) -> Shape:
    """The shape to choose."""
    return max(zip(SHAPES, evidences, strict=True), key=lambda item: item[1] - (0.0 if item[0] is QUEUES else _RELUCTANCE))[0]


def _centred(samples: Sequence[Sample]) -> tuple[float, list[Sample]]:
    """An offset, s, and the samples relative to it: a clock may be years away, and has to be known to the nanosecond."""
    centre_s = min(samples, key=lambda sample: sample.delay_s).offset_s
    return centre_s, [sample._replace(offset_s=sample.offset_s - centre_s) for sample in samples]


def _accounts(samples: Sequence[Sample], prior: FrequencyPrior, shape: Shape, densities: Sequence[float]) -> list[tuple[float, Account]]:
    """For each wander its account, and the logarithm of evidence and prior."""
    path = _guessed(samples, shape)
    span_s = samples[-1].at - samples[0].at
    steady: Account | None = None
    accounts: list[tuple[float, Account]] = []
    best = -math.inf
    for q in densities:
        if math.sqrt(q * span_s**3 / 3.0) < _NEGLIGIBLE_WANDER * path.jitter_s:
            steady = found = steady or account(samples, prior, 0.0, path)
        elif accounts and -math.inf < accounts[-1][0] < best - _HOPELESS:
            accounts.append((accounts[-1][0] - _HOPELESS, accounts[-1][1]))
            continue
        else:
            found = account(samples, prior, q, path)
        weight = found.log_evidence + log_prior(q)
        accounts.append((weight, found))
        best = max(best, weight)
    return accounts


def _guessed(samples: Sequence[Sample], shape: Shape) -> Path:
    """The path before the first round: of exponential queues both ways, the mean round trip exceeds the base delay by two jitters."""
    delays_s, n = sorted(sample.delay_s for sample in samples), len(samples)
    if shape is QUEUES:
        jitter_s = 0.5 * (math.fsum(delays_s) / n - delays_s[0]) * n / (n - 0.7)
    else:
        deviations_s = sorted(abs(delay_s - delays_s[n // 2]) for delay_s in delays_s)
        jitter_s = deviations_s[n // 2] / math.hypot(1.0, shape.noise)
    return Path.known(jitter_s, jitter_s, shape, n)
