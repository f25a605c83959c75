from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_proto.allan import allan_deviation, octaves


def test_of_a_quadratic_phase_it_is_the_drift_times_the_averaging_time_over_the_root_of_two() -> None:
    drift = 1e-9
    errors_s = [0.5 * drift * second * second for second in range(100)]
    for spacing in (1, 4, 16):
        assert allan_deviation(errors_s, spacing) == pytest.approx(drift * spacing / math.sqrt(2.0))


def test_an_offset_and_a_frequency_do_not_count() -> None:
    assert allan_deviation([1.0 + 0.001 * second for second in range(50)], 5) == pytest.approx(0.0, abs=1e-15)


def test_of_alternating_phases_it_falls_with_the_interval() -> None:
    errors_s = [0.0, 1e-6] * 20
    assert allan_deviation(errors_s, 1) == pytest.approx(math.sqrt(2.0) * 1e-6)
    assert allan_deviation(errors_s, 1, 10.0) == pytest.approx(math.sqrt(2.0) * 1e-7)
    assert allan_deviation(errors_s, 2) == 0.0


@pytest.mark.parametrize(("count", "spacing"), [(2, 1), (10, 5), (10, 0), (0, 1)])
def test_too_few_samples_are_an_error(count: int, spacing: int) -> None:
    with pytest.raises(ValueError, match="needs more than"):
        allan_deviation([0.0] * count, spacing)


@given(st.integers(0, 5000))
def test_octaves_can_all_be_computed(samples: int) -> None:
    spacings = octaves(samples)
    assert spacings == [2**number for number in range(len(spacings))]
    assert all(4 * spacing <= samples for spacing in spacings)
