"""Hostile packets to a server, by the number they have in the list of cases that the project tests against: 13 to 16 and 30.

Also the faults that five other servers have had where they serve time. Cases 1 to 12 belong to the client.
"""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from ntp_proto.server import (
    AccessList,
    Answer,
    ClientLimits,
    Dropped,
    DropReason,
    Endpoint,
    PrefixTable,
    Rate,
    Refusal,
    RefusalAction,
    Responder,
    ServerPolicy,
    Tally,
    totals,
)
from ntp_proto.time_types import NtpDuration, NtpTimestamp
from support.responding import CLIENT, EPOCH, NO_LIMITS, SERVER, SNAPSHOT, ask, endpoint, header_of, request_bytes, server

YEAR_S = 365.25 * 86400


def is_answered(responder: Responder, data: bytes | None = None, *, client: Endpoint = CLIENT, local: Endpoint = SERVER, now: float = 100.0) -> bool:
    return isinstance(ask(responder, data, client=client, local=local, now=now), Answer)


class TestCase13:
    """A clock far away."""

    @pytest.mark.parametrize("years", [-68, -10, 10, 67, 68, 100])
    def test_a_kernel_clock_that_is_years_off_the_snapshot_serves_no_time(self, years: int) -> None:
        far = EPOCH + NtpDuration.from_seconds(min(2.0**31 - 1, max(-(2.0**31), years * YEAR_S)))
        header = header_of(ask(server(), received_at=far, transmit_at=far))
        assert (header.leap, header.stratum) == (3, 16)

    def test_over_the_end_of_the_era_in_2036(self) -> None:
        snapshot = replace(SNAPSHOT, as_of=NtpTimestamp(2**64 - 2**32), reference_time=NtpTimestamp(2**64 - 2**33))
        header = header_of(ask(server(), snapshot=snapshot, received_at=NtpTimestamp(2**64 - 1), transmit_at=NtpTimestamp(2**32 - 2)))
        assert header.stratum == 3
        assert header.root_dispersion.to_seconds() == pytest.approx(0.03125 + 2 * 15e-6, abs=2**-15)
        assert (header.transmit - header.receive).value == 2**32 - 1

    @pytest.mark.parametrize("bits", [0, 1, 2**63, 2**64 - 1])
    def test_the_clients_timestamp_is_copied_and_never_computed_with(self, bits: int) -> None:
        assert header_of(ask(server(), request_bytes(transmit=bits))).origin_bits == bits


class TestCase14:
    def test_lengths(self) -> None:
        responder = server()
        for length in [*range(48), 49, 50, 51, 65_507]:
            assert ask(responder, request_bytes().ljust(length, b"\0")[:length]) == Dropped(Refusal(DropReason.BAD_LENGTH))
        assert responder.clients.active(100.0) == 0


class TestCase15:
    @pytest.mark.parametrize("length", [0, 1, 4, 8, 12, 0xFFFF])
    def test_extension_fields_of_any_length_cost_nothing(self, length: int) -> None:
        trailer = (0x0104_0000 | length).to_bytes(4, "big") * 7
        assert header_of(ask(server(), request_bytes() + trailer)).stratum == 3

    def test_a_chain_of_fields(self) -> None:
        assert header_of(ask(server(), request_bytes() + b"\x01\x04\x00\x10".ljust(16, b"\0") * 125)).stratum == 3


class TestCase16:
    def test_no_mode_but_the_clients_is_answered(self) -> None:
        for version in range(8):
            for mode in range(8):
                assert is_answered(server(), request_bytes(version, mode)) == (version in (3, 4) and mode == 3)

    @pytest.mark.parametrize("mode", [6, 7])
    def test_no_control_and_no_private_message_ever(self, mode: int) -> None:
        legacy = server(replace(NO_LIMITS, serves_legacy=True))
        assert not any(is_answered(legacy, request_bytes(version, mode) + bytes(extra)) for version in range(8) for extra in (0, 4, 460))


class TestCase30:
    def test_a_flood_from_a_hundred_thousand_addresses(self) -> None:
        policy = ServerPolicy(clients=ClientLimits(rate=Rate(1.0, 4), size=1024), global_limit=Rate(1000.0, 1000))
        responder, tally, rng = server(policy), Tally(), random.Random(30)
        data, answered = request_bytes(), 0
        for number in range(30_000):
            spoofed = Endpoint(bytes(10) + b"\xff\xff" + bytes([1 + rng.randrange(220)]) + rng.randbytes(3), 1 + rng.randrange(65535))
            verdict = ask(responder, data, client=spoofed, now=100.0 + number / 100_000)
            tally.count(verdict, len(data))
            answered += isinstance(verdict, Answer)
        assert answered == 1000 + 300 - 1  # the burst and 0.3 s of the rate; the last token is not there yet
        assert responder.clients.active(101.0) == 1024
        assert totals([tally]).rate_limited == 30_000 - answered

    def test_one_address_with_100000_requests_a_second(self) -> None:
        """Silence but for the burst, the rate, and the leak, while somebody else is served as ever."""
        responder = server(ServerPolicy(clients=ClientLimits(rate=Rate(10.0, 8), leak=5, size=64)))
        answered = sum(is_answered(responder, now=100.0 + number / 100_000) for number in range(20_000))
        assert answered < 20_000 * (1 / 32) * 1.2 + 8 + 2
        assert is_answered(responder, client=endpoint("203.0.113.9", 123), now=100.2)

    @pytest.mark.parametrize("host", ["255.255.255.255", "224.0.1.1", "ff02::101", "0.0.0.0", "::"])
    def test_sources_that_are_nobody(self, host: str) -> None:
        assert not is_answered(server(), client=endpoint(host, 123))

    @pytest.mark.parametrize("host", ["255.255.255.255", "224.0.1.1", "ff02::101"])
    def test_requests_to_a_group(self, host: str) -> None:
        assert not is_answered(server(), local=endpoint(host, 123))

    def test_our_own_address(self) -> None:
        assert not is_answered(server(), client=SERVER)

    @pytest.mark.parametrize("port", [7, 19, 123])
    def test_what_a_reflecting_port_sends_back_is_not_answered(self, port: int) -> None:
        reflector = Endpoint(CLIENT.address, port)
        verdict = ask(server(), client=reflector)
        assert isinstance(verdict, Answer)
        assert not is_answered(server(), verdict.data, client=reflector)

    def test_port_0(self) -> None:
        assert not is_answered(server(), client=Endpoint(CLIENT.address, 0))

    def test_no_answer_is_longer_than_its_request(self) -> None:
        denied = ServerPolicy(denylist=AccessList(PrefixTable(["0.0.0.0/0"]), RefusalAction.DENY), clients=ClientLimits(size=8))
        for responder in (server(), server(denied)):
            for length in range(0, 1501, 2):
                verdict = ask(responder, request_bytes().ljust(length, b"\0")[:length])
                assert isinstance(verdict, Dropped) or len(verdict.data) <= length


class TestFaultsOfOthers:
    def test_stratum_0_before_the_first_synchronisation(self) -> None:
        with pytest.raises(ValueError, match="stratum"):
            replace(SNAPSHOT, stratum=0)

    def test_unsynchronised_drops_that_nobody_counts(self) -> None:
        silent = server(replace(NO_LIMITS, serves_unsynchronized=False))
        tally = Tally()
        tally.count(ask(silent, received_at=EPOCH + NtpDuration.from_seconds(1e6)), 48)
        counted = totals([tally])
        assert (counted.received, counted.ignored, counted.unsynchronized) == (1, 1, 1)

    def test_an_origin_that_is_not_the_clients_transmit_timestamp(self) -> None:
        header = header_of(ask(server(), request_bytes(origin=2, receive=4, transmit=6)))
        assert header.origin_bits == 6

    def test_a_server_that_answers_servers(self) -> None:
        verdict = ask(server(), client=endpoint("192.0.2.2", 123))
        assert isinstance(verdict, Answer)
        assert not is_answered(server(), verdict.data, client=SERVER, local=endpoint("192.0.2.2", 123))

    def test_a_state_that_is_frozen_after_the_sources_are_lost(self) -> None:
        responder = server()
        first, second = (header_of(ask(responder, received_at=EPOCH + NtpDuration.from_seconds(at))) for at in (10.0, 5000.0))
        assert second.root_dispersion > first.root_dispersion
