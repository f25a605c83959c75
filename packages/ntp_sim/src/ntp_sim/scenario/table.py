"""A table of a TOML file that is read key by key; what nobody has asked for at the end is an error."""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from ntp_proto.errors import NtpError

__all__ = ["ScenarioError", "Table", "load_table"]

_QUANTITY = re.compile(r"\s*([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*([a-zA-Zµ%]+)\s*")
_TIMES = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_RATES = {"ppb": 1e-9, "ppm": 1e-6}
_SHARES = {"%": 0.01}


class ScenarioError(NtpError):
    """A scenario file is wrong. The text names the file and the key and says in one sentence what is wrong."""


def load_table(path: Path) -> Table:
    """The root table of a TOML file.

    Raises:
        ScenarioError: the file cannot be read or is not TOML.
    """
    try:
        values: dict[str, object] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{path}: is not UTF-8 text") from error
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{path}: is not TOML: {error}") from error
    return Table(values, str(path), "")


class Table:
    """Each method reads one key; without a default the key must be there.

    A time is a number of seconds or a text with a unit, like "10 ms"; a rate is a number (s/s) or a text in "ppm" or "ppb"; a probability is a
    number from 0 to 1 or a text in "%".

    Args:
        values: As parsed.
        file: Its name in error messages.
        path: Of the table within the file: "" for the root, "server[2].there" for a table within one of a list; they count from 1.
    """

    def __init__(self, values: Mapping[str, object], file: str, path: str) -> None:
        self._values = values
        self._file = file
        self._path = path
        self._known: list[str] = []

    def __contains__(self, key: str) -> bool:
        return key in self._values

    @property
    def keys(self) -> list[str]:
        """What is written in it."""
        return list(self._values)

    def know(self, key: str) -> None:
        """Take note of a key that could be written here."""
        self._known.append(key)

    def holds_table(self, key: str) -> bool:
        """Whether the value of a key is a table."""
        return isinstance(self._values.get(key), dict)

    def is_text(self, key: str, text: str) -> bool:
        """Whether the value of a key is just this text."""
        return self._values.get(key) == text

    def error(self, key: str, problem: str) -> ScenarioError:
        """An error at a key of this table, to be raised."""
        return ScenarioError(f"{self._file}: {self._name(key)}: {problem}")

    def time(self, key: str, default: float | None = None, *, minimum: float = -math.inf) -> float:
        """A length of time, s."""
        return self._quantity(key, default, _TIMES, "a time in seconds", minimum, math.inf)

    def rate(self, key: str, default: float | None = None, *, minimum: float = -math.inf) -> float:
        """A frequency, or anything else that is s/s."""
        return self._quantity(key, default, _RATES, "a rate in s/s", minimum, math.inf)

    def share(self, key: str, default: float | None = None) -> float:
        """A probability, or a part of a whole."""
        return self._quantity(key, default, _SHARES, "a share", 0.0, 1.0)

    def number(self, key: str, default: float | None = None, *, minimum: float = -math.inf, maximum: float = math.inf) -> float:
        """A number without a unit of its own."""
        return self._quantity(key, default, {}, "a number", minimum, maximum)

    def whole(self, key: str, default: int | None = None, *, minimum: int, maximum: int) -> int:
        """A whole number."""
        value = self._value(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= maximum:
            raise self.error(key, f"must be a whole number from {minimum} to {maximum}, got {value!r}")
        return value

    def flag(self, key: str, default: bool | None = None) -> bool:
        """True or false."""
        value = self._value(key, default)
        if not isinstance(value, bool):
            raise self.error(key, f"must be true or false, got {value!r}")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        """A text."""
        value = self._value(key, default)
        if not isinstance(value, str):
            raise self.error(key, f"must be a text, got {value!r}")
        return value

    def choice(self, key: str, choices: Mapping[str, object], default: str | None = None) -> str:
        """One of some words."""
        value = self.text(key, default)
        if value not in choices:
            raise self.error(key, f"must be one of {', '.join(choices)}, got {value!r}")
        return value

    def pairs(self, key: str) -> list[tuple[float, float]]:
        """A list of pairs of numbers."""
        value = self._value(key, None)
        pairs = [tuple(map(_number, item)) if isinstance(item, list) else () for item in value] if isinstance(value, list) else []
        good = [(pair[0], pair[1]) for pair in pairs if len(pair) == 2 and pair[0] is not None and pair[1] is not None]
        if not good or len(good) != len(pairs):
            raise self.error(key, "must be a list of pairs of numbers, like [[0, 0], [3600, 2.5]]")
        return good

    def wholes(self, key: str) -> list[int]:
        """A list of whole numbers."""
        value = self._value(key, None)
        numbers = [item for item in value if isinstance(item, int) and not isinstance(item, bool)] if isinstance(value, list) else []
        if not isinstance(value, list) or not numbers or len(numbers) != len(value):
            raise self.error(key, f"must be a list of whole numbers, got {value!r}")
        return numbers

    def table(self, key: str) -> Table | None:
        """A table within this one; None: it is not written."""
        self._known.append(key)
        return self._inner(key, self._values[key], self._name(key)) if key in self._values else None

    def tables(self, key: str) -> list[Table]:
        """A list of tables; empty: it is not written."""
        self._known.append(key)
        value = self._values.get(key, [])
        if not isinstance(value, list):
            raise self.error(key, f"must be written in double brackets: [[{self._name(key)}]], one such table for each")
        return [self._inner(key, item, f"{self._name(key)}[{number}]") for number, item in enumerate(value, start=1)]

    def one_or_more(self, key: str) -> list[Table]:
        """A table, or a list of tables; empty: it is not written."""
        single = self.table(key) if self.holds_table(key) else None
        return [single] if single is not None else self.tables(key)

    def end(self) -> None:
        """Complain about keys that nobody has asked for."""
        for key in self._values:
            if key not in self._known:
                close = difflib.get_close_matches(key, self._known, n=1, cutoff=0.5)
                hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(sorted(self._known))}"
                raise self.error(key, f"unknown key; {hint}")

    def _name(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def _inner(self, key: str, value: object, path: str) -> Table:
        if not isinstance(value, dict):
            raise self.error(key, f"must be a table, got {value!r}")
        return Table(value, self._file, path)

    def _value(self, key: str, default: object) -> object:
        self._known.append(key)
        if key in self._values:
            return self._values[key]
        if default is None:
            raise self.error(key, "is missing")
        return default

    def _quantity(self, key: str, default: float | None, units: Mapping[str, float], what: str, minimum: float, maximum: float) -> float:
        value = self._value(key, default)
        number = _number(value)
        if isinstance(value, str) and units:
            match = _QUANTITY.fullmatch(value)
            if match is None or match[2] not in units or _plain(match[1]) is None:
                raise self.error(key, f"must be {what}, or a number with one of the units {', '.join(units)}, got {value!r}")
            number = (_plain(match[1]) or 0.0) * units[match[2]]
        if number is None or not math.isfinite(number):
            raise self.error(key, f"must be {what}, got {value!r}")
        if not minimum <= number <= maximum:
            raise self.error(key, f"must be {what} {_range(minimum, maximum)}, got {value!r}")
        return number


def _range(minimum: float, maximum: float) -> str:
    return f"of {minimum:g} or more" if math.isinf(maximum) else f"from {minimum:g} to {maximum:g}"


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _plain(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
