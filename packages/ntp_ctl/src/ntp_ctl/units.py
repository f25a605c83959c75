"""Quantities as people write them: lengths of time with SI units, frequencies in ppm, and lengths of time read back.

A value that is not known is `UNKNOWN`, never a number that stands for it.
"""

from __future__ import annotations

import math
import re

__all__ = ["UNKNOWN", "coarse_duration", "duration", "duration_with_error", "frequency_with_error", "parse_duration"]

UNKNOWN = "-"

_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_COARSE_FROM_S = 1000.0
_UNIT_NAMES = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,  # U+00B5, the micro sign of keyboards
    "μs": 1e-6,  # U+03BC, the Greek letter that SI prescribes; both are typed
    "ms": 1e-3,
    "": 1.0,
    "s": 1.0,
    "m": 60.0,
    "min": 60.0,
    "h": 3600.0,
    "d": 86400.0,
}
_DURATION = re.compile(r"(?P<number>\d+\.?\d*(?:e[+-]?\d+)?|\.\d+|inf)\s*(?P<unit>\D*)", re.ASCII)


def duration(value_s: float | None, *, digits: int = 3, signed: bool = False) -> str:
    """A length of time with the unit that leaves one to three digits before the point.

    Args:
        value_s: Seconds; None when it is not known.
        digits: Significant digits.
        signed: Whether a positive value gets a "+".

    Returns:
        "12.3 µs", "1.00 ms", "-4.20 s"; from 1000 s on "1 h 30 min".
    """
    if value_s is None:
        return UNKNOWN
    if value_s == 0:
        return "0 s"
    sign = "-" if value_s < 0 else "+" if signed else ""
    size = abs(value_s)
    if size >= _COARSE_FROM_S:
        return sign + coarse_duration(size)
    for scale, unit in _UNITS:
        # Rounded before the unit is chosen, so that 999.9 µs becomes 1.00 ms and not 1000 µs.
        rounded = float(f"{size / scale:.{digits - 1}e}")
        if rounded >= 1:
            return f"{sign}{rounded:.{max(0, digits - len(str(int(rounded))))}f} {unit}"
    return f"{sign}{size / 1e-9:.1f} ns"


def duration_with_error(value_s: float | None, error_s: float | None) -> str:
    """An estimate and its standard error, each in its own unit: "+12.3 µs ± 4.1 µs". Without an error there is no estimate."""
    if value_s is None or error_s is None:
        return UNKNOWN
    return f"{duration(value_s, signed=True)} ± {duration(error_s, digits=2)}"


def coarse_duration(value_s: float | None) -> str:
    """A length of time to about one in a hundred: "3 s", "2 min 5 s", "1 h", "1 d 4 h"."""
    if value_s is None:
        return UNKNOWN
    seconds = round(value_s)
    for unit_s, unit, part_s, part in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= unit_s:
            rest = seconds % unit_s // part_s
            return f"{seconds // unit_s} {unit}" + (f" {rest} {part}" if rest else "")
    return f"{seconds} s"


def frequency_with_error(frequency: float, error: float | None) -> str:
    """A frequency correction (s/s) in ppm with as many decimals as its standard error gives a meaning: "+23.417 ppm ± 0.012 ppm".

    A frequency in force is known even when no error of it is (it may come from the drift file); then it stands alone.
    """
    value_ppm = frequency * 1e6
    if error is None:
        return f"{value_ppm:+.3f} ppm"
    error_ppm = error * 1e6
    decimals = min(6, max(1, 1 - math.floor(math.log10(error_ppm)))) if error_ppm > 0 else 3
    return f"{value_ppm:+.{decimals}f} ppm ± {error_ppm:.{decimals}f} ppm"


def parse_duration(text: str) -> float:
    """Seconds from "1ms", "250 us", "60s", "5min" or "inf"; a number without a unit is in seconds.

    Raises:
        ValueError: not such a text, or negative; says what is expected.
    """
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None or match["unit"] not in _UNIT_NAMES:
        raise ValueError(f"{text!r} is not a length of time such as 500us, 1ms, 60s, 5min or 2h")
    return float(match["number"]) * _UNIT_NAMES[match["unit"]]
