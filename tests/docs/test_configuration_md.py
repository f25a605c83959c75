"""CONFIGURATION.md says what the program does: its tables are those of the model, and its examples are valid."""

import itertools
import re
from pathlib import Path

import pytest

from ntp_daemon.config.default_file import KeyDescription, describe
from ntp_daemon.config.load import parse

DOCUMENT = (Path(__file__).parents[2] / "CONFIGURATION.md").read_text(encoding="utf-8")
HEAD = ["| key | meaning | value | unit | default |", "|---|---|---|---|---|"]
TABLES = {name: list(keys) for name, keys in itertools.groupby(describe(), key=lambda key: key.table)}


def row(key: KeyDescription) -> str:
    default = f"`{key.default}`" if key.default is not None else f"none: {key.when_unset}" if key.when_unset else "must be given"
    return f"| `{key.name}` | {key.meaning} | {key.expected} | {key.unit} | {default} |"


def headline(table: str) -> str:
    return f"## `[[{table}]]`" if table in ("source", "server") else f"## `[{table}]`"


@pytest.mark.parametrize("table", TABLES)
def test_the_table_of_each_section_is_that_of_the_model(table: str) -> None:
    section = DOCUMENT.partition(f"\n{headline(table)}\n")[2].partition("\n## ")[0]
    written = [line for line in section.splitlines() if line.startswith("|")]
    mode = [line for line in written if line.startswith("| `mode`")] if table == "source" else []
    expected = [*HEAD, *mode, *map(row, TABLES[table])]
    assert written == expected, "CONFIGURATION.md needs this table:\n" + "\n".join(expected)


def test_there_is_no_section_for_a_table_that_does_not_exist() -> None:
    assert re.findall(r"^## `.*`$", DOCUMENT, flags=re.MULTILINE) == [headline(table) for table in TABLES]


@pytest.mark.parametrize("example", re.findall(r"```toml\n(.*?)```", DOCUMENT, flags=re.DOTALL))
def test_each_example_is_a_valid_configuration(example: str) -> None:
    parse(example)


def test_there_are_examples() -> None:
    assert DOCUMENT.count("```toml\n") >= 3


def test_what_cannot_change_without_a_restart_is_said() -> None:
    assert "`clock.mode`" in DOCUMENT
