from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_proto.errors import ParseError
from ntp_proto.identifiers import Mode
from ntp_proto.packet import PACKET_MAXIMUM, ExtensionField, Header, Packet

HEADER = Header.build(mode=Mode.SERVER, stratum=1)


def test_a_plain_packet_is_its_header() -> None:
    assert Packet.parse(HEADER.to_bytes()) == Packet(HEADER)
    assert Packet(HEADER).to_bytes() == HEADER.to_bytes()


def test_all_three_parts_round_trip() -> None:
    packet = Packet(HEADER, (ExtensionField(0x0104, bytes(32)), ExtensionField(0xFFFF, bytes(12))), b"\0\0\0\1" + bytes(16))
    assert Packet.parse(packet.to_bytes()) == packet


def test_the_version_decides_what_follows_the_header() -> None:
    trailer = ExtensionField(0x0104, bytes(24)).to_bytes()
    old = Header.build(mode=Mode.SERVER, version=3)
    assert Packet.parse(old.to_bytes() + trailer) == Packet(old, (), trailer)
    assert Packet.parse(HEADER.to_bytes() + trailer) == Packet(HEADER, (ExtensionField(0x0104, bytes(24)),), b"")


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_parse_or_raise_parse_error(data: bytes, starts_with_header: bool) -> None:
    if starts_with_header:
        data = HEADER.to_bytes() + data
    try:
        packet = Packet.parse(data)
    except ParseError:
        return
    assert data.startswith(packet.header.to_bytes())


@pytest.mark.parametrize("length", [*range(48), 49, 50, 51, 53, 56, 60, 64, PACKET_MAXIMUM + 4, 65507])
def test_lengths_that_no_packet_has(length: int) -> None:
    with pytest.raises(ParseError):
        Packet.parse((HEADER.to_bytes() + bytes(65507))[:length])


def test_the_longest_packet_is_read() -> None:
    field = ExtensionField(0x0104, bytes(PACKET_MAXIMUM - 48 - 4))
    assert Packet.parse(HEADER.to_bytes() + field.to_bytes()).extensions == (field,)
