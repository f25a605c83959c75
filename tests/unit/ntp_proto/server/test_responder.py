from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_proto.identifiers import KissCode, LeapIndicator, ReferenceId
from ntp_proto.packet import Header
from ntp_proto.server import (
    AccessList,
    Answer,
    AnswerKind,
    ClientLimits,
    Dropped,
    DropReason,
    Endpoint,
    NameVerdict,
    PrefixTable,
    Rate,
    Refusal,
    RefusalAction,
    Request,
    Responder,
    ServerPolicy,
    Snapshot,
    Verdict,
)
from ntp_proto.server.interleaved import asks_interleaved, mark_receive, mark_transmit
from ntp_proto.time_types import NtpTimestamp
from support.responding import CLIENT, EPOCH, NO_LIMITS, SERVER, SNAPSHOT, after, ask, endpoint, header_of, request_bytes, server

DENY = RefusalAction.DENY
SMALL = ClientLimits(size=64)
UNSYNCHRONIZED = Snapshot.unsynchronized(EPOCH)
STRICTEST = ServerPolicy(
    denylist=AccessList(PrefixTable(["10.0.0.0/8"])),
    allowlist=AccessList(PrefixTable(["10.0.0.0/8", "198.51.100.0/24"])),
    clients=ClientLimits(rate=Rate(1.0, 2), leak=0, size=64),
    global_limit=Rate(1.0, 3),
    serves_unsynchronized=False,
)


def reason_of(verdict: Verdict) -> DropReason:
    assert isinstance(verdict, Dropped), verdict
    return verdict.reason


class TestTime:
    @pytest.mark.parametrize("version", [3, 4])
    def test_an_exact_answer(self, version: int) -> None:
        policy = replace(NO_LIMITS, interleaved_size=0)
        verdict = ask(server(policy), request_bytes(version), received_at=after(1.0), transmit_at=after(1.25))
        assert isinstance(verdict, Answer)
        assert verdict.kind is AnswerKind.TIME
        header = Header.parse(verdict.data)
        assert (header.version, header.mode, header.leap, header.stratum) == (version, 4, LeapIndicator.INSERT, 3)
        assert (header.poll_log2, header.precision) == (6, -24)
        assert header.origin_bits == 0x1234_5678_9ABC_DEF0
        assert (header.receive, header.transmit) == (after(1.0), after(1.25))
        assert header.reference_id == ReferenceId.from_address("203.0.113.5")

    def test_the_marks_of_interleaved_mode_cost_one_bit(self) -> None:
        header = header_of(ask(server(), received_at=after(1.0), transmit_at=after(1.25)))
        assert (after(1.0) - header.receive).value == 1
        assert header.transmit == after(1.25)

    @pytest.mark.parametrize("extra", [4, 20, 24, 28, 300, 2000])
    def test_48_octets_whatever_follows_the_header(self, extra: int) -> None:
        """Length 0, 0xFFFF and beyond the end among what might be extension fields: none of it is looked at."""
        for filling in (b"\0", b"\xff", b"\x01\x04\x00\x10"):
            assert header_of(ask(server(), request_bytes() + (filling * extra)[:extra])).stratum == 3

    def test_judging_and_concluding_are_responding(self) -> None:
        one, two = server(STRICTEST), server(STRICTEST)
        for number in range(6):
            request = Request(request_bytes(transmit=number + 1), endpoint(f"198.51.100.{number % 3}", 4000), SERVER, after(1.0))
            refusal = two.judge(request, SNAPSHOT, 5.0)
            assert one.respond(request, after(1.5), SNAPSHOT, 5.0) == two.conclude(request, refusal, after(1.5), SNAPSHOT)


class TestUnsynchronized:
    def test_leap_3_and_stratum_16_by_default(self) -> None:
        verdict = ask(server(), snapshot=UNSYNCHRONIZED)
        header = header_of(verdict)
        assert isinstance(verdict, Answer)
        assert verdict.kind is AnswerKind.UNSYNCHRONIZED
        assert (header.leap, header.stratum) == (LeapIndicator.UNSYNCHRONIZED, 16)

    def test_silence_when_configured_with_a_reason_of_its_own(self) -> None:
        silent = server(replace(NO_LIMITS, serves_unsynchronized=False))
        assert reason_of(ask(silent, snapshot=UNSYNCHRONIZED)) is DropReason.UNSYNCHRONIZED
        assert header_of(ask(silent)).stratum == 3

    def test_sources_lost_for_good(self) -> None:
        """The dispersion grows, answer by answer, until it is no time any more."""
        polite, silent = server(), server(replace(NO_LIMITS, serves_unsynchronized=False))
        before = 0.0
        for hour in range(17):
            header = header_of(ask(polite, received_at=after(3600.0 * hour), now=3600.0 * hour))
            assert (header.leap, header.stratum) == (LeapIndicator.INSERT, 3)
            assert header.root_dispersion.to_seconds() > before
            before = header.root_dispersion.to_seconds()
        late = after(3600.0 * 18)
        assert header_of(ask(polite, received_at=late, now=3600.0 * 18)).stratum == 16
        assert reason_of(ask(silent, received_at=late)) is DropReason.UNSYNCHRONIZED

    def test_interleaved_answers_say_it_too(self) -> None:
        responder = server()
        origin = 0
        for number in range(3):
            data = request_bytes(origin=origin, receive=0x55)
            verdict = ask(responder, data, received_at=after(number), snapshot=UNSYNCHRONIZED)
            origin = header_of(verdict).receive_bits
            assert isinstance(verdict, Answer)
            assert verdict.kind is AnswerKind.UNSYNCHRONIZED


class TestRefusals:
    def test_a_denied_client_is_kissed_when_configured(self) -> None:
        policy = ServerPolicy(denylist=AccessList(PrefixTable(["198.51.100.0/24"]), DENY), clients=SMALL)
        verdict = ask(server(policy))
        assert isinstance(verdict, Answer)
        assert (verdict.kind, verdict.refusal) == (AnswerKind.KISS, Refusal(DropReason.DENYLIST))
        assert header_of(verdict).reference_id.kiss_code is KissCode.DENY
        assert header_of(verdict).origin_bits == 0x1234_5678_9ABC_DEF0

    def test_a_client_over_its_limit(self) -> None:
        limits = ClientLimits(rate=Rate(1.0, 1), leak=0, size=64)
        assert header_of(ask(server(ServerPolicy(clients=limits)))).stratum == 3
        for action, expected in ((DENY, KissCode.RATE), (RefusalAction.IGNORE, None)):
            responder = server(ServerPolicy(clients=limits, limit_action=action))
            ask(responder)
            verdict = ask(responder)
            if expected is None:
                assert reason_of(verdict) is DropReason.CLIENT_RATE
            else:
                assert header_of(verdict).reference_id.kiss_code is expected

    def test_one_site_of_ipv6_is_one_client(self) -> None:
        responder = server(ServerPolicy(clients=ClientLimits(rate=Rate(1.0, 1), leak=0, size=64)))
        assert header_of(ask(responder, client=endpoint("2001:db8::1", 1))).stratum == 3
        assert reason_of(ask(responder, client=endpoint("2001:db8::2", 2))) is DropReason.CLIENT_RATE
        assert header_of(ask(responder, client=endpoint("2001:db8:0:1::1", 1))).stratum == 3

    def test_the_limit_of_all(self) -> None:
        responder = server(ServerPolicy(clients=SMALL, global_limit=Rate(10.0, 2)))
        clients = [endpoint(f"198.51.100.{number}", 4000) for number in range(4)]
        verdicts = [ask(responder, client=client) for client in clients]
        assert [isinstance(verdict, Answer) for verdict in verdicts] == [True, True, False, False]
        assert reason_of(verdicts[2]) is DropReason.GLOBAL_RATE
        assert header_of(ask(responder, now=100.1)).stratum == 3

    def test_who_is_refused_takes_no_global_token(self) -> None:
        policy = replace(STRICTEST, global_limit=Rate(1e-6, 3))
        responder = server(policy)
        for _ in range(10):
            ask(responder, client=endpoint("10.0.0.1", 4000))
            ask(responder, client=endpoint("192.0.2.9", 4000))
            ask(responder, request_bytes(mode=4))
        assert header_of(ask(responder)).stratum == 3
        assert header_of(ask(responder)).stratum == 3
        assert [reason_of(ask(responder)) for _ in range(10)] == [DropReason.CLIENT_RATE] * 10
        assert header_of(ask(responder, client=endpoint("198.51.100.8", 4000))).stratum == 3
        assert reason_of(ask(responder, client=endpoint("198.51.100.9", 4000))) is DropReason.GLOBAL_RATE

    def test_who_is_on_a_list_takes_no_place_among_the_clients(self) -> None:
        responder = server(STRICTEST)
        ask(responder, client=endpoint("10.0.0.1", 4000))
        ask(responder, client=endpoint("192.0.2.9", 4000))
        assert responder.clients.active(100.0) == 0
        ask(responder)
        assert responder.clients.active(100.0) == 1


class TestNames:
    @pytest.mark.parametrize(("verdict", "reason"), [(NameVerdict.DENIED, DropReason.NAME_DENIED), (NameVerdict.PENDING, DropReason.NAME_PENDING)])
    def test_denied_and_not_known_yet(self, verdict: NameVerdict, reason: DropReason) -> None:
        responder = server(name_policy=lambda _: verdict)
        assert reason_of(ask(responder)) is reason
        assert responder.clients.active(100.0) == 0

    def test_allowed_by_the_packed_address(self) -> None:
        asked: list[bytes] = []

        def policy(address: bytes) -> NameVerdict:
            asked.append(address)
            return NameVerdict.ALLOWED

        assert header_of(ask(server(name_policy=policy))).stratum == 3
        assert asked == [CLIENT.address]

    def test_a_kiss_for_the_denied_but_never_for_the_pending(self) -> None:
        policy = replace(NO_LIMITS, name_action=DENY)
        assert header_of(ask(server(policy, name_policy=lambda _: NameVerdict.DENIED))).reference_id.kiss_code is KissCode.DENY
        assert reason_of(ask(server(policy, name_policy=lambda _: NameVerdict.PENDING))) is DropReason.NAME_PENDING


class TestHook:
    def test_a_text_refuses_and_is_the_reason(self) -> None:
        verdict = ask(server(hook=lambda request: "maintenance" if request.client == CLIENT else ""))
        assert verdict == Dropped(Refusal(DropReason.HOOK, "maintenance"))

    def test_no_text_answers(self) -> None:
        assert header_of(ask(server(hook=lambda _: ""))).stratum == 3

    def test_it_is_asked_only_of_what_would_be_answered(self) -> None:
        asked: list[Request] = []

        def hook(request: Request) -> str:
            asked.append(request)
            return ""

        responder = server(STRICTEST, hook=hook)
        ask(responder, client=endpoint("10.0.0.1", 4000))
        ask(responder, request_bytes(mode=4))
        for _ in range(4):
            ask(responder)
        assert len(asked) == 2
        assert asked[0] == Request(request_bytes(), CLIENT, SERVER, after(1.0))


def no_form(responder: Responder) -> Verdict:
    return ask(responder, request_bytes(mode=4), client=Endpoint(CLIENT.address, 0), snapshot=UNSYNCHRONIZED)


def no_ends(responder: Responder) -> Verdict:
    return ask(responder, client=Endpoint(endpoint("10.0.0.1", 1).address, 0), snapshot=UNSYNCHRONIZED)


def on_both_lists(responder: Responder) -> Verdict:
    return ask(responder, client=endpoint("10.0.0.1", 4000), snapshot=UNSYNCHRONIZED)


def not_allowed(responder: Responder) -> Verdict:
    return ask(responder, client=endpoint("192.0.2.9", 4000), snapshot=UNSYNCHRONIZED)


def plain(responder: Responder) -> Verdict:
    return ask(responder, snapshot=UNSYNCHRONIZED)


class TestOrder:
    """Each request has several faults; the first in the order of judgement is the one that is named."""

    @pytest.mark.parametrize(
        ("request_of", "reason"),
        [
            (no_form, DropReason.BAD_MODE),
            (no_ends, DropReason.BAD_SOURCE),
            (on_both_lists, DropReason.DENYLIST),
            (not_allowed, DropReason.ALLOWLIST),
            (plain, DropReason.NAME_DENIED),
        ],
    )
    def test_down_to_the_names(self, request_of: Callable[[Responder], Verdict], reason: DropReason) -> None:
        responder = server(STRICTEST, name_policy=lambda _: NameVerdict.DENIED, hook=lambda _: "no")
        for _ in range(3):
            assert reason_of(request_of(responder)) is reason

    def test_from_the_limits_on(self) -> None:
        policy = replace(STRICTEST, global_limit=Rate(1e-6, 1))
        responder = server(policy, hook=lambda request: "no" if request.data[2] == 6 else "")
        assert reason_of(plain(responder)) is DropReason.HOOK
        assert reason_of(plain(responder)) is DropReason.GLOBAL_RATE
        assert reason_of(plain(responder)) is DropReason.CLIENT_RATE
        other = server(STRICTEST)
        assert reason_of(plain(other)) is DropReason.UNSYNCHRONIZED


class TestLegacy:
    def test_only_when_asked_for(self) -> None:
        assert reason_of(ask(server(), request_bytes(2))) is DropReason.BAD_VERSION
        legacy = server(replace(NO_LIMITS, serves_legacy=True))
        assert (header_of(ask(legacy, request_bytes(1))).version, header_of(ask(legacy, request_bytes(2))).version) == (1, 2)
        assert header_of(ask(legacy, request_bytes(2, 1))).mode == 2
        assert header_of(ask(legacy, request_bytes(1, 0))).mode == 4

    def test_what_a_legacy_server_answers_it_does_not_answer_again(self) -> None:
        legacy = server(replace(NO_LIMITS, serves_legacy=True))
        for version in range(1, 5):
            for mode in range(8):
                verdict = ask(legacy, request_bytes(version, mode))
                if isinstance(verdict, Answer):
                    assert reason_of(ask(legacy, verdict.data, client=Endpoint(CLIENT.address, 123))) is DropReason.BAD_MODE


OPENINGS = st.binary(min_size=48, max_size=48)
BYTES = st.one_of(st.binary(max_size=200), st.tuples(OPENINGS, st.integers(0, 30)).map(lambda pair: pair[0] + bytes(4 * pair[1])))
LIKELY = st.tuples(st.integers(0, 3), st.sampled_from([1, 2, 3, 4]), st.sampled_from([0, 1, 3]), st.binary(min_size=47, max_size=47)).map(
    lambda parts: bytes([parts[0] << 6 | parts[1] << 3 | parts[2]]) + parts[3]
)
STAMPS = st.integers(0, 2**64 - 1).map(NtpTimestamp)
EVERYWHERE = AccessList(PrefixTable(["0.0.0.0/0"]), DENY)
POLICIES = st.sampled_from(
    [
        NO_LIMITS,
        ServerPolicy(clients=SMALL, serves_legacy=True),
        ServerPolicy(clients=SMALL, denylist=EVERYWHERE),
        ServerPolicy(clients=SMALL, denylist=EVERYWHERE, serves_legacy=True),
        ServerPolicy(clients=ClientLimits(rate=Rate(1e-6, 1), leak=0, size=8), limit_action=DENY),
        ServerPolicy(clients=SMALL, interleaved_size=0, serves_unsynchronized=False),
    ]
)


@given(st.one_of(BYTES, LIKELY), POLICIES, STAMPS, STAMPS)
def test_whatever_arrives_and_whenever(data: bytes, policy: ServerPolicy, received_at: NtpTimestamp, transmit_at: NtpTimestamp) -> None:
    """Only a request is answered, by a server's 48 octets that repeat its transmit timestamp, never more than were asked."""
    responder = server(policy)
    for _ in range(2):
        verdict = ask(responder, data, received_at=received_at, transmit_at=transmit_at)
        if isinstance(verdict, Dropped):
            continue
        request, answer = Header.parse(data), Header.parse(verdict.data)
        assert request.mode == 3 or (policy.serves_legacy and request.mode in (0, 1))
        assert answer.mode == (2 if request.mode == 1 else 4)
        assert len(verdict.data) == 48 <= len(data)
        assert (answer.version, answer.poll_log2) == (request.version, request.poll_log2)
        assert answer.stratum != 0 or verdict.kind is AnswerKind.KISS
        may_interleave = asks_interleaved(request) and verdict.kind in (AnswerKind.INTERLEAVED, AnswerKind.UNSYNCHRONIZED)
        assert answer.origin_bits == request.transmit_bits or (may_interleave and answer.origin_bits == request.receive_bits)
        if verdict.kind is AnswerKind.TIME and policy.interleaved_size:
            assert answer.receive_bits == mark_receive(received_at.bits)
            assert answer.transmit_bits == mark_transmit(transmit_at.bits)


@given(st.one_of(BYTES, LIKELY), st.booleans(), st.booleans())
def test_two_servers_pointed_at_each_other_fall_silent(data: bytes, is_one_legacy: bool, is_two_legacy: bool) -> None:
    """A datagram forged from one's port to the other's: at most one answer, and none to that."""
    here, there = endpoint("192.0.2.1", 123), endpoint("192.0.2.2", 123)
    one = server(replace(NO_LIMITS, serves_legacy=is_one_legacy))
    two = server(replace(NO_LIMITS, serves_legacy=is_two_legacy))
    first = ask(one, data, client=there, local=here)
    if isinstance(first, Answer):
        assert reason_of(ask(two, first.data, client=here, local=there)) in (DropReason.BAD_MODE, DropReason.BAD_VERSION)
