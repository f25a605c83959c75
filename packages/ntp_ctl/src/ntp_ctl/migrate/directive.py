"""The lines of a chrony.conf or ntp.conf: a name and its words each. Whatever the file holds, it becomes directives."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

__all__ = ["Dialect", "Directive", "Options", "Reader", "integer", "number", "read_directives", "words"]

_DEEPEST = 8
_INTEGER = re.compile(r"[+-]?[0-9]{1,9}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_NTP_WORDS = re.compile(r'"([^"]*)"?|([^\s"]+)')

Reader = Callable[[str, str], list[tuple[str, str]]]
"""From the name of an including directive and its argument to the names and texts of the files that it means."""


class Dialect(Enum):
    """Whose configuration it is."""

    CHRONY = "chrony"
    NTP = "ntp"


@dataclass(frozen=True, slots=True)
class Directive:
    """One line.

    Attributes:
        file: Where it stands.
        line: From 1.
        name: Its first word, in lower case.
        words: The others.
    """

    file: str
    line: int
    name: str
    words: tuple[str, ...]

    @property
    def place(self) -> str:
        """File and line, as compilers have it."""
        return f"{self.file}:{self.line}"


def read_directives(text: str, file: str, dialect: Dialect, read: Reader | None = None) -> Iterator[Directive]:
    """The directives of a file, and in their place those of the files that it includes.

    Args:
        text: Of the file.
        file: Its name.
        dialect: Whose it is.
        read: Reads included files; None: the directives that include are handed on like others.
    """
    yield from _directives(text, file, dialect, read, 0)


_INCLUDING = {Dialect.CHRONY: ("include", "confdir", "sourcedir"), Dialect.NTP: ("includefile",)}


def _directives(text: str, file: str, dialect: Dialect, read: Reader | None, depth: int) -> Iterator[Directive]:
    for number_, line in enumerate(text.splitlines(), start=1):
        found = _chrony_words(line) if dialect is Dialect.CHRONY else _ntp_words(line)
        if not found:
            continue
        directive = Directive(file, number_, found[0].lower(), tuple(found[1:]))
        if read is None or depth >= _DEEPEST or directive.name not in _INCLUDING[dialect]:
            yield directive
            continue
        for argument in directive.words:
            for name, included in read(directive.name, argument):
                yield from _directives(included, name, dialect, read, depth + 1)


def _chrony_words(line: str) -> list[str]:
    """A comment is a whole line."""
    stripped = line.strip()
    return [] if stripped[:1] in "!;#%" else stripped.split()


def _ntp_words(line: str) -> list[str]:
    """A comment ends a line; a text in quotes is one word."""
    found = []
    for match in _NTP_WORDS.finditer(line):
        if match[2] is not None and match[2].startswith("#"):
            break
        found.append(match[1] if match[2] is None else match[2])
    return found


def integer(text: str) -> int | None:
    """A whole number, or None."""
    return int(text) if _INTEGER.fullmatch(text) else None


def number(text: str) -> float | None:
    """A number, or None. Nothing infinite."""
    return float(text) if _NUMBER.fullmatch(text) and abs(float(text)) < 1e300 else None


def words(text: str) -> frozenset[str]:
    """A vocabulary."""
    return frozenset(text.split())


class Options:
    """The words after a directive's subject: some with a value behind them, some without. Names are compared without case.

    Args:
        words: The words.
        with_value: The names of those that have one.
    """

    def __init__(self, words: tuple[str, ...], with_value: frozenset[str]) -> None:
        self.values: dict[str, str] = {}
        self.flags: list[str] = []
        remaining = iter(words)
        for word in remaining:
            name = word.lower()
            if name in with_value:
                self.values[name] = next(remaining, "")
            else:
                self.flags.append(name)

    def take_integer(self, name: str) -> int | None:
        """The value as a whole number, taken out; None: it is not there, or none."""
        return integer(self.values.pop(name, ""))

    def take_number(self, name: str) -> float | None:
        """The value as a number, taken out; None: it is not there, or none."""
        return number(self.values.pop(name, ""))

    def take_flag(self, name: str) -> bool:
        """Whether the word was there; taken out."""
        was_there = name in self.flags
        self.flags = [flag for flag in self.flags if flag != name]
        return was_there

    def rest(self) -> list[str]:
        """What nobody has taken."""
        return [*self.flags, *(f"{name} {value}".strip() for name, value in self.values.items())]
