from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ntp_proto.algorithm.selection import Vote, select


def votes(*claims: tuple[float, float]) -> list[Vote]:
    return [Vote(number, offset, distance) for number, (offset, distance) in enumerate(claims)]


def test_no_voters() -> None:
    selection = select([], 1)
    assert selection.survivors == frozenset()
    assert not selection.has_majority


def test_a_single_source_is_a_majority_of_itself() -> None:
    assert select(votes((0.5, 0.1)), 1).survivors == {0}
    assert select(votes((0.5, 0.1)), 2).survivors == frozenset()
    assert select(votes((0.5, 0.1)), 2).agreeing == {0}


def test_two_that_contradict_are_no_majority() -> None:
    selection = select(votes((0.0, 0.01), (1.0, 0.01)), 1)
    assert not selection.has_majority
    assert selection.survivors == frozenset()


def test_two_against_two_is_no_majority() -> None:
    assert select(votes((0.0, 0.01), (0.001, 0.01), (1.0, 0.01), (1.001, 0.01)), 1).survivors == frozenset()


def test_two_falsetickers_of_five_are_left_out() -> None:
    assert select(votes((0.1, 0.02), (0.0, 0.02), (0.001, 0.02), (0.1, 0.02), (-0.001, 0.02)), 3).survivors == {1, 2, 4}


def test_intervals_that_touch_agree() -> None:
    assert select(votes((0.0, 1.0), (2.0, 1.0)), 2).survivors == {0, 1}


def test_a_wide_claim_agrees_with_both_and_decides() -> None:
    assert select(votes((0.0, 0.1), (1.0, 0.1), (0.0, 5.0)), 2).survivors == {0, 2}


def likely(*claims: tuple[float, float, float]) -> list[Vote]:
    return [Vote(number, offset, distance, close) for number, (offset, distance, close) in enumerate(claims)]


def test_a_minority_within_the_bounds_is_left_out_by_those_who_agree_closely() -> None:
    every = likely((0.0, 0.05, 0.002), (0.001, 0.05, 0.002), (-0.001, 0.05, 0.002), (0.02, 0.05, 0.002), (0.02, 0.05, 0.002))
    assert select(every, 3).survivors == {0, 1, 2}


def test_when_no_majority_agrees_closely_all_stay() -> None:
    every = likely((0.0, 0.05, 0.002), (0.01, 0.05, 0.002), (0.02, 0.05, 0.002))
    assert select(every, 2).survivors == {0, 1, 2}


def test_a_close_group_must_be_as_large_as_is_required() -> None:
    every = likely((0.0, 0.05, 0.002), (0.001, 0.05, 0.002), (0.02, 0.05, 0.002))
    assert select(every, 3).survivors == {0, 1, 2}
    assert select(every, 2).survivors == {0, 1}


intervals = st.tuples(st.floats(-10.0, 10.0), st.floats(0.0, 5.0))


@given(honest=st.lists(st.tuples(st.floats(-1.0, 1.0), st.floats(0.0, 1.0)), min_size=1, max_size=6), liars=st.lists(intervals, max_size=5))
def test_a_minority_is_never_followed_without_an_honest_one(honest: list[tuple[float, float]], liars: list[tuple[float, float]]) -> None:
    """Honest claims contain the truth, here 0. Whatever a minority of liars claims, the survivors hold a majority with a common point."""
    claims = [(error, abs(error) + slack) for error, slack in honest]
    liars = liars[: len(claims) - 1]
    selection = select(votes(*claims, *liars), 1)
    assert selection.has_majority, "the honest ones alone are a majority"
    assert len(selection.agreeing) >= len(claims)
    assert any(number < len(claims) for number in selection.survivors)


@given(st.lists(intervals, max_size=8))
def test_survivors_have_a_common_point(claims: list[tuple[float, float]]) -> None:
    chosen = [vote for vote in votes(*claims) if vote.source in select(votes(*claims), 1).agreeing]
    if chosen:
        assert max(vote.low for vote in chosen) <= min(vote.high for vote in chosen)


@given(st.lists(intervals, max_size=7))
def test_no_larger_group_exists(claims: list[tuple[float, float]]) -> None:
    every = votes(*claims)
    largest = max((sum(v.low <= edge <= v.high for v in every) for w in every for edge in (w.low, w.high)), default=0)
    assert len(select(every, 1).agreeing) == largest
