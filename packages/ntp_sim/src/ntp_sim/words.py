"""Numbers as people read them, and tables of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["seconds", "share", "table", "whole_seconds"]

_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def seconds(value: float | None) -> str:
    """A time with three digits and a unit, like "12.3 µs"; "-": there is none."""
    if value is None:
        return "-"
    if value == 0.0:
        return "0 s"
    size, unit = next((known for known in _UNITS if abs(value) >= 0.9995 * known[0]), _UNITS[-1])
    digits = max(0, 2 - math.floor(math.log10(1.0005 * abs(value) / size)))
    return f"{value / size:.{min(digits, 3)}f} {unit}"


def whole_seconds(value: float | None) -> str:
    """A time in whole seconds; "-": never."""
    return "-" if value is None else f"{value:.0f} s"


def share(value: float | None) -> str:
    """A part in per cent."""
    return "-" if value is None else f"{100.0 * value:.2f} %"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lines with aligned columns: the first to the left, the others to the right."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    return "\n".join(_line(row, widths) for row in (head, *rows))


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = (cell.rjust(width) if column else cell.ljust(width) for column, (cell, width) in enumerate(zip(row, widths, strict=True)))
    return "  ".join(cells).rstrip()
