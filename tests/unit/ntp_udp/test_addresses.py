import pytest

from ntp_proto.datagram import Address
from ntp_proto.errors import UsageError
from ntp_udp.addresses import from_packed, from_socket, to_socket


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (Address("192.0.2.1", 123), ("192.0.2.1", 123)),
        (Address("2001:db8::1", 123), ("2001:db8::1", 123, 0, 0)),
        (Address("fe80::1%lo", 123), ("fe80::1", 123, 0, 1)),
        (Address("fe80::1%1", 123), ("fe80::1", 123, 0, 1)),
    ],
)
def test_to_socket(address: Address, expected: tuple[str, int]) -> None:
    assert to_socket(address) == expected


def test_from_socket_is_the_way_back() -> None:
    for address in (Address("192.0.2.1", 123), Address("2001:db8::1", 4123), Address("fe80::1%lo", 1)):
        assert from_socket(to_socket(address)) == address


def test_from_packed() -> None:
    assert from_packed(bytes([192, 0, 2, 1]), 123, 0) == Address("192.0.2.1", 123)
    assert from_packed(bytes.fromhex("fe80") + bytes(13) + b"\1", 123, 1) == Address("fe80::1%lo", 123)


def test_an_interface_that_has_gone_keeps_its_number() -> None:
    assert from_socket(("fe80::1", 123, 0, 999_999)) == Address("fe80::1%999999", 123)


@pytest.mark.parametrize("host", ["", "ntp.example", "192.0.2", "[::1]", "192.0.2.1%lo"])
def test_only_numbers(host: str) -> None:
    with pytest.raises(UsageError):
        to_socket(Address(host, 123))
