from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_proto.identifiers import KissCode
from ntp_proto.packet import Header
from ntp_proto.server import (
    Answer,
    AnswerKind,
    ClientLimits,
    DropReason,
    Endpoint,
    Refusal,
    Request,
    Responder,
    ServerPolicy,
    Snapshot,
    TransmitTable,
    pack_address,
)
from ntp_proto.server.interleaved import asks_interleaved, mark_receive, mark_transmit
from ntp_proto.server.reply import kiss_reply
from ntp_proto.time_types import NtpDuration, NtpTimestamp
from support.responding import CLIENT, SERVER, SNAPSHOT, after, ask, header_of, request_bytes, server

BITS = st.integers(0, 2**64 - 1)


class TestMarks:
    @given(BITS)
    def test_receive_is_odd_and_not_later(self, bits: int) -> None:
        marked = mark_receive(bits)
        assert marked & 1
        assert (bits - marked) % 2**64 in (0, 1)

    @given(BITS)
    def test_transmit_is_even_and_not_earlier(self, bits: int) -> None:
        marked = mark_transmit(bits)
        assert not marked & 1
        assert (marked - bits) % 2**64 in (0, 1)


class TestTransmitTable:
    def test_once_and_only_once(self) -> None:
        table = TransmitTable(16)
        table.save(101, 200)
        assert table.take(101) == 200
        assert table.take(101) is None

    def test_the_unknown(self) -> None:
        assert TransmitTable(16).take(101) is None

    def test_two_answers_of_one_instant_are_told_apart_by_nobody(self) -> None:
        table = TransmitTable(16)
        for transmit in (200, 202, 204):
            table.save(101, transmit)
        assert table.take(101) is None

    def test_an_instant_that_was_used_does_not_come_back(self) -> None:
        table = TransmitTable(16)
        table.save(101, 200)
        table.take(101)
        table.save(101, 202)
        assert table.take(101) is None

    def test_a_better_stamp(self) -> None:
        table = TransmitTable(16)
        table.save(101, 200)
        table.correct(101, 210)
        table.correct(103, 220)
        assert table.take(101) == 210
        assert table.take(103) is None
        table.correct(101, 230)  # used
        assert table.take(101) is None

    def test_after_the_clock_was_set_nothing_is_known(self) -> None:
        table = TransmitTable(16)
        table.save(101, 200)
        table.clear()
        assert table.take(101) is None

    @pytest.mark.parametrize(("size", "places"), [(1, 2), (2, 2), (3, 4), (1000, 1024), (1024, 1024)])
    def test_it_has_the_size_of_its_making_for_ever(self, size: int, places: int) -> None:
        table = TransmitTable(size)
        for receive in range(1, 20001, 2):
            table.save(receive, receive + 1)
        assert len(table) == places
        assert sum(table.take(receive) is not None for receive in range(1, 20001, 2)) <= places

    def test_stamps_at_even_distances_use_most_of_the_places(self) -> None:
        for step_ns in (1_000, 10_000, 1_000_000, 15_625_000, 62_500_000, 1_000_000_000, 16_000_000_000):
            table = TransmitTable(1024)
            receives = [mark_receive(NtpTimestamp.from_unix_ns(1_800_000_000_000_000_000 + number * step_ns).bits) for number in range(1024)]
            for receive in receives:
                table.save(receive, receive + 1)
            assert sum(table.take(receive) is not None for receive in receives) > 580, step_ns  # of random places 647 are hit


@pytest.mark.parametrize(
    ("data", "asks"),
    [
        (request_bytes(origin=0x101, receive=0x55), True),
        (request_bytes(origin=0x100, receive=0x55), False),  # our transmit timestamp, as ntpd puts it there in basic mode
        (request_bytes(origin=0, receive=0), False),  # a client that tells nothing
        (request_bytes(origin=0x101, receive=0), False),
        (request_bytes(origin=0x101, receive=0x55, transmit=0x55), False),  # "not in interleaved mode", by the letter of the RFC
        (request_bytes(3, origin=0x101, receive=0x55), False),
        (request_bytes(4, 1, origin=0x101, receive=0x55), False),
    ],
)
def test_who_asks(data: bytes, asks: bool) -> None:
    assert asks_interleaved(Header.parse(data)) == asks


class Interleaver:
    """A client in interleaved mode, as RFC 9769 §2 describes it; the server's processing grows by 10 µs with each exchange."""

    def __init__(self, responder: Responder, snapshot: Snapshot = SNAPSHOT) -> None:
        self.responder = responder
        self.snapshot = snapshot
        self.origin = self.receive = 0
        self.count = 0
        self.departures: list[int] = []
        """When each answer left, by the server's clock."""

    def exchange(self, client: Endpoint = CLIENT, *, is_lost: bool = False) -> tuple[Answer, Header]:
        self.count += 1
        arrival = after(16.0 * self.count)
        departure = arrival + NtpDuration.from_seconds(self.count * 10e-6)
        data = request_bytes(origin=self.origin, receive=self.receive, transmit=0xABC0_0000 + self.count)
        verdict = ask(self.responder, data, client=client, snapshot=self.snapshot, received_at=arrival, transmit_at=departure)
        header = header_of(verdict)
        assert isinstance(verdict, Answer)
        self.departures.append(mark_transmit(departure.bits))
        if not is_lost:
            self.origin, self.receive = header.receive_bits, 0xDEF0_0000 + self.count
        return verdict, header


class TestConversation:
    def test_from_the_third_answer_on_each_carries_the_departure_of_the_one_before(self) -> None:
        one = Interleaver(server())
        assert [one.exchange()[0].kind for _ in range(2)] == [AnswerKind.TIME, AnswerKind.TIME]
        for _ in range(5):
            sent_receive, former = one.receive, one.departures[-1]
            verdict, header = one.exchange()
            assert verdict.kind is AnswerKind.INTERLEAVED
            assert header.transmit_bits == former
            assert header.origin_bits == sent_receive
            assert header.receive_bits == mark_receive(after(16.0 * one.count).bits)

    def test_the_first_two_are_basic_answers_like_any_other(self) -> None:
        one = Interleaver(server())
        for _ in range(2):
            _, header = one.exchange()
            assert header.origin_bits == 0xABC0_0000 + one.count
            assert header.transmit_bits == one.departures[-1]

    def test_behind_a_translator_with_another_address_for_each_request(self) -> None:
        one = Interleaver(server())
        kinds = [one.exchange(Endpoint(pack_address(f"203.0.113.{number}"), 1024 + number))[0].kind for number in range(1, 7)]
        assert kinds == [AnswerKind.TIME] * 2 + [AnswerKind.INTERLEAVED] * 4

    def test_after_a_lost_answer_it_goes_on_in_basic_mode(self) -> None:
        one = Interleaver(server())
        one.exchange()
        one.exchange()
        assert one.exchange(is_lost=True)[0].kind is AnswerKind.INTERLEAVED
        assert one.exchange()[0].kind is AnswerKind.TIME
        assert one.exchange()[0].kind is AnswerKind.INTERLEAVED

    def test_the_kernels_stamp_is_what_the_next_answer_carries(self) -> None:
        one = Interleaver(server())
        one.exchange()
        verdict, _ = one.exchange()
        departed_at = after(32.0005)
        one.responder.handle_sent(verdict.data, departed_at, SNAPSHOT)
        assert one.exchange()[1].transmit_bits == mark_transmit(departed_at.bits)

    def test_on_a_virtual_clock_the_kernels_stamp_is_corrected_like_every_other(self) -> None:
        clock = dataclasses.replace(SNAPSHOT, time_offset=NtpDuration.from_seconds(2.5), time_frequency=1e-4)
        one = Interleaver(server(), clock)
        one.exchange()
        verdict, _ = one.exchange()
        one.responder.handle_sent(verdict.data, after(32.0005), clock)
        assert one.exchange()[1].transmit_bits == mark_transmit(after(32.0005 + 2.5 + 1e-4 * 32.0005).bits)

    @pytest.mark.parametrize("seconds", [-1e-6, 1.0001, -5.0, 3600.0])
    def test_a_stamp_from_another_setting_of_the_clock_is_not_believed(self, seconds: float) -> None:
        one = Interleaver(server())
        one.exchange()
        verdict, _ = one.exchange()
        given = one.departures[-1]
        one.responder.handle_sent(verdict.data, NtpTimestamp(given) + NtpDuration.from_seconds(seconds), SNAPSHOT)
        assert one.exchange()[1].transmit_bits == given

    def test_departures_are_wanted_of_what_is_kept_and_of_nothing_else(self) -> None:
        responder = server()
        basic = Request(request_bytes(), CLIENT, SERVER, after(1))
        interleaved = Request(request_bytes(origin=0x101, receive=0x55), CLIENT, SERVER, after(1))
        for request, is_kept in ((basic, False), (interleaved, True)):
            answer = responder.respond(request, after(1.00001), SNAPSHOT, 1.0)
            assert isinstance(answer, Answer)
            assert responder.is_kept(request, answer) is is_kept
            assert not server(ServerPolicy(interleaved_size=0)).is_kept(request, answer)
        kiss = Answer(bytes(48), AnswerKind.KISS, Refusal(DropReason.CLIENT_RATE))
        assert not responder.is_kept(interleaved, kiss)

    def test_a_kiss_corrects_nothing_whatever_timestamp_its_client_chose(self) -> None:
        """A kiss repeats the client's timestamp where an answer has our own."""
        one = Interleaver(server())
        one.exchange()
        one.exchange()
        kiss = kiss_reply(Header.parse(request_bytes(transmit=one.origin)), KissCode.RATE)
        assert kiss.receive_bits == one.origin
        one.responder.handle_sent(kiss.to_bytes(), after(32.0005), SNAPSHOT)
        former = one.departures[-1]
        assert one.exchange()[1].transmit_bits == former

    def test_after_a_step_of_the_clock_it_begins_anew(self) -> None:
        one = Interleaver(server())
        for _ in range(3):
            one.exchange()
        one.responder.handle_clock_set()
        assert one.exchange()[0].kind is AnswerKind.TIME

    def test_a_clock_that_has_not_moved_gives_two_timestamps_that_differ(self) -> None:
        for bits in (0xEC00_0001_0000_0000, 0xEC00_0001_0000_0001):
            header = header_of(ask(server(), received_at=NtpTimestamp(bits), transmit_at=NtpTimestamp(bits)))
            assert 0 < header.transmit_bits - header.receive_bits <= 2

    def test_basic_clients_take_no_memory(self) -> None:
        responder = server(ServerPolicy(clients=ClientLimits(size=8), interleaved_size=2))
        one = Interleaver(responder)
        one.exchange()
        one.exchange()
        last_transmit = 0
        for number in range(1000):  # as ntpd asks: our last transmit timestamp as origin
            basic = request_bytes(origin=last_transmit, receive=0x77, transmit=number + 1)
            last_transmit = header_of(ask(responder, basic, received_at=after(40 + number), transmit_at=after(40.5 + number))).transmit_bits
        assert one.exchange()[0].kind is AnswerKind.INTERLEAVED

    def test_somebody_elses_receive_timestamp_gives_no_more_than_a_time(self) -> None:
        """Who names an answer that was another's gets that one's departure, which tells him nothing, and the other continues in basic mode."""
        one = Interleaver(server())
        one.exchange()
        one.exchange()
        thief = request_bytes(origin=one.origin, receive=0x99, transmit=0x98)
        assert header_of(ask(one.responder, thief)).transmit_bits == one.departures[-1]
        verdict, header = one.exchange()
        assert verdict.kind is AnswerKind.TIME
        assert header.origin_bits == 0xABC0_0000 + one.count


def off(responder: Responder) -> None:
    responder.handle_clock_set()


def sent(responder: Responder) -> None:
    responder.handle_sent(bytes([0x24, 2]) + bytes(46), after(1), SNAPSHOT)


@pytest.mark.parametrize("touch", [off, sent])
def test_without_a_table_every_answer_is_basic_and_exact(touch: Callable[[Responder], None]) -> None:
    responder = server(ServerPolicy(clients=ClientLimits(size=8), interleaved_size=0))
    touch(responder)
    odd = NtpTimestamp(0xEC00_0001_0000_0001)
    request = Request(request_bytes(origin=0x101, receive=0x55), CLIENT, SERVER, NtpTimestamp(0xEC00_0001_0000_0000))
    for _ in range(3):
        header = header_of(responder.respond(request, odd, SNAPSHOT, 1.0))
        assert (header.receive_bits, header.transmit_bits) == (0xEC00_0001_0000_0000, odd.bits)
