"""A measurement log once more through the shipped discipline, under the same settings or others.

What was measured must not depend on how the clock was corrected then. So each timestamp of our clock is carried over: the corrections that the
log tells are taken out of it, which leaves the uncorrected clock, and those that the replayed discipline has made instead are put in. The
server's timestamps stay. Monotonic instants run with the frequency correction and are carried over in the same way.

    recorded time = uncorrected time + recorded correction          replayed time = uncorrected time + replayed correction

Nobody knows the true time in the log of a real daemon. What a replay can tell is what the recorded clock still lacked in the eyes of the
replayed estimate, which has the same information, and how two settings differ.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import assert_never

from ntp_proto.algorithm import Discipline, DisciplineConfig
from ntp_proto.association import Measurement
from ntp_proto.clock import ClockChange, ClockStatus
from ntp_proto.errors import NtpError
from ntp_proto.measurement_log import (
    ChangeLine,
    ConditionLine,
    DisplacementLine,
    Line,
    MeasurementLine,
    RemovedLine,
    SourceLine,
    StartLine,
)
from ntp_proto.measurement_runs import split_runs
from ntp_proto.time_types import NtpDuration, NtpTimestamp

__all__ = ["ReplayError", "Row", "read_runs", "replay"]

_MAXIMUM_FREQUENCY = 0.1


class ReplayError(NtpError):
    """A measurement log cannot be replayed. The text names the file and says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """What the replay knew after one measurement.

    Attributes:
        at_s: Since the start of the run, s of the uncorrected clock.
        source: Whose measurement it was.
        name: What people call it.
        measured_s: The offset that was measured of the recorded clock, s; > 0: it was behind.
        estimate_s: What the replayed estimate says of the recorded clock's offset, s; None: there is no estimate yet.
        error_s: Its standard error.
        frequency: The correction of the oscillator in force, s/s.
        ahead_s: How far the replayed clock was ahead of the recorded one, s.
        steps: How often the replayed clock was set so far.
    """

    at_s: float
    source: int
    name: str
    measured_s: float
    estimate_s: float | None
    error_s: float | None
    frequency: float
    ahead_s: float
    steps: int


def read_runs(path: Path) -> list[list[Line]]:
    """The runs of the daemon in a log; the last line of each may be cut off, as a crash or a full disk leaves it.

    Raises:
        ReplayError: the file cannot be read, or is no measurement log.
    """
    try:
        return split_runs(path.read_bytes(), str(path))
    except OSError as error:
        raise ReplayError(f"{path}: cannot be read: {(error.strerror or str(error)).lower()}") from error
    except ValueError as error:
        raise ReplayError(str(error)) from error


def replay(run: Sequence[Line], config: DisciplineConfig | None = None) -> list[Row]:
    """Replay one run; None: under its own settings.

    Raises:
        ReplayError: the lines do not fit together.
    """
    start = run[0]
    assert isinstance(start, StartLine), "a run begins with it"
    try:
        return list(_Replay(start, config or start.config).rows(run[1:]))
    except (KeyError, ValueError) as error:
        raise ReplayError(f"the lines do not fit together: {error!r}") from error


def _displacements_first(lines: Sequence[Line]) -> Iterator[Line]:
    """A discipline that is handed a measurement looks at the clock before anything else, but the log has the measurement first."""
    previous: Line | None = None
    for line in lines:
        if isinstance(line, DisplacementLine) and isinstance(previous, MeasurementLine) and line.at == previous.at:
            yield line
            continue
        if previous is not None:
            yield previous
        previous = line
    if previous is not None:
        yield previous


class _Scale:
    """The corrections of a clock: from monotonic instants to uncorrected seconds and the accumulated correction, and back."""

    def __init__(self, at: float, frequency: float) -> None:
        self._at = [at]
        self._uncorrected = [0.0]
        self._correction = [0.0]
        self._frequency = [frequency]

    @property
    def frequency(self) -> float:
        return self._frequency[-1]

    @property
    def changed_at(self) -> float:
        """When the last change was made, uncorrected seconds."""
        return self._uncorrected[-1]

    def uncorrected(self, at: float) -> float:
        number = max(0, bisect.bisect_right(self._at, at) - 1)
        return self._uncorrected[number] + (at - self._at[number]) / (1.0 + self._frequency[number])

    def monotonic(self, uncorrected: float) -> float:
        number = max(0, bisect.bisect_right(self._uncorrected, uncorrected) - 1)
        return self._at[number] + (uncorrected - self._uncorrected[number]) * (1.0 + self._frequency[number])

    def correction(self, uncorrected: float) -> float:
        number = max(0, bisect.bisect_right(self._uncorrected, uncorrected) - 1)
        return self._correction[number] + (uncorrected - self._uncorrected[number]) * self._frequency[number]

    def change(self, at: float, frequency: float, step_s: float) -> None:
        uncorrected = self.uncorrected(at)
        correction = self.correction(uncorrected) + step_s
        self._at.append(at)
        self._uncorrected.append(uncorrected)
        self._correction.append(correction)
        self._frequency.append(frequency)


class _ReplayClock:
    """Implements `ntp_proto.clock.Clock` on the uncorrected seconds of a log."""

    def __init__(self, start: StartLine) -> None:
        self.scale = _Scale(0.0, start.frequency)
        self.uncorrected = 0.0
        self.displaced_s = 0.0
        self.steps = 0
        self._epoch = NtpTimestamp(start.time)
        self._all_displaced_s = 0.0

    @property
    def now(self) -> float:
        return self.scale.monotonic(self.uncorrected)

    def displace(self, by_s: float) -> None:
        self.displaced_s += by_s
        self._all_displaced_s += by_s

    def read(self) -> NtpTimestamp:
        since_s = self.uncorrected + self.scale.correction(self.uncorrected) + self._all_displaced_s
        return self._epoch + NtpDuration.from_seconds(since_s)

    def frequency(self) -> float:
        return self.scale.frequency

    def set_frequency(self, frequency: float, now: float) -> ClockChange:  # noqa: ARG002 — it knows the time of the log
        applied = min(_MAXIMUM_FREQUENCY, max(-_MAXIMUM_FREQUENCY, frequency))
        self.scale.change(self.now, applied, 0.0)
        return ClockChange(self.now, applied)

    def step(self, offset: NtpDuration, now: float) -> ClockChange:  # noqa: ARG002
        self.steps += 1
        self.scale.change(self.now, self.scale.frequency, offset.to_seconds())
        return ClockChange(self.now, self.scale.frequency, offset.to_seconds())

    def set_status(self, status: ClockStatus) -> None:
        """Nobody reads it here."""

    def displacement(self, now: float) -> float:  # noqa: ARG002
        displaced_s, self.displaced_s = self.displaced_s, 0.0
        return displaced_s


class _Replay:
    def __init__(self, start: StartLine, config: DisciplineConfig) -> None:
        self._recorded = _Scale(start.at, start.frequency)
        self._clock = _ReplayClock(start)
        self._discipline = Discipline(config, self._clock, 0.0, start.prior)
        self._wake_at: float | None = None

    def rows(self, lines: Sequence[Line]) -> Iterator[Row]:
        """What was known after each measurement. A row is finished only when the log has told what was done to the recorded clock then."""
        row: Row | None = None
        for line in _displacements_first(lines):
            if isinstance(line, ChangeLine):
                self._recorded.change(line.at, line.frequency, line.step_s)
                continue
            if row is not None:
                yield self._compared(row)
            self._run_until(self._recorded.uncorrected(line.at))
            row = self._take(line)
        if row is not None:
            yield self._compared(row)

    def _take(self, line: Line) -> Row | None:
        match line:
            case SourceLine():
                self._discipline.add_source(line.source, line.poll)
            case RemovedLine():
                self._discipline.remove_source(line.source, self._clock.now)
            case ConditionLine():
                self._discipline.set_condition(line.source, line.condition, self._clock.now)
            case DisplacementLine():
                self._clock.displace(line.displacement_s)
                self._wake_at = self._discipline.handle_timer(self._clock.now).wake_at
            case MeasurementLine():
                return self._measure(line)
            case StartLine() | ChangeLine():
                raise ValueError(f"a {type(line).__name__} that does not belong here")
            case _ as unreachable:
                assert_never(unreachable)
        return None

    def _run_until(self, uncorrected: float) -> None:
        """Let time pass, and the timers of the discipline ring."""
        while self._wake_at is not None and self._wake_at <= self._clock.scale.monotonic(uncorrected):
            due = max(self._wake_at, self._clock.now)
            self._clock.uncorrected = max(self._clock.uncorrected, self._clock.scale.uncorrected(due))
            wake_at = self._discipline.handle_timer(due).wake_at
            if wake_at is not None and wake_at <= due:
                wake_at = None  # it would ring for ever
            self._wake_at = wake_at
        self._clock.uncorrected = max(self._clock.uncorrected, uncorrected)

    def _measure(self, line: MeasurementLine) -> Row:
        recorded = line.measurement
        measurement = self._carried_over(recorded)
        update = self._discipline.measure(line.source, measurement, self._clock.now)
        self._wake_at = update.wake_at
        view = self._discipline.system(self._clock.now)
        return Row(
            at_s=self._clock.uncorrected,
            source=line.source,
            name=line.name,
            measured_s=recorded.offset.to_seconds(),
            estimate_s=view.offset_s if view.estimate else None,
            error_s=view.estimate.offset_error_s if view.estimate else None,
            frequency=view.frequency,
            ahead_s=0.0,
            steps=self._clock.steps,
        )

    def _compared(self, row: Row) -> Row:
        """The row with the recorded clock beside the replayed one, which its estimate was about."""
        at = max(self._clock.uncorrected, self._recorded.changed_at)  # a clock is changed a moment after the measurement
        ahead_s = self._clock.scale.correction(at) - self._recorded.correction(at)
        return replace(row, ahead_s=ahead_s, estimate_s=None if row.estimate_s is None else row.estimate_s + ahead_s)

    def _carried_over(self, recorded: Measurement) -> Measurement:
        """The measurement as it would have been, had the replayed discipline steered the clock."""
        # The timestamps know better than the recorded instant when the request left; but it was not before that.
        left_at = max(recorded.sent_at, recorded.received_at - (recorded.destination - recorded.origin).to_seconds())
        origin, destination = self._recorded.uncorrected(left_at), self._recorded.uncorrected(recorded.received_at)
        scale = self._clock.scale
        return replace(
            recorded,
            origin=recorded.origin + NtpDuration.from_seconds(scale.correction(origin) - self._recorded.correction(origin)),
            destination=recorded.destination + NtpDuration.from_seconds(scale.correction(destination) - self._recorded.correction(destination)),
            sent_at=scale.monotonic(self._recorded.uncorrected(recorded.sent_at)),
            received_at=scale.monotonic(destination),
        )
