"""Which sources tell the truth: the largest group whose error bounds have a point in common.

Each source claims that the true offset lies within `distance_s` of its estimate. If its server is right, so is the claim, whatever the
path does; sources that are right therefore have a point in common. The point with the most claims is sought; those who claim it survive,
provided that they are a strict majority of the voters and at least the required number. Two groups of equal size cannot both be a
strict majority, so a minority is never followed, and no agreement means that the clock is left alone.

Source: RFC 5905 §11.2.1 (intersection, after Marzullo), without its mitigation by midpoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Selection", "Vote", "select"]


@dataclass(frozen=True, slots=True)
class Vote:
    """The claim of one source: the true offset is within `distance_s` of `offset_s`.

    Attributes:
        source: Id of the source.
        offset_s: Remote minus local, s.
        distance_s: Bound of its error (root distance), s, 0 or more.
    """

    source: int
    offset_s: float
    distance_s: float

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
        agreeing: The largest group of sources with a common point, whether or not it suffices.
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
    """Find the largest group of voters that agree.

    Args:
        votes: One for each usable source.
        minimum_agreeing: The required size of the group, 1 or more.
    """
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
    agreeing = frozenset(vote.source for vote in votes if vote.low <= point <= vote.high) if best else frozenset[int]()
    return Selection(agreeing, 2 * len(agreeing) > len(votes), len(agreeing) >= minimum_agreeing)
