"""`ntp-sim replay`."""

from __future__ import annotations

import dataclasses
import json
import math
import statistics
import tomllib
from collections.abc import Sequence
from pathlib import Path

from ntp_proto.measurement_log import StartLine
from ntp_sim.replay import ReplayError, Row, read_runs, replay
from ntp_sim.scenario import ScenarioError, with_settings
from ntp_sim.words import seconds, table

__all__ = ["replay_log"]

_COLUMNS = ("time", "source", "measured", "estimate", "± 1 sigma", "frequency", "replayed - recorded")


def replay_log(path: Path, settings: Sequence[str], *, run: int | None, as_json: bool) -> None:
    """Replay a run of a measurement log, and print the estimate after each measurement and what the settings have changed.

    Args:
        path: The log.
        settings: "key=value" of `[discipline]`; empty: as recorded.
        run: Which run, from 1; None: the last.
        as_json: Whether to print JSON.

    Raises:
        ReplayError: the log cannot be replayed.
        ScenarioError: a setting is wrong.
    """
    runs = read_runs(path)
    if run is not None and run > len(runs):
        raise ReplayError(f"{path}: there is no run {run}; there are {len(runs)}")
    lines = runs[(run or len(runs)) - 1]
    start = lines[0]
    assert isinstance(start, StartLine), "a run begins with it"
    rows = replay(lines, with_settings(start.config, dict(map(_setting, settings))))
    if as_json:
        document = {"software": start.software, "rows": [dataclasses.asdict(row) for row in rows], "summary": _figures(rows)}
        print(json.dumps(document, indent=2))  # noqa: T201 — it is the output
        return
    print(f"recorded by {start.software}; run {run or len(runs)} of {len(runs)}, {len(rows)} measurements")  # noqa: T201
    print(table(_COLUMNS, [_cells(row) for row in rows]))  # noqa: T201
    for name, value in _figures(rows).items():
        print(f"{name}: {seconds(value)}")  # noqa: T201


def _setting(text: str) -> tuple[str, object]:
    """A key and its value as TOML, or as a bare word: step-threshold=0.1, step-threshold=100ms."""
    key, equals, value = text.partition("=")
    if not equals:
        raise ScenarioError(f"--set {text}: must be KEY=VALUE")
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip()


def _figures(rows: Sequence[Row]) -> dict[str, float | None]:
    return {
        "RMS of the recorded clock's offset by the replayed estimate": _rms([row.estimate_s for row in rows]),
        "RMS of the replayed clock against the recorded one": _rms([row.ahead_s for row in rows]),
    }


def _rms(values: Sequence[float | None]) -> float | None:
    known = [value * value for value in values if value is not None]
    return math.sqrt(statistics.fmean(known)) if known else None


def _cells(row: Row) -> tuple[str, ...]:
    return (
        f"{row.at_s:.1f}",
        row.name,
        seconds(row.measured_s),
        seconds(row.estimate_s),
        seconds(row.error_s),
        f"{row.frequency * 1e6:+.4f} ppm",
        seconds(row.ahead_s),
    )
