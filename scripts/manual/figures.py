"""The figures of the README, from docs/accuracy.md: what is measured is written down once."""

from __future__ import annotations

import itertools
import re

__all__ = ["updated_readme"]

SCENARIOS = {
    "lan-p4": "a local network, every 16 s",
    "inet1-p6": "one server on the Internet, every 64 s",
    "inet4-p6": "four servers on the Internet",
    "congest-p6": "three, and the way back congested a quarter of each hour",
    "false-p6": "five, of which two are 100 ms off",
    "loss30-p6": "four, and 30 % of the packets lost each way",
    "freqstep-p6": "the oscillator jumps by 5 ppm meanwhile",
}
_BEGIN, _END = "<!-- figures: made by scripts/make_manual.py from docs/accuracy.md -->", "<!-- end of the figures -->"


def updated_readme(text: str, accuracy: str) -> str:
    """README.md with the figures as they are now.

    Raises:
        ValueError: A table, a column or a scenario is not where it is looked for.
    """
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError("README.md has no place for the figures")
    return f"{before}{begin}\n\n{_table(accuracy)}\n\n{end}{after}"


def _table(accuracy: str) -> str:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in accuracy.splitlines() if line.startswith("|")]
    head = next((row for row in rows if row[0] == "scenario" and any(cell.startswith("chrony") for cell in row)), None)
    if head is None:
        raise ValueError("docs/accuracy.md has no table that begins with the column scenario and has one of chrony")
    ours = next(n for n, cell in enumerate(head) if cell.startswith("ours, "))
    chrony = next(n for n, cell in enumerate(head) if cell.startswith("chrony"))
    below = rows[rows.index(head) + 1 :]
    found = {row[0]: row for row in itertools.takewhile(lambda row: row[0] != "scenario", below)}
    lost = [name for name in SCENARIOS if name not in found]
    if lost:
        raise ValueError(f"docs/accuracy.md has no row for {', '.join(lost)}")
    lines = ["| error after settling, RMS | ntpd-py | chrony | |", "|---|--:|--:|--:|"]
    for name, words in SCENARIOS.items():
        us = [_microseconds(found[name][column]) for column in (ours, chrony)]
        lines.append(f"| {words} | {us[0]:.3g} µs | {us[1]:.3g} µs | {us[0] / us[1]:.2f} |")
    return "\n".join(lines)


def _microseconds(cell: str) -> float:
    number = re.match(r"[\d.]+", cell)
    if number is None:
        raise ValueError(f"{cell!r} in docs/accuracy.md is not a number")
    return float(number[0]) * (1e3 if "ms" in cell else 1.0)
