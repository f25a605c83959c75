from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_proto.identifiers import Mode
from ntp_proto.server import DropReason, Endpoint, address_text, pack_address
from ntp_proto.server.request import judge_ends, judge_form, reply_mode
from support.responding import CLIENT, SERVER, endpoint, request_bytes


class TestAddresses:
    def test_ipv4_is_packed_in_its_mapped_form(self) -> None:
        assert pack_address("192.0.2.1") == pack_address("::ffff:192.0.2.1") == bytes(10) + b"\xff\xff\xc0\x00\x02\x01"

    def test_a_zone_is_not_of_the_address(self) -> None:
        assert pack_address("fe80::1%eth0") == pack_address("fe80::1")

    @given(st.ip_addresses())
    def test_what_is_packed_reads_the_same(self, address: object) -> None:
        packed = pack_address(str(address))
        assert pack_address(address_text(packed)) == packed
        assert len(packed) == 16

    def test_ipv4_reads_as_a_dotted_quad(self) -> None:
        assert str(endpoint("::ffff:192.0.2.1", 123)) == "192.0.2.1:123"
        assert str(endpoint("2001:db8::1", 123)) == "[2001:db8::1]:123"

    def test_a_name_is_no_address(self) -> None:
        with pytest.raises(ValueError, match="example"):
            pack_address("example.com")


class TestForm:
    @pytest.mark.parametrize("length", [*range(48), *range(49, 52), 65_507, 2047, 2052, 65_508])
    def test_lengths_that_no_request_has(self, length: int) -> None:
        data = request_bytes().ljust(length, b"\0")[:length]
        for is_legacy_served in (False, True):
            assert judge_form(data, 40000, is_legacy_served=is_legacy_served) is DropReason.BAD_LENGTH

    @pytest.mark.parametrize("length", [48, 52, 68, 1500, 2048])
    def test_what_follows_the_header_is_not_looked_at(self, length: int) -> None:
        assert judge_form(request_bytes().ljust(length, b"\xff"), 40000, is_legacy_served=False) is None

    @pytest.mark.parametrize("version", range(8))
    @pytest.mark.parametrize("mode", range(8))
    def test_of_all_versions_and_modes_two_are_served(self, version: int, mode: int) -> None:
        reason = judge_form(request_bytes(version, mode), 40000, is_legacy_served=False)
        if version not in (3, 4):
            assert reason is DropReason.BAD_VERSION
        else:
            assert reason is (None if mode == 3 else DropReason.BAD_MODE)

    @pytest.mark.parametrize("version", range(8))
    @pytest.mark.parametrize("mode", range(8))
    @pytest.mark.parametrize("port", [123, 40000])
    def test_legacy_versions_when_asked_for(self, version: int, mode: int, port: int) -> None:
        reason = judge_form(request_bytes(version, mode), port, is_legacy_served=True)
        if version not in (1, 2, 3, 4):
            assert reason is DropReason.BAD_VERSION
        elif mode in (1, 3) or (version == 1 and mode == 0 and port != 123):
            assert reason is None
        else:
            assert reason is DropReason.BAD_MODE

    @pytest.mark.parametrize("leap", range(4))
    def test_the_leap_indicator_of_a_client_is_its_own_business(self, leap: int) -> None:
        data = bytes([leap << 6 | 4 << 3 | 3]) + request_bytes()[1:]
        assert judge_form(data, 40000, is_legacy_served=False) is None


class TestReplyMode:
    def test_passive_to_an_active_peer_and_server_to_the_rest(self) -> None:
        assert reply_mode(2 << 3 | 1) is Mode.SYMMETRIC_PASSIVE
        assert reply_mode(4 << 3 | 3) is Mode.SERVER
        assert reply_mode(1 << 3) is Mode.SERVER


class TestEnds:
    def test_one_host_to_another(self) -> None:
        assert judge_ends(CLIENT, SERVER) is None
        assert judge_ends(endpoint("2001:db8::2", 123), endpoint("2001:db8::1", 123)) is None

    @pytest.mark.parametrize("host", ["224.0.1.1", "239.255.255.255", "255.255.255.255", "ff02::101", "ff05::101"])
    def test_nobody_answers_for_a_group(self, host: str) -> None:
        assert judge_ends(CLIENT, endpoint(host, 123)) is DropReason.BAD_DESTINATION

    @pytest.mark.parametrize("host", ["224.0.1.1", "239.255.255.255", "255.255.255.255", "0.0.0.0", "0.1.2.3", "::", "ff02::1"])
    def test_nobody_answers_to_a_group_or_to_nobody(self, host: str) -> None:
        assert judge_ends(endpoint(host, 40000), SERVER) is DropReason.BAD_SOURCE

    @pytest.mark.parametrize("host", ["223.255.255.255", "240.0.0.1", "255.255.255.254", "1.0.0.0", "fe80::1", "::1", "127.0.0.1"])
    def test_the_neighbours_of_those_are_hosts(self, host: str) -> None:
        assert judge_ends(endpoint(host, 40000), SERVER) is None

    def test_port_0_cannot_be_answered(self) -> None:
        assert judge_ends(Endpoint(CLIENT.address, 0), SERVER) is DropReason.BAD_SOURCE

    @pytest.mark.parametrize("port", [7, 19, 123, 65535])
    def test_other_ports_can(self, port: int) -> None:
        assert judge_ends(Endpoint(CLIENT.address, port), SERVER) is None

    def test_our_own_address_and_port_is_a_loop(self) -> None:
        assert judge_ends(SERVER, SERVER) is DropReason.OWN_ADDRESS
        assert judge_ends(Endpoint(SERVER.address, 40000), SERVER) is None

    def test_a_socket_that_does_not_know_what_was_asked(self) -> None:
        assert judge_ends(CLIENT, endpoint("::", 123)) is None
        assert judge_ends(CLIENT, endpoint("0.0.0.0", 123)) is None
