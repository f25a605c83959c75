"""Tables of comparison, in Markdown, from the runs that run.py wrote with --json: `python tables.py FILE…`."""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from daemons import OURS
from figures import Summary, summarize
from runs import Run, RunsError, read_runs
from scenarios import SCENARIOS

__all__ = ["tables"]

_USAGE = 2

_NOTHING = "-"


class _Results:
    """Summaries by scenario and daemon, both in the order in which they first ran."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.scenarios = list(dict.fromkeys(run.scenario for run in runs))
        self.daemons = list(dict.fromkeys(run.daemon for run in runs))
        self.peers = [daemon for daemon in self.daemons if daemon != OURS]
        self._summaries = {(s, d): self._summary(runs, s, d) for s in self.scenarios for d in self.daemons}

    @staticmethod
    def _summary(runs: Sequence[Run], scenario: str, daemon: str) -> Summary | None:
        chosen = [run for run in runs if (run.scenario, run.daemon) == (scenario, daemon)]
        worked = [run.figures for run in chosen if run.figures is not None]
        return summarize(worked, failed=len(chosen) - len(worked))

    def summary(self, scenario: str, daemon: str) -> Summary | None:
        """None where the daemon did not run or every run failed."""
        return self._summaries.get((scenario, daemon))

    def best_peer(self, scenario: str) -> Summary | None:
        """The peer with the smallest RMS error."""
        found = [summary for peer in self.peers if (summary := self.summary(scenario, peer))]
        return min(found, key=lambda summary: summary.rms_s, default=None)


def _quantity(value: float | None, unit: str = "s") -> str:
    """Three digits with a prefix: `2.7 µs`."""
    if value is None:
        return _NOTHING
    for scale, prefix in ((1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n")):
        if abs(value) >= scale:
            return f"{value / scale:.3g} {prefix}{unit}"
    return f"{value:.2g} {unit}"


def _seconds(value: float) -> str:
    return "never" if math.isinf(value) else f"{value:.0f} s"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _head(cells: Sequence[str]) -> list[str]:
    return [_row(cells), "|---" * len(cells) + "|"]


def _ratio(ours: float, theirs: float) -> str:
    return f"{ours / theirs:.2f}" if theirs else _NOTHING


def _equal_table(results: _Results, names: Sequence[str]) -> list[str]:
    lines = ["### Equal samples: RMS time error", "", *_head(["scenario", *results.daemons, "ours / best peer"])]
    ratios = []
    for name in names:
        summaries = [results.summary(name, daemon) for daemon in results.daemons]
        ours, best = results.summary(name, OURS), results.best_peer(name)
        if ours and best:
            ratios.append(ours.rms_s / best.rms_s)
        lines.append(
            _row([name, *(_quantity(s.rms_s if s else None) for s in summaries), _ratio(ours.rms_s, best.rms_s) if ours and best else _NOTHING])
        )
    if len(ratios) > 1:
        lines.append(_row(["geometric mean", *[""] * len(results.daemons), f"{statistics.geometric_mean(ratios):.2f}"]))
    return lines


def _free_cell(summary: Summary | None) -> str:
    if summary is None:
        return _NOTHING
    return f"{_quantity(summary.rms_s)} · {summary.sent:.0f} · {_seconds(summary.settled_s[0])}"


def _free_table(results: _Results, names: Sequence[str]) -> list[str]:
    title = "### Free poll interval: RMS time error · packets sent · time until below 1 ms"
    lines = [title, "", *_head(["scenario", *results.daemons, "error, ours / best peer", "packets, ours / that peer"])]
    for name in names:
        ours, best = results.summary(name, OURS), results.best_peer(name)
        ratios = [_ratio(ours.rms_s, best.rms_s), _ratio(ours.sent, best.sent)] if ours and best else [_NOTHING, _NOTHING]
        lines.append(_row([name, *(_free_cell(results.summary(name, daemon)) for daemon in results.daemons), *ratios]))
    return lines


_DETAILS = (
    "scenario", "daemon", "runs", "RMS per seed", "mean", "worst", "p99", "RMS frequency error", "packets", "mean interval",
    "below threshold 1", "below threshold 2", "worst before settling", "event: worst, recovery",
)  # fmt: skip


def _detail_cells(summary: Summary) -> list[str]:
    low, high = summary.rms_range_s
    event = "" if summary.after_event_s is None else f"{_quantity(summary.after_event_s)}, {_seconds(summary.recovered_s)}"
    return [
        f"{summary.runs}/{summary.runs + summary.failed}",
        f"{_quantity(low)} … {_quantity(high)}",
        _quantity(summary.mean_absolute_s),
        _quantity(summary.worst_s),
        _quantity(summary.p99_s),
        f"{summary.rms_frequency * 1e6:.3g} ppm",
        f"{summary.sent:.0f}",
        _seconds(summary.interval_s),
        _seconds(summary.settled_s[0]),
        _seconds(summary.settled_s[1]),
        _quantity(summary.start_worst_s),
        event,
    ]


def _detail_table(results: _Results) -> list[str]:
    lines = ["### Everything", "", *_head(_DETAILS)]
    for name in results.scenarios:
        for daemon in results.daemons:
            summary = results.summary(name, daemon)
            cells = _detail_cells(summary) if summary else ["all failed", *[""] * (len(_DETAILS) - 3)]
            lines.append(_row([name, daemon, *cells]))
    return lines


def _remarks(runs: Sequence[Run]) -> list[str]:
    return [
        f"- {run.scenario}, {run.daemon}, seed {run.seed}: " + (f"failed: {run.error}" if run.error else f"{run.attempts} attempts")
        for run in runs
        if run.error or run.attempts > 1
    ]


def tables(runs: Sequence[Run]) -> str:
    """The comparison as Markdown: equal samples, free interval, all figures, and the runs that did not go smoothly."""
    results = _Results(runs)
    equal = [name for name in results.scenarios if SCENARIOS[name].is_equal_samples]
    free = [name for name in results.scenarios if not SCENARIOS[name].is_equal_samples]
    parts = [
        _equal_table(results, equal) if equal else [],
        _free_table(results, free) if free else [],
        _detail_table(results) if runs else [],
        _remarks(runs),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def main(arguments: Sequence[str]) -> int:
    if not arguments:
        print("usage: python tables.py FILE…    (files that run.py wrote with --json)", file=sys.stderr)
        return _USAGE
    try:
        runs = read_runs(map(Path, arguments))
    except RunsError as error:
        print(f"tables.py: {error}", file=sys.stderr)
        return _USAGE
    print(tables(runs), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
