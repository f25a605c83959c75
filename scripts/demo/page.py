"""The page of a recorded run: one file, with its styles, its picture and its script inside, and nothing from elsewhere."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from string import Template

from demo.record import Point, Result

__all__ = ["render"]

_TEMPLATE = Path(__file__).with_name("page.html")
_WIDTH, _HEIGHT = 880, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 14, 12, 34
_FLOOR_S, _CEILING_S = 1e-6, 1e-1
_REACH_BITS = 8


def render(result: Result) -> str:
    """The page."""
    system = _mapping(result.status["system"])
    program = _mapping(result.status["program"])
    values = {
        "run_at": html.escape(result.runAt),
        "seconds": f"{result.series[-1].at_s:.0f}",
        "state": html.escape(str(system["state"])),
        "reason": html.escape(str(system["reason"])),
        "is_good": "good" if system["state"] == "synchronized" else "bad",
        "tiles": "\n".join(_tiles(system, result.ntp, result.series)),
        "chart": _chart(result.series),
        "sources": "\n".join(_source(_mapping(source)) for source in _list(result.status["sources"])),
        "count": str(len(_list(result.status["sources"]))),
        "version": html.escape(str(program["version"])),
        "answer": html.escape(_answer(result.ntp)),
        "is_truth_known": "" if any(point.error_s is not None for point in result.series) else " hidden",
    }
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(values)


def _tiles(system: Mapping[str, object], ntp: Mapping[str, object], series: tuple[Point, ...]) -> Iterable[str]:
    last = series[-1]
    settled = [abs(point.error_s) for point in series if point.error_s is not None and point.at_s > series[-1].at_s / 2]
    if settled:
        rms = math.sqrt(sum(error * error for error in settled) / len(settled))
        yield _tile("True error", _time(rms), "RMS of the second half, seen from outside to ±50 µs")
    yield _tile("Offset", _time(last.estimate_s, signed=True), f"± {_time(last.standard_error_s)}, still to be corrected")
    yield _tile("Error bound", _time(last.maximum_error_s), "holds whatever the network does")
    yield _tile("Frequency", f"{_number(last.frequency) * 1e6:+.3f} ppm", "correction of the oscillator")
    yield _tile("Stratum", str(system["stratum"]), f"following {system['reference']}")
    yield _tile("Round trip", f"{_number(ntp['rttMs']):.3f} ms", "to the daemon, by ntp-query")


def _tile(name: str, value: str, note: str) -> str:
    return f'<div class="tile"><dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd><p>{html.escape(note)}</p></div>'


def _source(source: Mapping[str, object]) -> str:
    reach = int(_number(source["reach"]))
    dots = "".join("●" if reach >> bit & 1 else "·" for bit in reversed(range(_REACH_BITS)))
    answered = f"{reach.bit_count()} of the last {_REACH_BITS} requests were answered"
    status = str(source["status"])
    cells = (
        f'<td data-label="Source"><span class="who">{_pill(status)} {html.escape(str(source["name"]))}</span></td>',
        f'<td data-label="Reach"><span role="img" aria-label="{answered}">{dots}</span></td>',
        f'<td data-label="Offset" class="number">{_time(source["offset_s"], signed=True)} ± {_time(source["offset_error_s"])}</td>',
        f'<td data-label="Delay" class="number">{_time(source["minimum_delay_s"])}</td>',
        f'<td data-label="Queueing" class="number">{_time(source["jitter_s"])}</td>',
        f'<td data-label="Why">{html.escape(str(source["reason"]))}</td>',
    )
    return f"<tr>{''.join(cells)}</tr>"


def _pill(status: str) -> str:
    return f'<span class="status {html.escape(status)}">{html.escape(status)}</span>'


def _answer(ntp: Mapping[str, object]) -> str:
    return "\n".join(f"{name:<15} {value}" for name, value in ntp.items() if value is not None)


def _chart(series: tuple[Point, ...]) -> str:
    """The errors over time, on a logarithmic scale; its colours are those of the page."""
    end_s = series[-1].at_s

    def x(at_s: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * at_s / end_s

    parts = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-labelledby="chart-title"><title id="chart-title">{_in_words(series)}</title>']
    for exponent in range(round(math.log10(_FLOOR_S)), round(math.log10(_CEILING_S)) + 1):
        value = 10.0**exponent
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{_y(value):.1f}" y2="{_y(value):.1f}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{_y(value) + 4:.1f}" text-anchor="end">{_power(exponent)}</text>')
    step_s = _tick(end_s)
    for number in range(int(end_s / step_s) + 1):
        at_s = number * step_s
        parts.append(f'<text x="{x(at_s):.1f}" y="{_HEIGHT - 10}" text-anchor="middle">{at_s:g} s</text>')
    lines: tuple[tuple[str, Callable[[Point], float | None]], ...] = (
        ("bound", lambda point: point.maximum_error_s),
        ("likely", lambda point: point.statistical_error_s),
        ("true", lambda point: None if point.error_s is None else abs(point.error_s)),
    )
    for name, value_of in lines:
        points = [(x(point.at_s), _y(value)) for point in series if (value := value_of(point)) is not None]
        if points:
            parts.append(f'<polyline class="{name}" points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in points)}"/>')
    return "\n".join([*parts, "</svg>"])


def _in_words(series: tuple[Point, ...]) -> str:
    seen = [abs(point.error_s) for point in series if point.error_s is not None]
    fall = f"the error falls from {_time(seen[0])} to {_time(seen[-1])}, " if seen else ""
    return f"Within {series[-1].at_s:.0f} s {fall}the error bound to {_time(series[-1].maximum_error_s)}."


def _y(value: float) -> float:
    part = math.log(min(max(value, _FLOOR_S), _CEILING_S) / _FLOOR_S) / math.log(_CEILING_S / _FLOOR_S)
    return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * part


def _power(exponent: int) -> str:
    unit, name = (-3, "ms") if exponent >= -3 else (-6, "µs")
    return f"{10 ** (exponent - unit)} {name}"


def _tick(end_s: float) -> float:
    return next(step for step in (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 3600.0) if end_s / step <= 8)


def _time(seconds: object, *, signed: bool = False) -> str:
    """With three significant digits and a unit; a dash for what is not known."""
    if seconds is None:
        return "-"
    value = _number(seconds)
    size, (factor, unit) = abs(value), next(((f, u) for f, u in ((1.0, "s"), (1e3, "ms"), (1e6, "µs")) if abs(value) * f >= 1.0), (1e9, "ns"))
    digits = 0 if size * factor >= 100 else 1 if size * factor >= 10 else 2
    text = f"{size * factor:.{digits}f} {unit}"
    return (f"{'-' if value < 0 else '+'}{text}") if signed else text


def _number(value: object) -> float:
    assert isinstance(value, int | float), "a number of the document"
    return float(value)


def _mapping(value: object) -> Mapping[str, object]:
    assert isinstance(value, dict), "an object of the document"
    return value


def _list(value: object) -> list[object]:
    assert isinstance(value, list), "a list of the document"
    return value
