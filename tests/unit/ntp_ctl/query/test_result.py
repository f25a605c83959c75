from __future__ import annotations

import pytest

from ntp_ctl.query.inquiry import Answer
from ntp_ctl.query.result import QueryResult
from ntp_proto.association import Rejection
from ntp_proto.errors import UsageError
from ntp_proto.identifiers import KissCode, LeapIndicator
from unit.ntp_ctl.query.answers import OFFSET_S, SERVER, answer, kiss


def result(*answers: Answer) -> QueryResult:
    return QueryResult.of("ntp.example.net:123", SERVER, answers)


def test_the_fields_are_those_of_the_header() -> None:
    one = result(answer())
    assert (one.server, one.address) == ("ntp.example.net:123", SERVER)
    assert (one.version, one.leap, one.stratum, one.precision) == (4, LeapIndicator.INSERT, 2, -20)
    assert (one.root_delay.to_seconds(), one.root_dispersion.to_seconds()) == (0.5, 0.125)
    assert one.reference_id.to_text(one.stratum) == "198.51.100.7"
    assert (one.kiss_code, one.rejection) == (None, None)


def test_of_several_answers_the_one_with_the_shortest_round_trip_counts() -> None:
    several = result(answer(way_s=0.030, stratum=3), answer(way_s=0.010, stratum=4), answer(way_s=0.020, stratum=5))
    assert several.stratum == 4
    assert len(several.measurements) == 3
    assert several.measurement is several.measurements[1]
    assert several.delay is not None
    assert several.delay.to_seconds() == pytest.approx(0.020, abs=1e-9)
    assert several.offset is not None
    assert several.offset.to_seconds() == pytest.approx(OFFSET_S, abs=1e-9)


def test_the_root_distance_bounds_the_error_to_true_time() -> None:
    distance = result(answer()).root_distance
    assert distance is not None
    assert distance.to_seconds() == pytest.approx((0.5 + 0.020) / 2 + 0.125 + 2**-20, abs=1e-9)


def test_a_precision_that_makes_no_sense_does_not_raise() -> None:
    distance = result(answer(precision=127)).root_distance
    assert distance is not None
    assert distance.to_seconds() == pytest.approx(0.26 + 0.125 + 1.0, abs=1e-6)


def test_a_kiss_has_letters_and_no_time() -> None:
    refused = result(kiss(KissCode.RATE))
    assert (refused.kiss_code, refused.rejection) == ("RATE", Rejection.KISS)
    assert (refused.measurement, refused.offset, refused.delay, refused.root_distance) == (None, None, None, None)


def test_a_kiss_code_that_nobody_knows_is_shown_as_it_is() -> None:
    assert result(answer(stratum=0, reference_id_bits=int.from_bytes(b"XYZW", "big"))).kiss_code == "XYZW"
    assert result(answer(stratum=0, reference_id_bits=0x1B5B334A)).kiss_code == "27.91.51.74", "never control characters"


def test_a_measurement_outweighs_what_came_after_it() -> None:
    mixed = result(answer(), kiss(KissCode.RATE))
    assert (mixed.rejection, mixed.kiss_code, mixed.stratum) == (None, None, 2)
    assert len(mixed.measurements) == 1


def test_without_a_measurement_the_last_answer_counts() -> None:
    assert result(answer(stratum=16), kiss(KissCode.DENY)).kiss_code == "DENY"


def test_a_delay_below_zero_is_the_resolution_of_the_clocks() -> None:
    tiny = result(answer(way_s=-0.5e-6))
    assert tiny.measurement is not None
    assert tiny.measurement.delay.value < 0
    assert tiny.delay is not None
    assert tiny.delay.value == 0


def test_a_result_needs_an_answer() -> None:
    with pytest.raises(UsageError, match="needs an answer"):
        result()
