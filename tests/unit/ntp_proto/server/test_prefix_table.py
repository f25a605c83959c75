from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_proto.server import PrefixTable, pack_address

ANY_V4 = st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address)
ANY_V6 = st.integers(0, 2**128 - 1).map(ipaddress.IPv6Address)
MAPPED = ANY_V4.map(lambda address: ipaddress.IPv6Address(0xFFFF << 32 | int(address)))
# Near each other, so that they meet: in one /24, in one /112, and around the mapped addresses.
NEAR_V4 = st.integers(0, 255).map(lambda low: ipaddress.IPv4Address(0xC0000200 | low))
NEAR_V6 = st.integers(0, 2**16 - 1).map(lambda low: ipaddress.IPv6Address(0x20010DB8 << 96 | low))
ROUND_MAPPED = st.integers((0xFFFF << 32) - 300, (0x10000 << 32) + 300).map(ipaddress.IPv6Address)
ADDRESSES = st.one_of(ANY_V4, ANY_V6, MAPPED, NEAR_V4, NEAR_V6, ROUND_MAPPED)


@st.composite
def prefixes(draw: st.DrawFn) -> str:
    address = draw(ADDRESSES)
    return f"{address}/{draw(st.integers(0, address.max_prefixlen))}"


def is_covered(address: ipaddress.IPv4Address | ipaddress.IPv6Address, prefix: str) -> bool:
    """The rule in words: an IPv4-mapped address is IPv4, and so is a prefix of nothing but those; all else meets its own family only."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    network = ipaddress.ip_network(prefix, strict=False)
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= 96 and network.network_address.ipv4_mapped is not None:
        network = ipaddress.ip_network(f"{network.network_address.ipv4_mapped}/{network.prefixlen - 96}")
    return address.version == network.version and address in network


@given(st.lists(prefixes(), max_size=12), ADDRESSES)
def test_it_is_the_same_as_asking_each_network(texts: list[str], address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    assert (pack_address(str(address)) in PrefixTable(texts)) == any(is_covered(address, text) for text in texts)


@given(prefixes())
def test_the_edges_of_a_prefix(text: str) -> None:
    network = ipaddress.ip_network(text, strict=False)
    table = PrefixTable([text])
    for edge in (network.network_address, network.broadcast_address):
        assert (pack_address(str(edge)) in table) == is_covered(edge, text)
    for outside in (int(network.network_address) - 1, int(network.broadcast_address) + 1):
        if 0 <= outside < 2**network.max_prefixlen:
            neighbour = type(network.network_address)(outside)
            assert (pack_address(str(neighbour)) in table) == is_covered(neighbour, text)


class TestFamilies:
    @pytest.mark.parametrize("everything", ["::/0", "::/64", "::fffe:0:0/95"])
    def test_a_prefix_of_ipv6_holds_no_ipv4(self, everything: str) -> None:
        table = PrefixTable([everything])
        assert pack_address("192.0.2.1") not in table
        assert pack_address("::ffff:192.0.2.1") not in table
        assert pack_address("::fffe:ffff:ffff") in table

    def test_ipv4_holds_the_mapped_form(self) -> None:
        assert pack_address("::ffff:10.1.2.3") in PrefixTable(["10.0.0.0/8"])
        assert pack_address("10.1.2.3") in PrefixTable(["::ffff:10.0.0.0/104"])

    def test_ipv4_holds_no_ipv6(self) -> None:
        table = PrefixTable(["0.0.0.0/0"])
        assert pack_address("2001:db8::1") not in table
        assert pack_address("::fffe:ffff:ffff") not in table
        assert pack_address("::1:0:0:0") not in table


def test_bits_below_the_mask_are_ignored() -> None:
    assert PrefixTable(["192.0.2.77/24"]) == PrefixTable(["192.0.2.0/24"])


def test_neighbours_and_nested_prefixes_are_one_interval() -> None:
    table = PrefixTable(["10.0.0.0/9", "10.128.0.0/9", "10.7.0.0/16", "2001:db8::/32"])
    assert len(table) == 2
    assert table.to_bytes() == b"".join(
        pack_address(text) for text in ("10.0.0.0", "10.255.255.255", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff")
    )


def test_equal_sets_are_equal_and_hash_alike() -> None:
    one, two = PrefixTable(["10.0.0.0/9", "10.128.0.0/9"]), PrefixTable(["10.0.0.0/8"])
    assert one == two
    assert hash(one) == hash(two)
    assert one != PrefixTable(["10.0.0.0/9"])
    assert one != "10.0.0.0/8"


def test_an_empty_table_holds_nobody() -> None:
    assert pack_address("192.0.2.1") not in PrefixTable()
    assert len(PrefixTable()) == 0


@pytest.mark.parametrize("wrong", ["", "10.0.0.0/33", "10.0.0/8", "example.com", "2001:db8::/129", "fe80::1%eth0/64", "10.0.0.0/-1"])
def test_what_is_no_prefix_is_named(wrong: str) -> None:
    with pytest.raises(ValueError, match="not an address or a prefix") as caught:
        PrefixTable(["10.0.0.0/8", wrong])
    assert repr(wrong) in str(caught.value)
