"""Hostile packets, by the number they have in the list of cases that the project tests against.

In every case "ignored" means: exactly one `Rejected`, no change of anything that can be seen or that steers the association, and the genuine
answer to the same request is still a measurement. Each is tried before the first measurement, during the start burst and in steady state.
Cases 9, 17 to 25 and 30 belong to authentication, NTS, DNS and the server, 26 and 28 to the discipline.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from ntp_proto.association import AssociationConfig, Demobilize, Measured, Measurement, Rejected, Rejection
from ntp_proto.datagram import Address, Datagram
from ntp_proto.identifiers import KissCode, ReferenceId
from ntp_proto.packet import ExtensionField, Header, kiss_to
from ntp_proto.time_types import NtpDuration, NtpTimestamp, PollInterval
from support.conversation import CLIENT, SERVER, Conversation

SECOND = 1 << 32
YEAR_S = 365.25 * 86400
Attack = Callable[[Conversation], Datagram]


def before_the_first() -> Conversation:
    return Conversation()


def in_the_burst() -> Conversation:
    one = Conversation()
    one.exchange()
    return one


def in_steady_state() -> Conversation:
    one = Conversation()
    for _ in range(10):
        one.exchange()
    return one


SITUATIONS = [before_the_first, in_the_burst, in_steady_state]
situations = pytest.mark.parametrize("situation", SITUATIONS)


def asking(situation: Callable[[], Conversation]) -> Conversation:
    one = situation()
    one.ask()
    return one


def assert_ignored(one: Conversation, datagram: Datagram, reason: Rejection) -> None:
    before = one.visible_state()
    assert one.deliver(datagram) == [Rejected(reason)]
    assert one.visible_state() == before


def assert_genuine_answer_is_used(one: Conversation) -> Measurement:
    last = one.answer()[-1]
    assert isinstance(last, Measured)
    return last.measurement


def assert_settles_without_measurement(one: Conversation, datagram: Datagram, reason: Rejection) -> None:
    assert [action for action in one.deliver(datagram) if isinstance(action, Measured | Rejected)] == [Rejected(reason)]
    assert one.deliver() == [Rejected(Rejection.NOT_REQUESTED)]
    assert_the_association_goes_on(one)


def assert_the_association_goes_on(one: Conversation) -> None:
    one.ask()
    assert_genuine_answer_is_used(one)


@situations
def test_case_01_zero_origin(situation: Callable[[], Conversation]) -> None:
    one = asking(situation)
    assert_ignored(one, one.datagram(one.response(origin_bits=0).to_bytes()), Rejection.WRONG_ORIGIN)
    assert_genuine_answer_is_used(one)
    assert_ignored(one, one.datagram(one.response(origin_bits=0).to_bytes()), Rejection.NOT_REQUESTED)


@situations
def test_case_02_guessed_origins(situation: Callable[[], Conversation]) -> None:
    one = asking(situation)
    nonce = one.request.transmit.bits
    rng = random.Random(2)
    near = [nonce ^ 1 << bit for bit in range(64)]
    far = [rng.getrandbits(64) for _ in range(10_000)]
    before = one.visible_state()
    for guess in (*near, *far):
        assert one.deliver(one.datagram(one.response(origin_bits=guess).to_bytes(), delay_s=0.0)) == [Rejected(Rejection.WRONG_ORIGIN)]
    assert one.visible_state() == before
    assert_genuine_answer_is_used(one)


@situations
def test_case_03_duplicate_and_replay(situation: Callable[[], Conversation]) -> None:
    one = asking(situation)
    genuine = one.datagram()
    assert isinstance(one.deliver(genuine)[-1], Measured)
    for _ in range(4):
        assert_ignored(one, genuine, Rejection.NOT_REQUESTED)
    one.ask()
    assert_ignored(one, genuine, Rejection.WRONG_ORIGIN)
    assert_genuine_answer_is_used(one)


@situations
def test_case_04_answer_to_the_previous_request(situation: Callable[[], Conversation]) -> None:
    one = asking(situation)
    late = one.datagram()
    one.ask()
    assert_ignored(one, late, Rejection.WRONG_ORIGIN)
    assert_genuine_answer_is_used(one)


@situations
@pytest.mark.parametrize("remote", [Address(SERVER.host, 124), Address("192.0.2.2", SERVER.port), Address("::ffff:192.0.2.1", SERVER.port), CLIENT])
def test_case_05_wrong_address(situation: Callable[[], Conversation], remote: Address) -> None:
    one = asking(situation)
    assert_ignored(one, one.datagram(remote=remote), Rejection.WRONG_ADDRESS)
    assert_genuine_answer_is_used(one)


@situations
@pytest.mark.parametrize("code", [KissCode.RATE, KissCode.DENY, KissCode.RSTR, KissCode.NTSN])
@pytest.mark.parametrize("origin", [0, 1, -1])
def test_case_06_kiss_with_wrong_origin(situation: Callable[[], Conversation], code: KissCode, origin: int) -> None:
    one = asking(situation)
    wrong = origin if origin >= 0 else one.request.transmit.bits ^ 1
    assert_ignored(one, one.datagram(kiss_to(one.request, code)._replace(origin_bits=wrong).to_bytes()), Rejection.WRONG_ORIGIN)
    assert_genuine_answer_is_used(one)


@situations
def test_case_07_rate(situation: Callable[[], Conversation]) -> None:
    one = asking(situation)
    asked_at = one.now
    assert_settles_without_measurement(one, one.datagram(kiss_to(one.request, KissCode.RATE).to_bytes()), Rejection.KISS)
    assert one.association.poll_interval == PollInterval(7)
    asked_again_at = one.now - 0.021
    assert asked_again_at - asked_at >= 128 * 0.98
    for _ in range(8):
        one.exchange()
    assert one.association.poll_interval == PollInterval(6)


@situations
@pytest.mark.parametrize("code", [KissCode.DENY, KissCode.RSTR])
def test_case_08_deny(situation: Callable[[], Conversation], code: KissCode) -> None:
    one = asking(situation)
    count = len(one.sent)
    assert one.deliver(one.datagram(kiss_to(one.request, code).to_bytes()))[-1] == Demobilize(code)
    for _ in range(100):
        one.now += 1000.0
        assert one.wake() == []
    assert len(one.sent) == count


@situations
@pytest.mark.parametrize("letters", [b"\x1b[2J", b"\xff\xfe\xfd\xfc", b"\x00\x00\x00\x07", b"ABCD", b"rate", b"DEN\x00"])
def test_case_10_unknown_kiss(situation: Callable[[], Conversation], letters: bytes) -> None:
    one = asking(situation)
    reference_id = ReferenceId(int.from_bytes(letters, "big"))
    interval = one.association.poll_interval
    hostile = one.datagram(one.response(stratum=0, reference_id_bits=reference_id.bits).to_bytes())
    assert_settles_without_measurement(one, hostile, Rejection.KISS)
    assert one.association.poll_interval == interval
    assert reference_id.to_text(stratum=0).isprintable()


@situations
@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"stratum": 16}, Rejection.UNSYNCHRONIZED),
        ({"stratum": 255}, Rejection.UNSYNCHRONIZED),
        ({"first_byte": 0xE4}, Rejection.UNSYNCHRONIZED),
        ({"stratum": 1, "root_delay_bits": 16 << 16}, Rejection.ROOT_DISTANCE),
        ({"root_dispersion_bits": 0xFFFFFFFF}, Rejection.ROOT_DISTANCE),
        ({"root_delay_bits": 0xFFFFFFFF, "root_dispersion_bits": 0xFFFFFFFF}, Rejection.ROOT_DISTANCE),
    ],
)
def test_case_11_server_without_time(situation: Callable[[], Conversation], fields: dict[str, int], reason: Rejection) -> None:
    one = asking(situation)
    assert_settles_without_measurement(one, one.datagram(one.response(**fields).to_bytes()), reason)
    assert one.association.is_reachable


def shifted(one: Conversation, *, transmit_s: float) -> Header:
    header = one.response()
    return header._replace(transmit_bits=(header.receive + NtpDuration.from_seconds(transmit_s)).bits)


@situations
@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        (lambda one: one.datagram(shifted(one, transmit_s=-0.001).to_bytes()), Rejection.BAD_TIMESTAMPS),
        (lambda one: one.datagram(shifted(one, transmit_s=10.0).to_bytes()), Rejection.BAD_TIMESTAMPS),
        (lambda one: one.datagram(one.response(receive_bits=0).to_bytes()), Rejection.BAD_TIMESTAMPS),
        (lambda one: one.datagram(one.response(transmit_bits=0).to_bytes()), Rejection.BAD_TIMESTAMPS),
        (lambda one: one.datagram(shifted(one, transmit_s=0.071).to_bytes()), Rejection.BAD_DELAY),
    ],
    ids=["transmit before receive", "processing of 10 s", "receive zero", "transmit zero", "delay of -50 ms"],
)
def test_case_12_impossible_times(situation: Callable[[], Conversation], attack: Attack, reason: Rejection) -> None:
    one = asking(situation)
    assert_settles_without_measurement(one, attack(one), reason)


@situations
@pytest.mark.parametrize("years", [68.0, -68.0, 10.3, -40.0])
def test_case_13_far_times(situation: Callable[[], Conversation], years: float) -> None:
    """Handled: the offset is right within half an era either way, and whether to believe it is the discipline's (its panic limits)."""
    one = asking(situation)
    last = one.deliver(one.datagram(one.response(offset_s=years * YEAR_S).to_bytes()))[-1]
    assert isinstance(last, Measured)
    assert last.measurement.delay.to_seconds() == pytest.approx(0.020, abs=1e-6)
    assert last.measurement.offset.to_seconds() == pytest.approx(years * YEAR_S, abs=1e-3)


@situations
@pytest.mark.parametrize("bits", [0x0000000000000001, 0xFFFFFFFFFFFFFFFF, 0x8000000000000000, 0x7FFFFFFFFFFFFFFF])
def test_case_13_extreme_timestamps(situation: Callable[[], Conversation], bits: int) -> None:
    one = asking(situation)
    last = one.answer(receive_bits=bits, transmit_bits=bits)[-1]
    assert isinstance(last, Measured)
    assert last.measurement.delay >= NtpDuration(0)
    one.ask()
    assert one.answer(receive_bits=bits)[-1] == Rejected(Rejection.BAD_TIMESTAMPS)


def test_case_13_the_era_wraps_in_the_middle_of_an_exchange() -> None:
    one = Conversation()
    one.wake()
    last_moment = NtpTimestamp((1 << 64) - SECOND // 100)
    datagram = one.datagram()
    one.association.handle_sent(1, last_moment, datagram.stamp_source, one.now)
    receive = last_moment + NtpDuration.from_seconds(0.0125)
    header = one.response(receive_bits=receive.bits, transmit_bits=receive.bits)
    one.now += 0.025
    arrived = Datagram(header.to_bytes(), SERVER, CLIENT, last_moment + NtpDuration.from_seconds(0.025), datagram.stamp_source)
    last = one.association.handle_datagram(arrived, one.now)[-1]
    assert isinstance(last, Measured)
    assert abs(last.measurement.offset.to_seconds()) < 1e-9


@situations
@pytest.mark.parametrize("length", [*range(48), 49, 50, 51, 53, 65507])
def test_case_14_wrong_length(situation: Callable[[], Conversation], length: int) -> None:
    one = asking(situation)
    data = (one.response().to_bytes() + bytes(65507))[:length]
    assert_ignored(one, one.datagram(data), Rejection.MALFORMED)
    assert_genuine_answer_is_used(one)


@situations
@pytest.mark.parametrize("length", [0, 1, 4, 8, 12, 32, 0xFFFF])
def test_case_15_wrong_extension_field(situation: Callable[[], Conversation], length: int) -> None:
    one = asking(situation)
    field = (0x0104 << 16 | length).to_bytes(4, "big") + bytes(24)
    assert_ignored(one, one.datagram(one.response().to_bytes() + field), Rejection.MALFORMED)
    assert_genuine_answer_is_used(one)


@situations
@pytest.mark.parametrize("octets", [8, 12, 16])
def test_case_15_last_field_too_short_to_be_told_from_a_code(situation: Callable[[], Conversation], octets: int) -> None:
    one = asking(situation)
    field = (0x0104 << 16 | octets).to_bytes(4, "big") + bytes(octets - 4)
    assert_ignored(one, one.datagram(one.response().to_bytes() + field), Rejection.MALFORMED)
    assert_genuine_answer_is_used(one)


@situations
def test_case_15_chain_of_a_thousand_fields(situation: Callable[[], Conversation]) -> None:
    one = asking(situation)
    chain = ExtensionField(0x0104, bytes(12)).to_bytes() * 1000 + ExtensionField(0x0104, bytes(24)).to_bytes()
    assert_ignored(one, one.datagram(one.response().to_bytes() + chain), Rejection.MALFORMED)
    assert_genuine_answer_is_used(one)


@situations
@pytest.mark.parametrize("code_length", [0, 4, 20, 24])
def test_case_15_unknown_fields_are_skipped(situation: Callable[[], Conversation], code_length: int) -> None:
    one = asking(situation)
    trailer = ExtensionField(0xBEEF, bytes(12)).to_bytes() + ExtensionField(0, b"?" * 24).to_bytes() + bytes(code_length)
    assert isinstance(one.deliver(one.datagram(one.response().to_bytes() + trailer))[-1], Measured)


@situations
@pytest.mark.parametrize("version", [0, 1, 2, 5, 6, 7])
def test_case_16_version(situation: Callable[[], Conversation], version: int) -> None:
    one = asking(situation)
    assert_ignored(one, one.datagram(one.response(first_byte=version << 3 | 4).to_bytes()), Rejection.WRONG_VERSION)
    assert_genuine_answer_is_used(one)


@situations
def test_case_16_version_3_is_taken_for_an_answer_to_4(situation: Callable[[], Conversation]) -> None:
    one = asking(situation)
    assert isinstance(one.answer(first_byte=3 << 3 | 4)[-1], Measured)


@situations
@pytest.mark.parametrize("mode", [0, 1, 2, 3, 5, 6, 7])
def test_case_16_mode(situation: Callable[[], Conversation], mode: int) -> None:
    one = asking(situation)
    assert_ignored(one, one.datagram(one.response(first_byte=4 << 3 | mode).to_bytes()), Rejection.WRONG_MODE)
    assert_genuine_answer_is_used(one)


@pytest.mark.parametrize("held_back_s", [0.1, 1.5])
def test_case_27_delayed_answers_carry_their_own_error_bound(held_back_s: float) -> None:
    """Not to be recognised in one exchange: the measurement is used, and half its delay bounds the error that the attacker gets."""
    one = asking(in_steady_state)
    last = one.deliver(one.datagram(delay_s=0.021 + held_back_s))[-1]
    assert isinstance(last, Measured)
    error_s = abs(last.measurement.offset.to_seconds())
    assert error_s == pytest.approx(held_back_s / 2, abs=1e-6)
    assert error_s <= last.measurement.delay.to_seconds() / 2


def test_case_27_answers_delayed_beyond_the_limit() -> None:
    one = asking(in_steady_state)
    assert_settles_without_measurement(one, one.datagram(delay_s=3.1), Rejection.BAD_DELAY)
    one = asking(lambda: Conversation(AssociationConfig(maximum_delay_s=0.05)))
    assert_settles_without_measurement(one, one.datagram(delay_s=0.1), Rejection.BAD_DELAY)


@situations
@pytest.mark.parametrize("mode", [1, 2, 3, 5])
def test_case_29_interleaved_pivot_and_broadcast(situation: Callable[[], Conversation], mode: int) -> None:
    one = asking(situation)
    genuine = one.datagram()
    measurement = assert_genuine_answer_is_used(one)
    for origin in (measurement.origin, measurement.receive, measurement.transmit, measurement.destination, one.request.transmit):
        for first_byte in (4 << 3 | mode, 4 << 3 | 4):
            reason = Rejection.WRONG_MODE if first_byte & 7 != 4 else Rejection.NOT_REQUESTED
            assert_ignored(one, one.datagram(one.response(origin_bits=origin.bits, first_byte=first_byte).to_bytes()), reason)
    one.ask()
    for origin in (measurement.origin, measurement.receive, measurement.transmit, measurement.destination):
        assert_ignored(one, one.datagram(one.response(origin_bits=origin.bits).to_bytes()), Rejection.WRONG_ORIGIN)
        assert_ignored(one, one.datagram(one.response(first_byte=4 << 3 | mode).to_bytes()), Rejection.WRONG_MODE)
    assert_ignored(one, genuine, Rejection.WRONG_ORIGIN)
    assert_genuine_answer_is_used(one)


@situations
def test_case_29_our_own_request_reflected(situation: Callable[[], Conversation]) -> None:
    one = asking(situation)
    assert_ignored(one, one.datagram(one.sent[-1].data), Rejection.WRONG_MODE)
    assert_genuine_answer_is_used(one)
