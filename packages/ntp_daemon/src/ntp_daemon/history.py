"""What the daemon remembers of the past: numbers in rings, coarser and coarser the older they are.

A sample is taken every 4 s and goes to five rings of 168 to 225 rows: of 4 s, 20 s, 2 min, 8 min and an hour, so that a quarter of an hour, an
hour, six hours, a day and a week can be drawn, each with about as many points as a chart can show. A row keeps what a mean would hide: the
least and the most of the offset, and the largest bound. All of it is 90 KiB, whatever the number of sources and clients, and is gone with the
daemon.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, field

from ntp_proto.history import HistoryDocument

__all__ = ["SAMPLED_S", "Counts", "History", "Moment"]

SAMPLED_S = 4.0
_LEVELS = ((SAMPLED_S, 225), (20.0, 180), (120.0, 180), (480.0, 180), (3600.0, 168))
_NOTHING = math.nan


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of requests, since the server began.

    Attributes:
        answered: Answered with the time.
        unsynchronized: Told that there is no time, or not answered for that.
        limited: Beyond a limit.
        denied: Refused for who asked.
        malformed: No requests, or not for us.
        answers: Of any kind.
        processing_s: From arrival to departure, summed over all answers.
    """

    answered: int = 0
    unsynchronized: int = 0
    limited: int = 0
    denied: int = 0
    malformed: int = 0
    answers: int = 0
    processing_s: float = 0.0

    def since(self, before: Counts) -> Counts:
        """What has come since then. A server that began anew in between counts from nothing."""
        earlier = before if all(now >= then for now, then in zip(self._numbers(), before._numbers(), strict=True)) else Counts()
        return Counts(
            self.answered - earlier.answered,
            self.unsynchronized - earlier.unsynchronized,
            self.limited - earlier.limited,
            self.denied - earlier.denied,
            self.malformed - earlier.malformed,
            self.answers - earlier.answers,
            self.processing_s - earlier.processing_s,
        )

    def _numbers(self) -> tuple[float, ...]:
        return (self.answered, self.unsynchronized, self.limited, self.denied, self.malformed, self.answers, self.processing_s)


@dataclass(frozen=True, slots=True)
class Moment:
    """The state at one instant.

    Attributes:
        offset_s: What is to be corrected; None before the first estimate, as are the next two.
        statistical_error_s: What the clock's error stays below 99.9 % of the time.
        maximum_error_s: The hard bound.
        frequency: The correction in force, s/s.
        counts: What became of requests; None: nobody is served.
    """

    offset_s: float | None
    statistical_error_s: float | None
    maximum_error_s: float | None
    frequency: float
    counts: Counts | None = None


@dataclass(slots=True)
class _Row:
    """A row while it grows. What has no value yet is not a number, and what is compared with it takes its place."""

    samples: int = 0
    offsets: int = 0
    offset_sum_s: float = 0.0
    offset_low_s: float = _NOTHING
    offset_high_s: float = _NOTHING
    statistical_s: float = _NOTHING
    maximum_s: float = _NOTHING
    frequency_sum: float = 0.0
    requests: list[float] = field(default_factory=lambda: [0.0] * 5)
    answers: int = 0
    processing_s: float = 0.0

    def add(self, moment: Moment, counts: Counts) -> None:
        self.samples += 1
        self.frequency_sum += moment.frequency
        if moment.offset_s is not None:
            self.offsets += 1
            self.offset_sum_s += moment.offset_s
            self.offset_low_s = _least(self.offset_low_s, moment.offset_s)
            self.offset_high_s = -_least(-self.offset_high_s, -moment.offset_s)
        if moment.statistical_error_s is not None:
            self.statistical_s = -_least(-self.statistical_s, -moment.statistical_error_s)
        if moment.maximum_error_s is not None:
            self.maximum_s = -_least(-self.maximum_s, -moment.maximum_error_s)
        for place, count in enumerate((counts.answered, counts.unsynchronized, counts.limited, counts.denied, counts.malformed)):
            self.requests[place] += count
        self.answers += counts.answers
        self.processing_s += counts.processing_s

    def numbers(self, ended_at: float) -> list[float]:
        return [
            ended_at,
            self.offset_sum_s / self.offsets if self.offsets else _NOTHING,
            self.offset_low_s,
            self.offset_high_s,
            self.statistical_s,
            self.maximum_s,
            self.frequency_sum / self.samples if self.samples else _NOTHING,
            *self.requests,
            self.processing_s / self.answers if self.answers else _NOTHING,
        ]


_WIDTH = len(_Row().numbers(0.0))


class _Ring:
    """The last rows of one length.

    Args:
        step_s: The length of a row.
        size: How many are kept.
    """

    def __init__(self, step_s: float, size: int) -> None:
        self.step_s = step_s
        self.size = size
        self._numbers = array("d", bytes(8 * _WIDTH * size))
        self._written = 0
        self._row = _Row()
        self._began_at: float | None = None

    @property
    def span_s(self) -> float:
        return self.step_s * self.size

    def add(self, moment: Moment, counts: Counts, now: float) -> None:
        if self._began_at is None:
            self._began_at = now - SAMPLED_S
        self._row.add(moment, counts)
        # Half a sample early counts as in time: a timer is late now and then, and the next row begins where this one should have ended.
        if now - self._began_at >= self.step_s - SAMPLED_S / 2:
            place = self._written % self.size * _WIDTH
            self._numbers[place : place + _WIDTH] = array("d", self._row.numbers(now))
            self._written += 1
            self._row = _Row()
            expected = self._began_at + self.step_s
            self._began_at = expected if abs(now - expected) < SAMPLED_S else now  # after a standstill anew

    def columns(self, since: float) -> list[list[float]]:
        """The rows that ended after that instant, the oldest first."""
        first = max(0, self._written - self.size)
        rows = [self._numbers[n % self.size * _WIDTH : (n % self.size + 1) * _WIDTH].tolist() for n in range(first, self._written)]
        kept = [row for row in rows if row[0] > since]
        return [list(column) for column in zip(*kept, strict=True)] if kept else [[] for _ in range(_WIDTH)]


class History:
    """The past, as far as it is kept."""

    def __init__(self) -> None:
        self._rings = [_Ring(step_s, size) for step_s, size in _LEVELS]
        self._counts = Counts()

    def add(self, moment: Moment, now: float) -> None:
        """Remember a sample; to be called every `SAMPLED_S`.

        Args:
            moment: The state now.
            now: Monotonic, s.
        """
        counts = Counts()
        if moment.counts is not None:
            counts = moment.counts.since(self._counts)
            self._counts = moment.counts
        for ring in self._rings:
            ring.add(moment, counts, now)

    def document(self, window_s: float, time: str, now: float) -> HistoryDocument:
        """What was, as far back as that, from the finest ring that reaches so far.

        Args:
            window_s: How far back, s; beyond the longest ring: that one.
            time: The disciplined clock now, ISO 8601.
            now: The same instant, monotonic, s.
        """
        ring = next((ring for ring in self._rings if ring.span_s >= window_s), self._rings[-1])
        ended, *numbers = ring.columns(now - window_s)
        offset, low, high, statistical, maximum, frequency, *requests, processing = numbers
        answered, unsynchronized, limited, denied, malformed = (tuple(map(int, column)) for column in requests)
        return HistoryDocument(
            time=time,
            window_s=window_s,
            step_s=ring.step_s,
            age_s=tuple(round(now - at, 3) for at in ended),
            offset_s=_known(offset),
            offset_low_s=_known(low),
            offset_high_s=_known(high),
            statistical_error_s=_known(statistical),
            maximum_error_s=_known(maximum),
            frequency=_known(frequency),
            answered=answered,
            unsynchronized=unsynchronized,
            limited=limited,
            denied=denied,
            malformed=malformed,
            processing_s=_known(processing),
        )


def _least(so_far: float, value: float) -> float:
    return value if math.isnan(so_far) or value < so_far else so_far


def _known(column: list[float]) -> tuple[float | None, ...]:
    return tuple(None if math.isnan(value) else value for value in column)
