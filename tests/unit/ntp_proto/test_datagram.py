from __future__ import annotations

from ntp_proto.datagram import Address, StampSource


def test_an_address_as_text() -> None:
    assert str(Address("192.0.2.1", 123)) == "192.0.2.1:123"
    assert str(Address("2001:db8::1", 123)) == "[2001:db8::1]:123"


def test_an_address_is_a_value() -> None:
    assert Address("192.0.2.1", 123) == Address("192.0.2.1", 123) != Address("192.0.2.1", 124)


def test_stamp_sources_go_from_the_worst_to_the_best() -> None:
    assert [source.value for source in StampSource] == ["daemon", "kernel", "hardware"]
