"""How wrong a simulated clock was, and whether its published bounds held."""

from __future__ import annotations

import math
from typing import NamedTuple

from ntp_sim.node import SimClient
from ntp_sim.sim_clock import SimClock
from ntp_sim.world import World

__all__ = ["Bound", "BoundLog", "ErrorLog"]

_BOUND_INTERVAL_S = 16.0
_SIGMAS_999 = 3.2905
"""Standard errors on each side that hold 99.9 % of a normal distribution."""


class ErrorLog:
    """The error of a clock, sampled once a second of true time: `errors_s[t]`; > 0: it was ahead."""

    def __init__(self, world: World, clock: SimClock) -> None:
        self.errors_s: list[float] = [clock.ahead_s]
        world.every(1.0, lambda: self.errors_s.append(clock.ahead_s))

    def rms_s(self, start: int = 0, end: int | None = None) -> float:
        """Root mean square between two seconds."""
        part = self.errors_s[start:end]
        return math.sqrt(math.fsum(error * error for error in part) / len(part))

    def largest_s(self, start: int = 0, end: int | None = None) -> float:
        """The largest absolute value between two seconds."""
        return max(abs(error) for error in self.errors_s[start:end])

    def quantile_s(self, share: float, start: int = 0, end: int | None = None) -> float:
        """The absolute value that this share of the seconds between two stays at or below."""
        ordered = sorted(abs(error) for error in self.errors_s[start:end])
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]

    def settled_at(self, limit_s: float) -> int | None:
        """The first second from which the error stays below a limit to the end; None: never."""
        for second in range(len(self.errors_s) - 1, -1, -1):
            if abs(self.errors_s[second]) >= limit_s:
                return second + 1 if second + 1 < len(self.errors_s) else None
        return 0

    def below_at(self, limit_s: float, hold: int, start: int = 0) -> int | None:
        """The first second, not before `start`, from which the error stays below a limit for `hold` seconds; None: never."""
        count = 0
        for second in range(start, len(self.errors_s)):
            count = count + 1 if abs(self.errors_s[second]) < limit_s else 0
            if count == hold:
                return second - hold + 1
        return None


class Bound(NamedTuple):
    """What a client published of its clock at one instant, and the truth.

    Attributes:
        at: True time, s.
        error_s: The clock's true error, s.
        maximum_s: The hard bound of it, root delay / 2 + root dispersion, s.
        probable_s: The bound that 99.9 % of a normal distribution with the published standard error would keep, around what was still to be
            corrected, s.
    """

    at: float
    error_s: float
    maximum_s: float
    probable_s: float

    @property
    def holds(self) -> bool:
        """Whether the error was within the hard bound."""
        return abs(self.error_s) <= self.maximum_s


class BoundLog:
    """Looks every 16 s at the bounds that a client publishes, while it has any."""

    def __init__(self, world: World, node: SimClient) -> None:
        self.bounds: list[Bound] = []
        self._world = world
        self._node = node
        world.every(_BOUND_INTERVAL_S, self._look)

    def coverage(self, start: float = 0.0) -> tuple[float, float] | None:
        """The shares of the time in which the error was within the hard and within the probable bound; None: nothing was published."""
        bounds = [bound for bound in self.bounds if bound.at >= start]
        if not bounds:
            return None
        hard = sum(bound.holds for bound in bounds)
        probable = sum(abs(bound.error_s) <= bound.probable_s for bound in bounds)
        return hard / len(bounds), probable / len(bounds)

    def _look(self) -> None:
        clock = self._node.clock
        if clock.is_asleep:
            return
        view = self._node.client.discipline.system(clock.monotonic())
        if view.estimate is None or view.stratum >= 16:
            return
        maximum_s = 0.5 * view.root_delay_s + view.root_dispersion_s
        probable_s = abs(view.offset_s) + _SIGMAS_999 * view.estimate.offset_error_s
        self.bounds.append(Bound(self._world.now, clock.ahead_s, maximum_s, probable_s))
