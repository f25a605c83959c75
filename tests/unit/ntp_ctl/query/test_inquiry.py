"""What counts as the answer to a query, and what it is worth."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_proto.association import Measurement, Rejection
from ntp_proto.datagram import Address, Datagram, StampSource
from ntp_proto.identifiers import KissCode, Mode, ReferenceId
from ntp_proto.packet import Header
from ntp_proto.time_types import NtpDuration, NtpTimestamp
from unit.ntp_ctl.query.answers import CLIENT, DEPARTURE, OFFSET_S, SERVER, after, answer, datagram, inquiry, kiss, response


def test_the_request_says_nothing_but_version_mode_and_a_nonce() -> None:
    request = inquiry().request
    assert len(request) == 48
    assert request[0] == 4 << 3 | Mode.CLIENT
    assert request[1:40] == bytes(39)
    assert request[40:] != bytes(8)
    assert request == inquiry().request, "it is the same each time it is asked for"
    assert request != inquiry(seed=2).request


def test_version_3_is_asked_for_and_accepted() -> None:
    asked = inquiry(version=3)
    assert Header.parse(asked.request).version == 3
    assert asked.handle_datagram(datagram(response(asked)), DEPARTURE, 100.1) is not None


def test_the_answer_measures_offset_and_delay_by_four_timestamps() -> None:
    verdict = answer().verdict
    assert isinstance(verdict, Measurement)
    assert verdict.offset.to_seconds() == pytest.approx(OFFSET_S, abs=1e-9)
    assert verdict.delay.to_seconds() == pytest.approx(0.020, abs=1e-9)
    assert verdict.origin == DEPARTURE.origin


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"origin_bits": 12345}, Rejection.WRONG_ORIGIN),
        ({"origin_bits": 0}, Rejection.WRONG_ORIGIN),
        ({"first_byte": 4 << 3 | Mode.SYMMETRIC_PASSIVE}, Rejection.WRONG_MODE),
        ({"first_byte": 4 << 3 | Mode.CLIENT}, Rejection.WRONG_MODE),
        ({"first_byte": 2 << 3 | Mode.SERVER}, Rejection.WRONG_VERSION),
    ],
)
def test_what_is_not_the_answer_is_counted_and_the_inquiry_goes_on(change: dict[str, int], reason: Rejection) -> None:
    asked = inquiry()
    assert asked.handle_datagram(datagram(response(asked)._replace(**change)), DEPARTURE, 100.1) is None
    assert asked.rejections == {reason: 1}
    assert asked.handle_datagram(datagram(response(asked)), DEPARTURE, 100.2) is not None


def test_a_kiss_that_does_not_know_the_request_is_not_the_answer() -> None:
    asked = inquiry()
    forged = response(asked)._replace(stratum=0, origin_bits=1, reference_id_bits=ReferenceId.from_ascii("DENY").bits)
    assert asked.handle_datagram(datagram(forged), DEPARTURE, 100.1) is None
    assert asked.rejections == {Rejection.WRONG_ORIGIN: 1}


def test_another_sender_is_not_the_server() -> None:
    asked = inquiry()
    assert asked.handle_datagram(datagram(response(asked), remote=Address("192.0.2.1", 124)), DEPARTURE, 100.1) is None
    assert asked.rejections == {Rejection.WRONG_ADDRESS: 1}


def test_a_late_answer_is_none() -> None:
    asked = inquiry(timeout_s=2.0)
    assert asked.handle_datagram(datagram(response(asked)), DEPARTURE, 102.001) is None
    assert asked.handle_datagram(datagram(response(asked)), DEPARTURE, 102.0) is not None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"first_byte": 3 << 6 | 4 << 3 | Mode.SERVER}, Rejection.UNSYNCHRONIZED),
        ({"stratum": 16}, Rejection.UNSYNCHRONIZED),
        ({"stratum": 0, "reference_id_bits": 0}, Rejection.UNSYNCHRONIZED),
        ({"root_dispersion_bits": 3 << 16}, Rejection.ROOT_DISTANCE),
        ({"receive_bits": 0}, Rejection.BAD_TIMESTAMPS),
        ({"transmit_bits": 0}, Rejection.BAD_TIMESTAMPS),
    ],
)
def test_an_answer_without_usable_time_says_why(change: dict[str, int], reason: Rejection) -> None:
    assert answer(**change).verdict is reason


def test_a_kiss_is_an_answer() -> None:
    assert kiss(KissCode.RATE).verdict is KissCode.RATE


def test_a_round_trip_is_bounded_by_the_time_limit() -> None:
    asked = inquiry(timeout_s=0.5)
    made = asked.handle_datagram(datagram(response(asked, way_s=0.3), way_s=0.3), DEPARTURE, 100.4)
    assert made is not None
    assert made.verdict is Rejection.BAD_DELAY, "the stamps say 0.6 s"


def test_a_server_that_follows_this_machine_may_be_asked() -> None:
    """The daemon would refuse it as a loop."""
    asked = inquiry()
    header = response(asked)._replace(reference_id_bits=ReferenceId.from_address(CLIENT.host).bits)
    made = asked.handle_datagram(datagram(header), DEPARTURE, 100.1)
    assert made is not None
    assert isinstance(made.verdict, Measurement)


@given(data=st.binary(max_size=200))
def test_no_bytes_raise_and_none_but_the_nonce_answers(data: bytes) -> None:
    asked = inquiry()
    arrival = Datagram(data, SERVER, CLIENT, after(0.02), StampSource.DAEMON)
    assert asked.handle_datagram(arrival, DEPARTURE, 100.1) is None
    assert asked.rejections.total() == 1


@given(st.binary(min_size=48, max_size=48), st.integers(0, 2**64 - 1))
def test_whoever_knows_the_nonce_can_say_anything_and_raise_nothing(data: bytes, destination: int) -> None:
    asked = inquiry()
    said = data[:24] + asked.request[40:48] + data[32:]
    arrival = Datagram(bytes([data[0] & 0xC0 | 4 << 3 | Mode.SERVER]) + said[1:], SERVER, CLIENT, NtpTimestamp(destination), StampSource.DAEMON)
    made = asked.handle_datagram(arrival, DEPARTURE, 100.1)
    assert made is not None
    if isinstance(made.verdict, Measurement):
        assert made.verdict.delay <= NtpDuration.from_seconds(2.0)
