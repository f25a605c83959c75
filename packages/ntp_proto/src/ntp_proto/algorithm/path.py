"""The queueing of one path, learned in passing: how much is usual in each direction, how much when congested, and whether the route has changed.

The path's delays without queueing are not here: they are correlated with the clock's offset, and so they are states of the filter
(`clock_filter`). What is here needs no covariance: scales, and a count.

The usual scale is tracked by the median of the excesses (of an exponential distribution: 0.693 of the scale): one step up when an
excess is above, one down when it is below, in the logarithm. Congestion does not enter it, but for a small push, so that a path
that has become noisy for good is believed in the end. Of a path that is still new nobody can say what is usual, so there all excesses count alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ntp_proto.algorithm.queueing import Direction

__all__ = ["Path"]

_PRIOR_JITTER = 0.15
"""The jitter that is expected of an unknown path, as a part of its round trip."""
_USUAL_EXCESS = 1.2
"""By how many jitters the median of a few round trips exceeds their minimum, when the queues of both ways are exponential."""
_NEW = 16
"""A path of fewer exchanges is new: what is usual on it is not known."""
_RESOLUTION_S = 100e-9
_CONGESTED = 6.0
"""An excess of this many jitters is not the usual queueing (probability e^-6)."""
_CONGESTED_BOTH = 4.0
"""Nor are excesses of so many in both directions of one exchange (e^-8), and what little it says of the clock would not be missed."""
_CONGESTION_WEIGHT = 0.02
_CONGESTION_SCALE = 8.0
"""The congestion's scale is at least this many jitters ..."""
_CONGESTION_PRIOR = 20.0
"""... and this many at first."""
_LEARNING_LEAST = 0.02
"""The tracker's step once the path is known: it follows a change by a factor of e in 50 exchanges."""
_PUSH = 0.3
"""The part of a step by which congestion raises the usual scale."""
_LONGER_AFTER = 8
"""So many exchanges in a row with both directions congested mean that the route is longer now."""
_MEDIAN = math.log(2.0)


@dataclass(frozen=True, slots=True)
class Path:
    """The queueing of one path; an exchange makes the successor.

    Attributes:
        out: On the way to the server.
        back: On the way back.
        exchanges: How many have been seen.
        congested_run: How many of the last in a row were congested in both directions.
    """

    out: Direction
    back: Direction
    exchanges: int = 0
    congested_run: int = 0

    @classmethod
    def expected(cls, delays_s: Sequence[float]) -> Path:
        """A path of which no more is known than some round trips, s: at least one."""
        ordered = sorted(delays_s)
        shortest_s, n = ordered[0], len(ordered)
        seen_s = (ordered[n // 2] - shortest_s) / _USUAL_EXCESS
        jitter_s = max(_RESOLUTION_S, (_PRIOR_JITTER * shortest_s + (n - 1) * seen_s) / n)
        direction = Direction(jitter_s, _CONGESTION_PRIOR * jitter_s, _CONGESTION_WEIGHT)
        return cls(direction, direction)

    @property
    def jitter_s(self) -> float:
        """The usual scale of the queueing, mean of both directions, s."""
        return 0.5 * (self.out.jitter_s + self.back.jitter_s)

    def is_longer_with(self, out_excess_s: float, back_excess_s: float) -> bool:
        """Whether this exchange completes the proof that the route has become longer."""
        return self.is_congested(out_excess_s, back_excess_s) and self.congested_run + 1 >= _LONGER_AFTER

    def after(self, out_excess_s: float, back_excess_s: float) -> Path:
        """The path after an exchange with these excesses, as the filter now sees them, s."""
        exchanges = self.exchanges + 1
        step = max(_LEARNING_LEAST, 2.0 / (exchanges + 3))
        push = _PUSH if exchanges > _NEW else 1.0
        run = self.congested_run + 1 if self.is_congested(out_excess_s, back_excess_s) else 0
        return Path(
            _learned(self.out, out_excess_s, step, push),
            _learned(self.back, back_excess_s, step, push),
            exchanges,
            0 if run >= _LONGER_AFTER else run,
        )

    def is_congested(self, out_excess_s: float, back_excess_s: float) -> bool:
        """Whether both directions of an exchange were congested; False of a new path."""
        is_known = self.exchanges >= _NEW
        return is_known and out_excess_s > _CONGESTED_BOTH * self.out.jitter_s and back_excess_s > _CONGESTED_BOTH * self.back.jitter_s


def _learned(direction: Direction, excess_s: float, step: float, push: float) -> Direction:
    """The direction after one excess; congestion moves the usual scale by `push` of a step."""
    jitter_s, congestion_s = direction.jitter_s, direction.congestion_s
    if excess_s > _CONGESTED * jitter_s:
        congestion_s += 0.1 * (excess_s - congestion_s)
        step *= push
    elif excess_s < _MEDIAN * jitter_s:
        step = -step
    jitter_s = max(_RESOLUTION_S, jitter_s * math.exp(step))
    return direction._replace(jitter_s=jitter_s, congestion_s=max(congestion_s, _CONGESTION_SCALE * jitter_s))
