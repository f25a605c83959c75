from __future__ import annotations

import argparse
from pathlib import Path

from ntp_ctl.completion.outline import Kind, Option, Value, outline, walk


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tool", description="Does\n things.", add_help=False)
    parser.add_argument("-v", "--verbose", action="count", help="say 100 %% more")
    parser.add_argument("--hidden", help=argparse.SUPPRESS)
    commands = parser.add_subparsers()
    copy = commands.add_parser("copy", help="copy a file", add_help=False)
    copy.add_argument("--to", type=Path, metavar="TARGET")
    copy.add_argument("--into", metavar="DIR")
    copy.add_argument("--mode", choices=("fast", "safe"), action="append")
    copy.add_argument("--how", metavar="hot|cold")
    copy.add_argument("--name")
    copy.add_argument("--now", action="store_true")
    copy.add_argument("file", metavar="FILE")
    copy.add_argument("count", choices=range(2))
    return parser


def test_everything_that_can_be_typed_is_there_with_what_it_stands_for() -> None:
    tool = outline(parser(), "tool")
    assert (tool.path, tool.help) == (("tool",), "Does things.")
    assert tool.options == (Option(("-v", "--verbose"), "say 100 % more", None, is_repeatable=True),), "and what is hidden is not"
    (copy,) = tool.commands
    assert (copy.path, copy.name, copy.help) == (("tool", "copy"), "copy", "copy a file")
    assert {option.names: (option.value, option.is_repeatable) for option in copy.options} == {
        ("--to",): (Value(Kind.FILE, "TARGET"), False),
        ("--into",): (Value(Kind.DIRECTORY, "DIR"), False),
        ("--mode",): (Value(Kind.WORDS, "MODE", ("fast", "safe")), True),
        ("--how",): (Value(Kind.WORDS, "hot|cold", ("hot", "cold")), False),
        ("--name",): (Value(Kind.OTHER, "NAME"), False),
        ("--now",): (None, False),
    }
    assert copy.values == (Value(Kind.FILE, "FILE"), Value(Kind.WORDS, "COUNT", ("0", "1")))


def test_a_walk_meets_each_command_before_its_own() -> None:
    assert [command.path for command in walk(outline(parser(), "tool"))] == [("tool",), ("tool", "copy")]
