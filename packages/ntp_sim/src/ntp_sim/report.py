"""How wrong a simulated clock was."""

from __future__ import annotations

import math

from ntp_sim.sim_clock import SimClock
from ntp_sim.world import World

__all__ = ["ErrorLog"]


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

    def settled_at(self, limit_s: float) -> int | None:
        """The first second from which the error stays below a limit to the end; None: never."""
        for second in range(len(self.errors_s) - 1, -1, -1):
            if abs(self.errors_s[second]) >= limit_s:
                return second + 1 if second + 1 < len(self.errors_s) else None
        return 0
