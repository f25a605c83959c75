from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ntp_proto.association.reachability import Reachability


def polled(outcomes: str) -> Reachability:
    """After requests that were answered (a), refused with a kiss (k) or not answered (-)."""
    reachability = Reachability()
    for outcome in outcomes:
        asked = reachability.after_request()
        reachability = asked.after_answer() if outcome == "a" else asked.after_kiss() if outcome == "k" else asked.after_silence()
    return reachability


def test_the_register_holds_the_last_eight() -> None:
    assert polled("a").register == 0b1
    assert polled("a-a").register == 0b101
    assert polled("a" + "-" * 7).register == 0b1000_0000
    assert polled("a" + "-" * 8).register == 0


def test_a_kiss_ends_the_silence_but_is_no_reach() -> None:
    refused = polled("---k")
    assert (refused.register, refused.silent_polls, refused.has_answered) == (0, 0, True)


def test_a_server_that_never_answered_is_given_up_sooner() -> None:
    assert [n for n in range(30) if polled("-" * n).is_reset_due] == [4, 12, 20, 28]
    assert [n for n in range(30) if polled("a" + "-" * n).is_reset_due] == [8, 16, 24]
    assert [n for n in range(30) if polled("k" + "-" * n).is_reset_due] == [8, 16, 24]


def test_the_back_off_begins_with_the_first_reset() -> None:
    assert [polled("-" * n).back_off for n in range(7)] == [0, 0, 0, 0, 1, 2, 3]
    assert [polled("a" + "-" * n).back_off for n in range(6, 11)] == [0, 0, 1, 2, 3]
    assert polled("-" * 20 + "a").back_off == 0


def test_a_dead_server_is_not_hurried() -> None:
    assert polled("---").bears_burst
    assert not polled("----").bears_burst
    assert not polled("aaaa----").bears_burst
    assert polled("----a").bears_burst


@given(st.text("ak-", max_size=40))
def test_the_register_fits_eight_bits(outcomes: str) -> None:
    reachability = polled(outcomes)
    assert reachability.register == sum(1 << i for i, outcome in enumerate(reversed(outcomes[-8:])) if outcome == "a")
    assert reachability.silent_polls == len(outcomes) - len(outcomes.rstrip("-"))
