"""Many runs, on one processor or several."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from ntp_sim.progress import ProgressBar
from ntp_sim.result import Result
from ntp_sim.scenario import read_scenario
from ntp_sim.simulation import run

__all__ = ["Job", "run_all", "run_jobs"]

Task = TypeVar("Task")
Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class Job:
    """One run: a scenario file, with overrides or without, and a seed."""

    file: Path
    seed: int
    overrides: Path | None = None


def run_jobs(jobs: Sequence[Job], processes: int, bar: ProgressBar) -> dict[Job, Result]:
    """Run all of them. The result does not depend on the number of processes."""
    if processes > 1:
        return dict(zip(jobs, run_all(_run, jobs, processes, bar, lambda job: job.file.stem), strict=True))
    try:
        return dict(_in_turn(jobs, bar))
    finally:
        bar.clear()


def run_all(work: Callable[[Task], Outcome], tasks: Sequence[Task], processes: int, bar: ProgressBar, name: Callable[[Task], str]) -> list[Outcome]:
    """Do the same with each task, in as many processes as may be used.

    Args:
        work: What to do; with more than one process it must be a function of a module.
        tasks: With what.
        processes: How many at a time.
        bar: Where each finished task is shown.
        name: What it is called there.

    Returns:
        What came of them, in the order of the tasks.
    """
    found: dict[int, Outcome] = {}
    outcomes = _one_by_one(work, tasks) if processes <= 1 else _at_once(work, tasks, processes)
    try:
        for number, outcome in outcomes:
            found[number] = outcome
            bar.finish_job(name(tasks[number]))
    finally:
        bar.clear()
    return [found[number] for number in range(len(tasks))]


def _in_turn(jobs: Sequence[Job], bar: ProgressBar) -> Iterator[tuple[Job, Result]]:
    for job in jobs:
        scenario = read_scenario(job.file, job.overrides)
        yield job, run(scenario, job.seed, partial(bar.show, name=scenario.name))
        bar.finish_job(scenario.name)


def _one_by_one(work: Callable[[Task], Outcome], tasks: Sequence[Task]) -> Iterator[tuple[int, Outcome]]:
    for number, task in enumerate(tasks):
        yield number, work(task)


def _at_once(work: Callable[[Task], Outcome], tasks: Sequence[Task], processes: int) -> Iterator[tuple[int, Outcome]]:
    with ProcessPoolExecutor(min(processes, len(tasks))) as pool:
        futures = {pool.submit(work, task): number for number, task in enumerate(tasks)}
        for future in as_completed(futures):
            yield futures[future], future.result()


def _run(job: Job) -> Result:
    return run(read_scenario(job.file, job.overrides), job.seed)
