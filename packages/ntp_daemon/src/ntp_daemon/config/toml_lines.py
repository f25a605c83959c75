"""On which line of a TOML file each key stands: the parser does not tell, and an error message without it sends people searching.

The scanner runs only when there is an error to place, on text that the parser has accepted, so it need not recognise what is not TOML:
it only has to find its way past strings, comments and brackets. It is checked against the parser by a property test.
"""

from __future__ import annotations

import re

__all__ = ["KeyPath", "find_lines", "line_of"]

KeyPath = tuple[str | int, ...]
"""From the root to a value: names of keys, and places in arrays from 0."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"[^,\]}#\r\n]*")
_BASIC_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_LITERAL_STRING = re.compile(r"'([^']*)'")
# Up to two quotes may stand directly before the three that close the string.
_LONG_STRING = re.compile(r'"""(?:[^\\]|\\.)*?"""(?:""|"(?!"))?' + r"|'''.*?'''(?:''|'(?!'))?", re.DOTALL)


def find_lines(text: str) -> dict[KeyPath, int]:
    """The line, from 1, of every key, table and array element in a valid TOML document."""
    return _Scanner(text).scan()


def line_of(lines: dict[KeyPath, int], path: KeyPath) -> int | None:
    """The line of the key, or of the nearest table around it that is written in the file."""
    while path not in lines and path:
        path = path[:-1]
    return lines.get(path)


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._counted_to = 0
        self._line = 1
        self._lines: dict[KeyPath, int] = {}
        self._array_lengths: dict[KeyPath, int] = {}

    def scan(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        while True:
            self._skip(_BLANK)
            if self._at >= len(self._text):
                return self._lines
            if self._peek("["):
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> KeyPath:
        is_array = self._peek("[[")
        line = self._here()
        self._at += 2 if is_array else 1
        names = self._key()
        self._at += 2 if is_array else 1
        path: KeyPath = ()
        for name in names[:-1]:
            path = self._into((*path, name))
        path = (*path, names[-1])
        if is_array:
            self._lines.setdefault(path, line)
            length = self._array_lengths.get(path, 0)
            self._array_lengths[path] = length + 1
            path = (*path, length)
        self._lines.setdefault(path, line)
        return path

    def _into(self, path: KeyPath) -> KeyPath:
        """A name in a header that stands for an array of tables means its newest table."""
        return (*path, self._array_lengths[path] - 1) if path in self._array_lengths else path

    def _pair(self, table: KeyPath) -> None:
        line = self._here()
        path = table
        for name in self._key():
            path = (*path, name)
            self._lines.setdefault(path, line)
        self._at += 1  # the equals sign
        self._skip(_SPACE)
        self._value(path)

    def _key(self) -> list[str]:
        names: list[str] = []
        while True:
            self._skip(_SPACE)
            names.append(self._name())
            self._skip(_SPACE)
            if not self._peek("."):
                return names
            self._at += 1

    def _name(self) -> str:
        if self._peek('"'):
            # Escapes in keys are rare enough to let the parser read them.
            import tomli  # noqa: PLC0415 — see `ntp_daemon.config.load`

            quoted = self._skip(_BASIC_STRING)
            return str(tomli.loads(f"name = {quoted}")["name"])
        if self._peek("'"):
            return self._skip(_LITERAL_STRING)[1:-1]
        return self._skip(_BARE_KEY)

    def _value(self, path: KeyPath) -> None:
        if self._peek('"""') or self._peek("'''"):
            self._skip(_LONG_STRING)
        elif self._peek('"'):
            self._skip(_BASIC_STRING)
        elif self._peek("'"):
            self._skip(_LITERAL_STRING)
        elif self._peek("["):
            self._array(path)
        elif self._peek("{"):
            self._inline_table(path)
        else:
            self._skip(_BARE_VALUE)

    def _array(self, path: KeyPath) -> None:
        self._at += 1
        for index in range(len(self._text)):
            self._skip(_BLANK)
            if self._peek("]"):
                break
            self._lines[*path, index] = self._here()
            self._value((*path, index))
            self._skip(_BLANK)
            self._at += self._peek(",")
        self._at += 1

    def _inline_table(self, path: KeyPath) -> None:
        self._at += 1
        self._skip(_BLANK)
        while not self._peek("}"):
            self._pair(path)
            self._skip(_BLANK)
            self._at += self._peek(",")
            self._skip(_BLANK)
        self._at += 1

    def _peek(self, token: str) -> bool:
        return self._text.startswith(token, self._at)

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        assert match is not None, f"not TOML at character {self._at}"
        self._at = match.end()
        return match.group()

    def _here(self) -> int:
        """The line of the present character; counted once over the whole text, not from its start each time."""
        self._line += self._text.count("\n", self._counted_to, self._at)
        self._counted_to = self._at
        return self._line
