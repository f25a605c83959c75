"""The manual pages have every option and every key that the programs have, and no other."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from ntp_daemon.config.default_file import KeyDescription, describe
from ntp_proto.observation import SourceStatus, SyncState
from support.programs import python, run

ROOT = Path(__file__).parents[2]
MAN = ROOT / "docs" / "man"
TABLES = {name: list(keys) for name, keys in itertools.groupby(describe(), key=lambda key: key.table)}
_OPTION = r"--?[a-zA-Z][\w-]*"


def options_of_help(module: str) -> set[str]:
    """The options that stand at the beginning of a line of the help text."""
    lines = re.findall(r"^  (-.*)$", run(python(module, "--help"), {"COLUMNS": "200"}).stdout, re.MULTILINE)
    return {option for line in lines for option in re.findall(rf"(?:^|, )({_OPTION})", line.partition("  ")[0])}


def options_of_page(name: str) -> set[str]:
    """The options that begin an entry of the page."""
    section = (MAN / name).read_text(encoding="utf-8").partition("\n## OPTIONS\n")[2].partition("\n## ")[0]
    return {option for line in section.splitlines() if line.startswith("**-") for option in re.findall(rf"\*\*({_OPTION})\*\*", line)}


@pytest.mark.parametrize(
    ("module", "page"),
    [
        ("ntp_daemon", "ntp-daemon.8.md"),
        ("ntp_ctl", "ntp-ctl.8.md"),
        ("ntp_ctl.query", "ntp-query.1.md"),
        ("ntp_daemon.serve_command", "ntp-serve.8.md"),
        ("ntp_daemon.mirror_command", "ntp-mirror.8.md"),
        ("ntp_metrics_exporter", "ntp-metrics-exporter.8.md"),
        ("ntp_dashboard", "ntp-dashboard.8.md"),
        ("ntp_sim", "ntp-sim.1.md"),
    ],
)
def test_the_options_of_the_page_are_those_of_the_help(module: str, page: str) -> None:
    of_help = options_of_help(module)
    assert {"-h", "--help", "-V", "--version"} <= of_help
    assert options_of_page(page) == of_help


def test_the_synopsis_of_the_daemon_names_each_option_once() -> None:
    synopsis = (MAN / "ntp-daemon.8.md").read_text(encoding="utf-8").partition("\n## SYNOPSIS\n")[2].partition("\n## ")[0]
    named = re.findall(rf"\*\*({_OPTION})\*\*", synopsis)
    long_of = {
        "-p": "--peer",
        "-s": "--server",
        "-u": "--user",
        "-r": "--root",
        "-c": "--config",
        "-l": "--log-level",
        "-d": "--debug",
        "-V": "--version",
        "-h": "--help",
    }
    assert sorted(long_of.get(option, option) for option in named) == sorted(
        option for option in options_of_help("ntp_daemon") if option.startswith("--")
    )


def page_tables() -> dict[str, str]:
    """Text of each section of ntp.toml(5), by the table that it describes."""
    text = (MAN / "ntp.toml.5.md").read_text(encoding="utf-8").partition("\n## KEYS\n")[2].partition("\n## ")[0]
    parts = re.split(r"^### \[+([\w.-]+)\]+$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def default_of(key: KeyDescription) -> str:
    if key.default is not None:
        return f"Default: `{key.default}`."
    return f"Without it: {key.when_unset}." if key.when_unset else "Must be given."


def test_the_tables_of_the_page_are_those_of_the_model() -> None:
    assert list(page_tables()) == list(TABLES)


@pytest.mark.parametrize("table", TABLES)
def test_the_keys_of_the_page_are_those_of_the_model(table: str) -> None:
    entries = re.findall(r"^\*\*([\w.-]+)\*\*\n:   (.*?)\n\n", page_tables()[table] + "\n\n", re.MULTILINE | re.DOTALL)
    if table == "source":
        assert entries[0][0] == "mode"
        del entries[0]
    assert [name for name, _ in entries] == [key.name for key in TABLES[table]]
    for (name, text), key in zip(entries, TABLES[table], strict=True):
        words = " ".join(text.split())
        assert words.startswith(key.meaning), name
        assert words.endswith(default_of(key)), name


@pytest.mark.parametrize(("heading", "states"), [("The clock", SyncState), ("A source", SourceStatus)])
def test_the_guide_has_an_entry_for_each_state(heading: str, states: type[SyncState | SourceStatus]) -> None:
    text = (ROOT / "docs" / "guide" / "status.md").read_text(encoding="utf-8")
    section = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    assert sorted(re.findall(r"^### (\S+)$", section, re.MULTILINE)) == sorted(state.value for state in states)


def test_exit_codes_are_those_of_the_decision() -> None:
    decision = (ROOT / "docs" / "decisions" / "0008-exit-codes.md").read_text(encoding="utf-8")
    table = {int(code): meaning for code, meaning in re.findall(r"^\| (\d+) \| (.*?) \|$", decision, re.MULTILINE)}
    page = (MAN / "ntp-daemon.8.md").read_text(encoding="utf-8").partition("\n## EXIT STATUS\n")[2].partition("\n## ")[0]
    said = re.findall(r"(\d+) [a-z]", run(python("ntp_daemon", "--help")).stdout.partition("exit status:")[2])
    assert sorted(table) == [int(code) for code in re.findall(r"^\*\*(\d+)\*\*$", page, re.MULTILINE)] == [int(code) for code in said]
