"""From what a scenario file holds to its text."""

from __future__ import annotations

import json
from collections.abc import Mapping

__all__ = ["toml_text"]


def toml_text(document: Mapping[str, object]) -> str:
    """Write tables and lists of tables under headings of their own, and whatever they contain in one line each.

    Args:
        document: Tables, by name, and lists of tables; they may contain texts, flags, finite numbers, lists and tables.

    Raises:
        TypeError: there is something else in it.
    """
    parts: list[str] = []
    for name, value in document.items():
        tables = value if isinstance(value, list) else [value]
        heading = f"[[{name}]]" if isinstance(value, list) else f"[{name}]"
        parts += ["\n".join([heading, *_lines(table)]) + "\n" for table in tables]
    return "\n".join(parts)


def _lines(table: object) -> list[str]:
    if not isinstance(table, Mapping):
        raise TypeError(f"only tables can stand at the top of a file, not {table!r}")
    return [f"{key} = {_value(value)}" for key, value in table.items()]


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # the one character that only TOML wants escaped
        case list() | tuple():
            return f"[{', '.join(map(_value, value))}]"
        case Mapping():
            return f"{{ {', '.join(f'{key} = {_value(inner)}' for key, inner in value.items())} }}"
        case _:
            raise TypeError(f"TOML has no {type(value).__name__}")
