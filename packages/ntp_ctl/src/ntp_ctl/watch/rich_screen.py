"""The whole terminal as one screen, drawn by rich: the status in panels, a chart of the offset, and what has changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.layout import Layout
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ntp_ctl.render import attention_lines, heading_lines, number_lines, source_lines
from ntp_ctl.style import Color, Style
from ntp_ctl.units import coarse_duration
from ntp_ctl.watch.chart import chart_lines
from ntp_ctl.watch.keyboard import Keyboard
from ntp_ctl.watch.loop import View
from ntp_proto.observation import Observation

__all__ = ["RichScreen", "compose"]

_CHART_HEIGHT = 9
_LOW_CHART_HEIGHT = 5
_LOW = 32
_SIDE_BY_SIDE = 120
_FRAME = 4  # of a panel: two lines and two blanks
_CHANGES = 6
_KEYS = "q quit   space look now"


class RichScreen:
    """Takes the terminal over, and gives it back as it was.

    Args:
        console: The terminal.
        style: What it can show; the width is asked anew each time.
        keyboard: Of the reader.
    """

    def __init__(self, console: Console, style: Callable[[], Style], keyboard: Keyboard) -> None:
        self._console = console
        self._style = style
        self._keyboard = keyboard
        self._live = Live(console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)

    def __enter__(self) -> Self:
        self._keyboard.__enter__()
        self._live.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._live.__exit__(kind, error, trace)
        self._keyboard.__exit__(kind, error, trace)

    def now(self) -> float:
        """See `Screen`."""
        return time.monotonic()

    def show(self, view: View) -> None:
        """See `Screen`."""
        self._live.update(compose(view, self._style(), self._console.height), refresh=True)

    def wait(self, seconds: float) -> bool:
        """See `Screen`."""
        deadline = time.monotonic() + seconds
        while (remaining := deadline - time.monotonic()) > 0.0:
            key = self._keyboard.key(remaining)
            if "q" in key.lower():
                return False
            if " " in key:
                break
        return True


def compose(view: View, style: Style, height: int) -> RenderableType:
    """The whole screen; what does not fit is cut off at the bottom, above the line with the keys."""
    layout = Layout()
    layout.split_column(Layout(Group(*_body(view, style, height)), name="body"), Layout(_footer(view, style), name="keys", size=1))
    return layout


def _body(view: View, style: Style, height: int) -> list[RenderableType]:
    parts: list[RenderableType] = []
    if view.trouble:
        age = "" if view.observation is None else f" Last seen {coarse_duration(view.away_s)} ago; below is what it said then."
        parts.append(Text(style.text(f"! {view.trouble}.{age} Asking again every {view.interval_s:g} s."), style="bold red"))
    if view.observation is None:
        return parts
    if not view.trouble:
        parts.append(_text([*heading_lines(view.observation.system, style), *attention_lines(view.observation, style)]))
    parts += _panels(view, view.observation, style, height)
    if view.history.changes:
        newest = list(view.history.changes)[-_CHANGES:]
        parts.append(_panel("changes (UTC)", [style.text(change) for change in reversed(newest)], view))
    return parts


def _panels(view: View, observation: Observation, style: Style, height: int) -> list[RenderableType]:
    """Numbers, chart and sources: numbers and chart beside each other where there is room, else the chart last, for it can be done without."""
    beside = style.width >= _SIDE_BY_SIDE
    numbers_width = style.width // 2 if beside else style.width
    numbers = _panel("clock", number_lines(observation, _inside(style, numbers_width)), view)
    sources = _panel("sources", source_lines(observation.sources, _inside(style, style.width)), view)
    chart_width = (style.width - numbers_width if beside else style.width) - _FRAME
    chart = chart_lines(view.history.points, chart_width, _CHART_HEIGHT if beside or height >= _LOW else _LOW_CHART_HEIGHT)
    title = style.text("offset ± standard error; above zero: our clock is behind")
    offsets = _panel(title, [style.text(line) for line in chart], view)
    if not beside:
        return [numbers, sources, offsets]
    grid = Table.grid(expand=True)
    grid.add_column(ratio=1)
    grid.add_column(ratio=1)
    grid.add_row(numbers, offsets)
    return [grid, sources]


def _inside(style: Style, width: int) -> Style:
    return Style(width=max(20, width - _FRAME), color=style.color, unicode=style.unicode)


def _panel(title: str, lines: list[str], view: View) -> Panel:
    return Panel(_text(lines), title=Text(title), title_align="left", border_style="dim", style="dim" if view.trouble else "")


def _text(lines: list[str]) -> Text:
    return Text.from_ansi("\n".join(lines), no_wrap=True, overflow="crop")


def _footer(view: View, style: Style) -> Text:
    words = f"{_KEYS}   every {view.interval_s:g} s"
    if view.observation is not None:
        words += f"   {view.observation.program.time[:19].replace('T', ' ')} UTC"
    return Text.from_ansi(style.paint(style.text(words), Color.HEADER), no_wrap=True, overflow="crop")
