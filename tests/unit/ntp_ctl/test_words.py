from __future__ import annotations

import pytest

from ntp_ctl.words import reach_dots, source_color, source_state, system_color, system_state
from ntp_proto.observation import SourceStatus, SyncState


@pytest.mark.parametrize("status", SourceStatus)
def test_every_source_status_has_a_mark_and_the_word_of_the_document(status: SourceStatus) -> None:
    mark, _, word = source_state(status).partition(" ")
    assert mark in "*-?x!"
    assert word == status.value
    assert (source_color(status) is None) == (status is SourceStatus.STARTING)


def test_only_a_source_that_is_used_has_the_star() -> None:
    assert [status for status in SourceStatus if source_state(status).startswith("*")] == [SourceStatus.SELECTED]


@pytest.mark.parametrize("state", SyncState)
def test_every_system_state_has_words_of_its_own(state: SyncState) -> None:
    assert [other for other in SyncState if system_state(other) == system_state(state)] == [state]
    assert system_color(state)


def test_no_state_but_one_sounds_synchronized() -> None:
    assert [state for state in SyncState if system_state(state)[2:].startswith("Synchronized")] == [SyncState.SYNCHRONIZED]


@pytest.mark.parametrize(
    ("reach", "requests", "dots"),
    [(0o377, 123, "●●●●●●●●"), (0b11111011, 9, "●●●●●·●●"), (0, 8, "········"), (0b101, 3, "     ●·●"), (0, 0, "        "), (0b1, 300, "·······●")],
)
def test_reach_shows_the_newest_to_the_right_and_blanks_before_the_first(reach: int, requests: int, dots: str) -> None:
    assert reach_dots(reach, requests) == dots
