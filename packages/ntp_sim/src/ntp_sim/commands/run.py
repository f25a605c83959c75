"""`ntp-sim run`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

from ntp_sim.batch import Job, run_jobs
from ntp_sim.commands.files import find_scenarios
from ntp_sim.progress import ProgressBar
from ntp_sim.result import Result
from ntp_sim.scenario import read_scenario
from ntp_sim.summary import COLUMNS, summarize
from ntp_sim.words import table

__all__ = ["run_scenarios"]


def run_scenarios(files: Sequence[Path], seeds: Sequence[int], *, jobs: int, plot: Path | None, as_json: bool) -> bool:
    """Run all scenarios with all seeds and print what came of it; returns whether every limit was kept.

    Raises:
        ScenarioError: a file is wrong; nothing was run then.
        PlotError: a plot was asked for and cannot be drawn; nothing was run then either.
    """
    found = find_scenarios(files)
    names = {file: read_scenario(file).name for file in found}
    if plot is not None:
        from ntp_sim.plot import check_plot  # noqa: PLC0415 — matplotlib is an extra

        check_plot(plot)
    results = run_jobs([Job(file, seed) for file in found for seed in seeds], jobs, ProgressBar(len(found) * len(seeds)))
    by_file = {file: {seed: results[Job(file, seed)] for seed in seeds} for file in found}
    if as_json:
        print(json.dumps([_document(file, names[file], runs) for file, runs in by_file.items()], indent=2))  # noqa: T201 — it is the output
    else:
        _show(names, by_file)
    if plot is not None:
        from ntp_sim.plot import draw  # noqa: PLC0415

        draw(plot, [read_scenario(file) for file in found], seeds[0])
    return not any(result.broken for result in results.values())


def _show(names: dict[Path, str], by_file: dict[Path, dict[int, Result]]) -> None:
    print(table(COLUMNS, [summarize(list(runs.values())).row(names[file]) for file, runs in by_file.items()]))  # noqa: T201
    for file, runs in by_file.items():
        for seed, result in runs.items():
            for sentence in result.broken:
                print(f"{names[file]}, seed {seed}: {sentence}")  # noqa: T201


def _document(file: Path, name: str, runs: dict[int, Result]) -> dict[str, object]:
    return {
        "file": str(file),
        "name": name,
        "summary": dataclasses.asdict(summarize(list(runs.values()))),
        "runs": [{"seed": seed, **dataclasses.asdict(result)} for seed, result in runs.items()],
    }
