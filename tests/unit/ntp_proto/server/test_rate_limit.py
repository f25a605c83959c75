from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_proto.server import Bucket, Rate
from ntp_proto.server.rate_limit import nanoseconds

EXACT_RATES = st.sampled_from([0.125, 0.5, 1.0, 2.0, 32.0, 100.0, 1000.0])  # a whole number of ns from token to token


@given(EXACT_RATES, st.integers(1, 20), st.lists(st.integers(0, 3 * 10**9), max_size=60))
def test_it_is_a_bucket_of_tokens(per_s: float, burst: int, gaps_ns: list[int]) -> None:
    bucket = Bucket(Rate(per_s, burst))
    tokens, now_ns, before_ns = Fraction(burst), 5 * 10**9, 5 * 10**9
    for gap_ns in gaps_ns:
        # Instants that a float of seconds holds exactly, so that the model counts the same nanoseconds.
        now_ns = nanoseconds((now_ns + gap_ns) / 10**9)
        tokens = min(Fraction(burst), tokens + Fraction(now_ns - before_ns) * Fraction(per_s) / 10**9)
        before_ns = now_ns
        is_given = tokens >= 1
        tokens -= is_given
        assert bucket.take(_exact_seconds(now_ns)) == is_given


def _exact_seconds(wanted_ns: int) -> float:
    """A float that is cut off to exactly this many nanoseconds."""
    seconds = (wanted_ns + 0.5) / 10**9
    assert nanoseconds(seconds) == wanted_ns
    return seconds


def test_a_burst_then_the_rate() -> None:
    bucket = Bucket(Rate(10.0, 5))
    assert [bucket.take(0.0) for _ in range(7)] == [True] * 5 + [False] * 2
    assert not bucket.take(0.0999)
    assert bucket.take(0.1)
    assert not bucket.take(0.1)


def test_a_pause_gives_no_more_than_the_burst() -> None:
    bucket = Bucket(Rate(1000.0, 3))
    assert sum(bucket.take(0.0) for _ in range(9)) == 3
    assert sum(bucket.take(1e6) for _ in range(9)) == 3


def test_a_refusal_costs_nothing() -> None:
    bucket = Bucket(Rate(1.0, 1))
    bucket.take(0.0)
    for step in range(99):
        assert not bucket.take(step / 100)
    assert bucket.take(1.0)


def test_what_stands_in_the_c_structure_fits_63_bits() -> None:
    slowest = Rate(1e-6, 1_000_000)
    assert slowest.interval_ns == 10**15
    assert slowest.tolerance_ns + slowest.interval_ns + 10**18 < 1 << 63
    assert Rate(1e9, 1).interval_ns == 1
    assert Rate(1e9, 1).tolerance_ns == 0


@pytest.mark.parametrize(("per_s", "burst"), [(0.0, 1), (-1.0, 1), (float("nan"), 1), (float("inf"), 1), (1.0, 0), (1.0, 1_000_001)])
def test_what_is_no_rate(per_s: float, burst: int) -> None:
    with pytest.raises(ValueError, match=" is "):
        Rate(per_s, burst)
