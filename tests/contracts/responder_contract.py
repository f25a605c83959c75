"""What every responder says, in Python and in C: one datagram in, one verdict out, to the last bit."""

from __future__ import annotations

import dataclasses
import struct
from typing import Protocol

import pytest

from ntp_proto.identifiers import KissCode, LeapIndicator, Mode, ReferenceId
from ntp_proto.packet import Header
from ntp_proto.server import (
    AccessList,
    Answer,
    AnswerKind,
    ClientLimits,
    Dropped,
    DropReason,
    Endpoint,
    PrefixTable,
    Rate,
    RefusalAction,
    Request,
    ServerPolicy,
    Snapshot,
    Verdict,
    pack_address,
)
from ntp_proto.time_types import NtpDuration, NtpTimestamp

NOW = NtpTimestamp(0xEC00_0000_0000_0001)
LATER = NOW + NtpDuration.from_seconds(0.001)
SERVER = Endpoint(pack_address("192.0.2.1"), 123)
CLIENT = Endpoint(pack_address("198.51.100.7"), 40_000)
NONCE = 0x0123_4567_89AB_CDEF

CLOCK = Snapshot(
    leap=LeapIndicator.INSERT,
    stratum=3,
    precision=-23,
    root_delay=NtpDuration.from_seconds(0.125),
    root_dispersion=NtpDuration.from_seconds(0.25),
    dispersion_rate=15e-6,
    dispersion_limit=NtpDuration.from_seconds(1.0),
    reference_id=ReferenceId(0xC000_0209),
    reference_time=NtpTimestamp(0xEBFF_FFF0_1234_5678),
    as_of=NOW,
)


class Respond(Protocol):
    """A responder with what it remembers."""

    def __call__(self, request: Request, transmit_at: NtpTimestamp, snapshot: Snapshot, now: float) -> Verdict: ...


def packet(first_byte: int = 0x23, *, poll: int = 6, origin: int = 0, receive: int = 0, transmit: int = NONCE, more: int = 0) -> bytes:
    return struct.pack(">BBbb12xQQQQ", first_byte, 0, poll, 0, 0, origin, receive, transmit) + bytes(more)


def request(data: bytes | None = None, *, client: Endpoint = CLIENT, local: Endpoint = SERVER, at: NtpTimestamp = NOW) -> Request:
    return Request(packet() if data is None else data, client, local, at)


def host(text: str, port: int = 40_000) -> Endpoint:
    return Endpoint(pack_address(text), port)


def access(*prefixes: str, action: RefusalAction = RefusalAction.IGNORE) -> AccessList:
    return AccessList(PrefixTable(prefixes), action)


def told(verdict: Verdict) -> object:
    """In a word: the kind of an answer, a kiss with its code, or the reason of silence."""
    if isinstance(verdict, Dropped):
        return verdict.reason
    if verdict.kind is AnswerKind.KISS:
        return Header.parse(verdict.data).reference_id.to_text(0)
    return verdict.kind


def answer(verdict: Verdict) -> Header:
    assert isinstance(verdict, Answer)
    assert len(verdict.data) == 48
    return Header.parse(verdict.data)


class ResponderContract:
    """Subclasses say how a responder is made."""

    def make(self, policy: ServerPolicy) -> Respond:
        """A responder that has seen nobody."""
        raise NotImplementedError

    def ask(self, one: Request, policy: ServerPolicy | None = None, snapshot: Snapshot = CLOCK) -> Verdict:
        return self.make(policy or ServerPolicy())(one, LATER, snapshot, 1.0)

    @pytest.mark.parametrize("version", [3, 4])
    def test_every_field_of_an_answer(self, version: int) -> None:
        said = answer(self.ask(request(packet(version << 3 | 3, poll=-6)), ServerPolicy(interleaved_size=0)))
        assert said == Header.build(
            mode=Mode.SERVER,
            version=version,
            leap=LeapIndicator.INSERT,
            stratum=3,
            poll=said.poll,
            precision=-23,
            root_delay=CLOCK.root_delay,
            root_dispersion=CLOCK.dispersion_at(LATER),
            reference_id=CLOCK.reference_id,
            reference=CLOCK.reference_time,
            origin=NtpTimestamp(NONCE),
            receive=NOW,
            transmit=LATER,
        )
        assert said.poll_log2 == -6
        assert said.root_dispersion_bits == 0x4001, "0.25 s and 15 ns, rounded up"

    def test_versions_and_modes(self) -> None:
        for first_byte in range(256):
            version, mode = first_byte >> 3 & 7, first_byte & 7
            expected = DropReason.BAD_MODE if version in (3, 4) else DropReason.BAD_VERSION
            said = self.ask(request(packet(first_byte)))
            assert told(said) is (AnswerKind.TIME if version in (3, 4) and mode == 3 else expected), hex(first_byte)

    def test_lengths(self) -> None:
        for length in [*range(53), 64, 68, 1000, 2044, 2047, 2048, 2049, 2052]:
            data = (packet() + bytes(2100))[:length]
            expected = AnswerKind.TIME if 48 <= length <= 2048 and length % 4 == 0 else DropReason.BAD_LENGTH
            assert told(self.ask(request(data))) is expected, length

    @pytest.mark.parametrize("first_byte", [0x0B, 0x13, 0x21, 0x19, 0x08, 0x24, 0x09, 0x00, 0x2B, 0x1C])
    @pytest.mark.parametrize("port", [123, 40_000])
    def test_legacy_versions(self, first_byte: int, port: int) -> None:
        one = request(packet(first_byte), client=host("198.51.100.7", port))
        assert isinstance(self.ask(one), Dropped)
        said = self.ask(one, ServerPolicy(serves_legacy=True))
        version, mode = first_byte >> 3 & 7, first_byte & 7
        if 1 <= version <= 4 and (mode in (1, 3) or (version == 1 and mode == 0 and port != 123)):
            assert answer(said).first_byte & 0o77 == version << 3 | (2 if mode == 1 else 4)
        else:
            assert isinstance(said, Dropped)

    @pytest.mark.parametrize(
        ("client", "local", "expected"),
        [
            (CLIENT, host("224.0.1.1", 123), DropReason.BAD_DESTINATION),
            (CLIENT, host("239.255.255.255", 123), DropReason.BAD_DESTINATION),
            (CLIENT, host("255.255.255.255", 123), DropReason.BAD_DESTINATION),
            (host("2001:db8::7"), host("ff02::101", 123), DropReason.BAD_DESTINATION),
            (host("198.51.100.7", 0), SERVER, DropReason.BAD_SOURCE),
            (host("0.0.0.0"), SERVER, DropReason.BAD_SOURCE),
            (host("0.1.2.3"), SERVER, DropReason.BAD_SOURCE),
            (host("::"), host("2001:db8::1", 123), DropReason.BAD_SOURCE),
            (host("ff0e::1"), host("2001:db8::1", 123), DropReason.BAD_SOURCE),
            (host("230.1.1.1"), SERVER, DropReason.BAD_SOURCE),
            (host("255.255.255.255"), SERVER, DropReason.BAD_SOURCE),
            (SERVER, SERVER, DropReason.OWN_ADDRESS),
            (host("192.0.2.1", 124), SERVER, AnswerKind.TIME),
            (host("192.0.2.2", 123), SERVER, AnswerKind.TIME),
            (host("2001:db8::7"), host("2001:db8::1", 123), AnswerKind.TIME),
            (host("223.255.255.255"), host("240.0.0.1", 123), AnswerKind.TIME),
            (host("::1"), host("::1", 123), AnswerKind.TIME),
        ],
    )
    def test_ends(self, client: Endpoint, local: Endpoint, expected: object) -> None:
        assert told(self.ask(request(client=client, local=local))) is expected

    @pytest.mark.parametrize(
        ("client", "expected"),
        [
            ("10.0.0.0", DropReason.DENYLIST),
            ("10.255.255.255", DropReason.DENYLIST),
            ("9.255.255.255", DropReason.ALLOWLIST),
            ("11.0.0.0", DropReason.ALLOWLIST),
            ("192.0.2.9", DropReason.DENYLIST),
            ("192.0.2.8", AnswerKind.TIME),
            ("192.0.2.10", AnswerKind.TIME),
            ("::ffff:192.0.2.9", DropReason.DENYLIST),
            ("::ffff:192.0.2.8", AnswerKind.TIME),
            ("2001:db8:1::5", DropReason.DENYLIST),
            ("2001:db8:2::5", AnswerKind.TIME),
            ("2001:db9::", DropReason.ALLOWLIST),
            ("2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", DropReason.ALLOWLIST),
        ],
    )
    def test_deny_then_allow(self, client: str, expected: object) -> None:
        policy = ServerPolicy(
            denylist=access("10.0.0.0/8", "192.0.2.9", "2001:db8:1::/48"), allowlist=access("10.0.0.0/9", "192.0.2.0/24", "2001:db8::/32")
        )
        assert told(self.ask(request(client=host(client)), policy)) is expected

    @pytest.mark.parametrize("count", [1, 2, 7, 8, 100])
    def test_long_lists_to_their_edges(self, count: int) -> None:
        respond = self.make(ServerPolicy(denylist=access(*(f"10.{2 * number}.0.0/16" for number in range(count)))))
        for number in range(count):
            for asker in (f"10.{2 * number}.0.0", f"10.{2 * number}.255.255"):
                assert told(respond(request(client=host(asker)), LATER, CLOCK, 1.0)) is DropReason.DENYLIST, asker
            assert told(respond(request(client=host(f"10.{2 * number + 1}.0.0")), LATER, CLOCK, 1.0)) is AnswerKind.TIME, number
        assert told(respond(request(client=host("9.255.255.255")), LATER, CLOCK, 1.0)) is AnswerKind.TIME

    def test_an_empty_list_is_not_the_lack_of_one(self) -> None:
        assert told(self.ask(request(), ServerPolicy(allowlist=access()))) is DropReason.ALLOWLIST
        assert told(self.ask(request(), ServerPolicy(denylist=access()))) is AnswerKind.TIME

    def test_everything_of_one_family(self) -> None:
        six = request(client=host("2001:db8::7"), local=host("2001:db8::1", 123))
        assert told(self.ask(request(), ServerPolicy(denylist=access("::/0")))) is AnswerKind.TIME
        assert told(self.ask(six, ServerPolicy(denylist=access("::/0")))) is DropReason.DENYLIST
        assert told(self.ask(request(), ServerPolicy(denylist=access("0.0.0.0/0")))) is DropReason.DENYLIST
        assert told(self.ask(six, ServerPolicy(denylist=access("0.0.0.0/0")))) is AnswerKind.TIME

    def test_kisses(self) -> None:
        for kiss in (KissCode.DENY, KissCode.RSTR, KissCode.RATE):
            denied = ServerPolicy(denylist=access("198.51.100.0/24", action=RefusalAction.DENY), deny_kiss=kiss)
            said = self.ask(request(packet(0x1B, poll=9)), denied)
            assert told(said) == kiss.value
            assert answer(said) == Header.build(
                mode=Mode.SERVER,
                version=3,
                leap=LeapIndicator.UNSYNCHRONIZED,
                poll=answer(said).poll,
                reference_id=ReferenceId.from_ascii(kiss.value),
                origin=NtpTimestamp(NONCE),
                receive=NtpTimestamp(NONCE),
                transmit=NtpTimestamp(NONCE),
            )
            assert answer(said).poll_log2 == 9
        assert told(self.ask(request(), ServerPolicy(allowlist=access("10.0.0.0/8", action=RefusalAction.DENY)))) == "DENY"

    def test_the_limit_of_a_client(self) -> None:
        limits = ClientLimits(rate=Rate(1.0, 2), leak=0)
        for action, refused in ((RefusalAction.IGNORE, DropReason.CLIENT_RATE), (RefusalAction.DENY, "RATE")):
            respond = self.make(ServerPolicy(clients=limits, limit_action=action))
            said = [told(respond(request(), LATER, CLOCK, now)) for now in (10.0, 10.0, 10.0, 11.0, 11.5)]
            assert said == [AnswerKind.TIME, AnswerKind.TIME, refused, AnswerKind.TIME, refused]
            assert told(respond(request(client=host("198.51.100.8")), LATER, CLOCK, 11.5)) is AnswerKind.TIME

    def test_the_limit_of_all(self) -> None:
        respond = self.make(ServerPolicy(global_limit=Rate(10.0, 3)))
        clients = [request(client=host(f"198.51.100.{number}")) for number in range(5)]
        said = [told(respond(one, LATER, CLOCK, 1.0)) for one in clients]
        assert said == [AnswerKind.TIME] * 3 + [DropReason.GLOBAL_RATE] * 2
        assert told(respond(clients[0], LATER, CLOCK, 1.1)) is AnswerKind.TIME

    def test_who_is_refused_takes_nothing_from_the_others(self) -> None:
        policy = ServerPolicy(denylist=access("198.51.100.66"), clients=ClientLimits(rate=Rate(1.0, 1), leak=0), global_limit=Rate(1.0, 2))
        respond = self.make(policy)
        for _ in range(20):
            assert told(respond(request(packet(0x24)), LATER, CLOCK, 1.0)) is DropReason.BAD_MODE
            assert told(respond(request(client=host("198.51.100.66")), LATER, CLOCK, 1.0)) is DropReason.DENYLIST
        assert told(respond(request(), LATER, CLOCK, 1.0)) is AnswerKind.TIME
        for _ in range(20):
            assert told(respond(request(), LATER, CLOCK, 1.0)) is DropReason.CLIENT_RATE
        assert told(respond(request(client=host("198.51.100.8")), LATER, CLOCK, 1.0)) is AnswerKind.TIME
        assert told(respond(request(client=host("198.51.100.9")), LATER, CLOCK, 1.0)) is DropReason.GLOBAL_RATE

    def test_all_versions_share_the_limits(self) -> None:
        policy = ServerPolicy(clients=ClientLimits(rate=Rate(1.0, 1), leak=0), global_limit=Rate(1.0, 2), serves_legacy=True)
        respond = self.make(policy)
        assert told(respond(request(packet(0x13)), LATER, CLOCK, 1.0)) is AnswerKind.TIME
        assert told(respond(request(), LATER, CLOCK, 1.0)) is DropReason.CLIENT_RATE
        assert told(respond(request(client=host("198.51.100.8")), LATER, CLOCK, 1.0)) is AnswerKind.TIME
        assert told(respond(request(packet(0x13), client=host("198.51.100.9")), LATER, CLOCK, 1.0)) is DropReason.GLOBAL_RATE

    def test_a_clock_that_was_never_set(self) -> None:
        snapshot = Snapshot.unsynchronized(NOW)
        said = self.ask(request(), snapshot=snapshot)
        assert told(said) is AnswerKind.UNSYNCHRONIZED
        assert (answer(said).leap, answer(said).stratum) == (LeapIndicator.UNSYNCHRONIZED, 16)
        assert told(self.ask(request(), ServerPolicy(serves_unsynchronized=False), snapshot)) is DropReason.UNSYNCHRONIZED

    def test_a_clock_that_has_lost_its_sources(self) -> None:
        """0.75 s of dispersion at 15e-6 s/s are left: 50 000 s."""
        silent = ServerPolicy(serves_unsynchronized=False)
        for seconds, is_good in ((0.0, True), (49_990.0, True), (50_010.0, False), (-50_010.0, False)):
            at = NOW + NtpDuration.from_seconds(seconds)
            verdict = self.make(ServerPolicy())(request(at=at), at, CLOCK, 1.0)
            assert told(verdict) is (AnswerKind.TIME if is_good else AnswerKind.UNSYNCHRONIZED), seconds
            assert answer(verdict).stratum == (3 if is_good else 16)
            assert abs(answer(verdict).root_dispersion.to_seconds() - (0.25 + 15e-6 * abs(seconds))) < 1e-4
            quiet = self.make(silent)(request(at=at), at, CLOCK, 1.0)
            assert told(quiet) is (AnswerKind.TIME if is_good else DropReason.UNSYNCHRONIZED)

    def test_a_clock_beside_the_kernels(self) -> None:
        offset, frequency = NtpDuration.from_seconds(-1234.5), 50e-6
        snapshot = dataclasses.replace(CLOCK, time_offset=offset, time_frequency=frequency, dispersion_rate=0.0)
        at = NOW + NtpDuration.from_seconds(1000.0)
        said = answer(self.make(ServerPolicy(interleaved_size=0))(request(at=at), at, snapshot, 1.0))
        assert said.receive == said.transmit == snapshot.served(at)
        assert abs((said.receive - at).to_seconds() - (-1234.5 + 0.05)) < 1e-9

    def test_extremes_of_the_snapshot(self) -> None:
        most = NtpDuration((1 << 63) - 1)
        snapshot = dataclasses.replace(CLOCK, root_dispersion=most, root_delay=most, dispersion_limit=most, dispersion_rate=0.1, time_frequency=-0.1)
        at = NtpTimestamp((NOW.bits + (1 << 63)) & ((1 << 64) - 1))
        said = answer(self.make(ServerPolicy(interleaved_size=0))(request(at=at), at, snapshot, 1.0))
        assert said.root_dispersion_bits == said.root_delay_bits == 0xFFFF_FFFF
        assert said.transmit == snapshot.served(at)
        strict = dataclasses.replace(snapshot, dispersion_limit=NtpDuration(1))
        assert told(self.make(ServerPolicy())(request(at=at), at, strict, 1.0)) is AnswerKind.UNSYNCHRONIZED

    def test_interleaved_mode(self) -> None:
        """A client names the receive timestamp of the answer before, and gets its transmit timestamp."""
        respond = self.make(ServerPolicy())
        first = answer(respond(request(packet()), LATER, CLOCK, 1.0))
        assert (first.receive_bits & 1, first.transmit_bits & 1) == (1, 0)

        def ask(origin: int, receive: int, later_s: float) -> tuple[Header, object]:
            at = NOW + NtpDuration.from_seconds(later_s)
            data = packet(origin=origin, receive=receive, transmit=NONCE + 8)
            verdict = respond(request(data, at=at), at + NtpDuration.from_seconds(0.001), CLOCK, 1.0)
            return answer(verdict), told(verdict)

        second, kind = ask(first.receive_bits, 77, 10.0)
        assert (kind, second.origin_bits) == (AnswerKind.TIME, NONCE + 8), "nobody had asked for the first to be kept"
        third, kind = ask(second.receive_bits, 78, 20.0)
        assert (kind, third.origin_bits, third.transmit_bits) == (AnswerKind.INTERLEAVED, 78, second.transmit_bits)
        again, kind = ask(second.receive_bits, 79, 30.0)
        assert (kind, again.origin_bits) == (AnswerKind.TIME, NONCE + 8), "once"

    def test_two_answers_of_one_instant_are_not_taken_for_each_other(self) -> None:
        respond = self.make(ServerPolicy())
        for _ in range(2):
            respond(request(packet(origin=1, receive=5)), LATER, CLOCK, 1.0)
        third = request(packet(origin=NOW.bits, receive=5), at=LATER)
        assert told(respond(third, LATER, CLOCK, 1.0)) is AnswerKind.TIME

    @pytest.mark.parametrize("receive", [0, NONCE])
    def test_an_interleaved_request_names_what_the_client_received(self, receive: int) -> None:
        """Nothing, or the same as its transmit timestamp, is what a basic client has there."""
        respond = self.make(ServerPolicy())
        respond(request(packet(origin=1, receive=5)), LATER, CLOCK, 1.0)
        assert told(respond(request(packet(origin=NOW.bits, receive=receive), at=LATER), LATER, CLOCK, 1.0)) is AnswerKind.TIME

    def test_basic_clients_are_never_taken_for_interleaved_ones(self) -> None:
        respond = self.make(ServerPolicy())
        last = answer(respond(request(packet()), LATER, CLOCK, 1.0))
        for number in range(1, 6):
            at = NOW + NtpDuration.from_seconds(float(number))
            data = packet(origin=last.transmit_bits, receive=NONCE + number, transmit=NONCE)
            verdict = respond(request(data, at=at), at, CLOCK, 1.0)
            assert told(verdict) is AnswerKind.TIME
            last = answer(verdict)

    def test_interleaved_mode_can_be_off(self) -> None:
        respond = self.make(ServerPolicy(interleaved_size=0))
        for number in range(3):
            verdict = respond(request(packet(origin=NOW.bits | 1, receive=5)), LATER, CLOCK, 1.0)
            assert told(verdict) is AnswerKind.TIME, number
            assert answer(verdict).transmit == LATER
