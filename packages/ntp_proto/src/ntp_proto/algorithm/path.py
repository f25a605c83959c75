"""The queueing of one path, learned in passing: how much is usual in each direction, how much when congested, and whether the route has changed.

The path's delays without queueing are not here: they are correlated with the clock's offset, and so they are states of the filter
(`clock_filter`). What is here needs no covariance: scales, and a count.

The usual scale is tracked by the median of the excesses (of an exponential distribution: 0.693 of the scale): one step up when an
excess is above, one down when it is below, in the logarithm. Congestion does not enter it, but for a small push, so that a path
that has become noisy for good is believed in the end. Of a path that is still new nobody can say what is usual, so there all excesses count alike.

Delays that are early as often as late have another shape: as much noise as queues, or little else than noise. Which one it is, is not told here
(`hindsight`); with it the tracker compares how far an excess is from its centre, and all limits are in units of the spread of queues and noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from ntp_proto.algorithm.queueing import Direction

__all__ = ["QUEUES", "SHAPES", "Path", "Shape"]

_PRIOR_JITTER = 0.15
"""The jitter that is expected of an unknown path, as a part of its round trip."""
_USUAL_EXCESS = 1.2
"""By how many jitters the median of a few round trips exceeds their minimum, when the queues of both ways are exponential."""
_NEW = 16
"""A path of fewer exchanges is new: what is usual on it is not known."""
_RESOLUTION_S = 100e-9
_READING_S = 200e-9
"""What two good clock readings on one machine disagree by."""
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


class Shape(NamedTuple):
    """How the delays of a path are spread: queues, or noise as well.

    Attributes:
        noise: Standard deviation of the two-sided noise, in jitters.
        centre: A number, in jitters ...
        median: ... and how far an arrival is from it in half of the cases, in jitters too.
    """

    noise: float
    centre: float
    median: float

    @property
    def unit(self) -> float:
        """The spread of the delays, in jitters."""
        return 1.0 + self.noise


QUEUES = Shape(0.0, 0.0, math.log(2.0))
SHAPES = (QUEUES, Shape(1.0, 1.0, 0.887), Shape(4.0, 1.0, 2.775))
"""Nothing but queues; as much noise; little else than noise."""


@dataclass(frozen=True, slots=True)
class Path:
    """The queueing of one path; an exchange makes the successor.

    Attributes:
        out: On the way to the server.
        back: On the way back.
        shape: Of both.
        exchanges: How many have been seen.
        congested_run: How many of the last in a row were congested in both directions.
    """

    out: Direction
    back: Direction
    shape: Shape = QUEUES
    exchanges: int = 0
    congested_run: int = 0

    @classmethod
    def expected(cls, delays_s: Sequence[float]) -> Path:
        """A path of which no more is known than some round trips, s: at least one."""
        ordered = sorted(delays_s)
        shortest_s, n = ordered[0], len(ordered)
        seen_s = (ordered[n // 2] - shortest_s) / _USUAL_EXCESS
        jitter_s = (_PRIOR_JITTER * shortest_s + (n - 1) * seen_s) / n
        return cls.known(jitter_s, jitter_s, QUEUES, 0)

    @classmethod
    def known(cls, out_s: float, back_s: float, shape: Shape, exchanges: int) -> Path:
        """A path with these jitters, s."""
        return cls(_direction(out_s, shape), _direction(back_s, shape), shape, exchanges)

    @property
    def jitter_s(self) -> float:
        """The usual spread of the delays, mean of both directions, s."""
        return 0.5 * (self.out_spread_s + self.back_spread_s)

    @property
    def noise_s(self) -> float:
        """Two-sided noise of a round trip, standard deviation, s."""
        return math.hypot(self.out.noise_s, self.back.noise_s)

    @property
    def out_spread_s(self) -> float:
        """The usual spread of the delays on the way out, s: of the queues and of the noise."""
        return self.out.jitter_s * self.shape.unit

    @property
    def back_spread_s(self) -> float:
        """The same on the way back, s."""
        return self.back.jitter_s * self.shape.unit

    def with_noise(self, noise: float) -> Path:
        """The same with another noise, in jitters: for one computation, since the next exchange brings that of the shape back."""
        out, back = (way._replace(noise_s=max(_READING_S, noise * way.jitter_s)) for way in (self.out, self.back))
        return replace(self, out=out, back=back)

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
            _learned(self.out, self.shape, out_excess_s, step, push),
            _learned(self.back, self.shape, back_excess_s, step, push),
            self.shape,
            exchanges,
            0 if run >= _LONGER_AFTER else run,
        )

    def is_congested(self, out_excess_s: float, back_excess_s: float) -> bool:
        """Whether both directions of an exchange were congested; False of a new path."""
        is_known = self.exchanges >= _NEW
        return is_known and out_excess_s > _CONGESTED_BOTH * self.out_spread_s and back_excess_s > _CONGESTED_BOTH * self.back_spread_s


def _direction(jitter_s: float, shape: Shape, congestion_s: float | None = None) -> Direction:
    jitter_s = max(_RESOLUTION_S, jitter_s)
    unit_s = jitter_s * shape.unit
    congestion_s = _CONGESTION_PRIOR * unit_s if congestion_s is None else max(congestion_s, _CONGESTION_SCALE * unit_s)
    return Direction(jitter_s, congestion_s, _CONGESTION_WEIGHT, max(_READING_S, shape.noise * jitter_s))


def _learned(direction: Direction, shape: Shape, excess_s: float, step: float, push: float) -> Direction:
    """The direction after one excess; congestion moves the usual scale by `push` of a step."""
    jitter_s, congestion_s = direction.jitter_s, direction.congestion_s
    if excess_s > _CONGESTED * shape.unit * jitter_s:
        congestion_s += 0.1 * (excess_s - congestion_s)
        step *= push
    elif abs(excess_s - shape.centre * jitter_s) < shape.median * jitter_s:
        step = -step
    return _direction(jitter_s * math.exp(step), shape, congestion_s)
