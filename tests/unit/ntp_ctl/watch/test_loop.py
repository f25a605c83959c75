from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from ntp_ctl.client import DaemonError, Failure
from ntp_ctl.watch.loop import View, look_on
from ntp_proto.observation import Observation
from support.documents import sample_observation

AWAY = DaemonError(Failure.NOT_RUNNING, "the daemon is not running")


class Reader:
    """Looks as often as he likes, in virtual time."""

    def __init__(self, looks: int) -> None:
        self.time = 0.0
        self.views: list[View] = []
        self._looks = looks

    def now(self) -> float:
        return self.time

    def show(self, view: View) -> None:
        self.views.append(view)

    def wait(self, seconds: float) -> bool:
        self.time += seconds
        return len(self.views) < self._looks


def answering(*answers: Observation | DaemonError) -> Callable[[], Observation]:
    remaining = iter(answers)

    def fetch() -> Observation:
        answer = next(remaining)
        if isinstance(answer, DaemonError):
            raise answer
        return answer

    return fetch


def seen(answers: Sequence[Observation | DaemonError]) -> list[View]:
    reader = Reader(len(answers))
    look_on(answering(*answers), reader, 2.0, None)
    return reader.views


def test_a_daemon_that_goes_away_and_comes_back() -> None:
    document = sample_observation()
    views = seen([document, AWAY, AWAY, document])
    assert [view.trouble for view in views] == ["", "the daemon is not running", "the daemon is not running", ""]
    assert [view.away_s for view in views] == [0.0, 2.0, 4.0, 0.0]
    assert all(view.observation is document for view in views), "the last that is known stays"
    assert list(views[-1].history.changes) == ["12:00:00  the daemon does not answer"]
    assert len(views[-1].history.points) == 4


def test_a_daemon_that_does_not_run_yet_is_waited_for() -> None:
    views = seen([AWAY, sample_observation()])
    assert views[0].observation is None
    assert views[1].trouble == ""


@pytest.mark.parametrize("failure", [Failure.PERMISSION, Failure.PROTOCOL])
def test_what_waiting_cannot_mend_ends_it_but_only_at_the_beginning(failure: Failure) -> None:
    with pytest.raises(DaemonError, match="no way"):
        seen([DaemonError(failure, "no way")])
    assert seen([sample_observation(), DaemonError(failure, "no way")])[1].trouble == "no way"
    assert [view.trouble for view in seen([AWAY, AWAY])] == ["the daemon is not running"] * 2


def test_so_many_looks_and_no_more() -> None:
    reader = Reader(100)
    look_on(answering(*[sample_observation()] * 100), reader, 2.0, 3)
    assert len(reader.views) == 3
    assert reader.time == 4.0, "and no wait after the last"
