"""Scenario files with their limits, as `ntp-sim run` judges them: those that take little time. The others, and more seeds, are for the command."""

from __future__ import annotations

from pathlib import Path

import pytest

from ntp_sim.scenario import read_scenario
from ntp_sim.simulation import run

FOLDER = Path(__file__).parent / "scenarios"
SMALL = (
    "bad-network",
    "busy-machine",
    "equal-servers-1",
    "frequency-step",
    "heavy-tails",
    "noisy-oscillator",
    "one-way-queueing",
    "route-change-one-way",
    "strata",
    "suspend",
    "temperature",
    "wrong-servers",
)


@pytest.mark.parametrize("name", SMALL)
def test_the_limits_of_a_scenario_are_kept(name: str) -> None:
    scenario = read_scenario(FOLDER / f"{name}.toml")
    assert scenario.limits != type(scenario.limits)(), "a scenario here has limits"
    assert run(scenario, seed=1).broken == ()


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.toml")), ids=lambda path: path.stem)
def test_every_scenario_is_valid(path: Path) -> None:
    scenario = read_scenario(path)
    assert scenario.name == path.stem
    assert scenario.description


def test_the_public_scenarios_are_complete() -> None:
    free = {"lan", "inet1", "inet4", "wander8", "congest", "converge", "false", "loss30", "freqstep"}
    equal = {"lan-p4"} | {f"{name}-p6" for name in free - {"lan", "converge"}}
    assert {path.stem for path in (FOLDER / "public").glob("*.toml")} == free | equal
