"""Aligned columns that give way when the terminal is narrow: first long cells are cut, then whole columns go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ntp_ctl.style import Color, Style

__all__ = ["Column", "Row", "fit", "table_lines"]

_GAP = 2


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        title: Its heading.
        cells: One text for each row.
        minimum: How far cells may be cut when space is short; None when they may not be.
        numeric: Whether cells stand to the right.
        cut_middle: Whether the two ends of a cut cell remain (an address), not its beginning alone (a name).
        cut_to: The width in force, when cells are cut.
    """

    title: str
    cells: tuple[str, ...]
    minimum: int | None = None
    numeric: bool = False
    cut_middle: bool = False
    cut_to: int | None = None

    @property
    def width(self) -> int:
        """Of the widest cell, or where cells are cut."""
        natural = max(len(self.title), *(len(cell) for cell in self.cells)) if self.cells else len(self.title)
        return natural if self.cut_to is None else min(natural, self.cut_to)

    def shown(self, cell: str) -> str:
        """One cell, cut and aligned."""
        width = self.width
        if len(cell) > width:
            tail = (width - 1) // 2 if self.cut_middle else 0
            cell = f"{cell[: width - 1 - tail]}…{cell[len(cell) - tail :]}"
        return cell.rjust(width) if self.numeric else cell.ljust(width)


@dataclass(frozen=True, slots=True)
class Row:
    """What belongs to a row beside its cells.

    Attributes:
        color: Of its first cell.
        notes: Lines of text below it.
    """

    color: Color | None = None
    notes: tuple[str, ...] = ()


def _total(columns: Sequence[Column]) -> int:
    return sum(column.width for column in columns) + _GAP * (len(columns) - 1)


def _narrowed(columns: Sequence[Column], width: int) -> list[Column]:
    """The columns with cells cut, the widest first, until they fit or nothing more may be cut."""
    narrowed = list(columns)
    while _total(narrowed) > width:
        candidates = [index for index, column in enumerate(narrowed) if column.minimum is not None and column.width > column.minimum]
        if not candidates:
            break
        widest = max(candidates, key=lambda index: narrowed[index].width)
        narrowed[widest] = replace(narrowed[widest], cut_to=narrowed[widest].width - 1)
    return narrowed


def fit(columns: Sequence[Column], width: int, dispensable: Sequence[str]) -> list[Column]:
    """The columns that fit.

    Args:
        columns: All that there is to show.
        width: Of the terminal.
        dispensable: Titles of the columns that may go, the first to go first.
    """
    remaining = list(columns)
    narrowed = _narrowed(remaining, width)
    for title in dispensable:
        if _total(narrowed) <= width:
            break
        remaining = [column for column in remaining if column.title != title]
        narrowed = _narrowed(remaining, width)
    return narrowed


def table_lines(columns: Sequence[Column], rows: Sequence[Row], style: Style) -> list[str]:
    """A heading, and for each row its cells and notes."""
    gap = " " * _GAP
    lines = [style.paint(style.text(gap.join(column.shown(column.title) for column in columns).rstrip()), Color.HEADER)]
    for index, row in enumerate(rows):
        cells = [style.text(column.shown(column.cells[index])) for column in columns]
        lines.append(gap.join([style.paint(cells[0], row.color), *cells[1:]]).rstrip())
        lines += row.notes
    return lines
