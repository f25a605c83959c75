"""What a run is judged by: figures of one run from the simulator's files, and of several seeds together."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scenarios import Scenario

__all__ = ["Figures", "Summary", "column", "evaluate", "settled_at", "summarize"]

_HOLD_S = 300  # an error counts as settled when it stays small for this long


@dataclass(frozen=True, slots=True)
class Figures:
    """One run; errors are of the simulated clock against the truth, after settling unless named otherwise.

    `settled_s`: seconds until below each of the scenario's thresholds; `interval_s`: mean time between packets to one server; both, and `recovered_s`
    (from the event until settled again), None for never. `after_event_s`: the largest error after the event, None where the scenario has none.
    """

    rms_s: float
    worst_s: float
    p99_s: float
    mean_s: float
    mean_absolute_s: float
    rms_frequency: float
    sent: int
    interval_s: float | None
    settled_s: tuple[float | None, float | None]
    start_worst_s: float
    after_event_s: float | None = None
    recovered_s: float | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """Several seeds: the root mean square of the RMS errors, the mean of the mean ones, the worst of the worst, else medians; infinity is never."""

    runs: int
    failed: int
    rms_s: float
    rms_range_s: tuple[float, float]
    worst_s: float
    p99_s: float
    mean_absolute_s: float
    rms_frequency: float
    sent: float
    interval_s: float
    settled_s: tuple[float, float]
    start_worst_s: float
    after_event_s: float | None
    recovered_s: float


def column(path: Path, index: int) -> list[float]:
    """What the simulator wrote of one node, from 0, each second."""
    with path.open() as lines:
        return [float(line.split("\t")[index]) for line in lines]


def _rms(values: Sequence[float]) -> float:
    return math.sqrt(statistics.fmean(value * value for value in values))


def settled_at(errors: Sequence[float], threshold: float, *, start: int = 0) -> int | None:
    """The first second from `start` on from which |error| stays below `threshold` for 300 s; None: never."""
    held = 0
    for second in range(start, len(errors)):
        held = held + 1 if abs(errors[second]) < threshold else 0
        if held == _HOLD_S:
            return second - _HOLD_S + 1
    return None


def _packets(path: Path, node: int, since_s: float) -> tuple[int, int]:
    """Packets that the node sent: all, and those since `since_s`."""
    with path.open() as lines:
        fields = (line.split("\t", 3) for line in lines)
        times = [float(at) for at, sender, *_ in fields if int(sender) == node]
    return len(times), sum(at >= since_s for at in times)


def _recovery(errors: Sequence[float], scenario: Scenario) -> tuple[float | None, float | None]:
    """The largest error after the event, and the time until the error is as before: below 5 times its RMS, or 100 µs if that is more."""
    event = scenario.event_s
    if event is None:
        return None, None
    usual = max(5 * _rms(errors[scenario.settle_s : event]), 1e-4)
    settled = settled_at(errors, usual, start=event)
    return max(map(abs, errors[event:])), None if settled is None else settled - event


def evaluate(folder: Path, scenario: Scenario) -> Figures:
    """Read what the simulator wrote once a second (`offset`, `freq`) and for each packet (`packets`); the client is the last node."""
    servers = len(scenario.servers)
    errors, frequencies = column(folder / "offset", servers), column(folder / "freq", servers)
    settled = errors[scenario.settle_s :]
    ascending = sorted(map(abs, settled))
    sent, counted = _packets(folder / "packets", servers + 1, scenario.settle_s)
    first, second = (settled_at(errors, threshold) for threshold in scenario.thresholds_s)
    after_event, recovered = _recovery(errors, scenario)
    return Figures(
        rms_s=_rms(settled),
        worst_s=ascending[-1],
        p99_s=ascending[int(len(ascending) * 0.99)],
        mean_s=statistics.fmean(settled),
        mean_absolute_s=statistics.fmean(ascending),
        rms_frequency=_rms(frequencies[scenario.settle_s :]),
        sent=sent,
        interval_s=(scenario.length_s - scenario.settle_s) * servers / counted if counted else None,
        settled_s=(first, second),
        start_worst_s=max(map(abs, errors[: scenario.settle_s])),
        after_event_s=after_event,
        recovered_s=recovered,
    )


def _median(values: Iterable[float | None]) -> float:
    return statistics.median(math.inf if value is None else value for value in values)


def summarize(runs: Sequence[Figures], *, failed: int) -> Summary | None:
    """The seeds of one daemon in one scenario together; None without a run that worked."""
    if not runs:
        return None

    def median(of: Callable[[Figures], float | None]) -> float:
        return _median(of(run) for run in runs)

    has_event = runs[0].after_event_s is not None
    return Summary(
        runs=len(runs),
        failed=failed,
        rms_s=_rms([run.rms_s for run in runs]),
        rms_range_s=(min(run.rms_s for run in runs), max(run.rms_s for run in runs)),
        worst_s=max(run.worst_s for run in runs),
        p99_s=median(lambda run: run.p99_s),
        mean_absolute_s=statistics.fmean(run.mean_absolute_s for run in runs),
        rms_frequency=_rms([run.rms_frequency for run in runs]),
        sent=median(lambda run: run.sent),
        interval_s=median(lambda run: run.interval_s),
        settled_s=(median(lambda run: run.settled_s[0]), median(lambda run: run.settled_s[1])),
        start_worst_s=median(lambda run: run.start_worst_s),
        after_event_s=median(lambda run: run.after_event_s) if has_event else None,
        recovered_s=median(lambda run: run.recovered_s),
    )
