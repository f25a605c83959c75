from __future__ import annotations

from dataclasses import replace

import pytest

from ntp_proto.association import AssociationConfig, Measurement, Rejection
from ntp_proto.association.acceptance import identify, judge
from ntp_proto.association.states import Departure, Request
from ntp_proto.datagram import Address, Datagram, StampSource
from ntp_proto.identifiers import KissCode, LeapIndicator, ReferenceId
from ntp_proto.packet import Header, client_request, response_to
from ntp_proto.time_types import NtpDuration, NtpTimestamp, PollInterval

CONFIG = AssociationConfig()
SERVER, CLIENT = Address("192.0.2.1", 123), Address("192.0.2.9", 40000)
ORIGIN = NtpTimestamp(0xEC00000000000000)
NONCE = NtpTimestamp(0x123456789ABCDEF0)
REQUEST = Request(token=1, nonce=NONCE, asked_at=100.0, deadline=104.0, departure=Departure(ORIGIN, StampSource.HARDWARE))
NOW = 100.5


def seconds(value: float) -> NtpDuration:
    return NtpDuration.from_seconds(value)


def answer(there_s: float = 0.125, processing_s: float = 0.25, **fields: int) -> Header:
    receive = ORIGIN + seconds(there_s)
    header = response_to(client_request(NONCE, PollInterval(6)), receive=receive, transmit=receive + seconds(processing_s), stratum=2)
    return header._replace(**fields)


def datagram(header: Header, *, round_trip_s: float = 0.5, local: str = CLIENT.host) -> Datagram:
    return Datagram(header.to_bytes(), SERVER, Address(local, CLIENT.port), ORIGIN + seconds(round_trip_s), StampSource.KERNEL)


def verdict(header: Header, *, round_trip_s: float = 0.5, local: str = CLIENT.host, request: Request = REQUEST) -> Measurement | KissCode | Rejection:
    return judge(header, datagram(header, round_trip_s=round_trip_s, local=local), request, CONFIG, NOW)


class TestIdentify:
    def test_the_answer(self) -> None:
        assert identify(datagram(answer()), SERVER, REQUEST, 4, NOW) == answer()

    @pytest.mark.parametrize("remote", [Address("192.0.2.1", 124), Address("192.0.2.2", 123)])
    def test_wrong_address(self, remote: Address) -> None:
        assert identify(replace(datagram(answer()), remote=remote), SERVER, REQUEST, 4, NOW) is Rejection.WRONG_ADDRESS

    def test_malformed(self) -> None:
        assert identify(replace(datagram(answer()), data=answer().to_bytes() + b"\0"), SERVER, REQUEST, 4, NOW) is Rejection.MALFORMED

    @pytest.mark.parametrize("mode", [0, 1, 2, 3, 5, 6, 7])
    def test_wrong_mode(self, mode: int) -> None:
        assert identify(datagram(answer(first_byte=4 << 3 | mode)), SERVER, REQUEST, 4, NOW) is Rejection.WRONG_MODE

    @pytest.mark.parametrize(("asked", "answered", "is_right"), [(4, v, v in (3, 4)) for v in range(8)] + [(3, v, v == 3) for v in range(8)], ids=str)
    def test_version(self, asked: int, answered: int, is_right: bool) -> None:
        found = identify(datagram(answer(first_byte=answered << 3 | 4)), SERVER, REQUEST, asked, NOW)
        assert isinstance(found, Header) if is_right else found is Rejection.WRONG_VERSION

    def test_not_requested_or_too_late(self) -> None:
        assert identify(datagram(answer()), SERVER, None, 4, NOW) is Rejection.NOT_REQUESTED
        assert isinstance(identify(datagram(answer()), SERVER, REQUEST, 4, 104.0), Header)
        assert identify(datagram(answer()), SERVER, REQUEST, 4, 104.000001) is Rejection.NOT_REQUESTED

    @pytest.mark.parametrize("bit", range(64))
    def test_each_bit_of_the_nonce_counts(self, bit: int) -> None:
        assert identify(datagram(answer(origin_bits=NONCE.bits ^ 1 << bit)), SERVER, REQUEST, 4, NOW) is Rejection.WRONG_ORIGIN

    def test_the_first_fault_in_the_documented_order_is_the_reason(self) -> None:
        faulty = replace(datagram(answer(first_byte=5 << 3 | 3, origin_bits=0)), remote=CLIENT)
        assert identify(faulty, SERVER, None, 4, NOW) is Rejection.WRONG_ADDRESS
        assert identify(replace(faulty, remote=SERVER, data=b""), SERVER, None, 4, NOW) is Rejection.MALFORMED
        assert identify(replace(faulty, remote=SERVER), SERVER, None, 4, NOW) is Rejection.WRONG_MODE
        assert identify(datagram(answer(first_byte=5 << 3 | 4, origin_bits=0)), SERVER, None, 4, NOW) is Rejection.WRONG_VERSION
        assert identify(datagram(answer(origin_bits=0)), SERVER, None, 4, NOW) is Rejection.NOT_REQUESTED


class TestJudge:
    def test_a_measurement_holds_the_whole_exchange(self) -> None:
        header = answer(root_delay_bits=1 << 15, root_dispersion_bits=1 << 14, reference_id_bits=0x01020304, first_byte=0x64, precision=-23)
        assert verdict(header) == Measurement(
            origin=ORIGIN,
            receive=ORIGIN + seconds(0.125),
            transmit=ORIGIN + seconds(0.375),
            destination=ORIGIN + seconds(0.5),
            sent_at=100.0,
            received_at=NOW,
            stratum=2,
            leap=LeapIndicator.INSERT,
            root_delay=seconds(0.5),
            root_dispersion=seconds(0.25),
            reference_id=ReferenceId(0x01020304),
            precision=-23,
            origin_source=StampSource.HARDWARE,
            destination_source=StampSource.KERNEL,
            reference_time=header.reference,
        )
        assert not header.reference.is_zero

    @pytest.mark.parametrize("letters", ["DENY", "RSTR", "RATE", "NTSN"])
    def test_kisses(self, letters: str) -> None:
        assert verdict(answer(stratum=0, reference_id_bits=ReferenceId.from_ascii(letters).bits)) is KissCode(letters)
        assert isinstance(verdict(answer(stratum=1, reference_id_bits=ReferenceId.from_ascii(letters).bits)), Measurement)

    @pytest.mark.parametrize("bits", [ReferenceId.from_ascii("INIT").bits, 0x1B5B324A, 1])
    def test_other_kisses(self, bits: int) -> None:
        assert verdict(answer(stratum=0, reference_id_bits=bits)) is KissCode.OTHER

    def test_stratum_0_without_letters_is_a_server_without_time(self) -> None:
        assert verdict(answer(stratum=0, reference_id_bits=0, first_byte=0xE4)) is Rejection.UNSYNCHRONIZED

    @pytest.mark.parametrize("stratum", [16, 17, 255])
    def test_unsynchronized(self, stratum: int) -> None:
        assert verdict(answer(stratum=stratum)) is Rejection.UNSYNCHRONIZED
        assert verdict(answer(first_byte=0xE4)) is Rejection.UNSYNCHRONIZED
        assert isinstance(verdict(answer(stratum=15)), Measurement)

    @pytest.mark.parametrize(
        ("delay_bits", "dispersion_bits", "is_near"),
        [
            (6 << 16, 0, False),
            ((6 << 16) - 2, 0, True),
            (0, 3 << 16, False),
            (0, (3 << 16) - 1, True),
            (2 << 16, 2 << 16, False),
            (0, 0xFFFFFFFF, False),
        ],
    )
    def test_root_distance(self, delay_bits: int, dispersion_bits: int, is_near: bool) -> None:
        found = verdict(answer(root_delay_bits=delay_bits, root_dispersion_bits=dispersion_bits))
        assert isinstance(found, Measurement) if is_near else found is Rejection.ROOT_DISTANCE

    def test_timestamps(self) -> None:
        assert verdict(answer(receive_bits=0)) is Rejection.BAD_TIMESTAMPS
        assert verdict(answer(transmit_bits=0)) is Rejection.BAD_TIMESTAMPS
        assert verdict(answer(processing_s=-(2.0**-18), precision=-20)) is Rejection.BAD_TIMESTAMPS
        assert verdict(answer(processing_s=4.0 + 2.0**-32), round_trip_s=4.5) is Rejection.BAD_TIMESTAMPS
        assert isinstance(verdict(answer(processing_s=4.0), round_trip_s=4.5), Measurement)
        assert isinstance(verdict(answer(processing_s=0.0)), Measurement)

    def test_noise_below_the_servers_precision_may_put_transmit_before_receive(self) -> None:
        assert isinstance(verdict(answer(processing_s=-(2.0**-20), precision=-20)), Measurement)
        assert verdict(answer(processing_s=-0.5, precision=10)) is Rejection.BAD_TIMESTAMPS

    def test_an_answer_whose_departure_nobody_stamped(self) -> None:
        assert verdict(answer(), request=replace(REQUEST, departure=None)) is Rejection.BAD_TIMESTAMPS

    @pytest.mark.parametrize(
        ("round_trip_s", "precision", "is_sane"),
        [
            (3.25, -20, True),
            (3.2501, -20, False),
            (0.25, -20, True),
            (0.25 - 1.9e-6, -20, True),
            (0.25 - 2e-6, -20, False),
            (0.25 - 0.015, -6, True),
            (0.25 - 0.016, -6, False),
            (0.25 - 0.016, 0, False),
            (0.25 - 0.050, 127, False),
            (-10.0, -20, False),
        ],
    )
    def test_delay(self, round_trip_s: float, precision: int, is_sane: bool) -> None:
        found = verdict(answer(precision=precision), round_trip_s=round_trip_s)
        assert isinstance(found, Measurement) if is_sane else found is Rejection.BAD_DELAY

    @pytest.mark.parametrize("local", ["192.0.2.9", "::ffff:192.0.2.9", "2001:db8::9", "fe80::9%eth0"])
    def test_a_server_that_follows_us(self, local: str) -> None:
        own = ReferenceId.from_address(local).bits
        assert verdict(answer(reference_id_bits=own), local=local) is Rejection.LOOP
        assert isinstance(verdict(answer(reference_id_bits=own ^ 1), local=local), Measurement)
        assert isinstance(verdict(answer(reference_id_bits=own, stratum=1), local=local), Measurement)

    @pytest.mark.parametrize("local", ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::"])
    def test_an_address_that_is_not_ours_alone_tells_of_no_loop(self, local: str) -> None:
        assert isinstance(verdict(answer(reference_id_bits=ReferenceId.from_address(local).bits), local=local), Measurement)
