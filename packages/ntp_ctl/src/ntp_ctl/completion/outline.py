"""What can be typed after a program's name, as its option parser knows it: the one source of the scripts of all three shells."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

__all__ = ["Command", "Kind", "Option", "Value", "outline", "walk"]

_FILES = frozenset(("FILE", "PATH", "LOG"))
_DIRECTORIES = frozenset(("DIR", "DIRECTORY"))


class Kind(Enum):
    """What a word stands for."""

    WORDS = "words"
    FILE = "file"
    DIRECTORY = "directory"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Value:
    """A word that the user has to choose.

    Attributes:
        kind: What it stands for.
        name: What help texts call it.
        words: Those to choose from, for `Kind.WORDS`.
    """

    kind: Kind
    name: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Option:
    """An option.

    Attributes:
        names: All that it can be written as, the short one first.
        help: What it does, on one line.
        value: What follows it; None: nothing.
        is_repeatable: Whether it may be given more than once.
    """

    names: tuple[str, ...]
    help: str
    value: Value | None
    is_repeatable: bool


@dataclass(frozen=True, slots=True)
class Command:
    """A program, or a command of one.

    Attributes:
        path: Its name, after those of the commands that it belongs to; the first is the program.
        help: What it does.
        options: In the order of the help text.
        values: The words that are no options, in their order.
        commands: Its own commands.
    """

    path: tuple[str, ...]
    help: str
    options: tuple[Option, ...]
    values: tuple[Value, ...]
    commands: tuple[Command, ...]

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path[-1]


def outline(parser: argparse.ArgumentParser, name: str) -> Command:
    """The outline of a program.

    Args:
        parser: What it parses its command line with.
        name: What it is called.
    """
    return _outline(parser, (name,), parser.description or "")


def walk(command: Command) -> Iterator[Command]:
    """A command and all that belong to it, each before its own."""
    yield command
    for inner in command.commands:
        yield from walk(inner)


def _outline(parser: argparse.ArgumentParser, path: tuple[str, ...], help_: str) -> Command:
    options: list[Option] = []
    values: list[Value] = []
    commands: list[Command] = []
    for action in parser._actions:  # noqa: SLF001 - argparse has no public way to look at a parser, and has kept this one since 2.7
        if action.help == argparse.SUPPRESS:
            continue
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            helps = {choice.dest: choice.help or "" for choice in action._choices_actions}  # noqa: SLF001
            commands += [_outline(inner, (*path, name), helps.get(name, "")) for name, inner in action.choices.items()]
        elif action.option_strings:
            repeatable = isinstance(action, argparse._AppendAction | argparse._CountAction)  # noqa: SLF001
            options.append(Option(tuple(action.option_strings), _line(action.help or ""), None if action.nargs == 0 else _value(action), repeatable))
        else:
            values.append(_value(action))
    return Command(path, _line(help_), tuple(options), tuple(values), tuple(commands))


def _value(action: argparse.Action) -> Value:
    metavar = action.metavar if isinstance(action.metavar, str) else None
    name = metavar or action.dest.upper().replace("_", "-")
    if action.choices is not None:
        return Value(Kind.WORDS, name, tuple(str(choice) for choice in action.choices))
    if metavar is not None and "|" in metavar:
        return Value(Kind.WORDS, name, tuple(metavar.split("|")))
    if name in _DIRECTORIES:
        return Value(Kind.DIRECTORY, name)
    return Value(Kind.FILE if action.type is Path or name in _FILES else Kind.OTHER, name)


def _line(text: str) -> str:
    """One line without what argparse would fill in."""
    return " ".join(text.replace("%%", "%").split())
