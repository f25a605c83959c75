from __future__ import annotations

from dataclasses import replace

import pytest

from ntp_proto.algorithm.sample import Sample
from ntp_proto.algorithm.timescale import Timescale
from ntp_proto.clock import ClockChange
from unit.ntp_proto.algorithm.samples import measurement


def test_without_corrections_it_is_the_measurement() -> None:
    sample = Sample.of(measurement(100.0, offset_s=0.25, there_s=0.03, back_s=0.01), Timescale.starting(0.0, 0.0))
    assert sample.at == pytest.approx(100.02)
    assert sample.offset_s == pytest.approx(0.26, abs=1e-9)
    assert sample.delay_s == pytest.approx(0.04, abs=1e-9)


def test_a_step_before_the_exchange_is_taken_off() -> None:
    """The clock was set forward by 0.5 s at 50 s, which made it right: the uncorrected clock is still 0.5 s behind."""
    scale = Timescale.starting(0.0, 0.0).after(ClockChange(50.0, 0.0, 0.5))
    assert Sample.of(measurement(100.0), scale).offset_s == pytest.approx(0.5, abs=1e-9)


def test_a_slew_during_the_exchange_is_taken_off_each_timestamp() -> None:
    """The clock runs 1 % fast from the middle of a round trip of 2 s on: 10 ms of the round trip are the slew's doing."""
    scale = Timescale.starting(0.0, 0.0).after(ClockChange(101.0, 0.01))
    sample = Sample.of(measurement(100.0, there_s=1.0, back_s=1.0), scale)
    assert sample.delay_s == pytest.approx(2.0 - 0.01 / 1.01)
    assert sample.offset_s == pytest.approx(0.5 * 0.01 / 1.01)


def test_the_timestamps_are_trusted_more_than_the_timer() -> None:
    """The request left 5 ms after the timer rang, in the middle of a fast slew."""
    scale, measured = Timescale.starting(0.0, 0.1), measurement(100.0)
    assert Sample.of(replace(measured, sent_at=99.995), scale) == pytest.approx(Sample.of(measured, scale), abs=1e-9)
