from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from ntp_ctl.client import DaemonError, Failure
from ntp_ctl.wait import Waited, shortfall, wait_for_synchronization
from ntp_proto.observation import Observation, SyncState
from unit.ntp_ctl.documents import document, panic, starting, synchronized

ABSENT = DaemonError(Failure.NOT_RUNNING, "the daemon is not running")


class VirtualTimer:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.time = 100.0
        self.pauses: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.time += seconds


class Run:
    """One wait against a daemon whose answer depends on the time since the start."""

    def __init__(self, daemon: Callable[[float], Observation | DaemonError], maximum_error_s: float | None = None, timeout_s: float = 60.0) -> None:
        self.timer = VirtualTimer()
        self.allowed: list[float] = []
        self.reports: list[str] = []

        def fetch(allowed_s: float) -> Observation:
            self.allowed.append(allowed_s)
            answer = daemon(self.timer.time - 100.0)
            if isinstance(answer, DaemonError):
                raise answer
            return answer

        self.result: Waited = wait_for_synchronization(fetch, self.timer, self.reports.append, maximum_error_s=maximum_error_s, timeout_s=timeout_s)

    @property
    def elapsed(self) -> float:
        return self.timer.time - 100.0


def test_a_clock_that_is_right_is_not_waited_for() -> None:
    run = Run(lambda _: synchronized())
    assert run.result == Waited(synchronized(), "")
    assert run.timer.pauses == []
    assert run.reports == []


def test_the_wait_ends_soon_after_synchronization() -> None:
    run = Run(lambda elapsed: synchronized() if elapsed >= 2.0 else starting())
    assert run.result.missing == ""
    assert 2.0 <= run.elapsed <= 3.0
    assert run.timer.pauses == pytest.approx([0.2, 0.4, 0.8, 1.0])
    assert set(run.reports) == {"starting: 0 of 3 required sources have answered"}


def test_a_daemon_that_starts_later_is_waited_for() -> None:
    run = Run(lambda elapsed: synchronized() if elapsed >= 1.0 else ABSENT)
    assert run.result.missing == ""
    assert run.reports[0] == "the daemon is not running"


def test_the_time_out_is_kept_exactly_and_the_last_state_told() -> None:
    run = Run(lambda _: starting(), timeout_s=5.3)
    assert run.elapsed == pytest.approx(5.3)
    assert run.result == Waited(starting(), "starting: 0 of 3 required sources have answered")


def test_without_a_daemon_the_time_out_tells_so() -> None:
    assert Run(lambda _: ABSENT, timeout_s=1.0).result == Waited(None, "the daemon is not running")


def test_no_time_at_all_is_one_look() -> None:
    run = Run(lambda _: panic(), timeout_s=0.0)
    assert run.timer.pauses == []
    assert run.result.missing.startswith("panic: ")
    assert Run(lambda _: synchronized(), timeout_s=0.0).result.missing == ""


def test_for_ever_is_for_ever() -> None:
    run = Run(lambda elapsed: synchronized() if elapsed >= 10_000.0 else starting(), timeout_s=math.inf)
    assert run.result.missing == ""
    assert set(run.allowed) == {5.0}


def test_an_exchange_may_not_take_longer_than_what_is_left() -> None:
    run = Run(lambda _: starting(), timeout_s=2.0)
    assert run.allowed[0] == 2.0
    assert run.allowed == sorted(run.allowed, reverse=True)
    assert run.allowed[-1] == 0.2


@pytest.mark.parametrize("failure", [Failure.PERMISSION, Failure.PROTOCOL])
def test_what_waiting_cannot_mend_ends_it(failure: Failure) -> None:
    with pytest.raises(DaemonError):
        Run(lambda _: DaemonError(failure, "no"))


def test_the_error_bound_must_be_met_too() -> None:
    run = Run(lambda elapsed: document(maximum_error_s=5e-3 if elapsed < 3.0 else 1e-3), maximum_error_s=1e-3)
    assert run.result.missing == ""
    assert run.elapsed >= 3.0
    assert run.reports[0] == "synchronized, but the maximum error is 5.00 ms"


def test_shortfall() -> None:
    assert shortfall(document(maximum_error_s=None), None) == ""
    assert shortfall(document(maximum_error_s=None), 1.0) == "synchronized, but the maximum error is not known yet"
    assert shortfall(document(state=SyncState.HOLDOVER, reason=""), None) == "holdover"
