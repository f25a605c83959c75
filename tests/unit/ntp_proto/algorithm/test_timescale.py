from __future__ import annotations

import pytest

from ntp_proto.algorithm.timescale import Timescale
from ntp_proto.clock import ClockChange


def test_without_corrections_the_scales_agree() -> None:
    scale = Timescale.starting(100.0, 0.0)
    assert scale.uncorrected(160.0) == 60.0
    assert scale.correction(160.0) == 0.0


def test_a_frequency_correction_is_taken_off_the_monotonic_clock() -> None:
    """The monotonic clock runs with the correction: 101 s of it at +1 % are 100 s of the bare oscillator, and 1 s of correction."""
    scale = Timescale.starting(0.0, 0.01)
    assert scale.uncorrected(101.0) == pytest.approx(100.0)
    assert scale.correction(101.0) == pytest.approx(1.0)


def test_local_time_is_uncorrected_time_plus_correction() -> None:
    scale = Timescale.starting(0.0, 0.0)
    for change in (ClockChange(10.0, 0.002), ClockChange(12.5, 0.0, 0.25), ClockChange(20.0, -0.001), ClockChange(20.0, 0.0, -1.0)):
        scale = scale.after(change)
    steps_s = {5.0: 0.0, 11.0: 0.0, 12.5: 0.25, 19.0: 0.25, 30.0: -0.75}
    for at, stepped_s in steps_s.items():
        assert scale.uncorrected(at) + scale.correction(at) == pytest.approx(at + stepped_s, abs=1e-12)


def test_a_request_from_before_a_change_is_seen_on_the_old_segment() -> None:
    scale = Timescale.starting(0.0, 0.0).after(ClockChange(10.0, 0.001, 0.5))
    assert scale.correction(9.0) == 0.0
    assert scale.correction(10.0) == 0.5
    assert scale.frequency == 0.001


def test_changes_in_the_past_take_effect_now() -> None:
    scale = Timescale.starting(0.0, 0.0).after(ClockChange(10.0, 0.0, 1.0)).after(ClockChange(9.0, 0.0, 1.0))
    assert scale.correction(9.5) == 0.0
    assert scale.correction(10.0) == 2.0


def test_memory_is_bounded_and_the_present_stays_exact() -> None:
    scale = Timescale.starting(0.0, 0.0)
    for second in range(1, 1001):
        scale = scale.after(ClockChange(float(second), 0.0, 0.001))
    assert len(scale.segments) <= 64
    assert scale.correction(1000.0) == pytest.approx(1.0)
    assert scale.correction(990.5) == pytest.approx(0.990)
