from __future__ import annotations

from dataclasses import fields

from hypothesis import given
from hypothesis import strategies as st

from ntp_proto.server import Answer, AnswerKind, Dropped, DropReason, Refusal, Tally, Verdict, totals

DROPS = st.sampled_from(DropReason).map(lambda reason: Dropped(Refusal(reason)))
KISSES = st.sampled_from(DropReason).map(lambda reason: Answer(bytes(48), AnswerKind.KISS, Refusal(reason)))
TIMES = st.sampled_from([AnswerKind.TIME, AnswerKind.INTERLEAVED, AnswerKind.UNSYNCHRONIZED]).map(lambda kind: Answer(bytes(48), kind))
VERDICTS = st.lists(st.one_of(DROPS, KISSES, TIMES), max_size=60)


def tally_of(verdicts: list[Verdict]) -> Tally:
    tally = Tally()
    for verdict in verdicts:
        tally.count(verdict, 52)
    return tally


@given(VERDICTS)
def test_every_datagram_is_counted_once_on_each_side(verdicts: list[Verdict]) -> None:
    counted = totals([tally_of(verdicts)])
    assert counted.received == len(verdicts) == counted.accepted + counted.denied + counted.ignored
    refused = sum(
        (
            counted.malformed,
            counted.misdirected,
            counted.acl_denied,
            counted.dns_denied,
            counted.rate_limited,
            counted.hook_denied,
            counted.unsynchronized,
        )
    )
    assert refused == counted.denied + counted.ignored
    assert counted.bytes_in == 52 * len(verdicts)
    assert counted.bytes_out == 48 * (counted.accepted + counted.denied)


@given(VERDICTS, VERDICTS)
def test_two_workers_are_one_server(one: list[Verdict], two: list[Verdict]) -> None:
    assert totals([tally_of(one), tally_of(two)]) == totals([tally_of(one + two)])


def test_no_reason_is_without_a_counter() -> None:
    for reason in DropReason:
        quiet = totals([tally_of([Dropped(Refusal(reason))])])
        kissed = totals([tally_of([Answer(bytes(48), AnswerKind.KISS, Refusal(reason))])])
        moved = {field.name for field in fields(quiet) if getattr(quiet, field.name)} - {"received", "ignored", "bytes_in"}
        assert len(moved) == 1, reason
        assert (kissed.denied, kissed.ignored, quiet.denied, quiet.ignored) == (1, 0, 0, 1)
        assert getattr(kissed, moved.pop()) == 1


def test_what_each_is_called() -> None:
    verdicts: list[Verdict] = [
        Answer(bytes(48), AnswerKind.TIME),
        Answer(bytes(48), AnswerKind.INTERLEAVED),
        Answer(bytes(48), AnswerKind.UNSYNCHRONIZED),
        Answer(bytes(48), AnswerKind.KISS, Refusal(DropReason.CLIENT_RATE)),
        Dropped(Refusal(DropReason.CLIENT_RATE)),
        Dropped(Refusal(DropReason.DENYLIST)),
        Dropped(Refusal(DropReason.BAD_MODE)),
        Dropped(Refusal(DropReason.UNSYNCHRONIZED)),
    ]
    counted = totals([tally_of(verdicts)])
    assert (counted.accepted, counted.interleaved, counted.answered_unsynchronized) == (3, 1, 1)
    assert (counted.rate_limited, counted.acl_denied, counted.malformed, counted.unsynchronized) == (2, 1, 1, 1)
    assert (counted.denied, counted.ignored) == (1, 4)


def test_the_reasons_by_name_the_silent_ones_too() -> None:
    by_reason = tally_of([Dropped(Refusal(DropReason.HOOK, "no")), Answer(bytes(48), AnswerKind.KISS, Refusal(DropReason.DENYLIST))]).by_reason()
    assert by_reason.keys() == {reason.value for reason in DropReason}
    assert {name for name, count in by_reason.items() if count} == {"hook", "denylist"}


def test_send_errors_add_up() -> None:
    one, two = Tally(send_errors=2), Tally(send_errors=3)
    assert totals([one, two]).send_errors == 5
    assert totals([]).received == 0


def test_the_time_that_answers_took_is_summed_and_never_goes_back() -> None:
    tally = Tally()
    answer = Answer(bytes(48), AnswerKind.TIME, None)
    tally.count(answer, 48, 1000)
    tally.count(answer, 48, -5)  # the clock was set back meanwhile
    tally.count(Dropped(Refusal(DropReason.BAD_MODE)), 48, 700)
    more = Tally(processing=24)
    tally.add(more)
    assert tally.processing == 1024
