import ipaddress
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_proto.datagram import Address
from ntp_proto.server_address import NTP_PORT, ServerAddress

GOOD = [
    ("pool.ntp.org", "pool.ntp.org", 123),
    ("Time.Example.NET", "time.example.net", 123),
    ("time.example.net.", "time.example.net.", 123),
    ("localhost:1123", "localhost", 1123),
    ("ntp_1", "ntp_1", 123),
    ("1.2.3.4", "1.2.3.4", 123),
    ("1.2.3.4:5", "1.2.3.4", 5),
    ("::1", "::1", 123),
    ("2001:DB8:0:0::1", "2001:db8::1", 123),
    ("[::1]:65535", "::1", 65535),
    ("[::1]", "::1", 123),
    ("[::ffff:1.2.3.4]:5", "1.2.3.4", 5),
    ("fe80::1%eth0", "fe80::1%eth0", 123),
    ("[fe80::1%eth0.7]:124", "fe80::1%eth0.7", 124),
    ("bücher.example", "xn--bcher-kva.example", 123),
    ("1and1.example", "1and1.example", 123),
    ("a" * 63 + ".example", "a" * 63 + ".example", 123),
]

BAD = [
    ("", "the host is empty"),
    (":123", "the host is empty in ':123'"),
    ("host:", "has no port after the colon"),
    ("host:0", "'0' is not a port"),
    ("host:65536", "'65536' is not a port"),
    ("host:ntp", "'ntp' is not a port"),
    ("host:+5", "is not a port"),
    ("host: 5", "is not a port"),
    ("host:١٢٣", "is not a port"),
    ("[::1]:", "has no port"),
    ("[::1]123", "written [2001:db8::1]:123"),
    ("[::1", "written [2001:db8::1]:123"),
    ("[1.2.3.4]:5", "only IPv6 addresses stand in brackets"),
    ("[]", "is not an IPv6 address"),
    ("1.2.3.4:5:6", "is not an IPv6 address"),
    ("::1::", "is not an IPv6 address"),
    ("fe80::1%", "is not the name of a network interface"),
    ("fe80::1%a/b", "is not the name of a network interface"),
    ("fe80::1%sixteen-letters!", "is not the name of a network interface"),
    ("1.2.3", "is not an IPv4 address"),
    ("1.2.3.256", "is not an IPv4 address"),
    ("1.2.3.04", "is not an IPv4 address"),
    ("1.2.3.4.", "is not an IPv4 address"),
    ("\N{FULLWIDTH DIGIT ONE}.2.3.4", "is not an IPv4 address"),
    ("a..b", "nothing between two dots"),
    (".", "nothing between two dots"),
    ("a b", "is not a host name"),
    ("a/b", "is not a host name"),
    ("host%eth0", "is not a host name"),
    ("-a.example", "is not a host name"),
    ("a-.example", "is not a host name"),
    ("a\nb", "is not a host name"),
    ("a\0", "is not a host name"),
    ("a\N{NO-BREAK SPACE}b", "is not a host name"),
    ("ü" * 64, "is not a host name"),
    ("a" * 64, "is longer than 63 characters"),
    ("a." * 128, "is too long"),
    ("ü" * 10_000, "is too long"),
]


@pytest.mark.parametrize(("text", "host", "port"), GOOD)
def test_every_way_to_write_an_address(text: str, host: str, port: int) -> None:
    assert ServerAddress.parse(text) == ServerAddress(host, port)


@pytest.mark.parametrize(("text", "says"), BAD)
def test_what_is_no_address_is_refused_with_the_reason(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)) as caught:
        ServerAddress.parse(text)
    assert len(str(caught.value)) < 250
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(("text", "host", "port"), GOOD)
def test_an_address_reads_back_as_it_is_shown(text: str, host: str, port: int) -> None:
    assert ServerAddress.parse(str(ServerAddress.parse(text))) == ServerAddress(host, port)


def test_another_default_port() -> None:
    assert ServerAddress.parse("::1", default_port=4460).port == 4460
    assert ServerAddress.parse("[::1]:5", default_port=4460).port == 5


@pytest.mark.parametrize("host", ["1.2.3.4", "::1", "fe80::1%eth0"])
def test_a_numeric_address_needs_no_resolver(host: str) -> None:
    assert ServerAddress(host, 5).numeric() == Address(host, 5)


def test_a_name_is_not_numeric() -> None:
    assert ServerAddress("localhost").numeric() is None


@given(st.ip_addresses(v=4), st.integers(1, 65535))
def test_round_trip_ipv4(ip: object, port: int) -> None:
    assert ServerAddress.parse(f"{ip}:{port}") == ServerAddress(str(ip), port)
    assert ServerAddress.parse(str(ip)) == ServerAddress(str(ip), NTP_PORT)


@given(st.ip_addresses(v=6), st.integers(1, 65535))
def test_round_trip_ipv6(ip: ipaddress.IPv6Address, port: int) -> None:
    assert ServerAddress.parse(f"[{ip}]:{port}") == ServerAddress(str(ip.ipv4_mapped or ip), port)
    assert ServerAddress.parse(str(ip)).port == NTP_PORT


@given(st.text(max_size=80) | st.text(alphabet="0123456789abcdef:.[]%-x", max_size=50))
def test_any_text_is_an_address_that_reads_back_or_a_value_error(text: str) -> None:
    try:
        address = ServerAddress.parse(text)
    except ValueError:
        return
    assert ServerAddress.parse(str(address)) == address
    assert address.host.isascii()
    assert 1 <= address.port <= 65535
    assert not set(address.host) & set("/[] \n\0")
