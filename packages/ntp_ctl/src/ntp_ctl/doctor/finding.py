"""What the doctor has found, and how it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from ntp_ctl.render import wrapped
from ntp_ctl.style import Color, Style

__all__ = ["Finding", "Verdict", "good", "is_healthy", "note", "problem", "render", "warning"]


class Verdict(Enum):
    """How bad it is."""

    GOOD = "good"
    """As it should be."""
    NOTE = "note"
    """Worth knowing; nothing has to be done."""
    WARNING = "warning"
    """It works, but not as well as it could, or not for long."""
    PROBLEM = "problem"
    """The clock is not, or will not be, right because of it; or clients get no time."""


_MARKS = {
    Verdict.GOOD: ("*", Color.GOOD),
    Verdict.NOTE: ("-", None),
    Verdict.WARNING: ("?", Color.DOUBTFUL),
    Verdict.PROBLEM: ("!", Color.BAD),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One of them.

    Attributes:
        check: What was looked at, one word.
        verdict: How bad it is.
        text: What was found, one sentence without its end.
        fix: What to do about it, "" when there is nothing to be done.
    """

    check: str
    verdict: Verdict
    text: str
    fix: str = ""


def good(check: str, text: str) -> Finding:
    """As it should be."""
    return Finding(check, Verdict.GOOD, text)


def note(check: str, text: str, fix: str = "") -> Finding:
    """Worth knowing."""
    return Finding(check, Verdict.NOTE, text, fix)


def warning(check: str, text: str, fix: str) -> Finding:
    """It could be better."""
    return Finding(check, Verdict.WARNING, text, fix)


def problem(check: str, text: str, fix: str) -> Finding:
    """It is in the way."""
    return Finding(check, Verdict.PROBLEM, text, fix)


def is_healthy(findings: Sequence[Finding]) -> bool:
    """Whether nothing is in the way."""
    return all(finding.verdict is not Verdict.PROBLEM for finding in findings)


def render(findings: Sequence[Finding], style: Style) -> str:
    """A line for each finding, its fix below it, and the sum at the end."""
    width = max((len(finding.check) for finding in findings), default=0) + 2
    lines: list[str] = []
    for finding in findings:
        mark, color = _MARKS[finding.verdict]
        first = f"{mark} {finding.check.ljust(width)}"
        words = wrapped(finding.text, style, indent=" " * len(first), first=first)
        lines += [style.paint(words[0], color), *words[1:]]
        if finding.fix:
            lines += wrapped(finding.fix, style, indent=" " * (len(first) + 5), first=" " * len(first) + "fix: ")
    return "\n".join([*lines, "", _sum(findings)]) + "\n"


def _sum(findings: Sequence[Finding]) -> str:
    counts = [(sum(finding.verdict is verdict for finding in findings), verdict.value) for verdict in (Verdict.PROBLEM, Verdict.WARNING)]
    said = ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts if count)
    return said or "nothing is in the way"
