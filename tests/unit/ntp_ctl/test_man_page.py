"""The manual names every command, option and state that there is."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from ntp_ctl.arguments import make_parser
from ntp_ctl.commands import COMMANDS
from ntp_ctl.words import source_state
from ntp_proto.observation import SourceStatus

MANUAL = (Path(__file__).parents[3] / "docs" / "man" / "ntp-ctl.8.md").read_text(encoding="utf-8")


def _subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    (action,) = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(action.choices)


def test_every_command_does_something() -> None:
    assert set(_subparsers(make_parser())) == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_paragraph_with_its_options(command: str) -> None:
    (heading,) = [line for line in MANUAL.splitlines() if re.fullmatch(rf"\*\*{command}\*\*( [\[*].*)?", line)]
    common = {option for action in make_parser()._actions for option in action.option_strings}
    for action in _subparsers(make_parser())[command]._actions:
        for option in set(action.option_strings) - common:
            # --json is a matter of course, and without effect, where the output is JSON anyway.
            assert f"**{option}**" in heading or (option == "--json" and command in ("peers", "system"))


def test_every_common_option_is_described() -> None:
    for action in make_parser()._actions:
        for option in action.option_strings:
            assert f"**{option}**" in MANUAL


@pytest.mark.parametrize("status", SourceStatus)
def test_every_state_of_a_source_is_in_the_table(status: SourceStatus) -> None:
    mark, _, word = source_state(status).partition(" ")
    assert f"| `{mark}` | {word} |" in MANUAL
