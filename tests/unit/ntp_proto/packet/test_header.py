from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_proto.errors import ParseError
from ntp_proto.identifiers import LeapIndicator, Mode, ReferenceId
from ntp_proto.packet import HEADER_LENGTH, Header
from ntp_proto.time_types import NtpDuration, NtpTimestamp, PollInterval

WIRE = bytes.fromhex("dc0a06ec 00010000 00008000 7f000001 1111111122222222 3333333344444444 5555555566666666 7777777788888888")


def test_each_field_stands_where_the_rfc_puts_it() -> None:
    header = Header.parse(WIRE)
    assert header.leap is LeapIndicator.UNSYNCHRONIZED
    assert header.version == 3
    assert header.mode is Mode.SERVER
    assert header.stratum == 10
    assert header.poll == PollInterval(6)
    assert header.precision == -20
    assert header.root_delay == NtpDuration.from_seconds(1.0)
    assert header.root_dispersion == NtpDuration.from_seconds(0.5)
    assert header.reference_id == ReferenceId.from_address("127.0.0.1")
    assert header.reference == NtpTimestamp(0x1111111122222222)
    assert header.origin == NtpTimestamp(0x3333333344444444)
    assert header.receive == NtpTimestamp(0x5555555566666666)
    assert header.transmit == NtpTimestamp(0x7777777788888888)


@given(st.binary(min_size=HEADER_LENGTH, max_size=HEADER_LENGTH), st.binary(max_size=8))
def test_bytes_round_trip_and_what_follows_is_not_looked_at(data: bytes, rest: bytes) -> None:
    assert Header.parse(data + rest).to_bytes() == data


@given(st.binary(min_size=HEADER_LENGTH, max_size=HEADER_LENGTH))
def test_typed_fields_round_trip(data: bytes) -> None:
    header = Header.parse(data)
    again = Header.build(
        mode=header.mode,
        version=header.version,
        leap=header.leap,
        stratum=header.stratum,
        poll=header.poll,
        precision=header.precision,
        root_delay=header.root_delay,
        root_dispersion=header.root_dispersion,
        reference_id=header.reference_id,
        reference=header.reference,
        origin=header.origin,
        receive=header.receive,
        transmit=header.transmit,
    )
    assert again == header


@pytest.mark.parametrize("length", range(HEADER_LENGTH))
def test_a_short_header_is_refused(length: int) -> None:
    with pytest.raises(ParseError, match=f"got {length}$"):
        Header.parse(WIRE[:length])


@pytest.mark.parametrize("field", [{"version": 8}, {"version": -1}, {"stratum": 256}, {"stratum": -1}, {"precision": 128}, {"precision": -129}])
def test_numbers_that_do_not_fit_are_refused(field: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="got"):
        Header.build(mode=Mode.CLIENT, **field)  # type: ignore[arg-type]  # each is one of the integer fields


def test_what_is_not_given_is_zero() -> None:
    assert Header.build(mode=Mode.CLIENT).to_bytes() == b"\x23" + bytes(47)
