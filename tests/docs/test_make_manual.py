"""The manual is what the programs say: what is made from them is up to date, complete, and fit for man(1)."""

from __future__ import annotations

import argparse
import re
import tomllib
from pathlib import Path

import make_manual
import pytest
from manual.figures import SCENARIOS, updated_readme
from manual.options import option_entries, synopsis
from manual.pages import updated
from manual.programs import PROGRAMS
from manual.roff import roff

from support.linters import lint

ROOT = Path(__file__).parents[2]
MAN = ROOT / "docs" / "man"
PAGES = sorted(path for path in MAN.iterdir() if path.suffix != ".md")
WANTED = dict(make_manual.wanted())


@pytest.mark.parametrize("path", WANTED, ids=lambda path: path.name)
def test_it_is_up_to_date(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == WANTED[path], "run: ./dev python scripts/make_manual.py"


def test_there_is_no_page_that_nobody_makes() -> None:
    assert set(MAN.iterdir()) == set(WANTED) - {ROOT / "CONFIGURATION.md", ROOT / "README.md"}


def test_every_program_has_a_page_and_is_the_one_that_is_installed() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert {program.name for program in PROGRAMS} == set(scripts)
    assert [program.name for program in PROGRAMS] == [program.parser().prog for program in PROGRAMS]


@pytest.mark.peer
@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_mandoc_has_nothing_to_say(page: Path) -> None:
    assert lint("mandoc", "-T", "lint", "-W", "style", page) == ""


@pytest.mark.peer
def test_the_page_reads_as_it_is_meant() -> None:
    """Rendered: the option as it is typed, with the hyphens of a keyboard, and the words of its entry."""
    plain = re.sub(r".\x08", "", lint("mandoc", "-T", "ascii", MAN / "ntp-daemon.8"))
    assert "NTP-DAEMON(8)" in plain
    assert re.search(r"^ +--print-default-config\n +Print a configuration with every key, its meaning", plain, re.MULTILINE)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ticker")
    parser.add_argument("host", nargs="?", metavar="HOST")
    parser.add_argument("port", nargs="?", metavar="PORT")
    parser.add_argument("-p", "--peer", metavar="HOST[:PORT]", action="append", help="whom to ask")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--loud", action="store_true", help="tick")
    how.add_argument("--quiet", action="store_true", help="do not")
    parser.add_argument("-rate", "--rate", metavar="NUMBER", help="how often")
    parser.add_argument("--mode", choices=["slow", "fast"], help="which")
    parser.add_argument("-V", "--version", action="store_true", help="show the version")
    return parser


PAGE = """\
# ticker(1)

## NAME

ticker - tick

## SYNOPSIS

of old

## OPTIONS

They may be given in any order.

**--old**
:   Was there once.

**--rate** *N*
:   Ticks a second.

    It is a number.

**-h**, **--help**
:   Show a help text.

A closing word.

## SEE ALSO

A clock.
"""


def test_the_synopsis_is_that_of_the_parser() -> None:
    run, ask = synopsis(_parser())
    options = "[**-p** *HOST*[:*PORT*]]... [**--loud** | **--quiet**] [**-rate** *NUMBER*] [**--mode** **slow**|**fast**]"
    assert run.replace("\n", " ") == f"**ticker** {options} [*HOST* [*PORT*]]"
    assert ask == "**ticker** **-V** | **-h**"


def test_entries_have_every_name_and_their_value() -> None:
    heads = [head for _, head, _ in option_entries(_parser())]
    assert heads == [
        "*HOST*",
        "*PORT*",
        "**-p**, **--peer** *HOST*[:*PORT*]",
        "**--loud**",
        "**--quiet**",
        "**-rate** *NUMBER*, **--rate** *NUMBER*",
        "**--mode** **slow**|**fast**",
        "**-V**, **--version**",
        "**-h**, **--help**",
    ]


def test_words_stay_new_options_get_their_help_and_old_ones_go() -> None:
    page = updated(PAGE, _parser())
    assert "**-rate** *NUMBER*, **--rate** *NUMBER*\n:   Ticks a second.\n\n    It is a number.\n" in page
    assert "**-p**, **--peer** *HOST*[:*PORT*]\n:   Whom to ask.\n" in page
    assert "**-h**, **--help**\n:   Show a help text.\n\nA closing word.\n\n## SEE ALSO\n\nA clock.\n" in page
    assert "## OPTIONS\n\nThey may be given in any order.\n\n*HOST*" in page
    assert "--old" not in page
    assert "of old" not in page
    assert updated(page, _parser()) == page


def test_commands_keep_their_place_and_new_ones_come_last() -> None:
    parser = argparse.ArgumentParser(prog="ticker")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("stop", help="end")
    start = commands.add_parser("start", help="begin")
    start.add_argument("when", metavar="TIME")
    start.add_argument("-y", "--yes", action="store_true")
    start.add_subparsers(dest="how").add_parser("slowly", help="with a rest")
    text = PAGE.replace(
        "## SEE ALSO", "## COMMANDS\n\n### Main\n\n**start**\n:   Ticks from now on.\n\n**--old**\n:   Of old.\n\nA word.\n\n## SEE ALSO"
    )
    body = updated(text, parser).partition("## COMMANDS\n")[2].partition("## SEE")[0]
    assert body == (
        "\n### Main\n\n**start** *TIME* [**-y** | **--yes**]\n:   Ticks from now on.\n\n**stop**\n:   End.\n\n"
        "**start slowly**\n:   With a rest.\n\n**--old**\n:   Of old.\n\nA word.\n\n"
    )


def made(text: str) -> list[str]:
    page = roff(f"# t(1)\n\n## X\n\n{text}\n", name="t", section=1, date="2026-01-01", manual="M")
    return page.splitlines()[page.splitlines().index('.SH "X"') + 1 :]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("plain", ["plain"]),
        ("**--two-words** and *THIS*", ["\\fB\\-\\-two\\-words\\fR and \\fITHIS\\fR"]),
        ("`a\\b`", ["\\fBa\\eb\\fR"]),
        (".dot", ["\\&.dot"]),
        ("'quote'", ["\\&'quote'"]),
        ("µ ± ●", ["\\[u00B5] \\[u00B1] \\[u25CF]"]),
        ("One sentence. Another.", ["One sentence.", "Another."]),
        ("**x** *N*\n:   Words.\n\n    More.", [".TP", "\\fBx\\fR \\fIN\\fR", "Words.", ".IP", "More."]),
        ("    code -x\n\n    'more'", [".PP", ".RS 4", ".nf", "code \\-x", "\\&", "\\(aqmore\\(aq", ".fi", ".RE"]),
        ("- one\n- two", ['.IP "\\(bu" 2', "one", '.IP "\\(bu" 2', "two"]),
        ("[a page](x.md) [[not]]", ["a page [[not]]"]),
    ],
)
def test_markdown_becomes_roff(text: str, lines: list[str]) -> None:
    assert [line for line in made(text) if line] == lines[1 if lines[0] == ".PP" else 0 :]


def test_a_table_fits_or_becomes_a_list() -> None:
    narrow = made("| a | b |\n|---|---|\n| `=` | words |")
    assert narrow[1:4] == [".TS", "tab(|);", "lb lb"]
    assert "\\&\\fB=\\fR|T{" in narrow
    wide = made("| a | b | c | d |\n|---|---|---|---|\n| `n` | x | y | words |")
    assert wide == [".TP", "\\fBn\\fR (x; y)", "words"]


def test_the_figures_are_those_that_were_measured() -> None:
    accuracy = "| scenario | ours, µs | chrony in the same run, µs |\n|---|--:|--:|\n" + "".join(f"| {name} | 20 | 1.5 ms |\n" for name in SCENARIOS)
    another = accuracy.replace("20 |", "7 |").replace("chrony in the same run, µs", "chrony's packets")
    text = updated_readme((ROOT / "README.md").read_text(encoding="utf-8"), f"{accuracy}\n{another}")
    assert text.count(" | 20 µs | 1.5e+03 µs | 0.01 |\n") == len(SCENARIOS)
    with pytest.raises(ValueError, match="no row for lan-p4"):
        updated_readme(text, accuracy.replace("lan-p4", "lan"))


def test_a_stale_page_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page"
    page.write_text("old")
    monkeypatch.setattr(make_manual, "ROOT", tmp_path)
    monkeypatch.setattr(make_manual, "wanted", lambda: iter([(page, "new"), (tmp_path / "missing", "x")]))
    assert make_manual.main(["--check"]) == 1
    assert capsys.readouterr().out == "page\nmissing\n"
    assert page.read_text() == "old"
    assert make_manual.main([]) == 0
    assert page.read_text() == "new"
    assert make_manual.main(["--check"]) == 0
