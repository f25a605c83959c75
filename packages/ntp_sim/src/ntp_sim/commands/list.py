"""`ntp-sim list`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from ntp_sim.commands.files import find_scenarios
from ntp_sim.scenario import read_scenario
from ntp_sim.words import whole_seconds

__all__ = ["list_scenarios"]


def list_scenarios(paths: Iterable[Path], *, as_json: bool) -> None:
    """Print name, length and description of each scenario.

    Raises:
        ScenarioError: there is none, or one is wrong.
    """
    found = [(file, read_scenario(file)) for file in find_scenarios(paths)]
    if as_json:
        document = [
            {"file": str(file), "name": scenario.name, "duration_s": scenario.duration_s, "description": scenario.description}
            for file, scenario in found
        ]
        print(json.dumps(document, indent=2))  # noqa: T201 — it is the output
        return
    widest = max(len(str(file)) for file, _ in found)
    for file, scenario in found:
        print(f"{file!s:{widest}}  {whole_seconds(scenario.duration_s):>9}  {scenario.description}")  # noqa: T201
