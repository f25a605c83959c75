"""A measurement log as runs of the daemon, and a run as what can be drawn of it: offsets, delays, frequencies, and the uncorrected clock.

    remote - uncorrected clock = measured offset + all corrections until then

The corrections are those that the log tells: the frequency in force, integrated, and the steps, also those by others. What remains is the phase
of the bare oscillator against the server, with the noise of the path on it.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ntp_proto.measurement_log import ChangeLine, DisplacementLine, Line, MeasurementLine, StartLine, decode_line

__all__ = ["Run", "Sample", "SourceSeries", "evenly", "read_run", "split_runs"]

_START = b'{"type":"start"'
_GAP = 8.0


def split_runs(data: bytes, name: str) -> list[list[Line]]:
    """The runs in a log; the last line of each may be cut off, as a crash or a full disk leaves it.

    Args:
        data: The file.
        name: Of the file, for what is wrong with it.

    Raises:
        ValueError: it is no measurement log; says where.
    """
    texts = data.splitlines()
    runs: list[list[Line]] = []
    for number, text in enumerate(texts, start=1):
        try:
            line = decode_line(text)
        except ValueError as error:
            is_last = number == len(texts) or texts[number].startswith(_START)
            if runs and is_last:
                continue
            raise ValueError(f"{name}:{number}: {error}") from error
        if isinstance(line, StartLine):
            runs.append([])
        elif not runs:
            raise ValueError(f"{name}:{number}: a measurement log begins with a line of type start")
        runs[-1].append(line)
    if not runs:
        raise ValueError(f"{name}: holds no measurements")
    return runs


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement.

    Attributes:
        at_s: Since the start of the run.
        offset_s: Of the clock as it was steered; > 0: it was behind.
        delay_s: Round trip.
        phase_s: What the offset of the uncorrected clock would have been.
    """

    at_s: float
    offset_s: float
    delay_s: float
    phase_s: float


@dataclass(frozen=True, slots=True)
class SourceSeries:
    """All that was measured of one server, in the order of time."""

    name: str
    address: str
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the daemon.

    Attributes:
        software: Name and version of the program.
        time: The clock at the start, bits of a timestamp.
        sources: Those that were measured, in the order of their first measurement.
        frequency: Since the start, s, and the frequency that the clock was run at from there on, s/s.
        steps: Since the start, s, and by how much the clock was set, s, by us or by others.
    """

    software: str
    time: int
    sources: tuple[SourceSeries, ...]
    frequency: tuple[tuple[float, float], ...]
    steps: tuple[tuple[float, float], ...]

    @property
    def end_s(self) -> float:
        """When the last of it was measured, since the start."""
        return max((series.samples[-1].at_s for series in self.sources), default=0.0)


def read_run(lines: Sequence[Line]) -> Run:
    """What can be drawn of a run.

    Args:
        lines: Of one run; the first is a `StartLine`.

    Raises:
        ValueError: a number in it does not fit its field.
    """
    start = lines[0]
    assert isinstance(start, StartLine), "a run begins with it"
    correction = _Correction(start)
    samples: dict[int, list[Sample]] = {}
    names: dict[int, tuple[str, str]] = {}
    for line in _in_time(lines):
        match line:
            case ChangeLine():
                correction.change(line.at, line.frequency, line.step_s)
            case DisplacementLine():
                correction.change(line.at, correction.frequency[-1][1], line.displacement_s)
            case MeasurementLine():
                names.setdefault(line.source, (line.name, line.address))
                samples.setdefault(line.source, []).append(_sample(line, start.at, correction))
            case _:
                pass
    series = tuple(SourceSeries(*names[source], tuple(taken)) for source, taken in samples.items())
    return Run(start.software, start.time, series, tuple(correction.frequency), tuple(correction.steps))


def _in_time(lines: Sequence[Line]) -> Iterator[Line]:
    """A stamp that is older than the line before it belongs before that line: measurements are taken in a moment after they were made."""
    return iter(sorted(lines, key=lambda line: line.received_at if isinstance(line, MeasurementLine) else line.at))


def _sample(line: MeasurementLine, start: float, correction: _Correction) -> Sample:
    measurement = line.measurement
    offset_s = measurement.offset.to_seconds()
    at = 0.5 * (line.sent_at + line.received_at)
    return Sample(line.received_at - start, offset_s, measurement.delay.to_seconds(), offset_s + correction.until(at))


class _Correction:
    """How far the clock was moved by all that was done to it since the start."""

    def __init__(self, start: StartLine) -> None:
        self._start = start.at
        self._at = [start.at]
        self._sum_s = [0.0]
        self.frequency = [(0.0, start.frequency)]
        self.steps: list[tuple[float, float]] = []

    def change(self, at: float, frequency: float, step_s: float) -> None:
        self._sum_s.append(self.until(at) + step_s)
        self._at.append(at)
        self.frequency.append((at - self._start, frequency))
        if step_s:
            self.steps.append((at - self._start, step_s))

    def until(self, at: float) -> float:
        number = max(0, bisect.bisect_right(self._at, at) - 1)
        return self._sum_s[number] + (at - self._at[number]) * self.frequency[number][1]


def evenly(points: Sequence[tuple[float, float]]) -> tuple[float, list[float]]:
    """The longest stretch without a gap, interpolated to equal intervals: the typical one of the points.

    Args:
        points: Instants, s, in order, and values.

    Returns:
        The interval, s, and the values; of fewer than three points (0.0, []).
    """
    intervals = sorted(later - earlier for (earlier, _), (later, _) in itertools.pairwise(points) if later > earlier)
    if len(intervals) < 2:
        return 0.0, []
    interval_s = intervals[len(intervals) // 2]
    stretch = _longest_stretch(points, _GAP * interval_s)
    instants = [at for at, _ in stretch]
    count = int((instants[-1] - instants[0]) / interval_s) + 1
    return interval_s, [_interpolated(stretch, instants, instants[0] + number * interval_s) for number in range(count)]


def _longest_stretch(points: Sequence[tuple[float, float]], gap_s: float) -> list[tuple[float, float]]:
    best: list[tuple[float, float]] = []
    present: list[tuple[float, float]] = []
    for point in points:
        if present and point[0] - present[-1][0] > gap_s:
            best, present = max(best, present, key=len), []
        if not present or point[0] > present[-1][0]:
            present.append(point)
    return max(best, present, key=len)


def _interpolated(points: Sequence[tuple[float, float]], instants: Sequence[float], at: float) -> float:
    right = min(max(1, bisect.bisect_right(instants, at)), len(points) - 1)
    (before, low), (after, high) = points[right - 1], points[right]
    return low + (high - low) * (at - before) / (after - before)
