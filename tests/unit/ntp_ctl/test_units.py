from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_ctl.units import coarse_duration, duration, duration_with_error, frequency_with_error, parse_duration


@pytest.mark.parametrize(
    ("value_s", "text"),
    [
        (None, "-"),
        (0.0, "0 s"),
        (-0.0, "0 s"),
        (12.34e-6, "12.3 µs"),
        (1.0e-6, "1.00 µs"),
        (999.4e-6, "999 µs"),
        (999.6e-6, "1.00 ms"),
        (0.9996, "1.00 s"),
        (-4.2, "-4.20 s"),
        (999.0, "999 s"),
        (5400.2, "1 h 30 min"),
        (-86_400.0, "-1 d"),
        (3.21e-9, "3.21 ns"),
        (0.26e-9, "0.3 ns"),
    ],
)
def test_a_duration_has_three_digits_and_the_unit_that_suits_them(value_s: float | None, text: str) -> None:
    assert duration(value_s) == text


def test_a_signed_duration_shows_plus() -> None:
    assert duration(1e-3, signed=True) == "+1.00 ms"
    assert duration(-1e-3, signed=True) == "-1.00 ms"
    assert duration(7200.0, signed=True) == "+2 h"


@given(st.floats(min_value=1e-9, max_value=999.0))
def test_a_duration_reads_back_to_half_a_percent(value_s: float) -> None:
    text = duration(value_s)
    assert parse_duration(text) == pytest.approx(value_s, rel=0.0051)
    assert len(text.split(" ")[0].replace(".", "")) == 3


def test_value_and_error_have_their_own_units() -> None:
    assert duration_with_error(1.2041, 22.4e-6) == "+1.20 s ± 22 µs"
    assert duration_with_error(-12.34e-6, 4.12e-6) == "-12.3 µs ± 4.1 µs"


def test_without_an_error_there_is_no_estimate() -> None:
    assert duration_with_error(0.0, None) == "-"
    assert duration_with_error(None, None) == "-"


@pytest.mark.parametrize(
    ("value_s", "text"),
    [
        (None, "-"),
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (125.0, "2 min 5 s"),
        (3600.0, "1 h"),
        (11_520.0, "3 h 12 min"),
        (86_400.0, "1 d"),
        (101_000.0, "1 d 4 h"),
    ],
)
def test_coarse_durations(value_s: float | None, text: str) -> None:
    assert coarse_duration(value_s) == text


@pytest.mark.parametrize(
    ("frequency", "error", "text"),
    [
        (23.41742e-6, 0.0123e-6, "+23.417 ppm ± 0.012 ppm"),
        (-23.41742e-6, 3.2e-6, "-23.4 ppm ± 3.2 ppm"),
        (1e-6, 100e-6, "+1.0 ppm ± 100.0 ppm"),
        (1e-6, 1e-14, "+1.000000 ppm ± 0.000000 ppm"),
        (1e-6, 0.0, "+1.000 ppm ± 0.000 ppm"),
        (1e-6, None, "+1.000 ppm"),
    ],
)
def test_a_frequency_has_the_decimals_that_its_error_gives_a_meaning(frequency: float, error: float | None, text: str) -> None:
    assert frequency_with_error(frequency, error) == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1ms", 1e-3),
        ("250 us", 250e-6),
        ("3µs", 3e-6),
        ("3\u03bcs", 3e-6),
        ("60", 60.0),
        ("1.5h", 5400.0),
        ("5 min", 300.0),
        ("2d", 172_800.0),
        (".5s", 0.5),
    ],
)
def test_durations_are_read_with_their_units(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


def test_inf_is_for_ever() -> None:
    assert math.isinf(parse_duration("inf"))


@pytest.mark.parametrize("text", ["", "ms", "1 fortnight", "-1s", "nan", "1ms2", "1 m s", "0x10"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="such as"):
        parse_duration(text)
