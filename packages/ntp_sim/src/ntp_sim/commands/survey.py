"""`ntp-sim survey`: the client in many worlds that are drawn at random."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from ntp_sim.batch import run_all
from ntp_sim.progress import ProgressBar
from ntp_sim.scenario import ScenarioError, toml_text
from ntp_sim.survey import Spread, describe, draw_world, run_world, spreads
from ntp_sim.words import seconds, share, table, whole_seconds

__all__ = ["survey_worlds", "write_world"]

_COLUMNS = ("", "median", "90 %", "worst", "seeds of the worst")


def survey_worlds(seeds: Sequence[int], *, jobs: int, has_events: bool, as_json: bool) -> None:
    """Draw a world for each seed, run the client in each, and print how well it kept the time."""
    work = partial(run_world, has_event=has_events)
    worlds = run_all(work, seeds, jobs, ProgressBar(len(seeds)), lambda seed: f"world {seed}")
    found = spreads(worlds)
    if as_json:
        document = {"spreads": [dataclasses.asdict(spread) for spread in found], "worlds": [dataclasses.asdict(world) for world in worlds]}
        print(json.dumps(document, indent=2))  # noqa: T201 — it is the output
        return
    print(table(_COLUMNS, [_row(spread) for spread in found]))  # noqa: T201
    for seed in dict.fromkeys(seed for spread in found for seed in spread.worst_seeds[:2]):
        world = next(world for world in worlds if world.seed == seed)
        print(f"\n{describe(world, draw_world(seed, has_event=has_events))}")  # noqa: T201


def write_world(path: Path, seed: int, *, has_event: bool) -> None:
    """Write a world as a scenario, whose run with the seed of the world is that of the survey.

    Raises:
        ScenarioError: the file cannot be written.
    """
    command = f"ntp-sim run {path.name} --first-seed {seed}"
    text = f"# Drawn by ntp-sim survey --seed {seed}{' --events' if has_event else ''}; {command} repeats the run.\n\n"
    try:
        path.write_text(text + toml_text(draw_world(seed, has_event=has_event)), encoding="utf-8")
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be written: {(error.strerror or str(error)).lower()}") from error


_WORDS: dict[str, Callable[[float | None], str]] = {"s": seconds, "whole s": whole_seconds, "%": share}


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}" if value >= 100.0 else f"{value:.2f}"


def _row(spread: Spread) -> tuple[str, ...]:
    words = _WORDS.get(spread.unit, _plain)
    return spread.name, words(spread.median), words(spread.p90), words(spread.worst), " ".join(map(str, spread.worst_seeds))
