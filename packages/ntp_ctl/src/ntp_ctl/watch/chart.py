"""Offsets over time as lines of text: one column for each look, the newest to the right, zero in the middle."""

from __future__ import annotations

from collections.abc import Sequence

from ntp_ctl.units import duration
from ntp_ctl.watch.history import Point

__all__ = ["chart_lines"]

_LABEL = 10
_VALUE, _ERROR, _ZERO = "●", "·", "-"


def chart_lines(points: Sequence[Point], width: int, height: int) -> list[str]:
    """A chart of the newest points that fit.

    Args:
        points: The oldest first.
        width: Characters in a line, labels included.
        height: Lines; made odd, so that zero has one of its own.
    """
    shown = list(points)[-max(1, width - _LABEL) :]
    half = max(1, (height - 1) // 2)
    reach_s = max((abs(p.offset_s) + (p.error_s or 0.0) for p in shown if p.offset_s is not None), default=0.0)
    if reach_s == 0.0:
        return _labelled([""] * half + [_ZERO * len(shown)] + [""] * half, 0.0)
    columns = [_column(point, reach_s / half, half) for point in shown]
    return _labelled(["".join(column[row] for column in columns).rstrip() for row in range(2 * half + 1)], reach_s)


def _column(point: Point, row_s: float, half: int) -> list[str]:
    """From the top, which is the largest positive offset, to the bottom."""
    column = [" "] * (2 * half + 1)
    column[half] = _ZERO
    if point.offset_s is None:
        column[half] = " "
        return column
    error_s = point.error_s or 0.0
    lowest, highest = (_row(value_s, row_s, half) for value_s in (point.offset_s - error_s, point.offset_s + error_s))
    for row in range(highest, lowest + 1):
        column[row] = _ERROR
    column[_row(point.offset_s, row_s, half)] = _VALUE
    return column


def _row(value_s: float, row_s: float, half: int) -> int:
    return min(2 * half, max(0, half - round(value_s / row_s)))


def _labelled(rows: list[str], reach_s: float) -> list[str]:
    labels = {0: duration(reach_s, signed=True), len(rows) // 2: "0", len(rows) - 1: duration(-reach_s)}
    if reach_s == 0.0:
        labels = {len(rows) // 2: "0"}
    return [f"{labels.get(number, '')[: _LABEL - 1].rjust(_LABEL - 1)} {row}".rstrip() for number, row in enumerate(rows)]
