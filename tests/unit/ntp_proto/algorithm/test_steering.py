from __future__ import annotations

import math

import pytest

from ntp_proto.algorithm.config import DisciplineConfig, StepThreshold
from ntp_proto.algorithm.estimate import ClockEstimate
from ntp_proto.algorithm.steering import Hold, PanicLimit, Refuse, Slew, SteeringHistory, Step, steer

CONFIG = DisciplineConfig()
FRESH = SteeringHistory()
SETTLED = SteeringHistory(updates=100, has_synchronized=True)


def estimate(offset_s: float, error_s: float = 1e-6, frequency: float = 1e-5) -> ClockEstimate:
    return ClockEstimate(0.0, offset_s, frequency, error_s**2, 0.0, 1e-16, 1e-18)


def test_a_large_offset_is_stepped_at_the_start_only() -> None:
    assert steer(estimate(0.5), 0.0, FRESH, CONFIG) == Step(1e-5, 0.5)
    assert isinstance(steer(estimate(0.5), 0.0, SETTLED, CONFIG), Slew)


def test_what_was_corrected_before_is_taken_off() -> None:
    assert steer(estimate(0.5), 0.2, FRESH, CONFIG) == Step(1e-5, 0.3)


def test_a_small_offset_is_slewed_even_at_the_start() -> None:
    steering = steer(estimate(-0.004), 0.0, FRESH, CONFIG)
    assert isinstance(steering, Slew)
    assert steering.slew == pytest.approx(-0.004)
    assert steering.duration_s == pytest.approx(1.0 + 1e-5 - 0.004)


def test_an_uncertain_offset_is_not_stepped() -> None:
    assert isinstance(steer(estimate(0.05, error_s=0.04), 0.0, FRESH, CONFIG), Slew)


@pytest.mark.parametrize("offset_s", [1e-7, 5e-5, 0.3, -2.0])
def test_a_slew_never_exceeds_its_limit_and_ends_at_the_offset(offset_s: float) -> None:
    steering = steer(estimate(offset_s), 0.0, SETTLED, CONFIG)
    assert isinstance(steering, Slew)
    assert abs(steering.slew) <= CONFIG.slew_maximum_frequency * (1 + 1e-12)
    uncorrected_s = steering.duration_s / (1.0 + steering.frequency + steering.slew)
    assert steering.slew * uncorrected_s == pytest.approx(offset_s)
    assert uncorrected_s >= 4.0 * (1 - 1e-12)


@pytest.mark.parametrize(("error_s", "duration_s"), [(1e-5, 4.0), (2e-5, 16.0)])
def test_an_offset_that_may_be_none_is_slewed_gently(error_s: float, duration_s: float) -> None:
    """50 µs are five standard errors, or two and a half."""
    steering = steer(estimate(5e-5, error_s=error_s), 0.0, SETTLED, CONFIG)
    assert isinstance(steering, Slew)
    assert steering.duration_s == pytest.approx(duration_s, rel=1e-3)


def test_nothing_to_do() -> None:
    assert steer(estimate(1e-9), 0.0, SETTLED, CONFIG) == Hold(1e-5)


@pytest.mark.parametrize(("frequency", "applied"), [(0.002, 500e-6), (-0.002, -500e-6), (3e-5, 3e-5)])
def test_the_frequency_is_limited(frequency: float, applied: float) -> None:
    assert steer(estimate(0.0, frequency=frequency), 0.0, SETTLED, CONFIG) == Hold(applied)


def test_panic_limits() -> None:
    assert steer(estimate(-86401.0), 0.0, FRESH, CONFIG) == Refuse(PanicLimit.STARTUP, -86401.0)
    assert isinstance(steer(estimate(1e9), 0.0, FRESH, CONFIG), Step), "forward is unlimited at the start: a machine without a battery clock"
    assert steer(estimate(1001.0), 0.0, SETTLED, CONFIG) == Refuse(PanicLimit.SINGLE, 1001.0)
    assert isinstance(steer(estimate(-999.0), 0.0, SETTLED, CONFIG), Slew)


def test_the_accumulated_limit_counts_both_directions() -> None:
    config = DisciplineConfig(accumulated_step_panic_threshold_s=1.0)
    history = FRESH.after(Step(0.0, 0.6))
    assert steer(estimate(-0.5), 0.0, history, config) == Refuse(PanicLimit.ACCUMULATED, -0.5)
    assert steer(estimate(-0.4), 0.0, history, config) == Step(1e-5, -0.4)


def test_stepping_can_be_forbidden() -> None:
    assert isinstance(steer(estimate(5.0), 0.0, FRESH, DisciplineConfig(step_updates=0)), Slew)


def test_history_counts_what_was_done() -> None:
    history = FRESH.after(Step(0.0, -0.25)).after(Slew(0.0, 1e-4, 4.0)).after(Hold(0.0)).after(Refuse(PanicLimit.SINGLE, 5.0))
    assert history == SteeringHistory(updates=3, has_synchronized=True, step_count=1, accumulated_steps_s=0.25)
    assert history.reopened() == SteeringHistory(updates=0, has_synchronized=True, step_count=1, accumulated_steps_s=0.25)


@pytest.mark.parametrize(("offset_s", "allowed"), [(5.0, True), (5.1, False), (-1.0, True), (-1.1, False), (-math.inf, False)])
def test_thresholds_have_two_sides(offset_s: float, allowed: bool) -> None:
    assert StepThreshold(forward=5.0, backward=1.0).allows(offset_s) is allowed
