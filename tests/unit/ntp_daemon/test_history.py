"""What the rings remember is what was, and no more of it than they have room for."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_daemon.history import SAMPLED_S, Counts, History, Moment

CALM = Moment(offset_s=1e-6, statistical_error_s=1e-5, maximum_error_s=1e-3, frequency=2e-6)
TIME = "2031-05-04T03:02:01Z"
OUTCOMES = ("answered", "unsynchronized", "limited", "denied", "malformed")


def filled(moments: list[Moment], start: float = 100.0) -> tuple[History, float]:
    """A history of a sample every 4 s, and the instant of the last."""
    history, now = History(), start
    for now, moment in zip(itertools.count(start, SAMPLED_S), moments):
        history.add(moment, now)
    return history, now


@pytest.mark.parametrize(
    ("window_s", "step_s"),
    [(1.0, 4.0), (900.0, 4.0), (901.0, 20.0), (3600.0, 20.0), (21_600.0, 120.0), (86_400.0, 480.0), (86_401.0, 3600.0), (604_800.0, 3600.0)],
)
def test_each_window_has_the_finest_rows_that_reach_so_far(window_s: float, step_s: float) -> None:
    assert History().document(window_s, TIME, 0.0).step_s == step_s


def test_nothing_is_remembered_before_there_was_anything() -> None:
    document = History().document(900.0, TIME, 50.0)
    assert (document.time, document.window_s, document.age_s, document.offset_s, document.answered) == (TIME, 900.0, (), (), ())


def test_a_row_has_the_mean_the_ends_and_the_largest_bounds() -> None:
    moments = [replace(CALM, offset_s=offset, statistical_error_s=abs(offset), frequency=offset) for offset in (1.0, -3.0, 2.0, 4.0, 1.0)]
    history, now = filled(moments)
    document = history.document(3600.0, TIME, now)
    assert document.age_s == (0.0,)
    assert (document.offset_s, document.offset_low_s, document.offset_high_s) == ((1.0,), (-3.0,), (4.0,))
    assert (document.statistical_error_s, document.maximum_error_s, document.frequency) == ((4.0,), (1e-3,), (1.0,))


def test_what_was_not_known_is_null() -> None:
    unknown = Moment(offset_s=None, statistical_error_s=None, maximum_error_s=None, frequency=0.0)
    history, now = filled([unknown, CALM])
    document = history.document(900.0, TIME, now)
    assert document.offset_s == document.offset_low_s == document.offset_high_s == (None, 1e-6)
    assert document.statistical_error_s == (None, 1e-5)
    assert document.processing_s == (None, None)


def test_the_mean_time_of_a_row_is_over_its_answers() -> None:
    totals = [Counts(), Counts(answered=3, answers=4, processing_s=0.2), Counts(answered=3, answers=4, processing_s=0.2)]
    history, now = filled([replace(CALM, counts=counts) for counts in totals])
    document = history.document(900.0, TIME, now)
    assert document.answered == (0, 3, 0)
    assert document.processing_s == (None, pytest.approx(0.05), None)


def test_a_server_that_begins_anew_counts_from_nothing() -> None:
    totals = [Counts(answered=100, limited=7), Counts(answered=2)]
    history, now = filled([replace(CALM, counts=counts) for counts in totals])
    document = history.document(900.0, TIME, now)
    assert (document.answered, document.limited) == ((100, 2), (7, 0))


def test_a_server_that_is_stopped_for_a_while_is_not_counted_twice() -> None:
    moments = [replace(CALM, counts=Counts(answered=5)), CALM, replace(CALM, counts=Counts(answered=5)), replace(CALM, counts=Counts(answered=6))]
    history, now = filled(moments)
    assert history.document(900.0, TIME, now).answered == (5, 0, 0, 1)


def test_ages_are_those_of_the_ends_of_the_rows() -> None:
    history, now = filled([CALM] * 5)
    assert history.document(900.0, TIME, now + 1.5).age_s == (17.5, 13.5, 9.5, 5.5, 1.5)
    assert history.document(10.0, TIME, now + 1.5).age_s == (9.5, 5.5, 1.5), "no older than was asked for"


def test_a_timer_that_is_late_now_and_then_loses_no_row() -> None:
    history = History()
    for number in range(100):
        history.add(CALM, 4.0 * number + (0.9 if number % 3 else 0.0))
    assert len(history.document(3600.0, TIME, 400.0).age_s) == 20


def test_after_a_standstill_it_goes_on() -> None:
    history = History()
    for now in (4.0, 8.0, 1000.0, 1004.0, 1008.0, 1012.0, 1016.0):
        history.add(CALM, now)
    assert history.document(3600.0, TIME, 1016.0).age_s == (16.0,), "the row of the standstill; the next is not over"


def test_a_week_later_there_are_as_many_rows_as_there_is_room() -> None:
    history = History()
    for number in range(int(8 * 86_400 / SAMPLED_S)):
        history.add(CALM, SAMPLED_S * number)
    now = SAMPLED_S * number
    rows = {window_s: len(history.document(window_s, TIME, now).age_s) for window_s in (900.0, 3600.0, 21_600.0, 86_400.0, 604_800.0)}
    assert rows == {900.0: 225, 3600.0: 180, 21_600.0: 180, 86_400.0: 180, 604_800.0: 168}


@given(st.lists(st.tuples(*[st.integers(0, 50)] * 5, st.floats(-1.0, 1.0)), min_size=1, max_size=300))
def test_no_request_is_lost_between_the_rows(steps: list[tuple[int, int, int, int, int, float]]) -> None:
    totals, moments = [0] * 5, []
    for *more, offset_s in steps:
        totals = [before + int(new) for before, new in zip(totals, more, strict=True)]
        moments.append(replace(CALM, offset_s=offset_s, counts=Counts(*totals)))
    history, now = filled(moments)
    for window_s, per_row in ((900.0, 1), (3600.0, 5)):
        document = history.document(window_s, TIME, now)
        rows = len(document.age_s)
        assert rows == min(len(steps) // per_row, {1: 225, 5: 180}[per_row])
        first = len(steps) // per_row * per_row - rows * per_row
        whole = steps[first : first + rows * per_row]
        for place, name in enumerate(OUTCOMES):
            assert sum(getattr(document, name)) == sum(step[place] for step in whole)
        for mean, low, high in zip(document.offset_s, document.offset_low_s, document.offset_high_s, strict=True):
            assert mean is not None
            assert low is not None
            assert high is not None
            assert low - 1e-12 <= mean <= high + 1e-12
            assert not math.isnan(mean)
