from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_proto.association import Measurement
from ntp_proto.datagram import StampSource
from ntp_proto.identifiers import LeapIndicator, ReferenceId
from ntp_proto.time_types import NtpDuration, NtpTimestamp

ORIGIN = NtpTimestamp(0xEC00000000000000)
UNIT = 2.0**-32


def measurement(offset: NtpDuration, there: NtpDuration, back: NtpDuration, processing: NtpDuration) -> Measurement:
    """An exchange with a server whose clock is `offset` ahead of ours."""
    receive = ORIGIN + there + offset
    return Measurement(
        origin=ORIGIN,
        receive=receive,
        transmit=receive + processing,
        destination=ORIGIN + there + processing + back,
        sent_at=0.0,
        received_at=1.0,
        stratum=1,
        leap=LeapIndicator.NO_WARNING,
        root_delay=NtpDuration(0),
        root_dispersion=NtpDuration(0),
        reference_id=ReferenceId(0),
        precision=-20,
        origin_source=StampSource.KERNEL,
        destination_source=StampSource.KERNEL,
    )


def seconds(value: float) -> NtpDuration:
    return NtpDuration.from_seconds(value)


def test_offset_is_positive_when_our_clock_is_behind() -> None:
    assert measurement(seconds(0.5), seconds(0.25), seconds(0.25), seconds(0.125)).offset == seconds(0.5)


def test_delay_leaves_out_the_servers_processing() -> None:
    assert measurement(seconds(0.5), seconds(0.25), seconds(0.125), seconds(2.0)).delay == seconds(0.375)


def test_asymmetry_shows_as_half_its_size_in_the_offset() -> None:
    assert measurement(seconds(0.0), seconds(0.75), seconds(0.25), seconds(0.0)).offset == seconds(0.25)


@pytest.mark.parametrize("years", [34, 50, 67])
def test_offsets_of_decades_are_neither_cut_off_nor_cancelled(years: int) -> None:
    for sign in (-1, 1):
        offset = seconds(sign * years * 365.25 * 86400)
        assert measurement(offset, seconds(0.5), seconds(0.5), seconds(0.0)).offset == offset


def test_at_the_edge_of_the_era_the_offset_is_not_near_zero() -> None:
    # receive - origin is just below +2^31 s and transmit - destination has wrapped to just above -2^31 s: their mean would be 0.
    almost = NtpDuration((1 << 63) - 1 - (1 << 31))
    there_and_back = measurement(almost, seconds(0.5), seconds(0.5), seconds(2.0))
    assert abs(there_and_back.offset.to_seconds()) > 2.0**31 - 2.0


durations = st.integers(0, 1 << 34).map(NtpDuration)


@given(st.integers(-(1 << 63), (1 << 63) - 1).map(NtpDuration), durations, durations, durations)
def test_the_error_is_at_most_half_the_delay(offset: NtpDuration, there: NtpDuration, back: NtpDuration, processing: NtpDuration) -> None:
    one = measurement(offset, there, back, processing)
    assert one.delay == there + back
    error = NtpTimestamp(one.offset.value & (1 << 64) - 1) - NtpTimestamp(offset.value & (1 << 64) - 1)
    assert abs(error).to_seconds() <= one.delay.to_seconds() / 2 + UNIT


@given(st.integers(0, (1 << 64) - 1), st.integers(0, (1 << 64) - 1))
def test_no_timestamps_raise(receive: int, transmit: int) -> None:
    one = replace(measurement(seconds(0), seconds(0), seconds(0), seconds(0)), receive=NtpTimestamp(receive), transmit=NtpTimestamp(transmit))
    assert isinstance(one.delay, NtpDuration)
    assert isinstance(one.offset, NtpDuration)
