"""Many runs: scenarios times seeds, on one processor or several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ntp_sim.progress import ProgressBar
from ntp_sim.result import Result
from ntp_sim.scenario import read_scenario
from ntp_sim.simulation import run

__all__ = ["Job", "run_jobs"]


@dataclass(frozen=True, slots=True)
class Job:
    """One run: a scenario file, with overrides or without, and a seed."""

    file: Path
    seed: int
    overrides: Path | None = None


def run_jobs(jobs: Sequence[Job], processes: int, bar: ProgressBar) -> dict[Job, Result]:
    """Run all of them. The result does not depend on the number of processes."""
    try:
        found = dict(_in_turn(jobs, bar) if processes <= 1 else _at_once(jobs, processes, bar))
    finally:
        bar.clear()
    return {job: found[job] for job in jobs}


def _in_turn(jobs: Sequence[Job], bar: ProgressBar) -> Iterator[tuple[Job, Result]]:
    for job in jobs:
        scenario = read_scenario(job.file, job.overrides)
        yield job, run(scenario, job.seed, partial(bar.show, name=scenario.name))
        bar.finish_job(scenario.name)


def _at_once(jobs: Sequence[Job], processes: int, bar: ProgressBar) -> Iterator[tuple[Job, Result]]:
    with ProcessPoolExecutor(min(processes, len(jobs))) as pool:
        futures = {pool.submit(_run, job): job for job in jobs}
        for future in as_completed(futures):
            yield futures[future], future.result()
            bar.finish_job(futures[future].file.stem)


def _run(job: Job) -> Result:
    return run(read_scenario(job.file, job.overrides), job.seed)
