from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_proto.spreading import shift_s


def test_one_alone_stays_where_it_is() -> None:
    assert shift_s(100.0, 64.0, []) == 0.0


def test_two_at_the_same_time_part() -> None:
    assert abs(shift_s(100.0, 64.0, [100.0])) == 8.0


def test_in_the_middle_there_is_no_need_to_move() -> None:
    assert shift_s(132.0, 64.0, [100.0]) == 0.0
    assert shift_s(132.0, 64.0, [100.0, 100.0 + 640.0]) == 0.0, "the next rounds count as this one"


def test_towards_the_middle_of_the_gap() -> None:
    assert shift_s(128.0, 64.0, [100.0]) == pytest.approx(4.0)
    assert shift_s(136.0, 64.0, [100.0]) == pytest.approx(-4.0)


@given(st.lists(st.floats(0.0, 0.1), min_size=2, max_size=6))
def test_after_some_rounds_the_requests_are_spread(starts: list[float]) -> None:
    """However close they begin, the smallest gap grows to at least half of an even share."""
    interval = 64.0
    due = {number: at + 1e-6 * number for number, at in enumerate(starts)}
    for _ in range(40 * len(due)):
        number = min(due, key=lambda key: due[key])
        planned = due[number] + interval
        due[number] = planned + shift_s(planned, interval, [at for key, at in due.items() if key != number])
    phases = sorted(at % interval for at in due.values())
    gaps = [later - earlier for earlier, later in zip(phases, [*phases[1:], phases[0] + interval], strict=True)]
    assert min(gaps) > 0.5 * interval / len(due)


@given(st.floats(0.0, 1e6), st.floats(1.0, 1024.0), st.lists(st.floats(0.0, 1e6), max_size=8))
def test_the_interval_stays_nearly_what_it_is(due_at: float, interval: float, others: list[float]) -> None:
    assert abs(shift_s(due_at, interval, others)) <= 0.125 * interval
