"""What a watcher remembers of the documents that it has seen: offsets for a chart, and what has changed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from ntp_proto.observation import Observation

__all__ = ["History", "Point"]

_POINTS = 1000
_CHANGES = 50


@dataclass(frozen=True, slots=True)
class Point:
    """The clock at one look.

    Attributes:
        offset_s: What is still to be corrected, s; > 0: our clock is behind. None: it was not known, or nobody answered.
        error_s: Its standard error, s.
    """

    offset_s: float | None = None
    error_s: float | None = None


class History:
    """Bounded: the oldest is forgotten."""

    def __init__(self) -> None:
        self.points: deque[Point] = deque(maxlen=_POINTS)
        self.changes: deque[str] = deque(maxlen=_CHANGES)
        self._last: Observation | None = None

    def add(self, observation: Observation) -> None:
        """Take a document in."""
        system = observation.system
        self.points.append(Point(system.offset_s if system.offset_error_s is not None else None, system.offset_error_s))
        if self._last is not None:
            self._note_changes(self._last, observation)
        self._last = observation

    def add_gap(self, reason: str, *, is_new: bool) -> None:
        """Nobody answered."""
        self.points.append(Point())
        if is_new and self._last is not None:
            self.changes.append(f"{_clock_time(self._last.program.time)}  {reason}")

    def _note_changes(self, before: Observation, after: Observation) -> None:
        at = _clock_time(after.program.time)
        if before.program.pid != after.program.pid:
            self.changes.append(f"{at}  another daemon: pid {after.program.pid}")
        if before.system.state is not after.system.state:
            self.changes.append(f"{at}  {before.system.state.value} → {after.system.state.value}: {after.system.reason}")
        if after.system.step_count > before.system.step_count:
            self.changes.append(f"{at}  the clock was set")
        if after.system.displacement_count > before.system.displacement_count:
            self.changes.append(f"{at}  something else has set the clock")
        known = {(source.id, source.name): source for source in before.sources}
        present = {(source.id, source.name) for source in after.sources}
        for source in after.sources:
            earlier = known.get((source.id, source.name))
            if earlier is None:
                self.changes.append(f"{at}  {source.name} {source.address}: new")
            elif earlier.status is not source.status:
                self.changes.append(f"{at}  {source.name} {source.address}: {earlier.status.value} → {source.status.value}")
        self.changes.extend(f"{at}  {source.name} {source.address}: gone" for key, source in known.items() if key not in present)


def _clock_time(time: str) -> str:
    """Hours, minutes and seconds of an ISO time, UTC; any other text stays."""
    return time[11:19] if len(time) >= 19 and time[10] == "T" else time
