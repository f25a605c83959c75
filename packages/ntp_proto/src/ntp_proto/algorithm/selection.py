"""Which sources tell the truth: the largest group whose error bounds have a point in common.

Each source claims that the true offset lies within `distance_s` of its estimate. If its server is right, so is the claim, whatever the
path does; sources that are right therefore have a point in common. The point with the most claims is sought; those who claim it survive,
provided that they are a strict majority of the voters and at least the required number. Two groups of equal size cannot both be a
strict majority, so a minority is never followed, and no agreement means that the clock is left alone.

That bound is wide: half of the way to the primary reference, whatever the path does. A minority that lies within it would pass, and drag the
estimate along. So those who agree vote once more, each with the interval in which it would be expected (`likely_s`): its
statistical error, and the asymmetry that paths usually have. If a strict majority of them agrees so closely, the others are left out;
if not, all stay, for then nobody can say who is the odd one.

Source: RFC 5905 §11.2.1 (intersection, after Marzullo), without its mitigation by midpoints.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

__all__ = ["Selection", "Vote", "select"]


@dataclass(frozen=True, slots=True)
class Vote:
    """The claim of one source: the true offset is within `distance_s` of `offset_s`.

    Attributes:
        source: Id of the source.
        offset_s: Remote minus local, s.
        distance_s: Bound of its error (root distance), s, 0 or more.
        likely_s: Where its error is expected to be, s, 0 or more.
    """

    source: int
    offset_s: float
    distance_s: float
    likely_s: float = math.inf

    @property
    def low(self) -> float:
        """The smallest offset that is claimed, s."""
        return self.offset_s - self.distance_s

    @property
    def high(self) -> float:
        """The largest offset that is claimed, s."""
        return self.offset_s + self.distance_s


@dataclass(frozen=True, slots=True)
class Selection:
    """The outcome of a vote.

    Attributes:
        agreeing: The sources that agree, whether or not they suffice.
        has_majority: Whether it is a strict majority of the voters.
        has_quorum: Whether it is as large as required.
    """

    agreeing: frozenset[int]
    has_majority: bool
    has_quorum: bool

    @property
    def survivors(self) -> frozenset[int]:
        """The sources to follow: those that agree, if they suffice."""
        return self.agreeing if self.has_majority and self.has_quorum else frozenset()


def select(votes: Sequence[Vote], minimum_agreeing: int) -> Selection:
    """Find the sources that agree: within their bounds, and then as closely as a majority of them does.

    Args:
        votes: One for each usable source.
        minimum_agreeing: The required size of the group, 1 or more.
    """
    agreeing = _largest_group(votes)
    has_majority = 2 * len(agreeing) > len(votes)
    if has_majority:
        close = _largest_group([replace(vote, distance_s=min(vote.distance_s, vote.likely_s)) for vote in votes if vote.source in agreeing])
        if 2 * len(close) > len(agreeing) and len(close) >= minimum_agreeing:
            agreeing = close
    return Selection(agreeing, has_majority, len(agreeing) >= minimum_agreeing)


def _largest_group(votes: Sequence[Vote]) -> frozenset[int]:
    # At equal offsets intervals open before they close, so that touching claims agree.
    edges = sorted([(vote.low, 0) for vote in votes] + [(vote.high, 1) for vote in votes])
    depth = best = 0
    point = 0.0
    for offset, closes in edges:
        if closes:
            depth -= 1
        else:
            depth += 1
            if depth > best:
                best, point = depth, offset
    return frozenset(vote.source for vote in votes if vote.low <= point <= vote.high) if best else frozenset[int]()
