from __future__ import annotations

import pytest

from ntp_proto.algorithm.estimate import ClockEstimate
from ntp_proto.algorithm.polling import PollPolicy, allowed_loss_s
from ntp_proto.time_types import PollInterval

MINIMUM, MAXIMUM = PollInterval(6), PollInterval(10)
START = PollPolicy(MINIMUM, MINIMUM, MAXIMUM)


def estimate(frequency_error: float = 1e-9, wander: float = 1e-18) -> ClockEstimate:
    return ClockEstimate(0.0, 0.0, 0.0, 1e-10, 0.0, frequency_error**2, wander)


def after(policy: PollPolicy, count: int, jitter_s: float, view: ClockEstimate | None = None, sources: int = 1) -> PollPolicy:
    for _ in range(count):
        policy = policy.after(view or estimate(), allowed_loss_s(view or estimate(), jitter_s, sources, None), sources)
    return policy


def test_a_quiet_clock_behind_a_noisy_path_is_asked_more_seldom_after_two_dozen_samples() -> None:
    assert after(START, 23, 1e-3).interval == MINIMUM
    assert after(START, 24, 1e-3).interval == PollInterval(7)
    assert after(START, 24 + 23, 1e-3).interval == PollInterval(7)
    assert after(START, 24 + 24, 1e-3).interval == PollInterval(8)
    assert after(START, 400, 1e-3).interval == MAXIMUM


def test_the_samples_of_all_sources_count_and_so_does_a_quarter_of_an_hour() -> None:
    """Of four sources six samples each are two dozen, but 16 of them are 1024 s at the shortest interval."""
    assert after(START, 15, 1e-3, sources=4).interval == MINIMUM
    assert after(START, 16, 1e-3, sources=4).interval == PollInterval(7)
    assert after(START, 16 + 8, 1e-3, sources=4).interval == PollInterval(8)
    assert after(START, 16 + 8 + 5, 1e-3, sources=4).interval == PollInterval(8)
    assert after(START, 16 + 8 + 6, 1e-3, sources=4).interval == PollInterval(9)


def test_where_answers_are_lost_the_time_between_them_counts() -> None:
    """Wander 1e-8, jitter 0.1 ms: 512 s lose 67 µs, 256 s 24 µs. With every second answer lost, 256 s are 512 s."""
    view, policy, gaps, longest = estimate(wander=1e-16), START, START, MINIMUM
    for _ in range(400):
        policy = policy.after(view, allowed_loss_s(view, 1e-4, 1, None))
        gaps = gaps.answered(2.0 * gaps.interval.seconds).after(view, allowed_loss_s(view, 1e-4, 1, None))
        longest = max(longest, gaps.interval)
    assert (policy.interval, gaps.interval, longest) == (PollInterval(8), PollInterval(7), PollInterval(7))


def test_the_mean_gap_follows_slowly_and_an_outage_does_not_count() -> None:
    policy = PollPolicy(MINIMUM, MINIMUM, MAXIMUM, samples=3)
    assert policy.answered(2.0 * MINIMUM.seconds).gap == 1.125
    assert policy.answered(1e6) == policy
    assert policy.answered(0.0) == policy


def test_a_gap_that_began_at_another_interval_does_not_count() -> None:
    """After a surprise at 256 s the next answer comes 256 s later still, and nothing was lost."""
    policy = PollPolicy(PollInterval(8), MINIMUM, MAXIMUM, samples=9).surprised()
    assert policy.answered(256.0) == policy


def test_a_wandering_clock_is_asked_often() -> None:
    policy = PollPolicy(MAXIMUM, MINIMUM, MAXIMUM)
    assert after(policy, 1, 1e-5, estimate(wander=1e-14)).interval == PollInterval(9)
    assert after(policy, 100, 1e-5, estimate(wander=1e-14)).interval == MINIMUM


def test_an_unknown_frequency_keeps_the_interval_short() -> None:
    assert after(START, 400, 1e-3, estimate(frequency_error=1e-5)).interval == MINIMUM


def test_the_interval_settles_where_the_loss_is_half_of_the_jitter() -> None:
    """Wander 1e-8, jitter 0.1 ms: 128 s lose 8 µs, 256 s 24 µs, 512 s 67 µs."""
    assert after(START, 400, 1e-4, estimate(wander=1e-16)).interval == PollInterval(8)


@pytest.mark.parametrize("log2", [7, 10])
def test_a_surprise_shortens_at_once(log2: int) -> None:
    policy = PollPolicy(PollInterval(log2), MINIMUM, MAXIMUM, samples=3).surprised()
    assert policy == START


def test_limits_that_coincide_fix_the_interval() -> None:
    policy = PollPolicy(MINIMUM, MINIMUM, MINIMUM)
    assert after(policy, 200, 1e-3).interval == MINIMUM
    assert after(policy, 200, 1e-6, estimate(wander=1e-12)).interval == MINIMUM


def test_a_target_is_what_may_be_lost_and_is_never_out_of_reach() -> None:
    """100 µs at 99.9 % are 30.4 µs of standard error, of which the estimate has 10 already."""
    assert allowed_loss_s(estimate(), 1e-3, 1, 100e-6) == pytest.approx(28.7e-6, rel=0.01)
    assert allowed_loss_s(estimate(), 1e-3, 1, 1e-6) == pytest.approx(0.1e-6 / 3.29, rel=0.01)


def test_a_strict_target_asks_more_often_than_a_lax_one() -> None:
    view = estimate(wander=1e-16)
    intervals = {}
    for target_s in (30e-6, 60e-6, 1e-3):
        policy = START
        for _ in range(400):
            policy = policy.after(view, allowed_loss_s(view, 1e-4, 1, target_s))
        intervals[target_s] = policy.interval
    assert intervals[30e-6] < intervals[60e-6] < intervals[1e-3]


def test_more_sources_know_more_and_so_may_lose_less() -> None:
    assert allowed_loss_s(estimate(), 1e-3, 4, None) == pytest.approx(0.25 * allowed_loss_s(estimate(), 1e-3, 1, None))
