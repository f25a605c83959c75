"""`ntp-sim compare`: the same scenario and the same seeds under several settings, run by run."""

from __future__ import annotations

import dataclasses
import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ntp_sim.batch import Job, run_jobs
from ntp_sim.progress import ProgressBar
from ntp_sim.result import Result
from ntp_sim.scenario import read_overrides, read_scenario
from ntp_sim.summary import summarize
from ntp_sim.words import seconds, table, whole_seconds

__all__ = ["Comparison", "compare_settings", "paired"]

_COLUMNS = ("settings", "RMS", "p99", "largest", "packets", "to 1 ms", "to 100 µs", "RMS ratio", "better in")


@dataclass(frozen=True, slots=True)
class Comparison:
    """RMS errors of two settings, pair by pair: the same seed gives both the same oscillator and, request by request, the same delays.

    Attributes:
        ratio: Geometric mean of the second over the first.
        error: Standard error of the ratio; None with one pair only.
        better: In how many pairs the second was better.
    """

    ratio: float
    error: float | None
    better: int


def paired(first: Sequence[Result], second: Sequence[Result]) -> Comparison:
    """Compare two settings; the sequences are in the order of the same seeds."""
    logs = [math.log(after.rms_s / before.rms_s) for before, after in zip(first, second, strict=True)]
    ratio = math.exp(statistics.fmean(logs))
    error = ratio * statistics.stdev(logs) / math.sqrt(len(logs)) if len(logs) > 1 else None
    return Comparison(ratio, error, sum(log < 0.0 for log in logs))


def compare_settings(file: Path, settings: Sequence[Path], seeds: Sequence[int], *, jobs: int, as_json: bool) -> None:
    """Run a scenario with its own settings and with each of the others, and print how they compare to its own.

    Raises:
        ScenarioError: a file is wrong; nothing was run then.
    """
    read_scenario(file)
    for overrides in settings:
        read_overrides(overrides)
        read_scenario(file, overrides)
    variants: list[Path | None] = [None, *settings]
    planned = [Job(file, seed, overrides) for overrides in variants for seed in seeds]
    results = run_jobs(planned, jobs, ProgressBar(len(planned)))
    runs = {overrides: [results[Job(file, seed, overrides)] for seed in seeds] for overrides in variants}
    comparisons = {overrides: paired(runs[None], found) for overrides, found in runs.items()}
    if as_json:
        document = [
            {
                "settings": str(overrides or ""),
                "summary": dataclasses.asdict(summarize(runs[overrides])),
                **dataclasses.asdict(comparisons[overrides]),
            }
            for overrides in variants
        ]
        print(json.dumps(document, indent=2))  # noqa: T201 — it is the output
    else:
        print(table(_COLUMNS, [_row(str(overrides or "as in the scenario"), runs[overrides], comparisons[overrides]) for overrides in variants]))  # noqa: T201


def _row(name: str, results: Sequence[Result], comparison: Comparison) -> tuple[str, ...]:
    summary = summarize(results)
    error = f" ± {comparison.error:.3f}" if comparison.error is not None else ""
    return (
        name,
        seconds(summary.rms_s),
        seconds(summary.p99_s),
        seconds(summary.maximum_s),
        f"{summary.packets:.0f}",
        whole_seconds(summary.to_1ms_s),
        whole_seconds(summary.to_100us_s),
        f"{comparison.ratio:.3f}{error}",
        f"{comparison.better} of {len(results)}",
    )
