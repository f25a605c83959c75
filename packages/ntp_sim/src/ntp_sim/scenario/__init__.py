"""Scenarios: what a simulation is made from, and the TOML files that say it."""

from ntp_sim.scenario.model import Below, Limits, Scenario
from ntp_sim.scenario.read import is_scenario, read_overrides, read_scenario, scenario_from
from ntp_sim.scenario.settings import discipline_keys, discipline_values, with_settings
from ntp_sim.scenario.table import ScenarioError
from ntp_sim.scenario.write import toml_text

__all__ = [
    "Below",
    "Limits",
    "Scenario",
    "ScenarioError",
    "discipline_keys",
    "discipline_values",
    "is_scenario",
    "read_overrides",
    "read_scenario",
    "scenario_from",
    "toml_text",
    "with_settings",
]
