from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ntp_ctl.watch.chart import chart_lines
from ntp_ctl.watch.history import Point

points = st.lists(
    st.builds(Point, st.none() | st.floats(-1e6, 1e6, allow_subnormal=False), st.none() | st.floats(0.0, 1e6, allow_subnormal=False)), max_size=40
)


def test_positive_is_up_zero_is_in_the_middle_and_the_newest_is_to_the_right() -> None:
    assert chart_lines([Point(0.0, 0.0), Point(2e-6, 0.0), Point(-1e-6, 0.0)], 20, 5) == [
        " +2.00 µs  ●",
        "",
        "        0 ●--",
        "            ●",
        " -2.00 µs",
    ]


def test_the_standard_error_is_drawn_around_the_value() -> None:
    assert chart_lines([Point(1e-6, 1e-6)], 20, 5) == [" +2.00 µs ·", "          ●", "        0 ·", "", " -2.00 µs"]


def test_a_look_without_an_answer_is_a_gap() -> None:
    assert chart_lines([Point(1.0, 0.0), Point(), Point(1.0, 0.0)], 20, 3) == ["  +1.00 s ● ●", "        0 - -", "  -1.00 s"]


def test_nothing_known_and_nothing_but_zero() -> None:
    assert chart_lines([], 20, 3) == ["", "        0", ""]
    assert chart_lines([Point(0.0, 0.0)], 20, 3) == ["", "        0 -", ""]


def test_only_the_newest_fit() -> None:
    (_, middle, _) = chart_lines([Point(1.0, 0.0), *[Point(0.0, 0.0)] * 5], 15, 3)
    assert middle == "        0 -----"


@given(points, st.integers(1, 60), st.integers(1, 30))
def test_any_points_fit_any_place(points: list[Point], width: int, height: int) -> None:
    lines = chart_lines(points, width, height)
    assert len(lines) in (height, height - 1, 3)
    assert len(lines) % 2 == 1
    assert all(len(line) <= max(width, 12) for line in lines)
