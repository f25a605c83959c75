"""Scenario files, by themselves or in directories."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ntp_sim.scenario import ScenarioError, is_scenario

__all__ = ["find_scenarios"]


def find_scenarios(paths: Iterable[Path]) -> list[Path]:
    """Files as they are named, and the scenarios below directories in the order of their paths; other TOML files there are passed over.

    Raises:
        ScenarioError: a file does not exist, or a directory holds no scenario.
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        within = [file for file in sorted(path.rglob("*.toml")) if is_candidate(file)]
        if not within:
            raise ScenarioError(f"{path}: there is no scenario below this directory")
        found += within
    return found


def is_candidate(file: Path) -> bool:
    """Whether a file that was not named by itself is meant: it is a scenario, right or wrong, and not hidden."""
    if any(part.startswith(".") and part not in (".", "..") for part in file.parts):
        return False
    try:
        return is_scenario(file)
    except ScenarioError:
        return False
