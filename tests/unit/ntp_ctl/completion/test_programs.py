from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from ntp_ctl.completion.outline import walk
from ntp_ctl.completion.programs import PROGRAMS, load

ROOT = Path(__file__).parents[4]


def test_every_program_that_is_installed_is_known_and_no_other() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert set(PROGRAMS) == set(scripts)


@pytest.mark.parametrize("program", PROGRAMS)
def test_each_has_a_parser_that_is_its_own(program: str) -> None:
    command = load(program)
    assert command.path == (program,)
    assert "--help" in {name for option in command.options for name in option.names}


def test_what_is_known_of_the_control_tool_reaches_down_to_its_last_command() -> None:
    paths = {command.path for command in walk(load("ntp-ctl"))}
    assert ("ntp-ctl", "sources", "add") in paths
    assert ("ntp-ctl", "completion") in paths
