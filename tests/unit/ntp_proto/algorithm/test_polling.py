from __future__ import annotations

from ntp_proto.algorithm.clock_filter import ClockEstimate
from ntp_proto.algorithm.polling import PollPolicy
from ntp_proto.time_types import PollInterval

MINIMUM, MAXIMUM = PollInterval(6), PollInterval(10)


def estimate(frequency_error: float = 1e-9, wander: float = 1e-18) -> ClockEstimate:
    return ClockEstimate(0.0, 0.0, 0.0, 1e-10, 0.0, frequency_error**2, wander)


def after(policy: PollPolicy, count: int, jitter_s: float, view: ClockEstimate | None = None) -> PollPolicy:
    for _ in range(count):
        policy = policy.after(view or estimate(), jitter_s, 0.5)
    return policy


def test_a_quiet_clock_behind_a_noisy_path_is_asked_seldom() -> None:
    policy = PollPolicy(MINIMUM, MINIMUM, MAXIMUM)
    assert after(policy, 2, 1e-3).interval == MINIMUM, "not at once"
    assert after(policy, 3, 1e-3).interval == PollInterval(7)
    assert after(policy, 100, 1e-3).interval == MAXIMUM


def test_a_wandering_clock_is_asked_often() -> None:
    policy = PollPolicy(MAXIMUM, MINIMUM, MAXIMUM)
    assert after(policy, 100, 1e-5, estimate(wander=1e-14)).interval == MINIMUM


def test_an_unknown_frequency_keeps_the_interval_short() -> None:
    assert after(PollPolicy(MINIMUM, MINIMUM, MAXIMUM), 100, 1e-3, estimate(frequency_error=1e-5)).interval == MINIMUM


def test_surprise_shortens_at_once() -> None:
    assert PollPolicy(MAXIMUM, MINIMUM, MAXIMUM).after(estimate(), 1e-3, 10.0).interval == PollInterval(8)
    assert PollPolicy(PollInterval(7), MINIMUM, MAXIMUM).after(estimate(), 1e-3, 10.0).interval == MINIMUM


def test_patience_starts_anew_after_each_change() -> None:
    policy = after(PollPolicy(MINIMUM, MINIMUM, MAXIMUM), 3, 1e-3)
    assert policy.patience == 0
    assert after(policy, 2, 1e-3).interval == policy.interval
