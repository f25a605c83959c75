from __future__ import annotations

from ntp_ctl.doctor.finding import good, is_healthy, note, problem, render, warning
from ntp_ctl.style import Style

FINDINGS = [good("a", "fine"), note("bcd", "by the way"), warning("e", "slow", "be quick"), problem("f", "broken\x1b[2J", "mend it " * 12)]


def test_each_finding_has_its_mark_and_its_fix_below_it() -> None:
    assert render(FINDINGS, Style(width=60)) == (
        "* a    fine\n"
        "- bcd  by the way\n"
        "? e    slow\n"
        "       fix: be quick\n"
        "! f    broken?[2J\n"
        "       fix: mend it mend it mend it mend it mend it mend it\n"
        "            mend it mend it mend it mend it mend it mend it\n"
        "\n"
        "1 problem, 1 warning\n"
    )


def test_colours_are_of_the_first_line() -> None:
    assert "\x1b[31m! f    broken?[2J\x1b[0m\n" in render(FINDINGS, Style(width=60, color=True))


def test_only_problems_are_in_the_way() -> None:
    assert is_healthy(FINDINGS[:3])
    assert not is_healthy(FINDINGS)
    assert render(FINDINGS[:2], Style()).endswith("\n\nnothing is in the way\n")
    assert render([problem("a", "b", "c")] * 2, Style()).endswith("\n\n2 problems\n")
