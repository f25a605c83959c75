from __future__ import annotations

import msgspec

from ntp_ctl.watch.history import History, Point
from ntp_proto.observation import Observation, SourceStatus, SyncState
from support.documents import sample_observation

REPLACE = msgspec.structs.replace


def changed(**system: object) -> Observation:
    document = sample_observation()
    return REPLACE(document, system=REPLACE(document.system, **system))


def changes(before: Observation, after: Observation) -> list[str]:
    history = History()
    history.add(before)
    history.add(after)
    return list(history.changes)


def test_a_point_for_each_look_and_none_for_what_is_not_known() -> None:
    history = History()
    history.add(sample_observation())
    history.add(changed(offset_error_s=None))
    history.add_gap("gone", is_new=True)
    assert list(history.points) == [Point(1.5e-6, 2e-6), Point(None, None), Point()]


def test_the_first_document_is_no_change_and_the_same_again_is_none() -> None:
    assert changes(sample_observation(), sample_observation()) == []


def test_a_new_state_comes_with_its_reason_and_its_time() -> None:
    after = changed(state=SyncState.HOLDOVER, reason="no usable source")
    assert changes(sample_observation(), after) == ["12:00:00  synchronized → holdover: no usable source"]


def test_steps_and_strangers_are_noted() -> None:
    assert changes(sample_observation(), changed(step_count=2)) == ["12:00:00  the clock was set"]
    assert changes(sample_observation(), changed(displacement_count=1)) == ["12:00:00  something else has set the clock"]


def test_sources_that_come_go_and_change() -> None:
    document = sample_observation()
    (source,) = document.sources
    silent = REPLACE(source, status=SourceStatus.UNREACHABLE)
    assert changes(document, REPLACE(document, sources=(silent,))) == ["12:00:00  time.example:123 192.0.2.1:123: selected → unreachable"]
    other = REPLACE(source, id=2, address="192.0.2.2:123")
    assert changes(document, REPLACE(document, sources=(other,))) == [
        "12:00:00  time.example:123 192.0.2.2:123: new",
        "12:00:00  time.example:123 192.0.2.1:123: gone",
    ]


def test_a_restart_of_the_daemon_and_its_absence_are_noted_once() -> None:
    document = sample_observation()
    history = History()
    history.add_gap("the daemon does not answer", is_new=True)
    assert not history.changes, "there was none before"
    history.add(document)
    history.add_gap("the daemon does not answer", is_new=True)
    history.add_gap("the daemon does not answer", is_new=False)
    history.add(REPLACE(document, program=REPLACE(document.program, pid=4712, time="odd")))
    assert list(history.changes) == ["12:00:00  the daemon does not answer", "odd  another daemon: pid 4712"]


def test_what_is_remembered_is_bounded() -> None:
    history = History()
    for number in range(2000):
        history.add(changed(step_count=number))
    assert len(history.points) == 1000
    assert len(history.changes) == 50
