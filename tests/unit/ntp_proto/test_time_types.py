from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_proto.time_types import NtpDuration, NtpTimestamp, PollInterval

SECOND = 1 << 32
LONGEST = NtpDuration((1 << 63) - 1)
SHORTEST = NtpDuration(-(1 << 63))
U64_MAX = (1 << 64) - 1
NS_1900 = -2_208_988_800 * 10**9
NS_2036 = 2_085_978_496 * 10**9  # 2036-02-07 06:28:16 UTC, the end of era 0

durations = st.integers(-(1 << 63), (1 << 63) - 1).map(NtpDuration)
timestamps = st.integers(0, U64_MAX).map(NtpTimestamp)
polls = st.integers(-128, 127).map(PollInterval)


class TestNtpDuration:
    def test_from_seconds_is_exact_for_what_a_float_holds(self) -> None:
        assert NtpDuration.from_seconds(-1.5) == NtpDuration(-3 * SECOND // 2)
        assert NtpDuration.from_seconds(2.0**-32) == NtpDuration(1)

    @pytest.mark.parametrize("seconds", [math.inf, 2.0**31, 1e300])
    def test_from_seconds_saturates(self, seconds: float) -> None:
        assert NtpDuration.from_seconds(seconds) == LONGEST
        assert NtpDuration.from_seconds(-seconds) == SHORTEST

    def test_from_seconds_refuses_nan(self) -> None:
        with pytest.raises(ValueError, match="NaN"):
            NtpDuration.from_seconds(math.nan)

    @pytest.mark.parametrize("value", [1 << 63, -(1 << 63) - 1])
    def test_more_than_64_bits_are_refused(self, value: int) -> None:
        with pytest.raises(ValueError, match="64 bits"):
            NtpDuration(value)

    @given(st.floats(-(2.0**20), 2.0**20))
    def test_seconds_round_trip_to_half_a_unit(self, seconds: float) -> None:
        assert abs(NtpDuration.from_seconds(seconds).to_seconds() - seconds) <= 2.0**-33

    @given(st.integers(-(2**31) * 10**9 + 1, 2**31 * 10**9 - 1))
    def test_nanoseconds_round_trip_exactly(self, nanoseconds: int) -> None:
        assert NtpDuration.from_ns(nanoseconds).to_ns() == nanoseconds

    @given(st.integers())
    def test_from_ns_is_the_nearest_or_saturates(self, nanoseconds: int) -> None:
        duration = NtpDuration.from_ns(nanoseconds)
        exact = Fraction(nanoseconds * SECOND, 10**9)
        assert duration in (LONGEST, SHORTEST) or abs(duration.value - exact) <= Fraction(1, 2)

    @given(st.integers(0, 0xFFFFFFFF))
    def test_short_format_round_trip(self, bits: int) -> None:
        # The upper half of the format is longer than a signed duration of 2^31 s only from 2^31 s on: all 16.16 values fit.
        assert NtpDuration.from_short(bits).to_short() == bits

    @given(durations)
    def test_short_format_never_shrinks_an_error_bound(self, duration: NtpDuration) -> None:
        short = duration.to_short()
        assert 0 <= short <= 0xFFFFFFFF
        assert short == 0xFFFFFFFF or NtpDuration.from_short(short) >= duration

    def test_short_format_limits(self) -> None:
        assert NtpDuration(-1).to_short() == 0
        assert NtpDuration(1).to_short() == 1
        assert LONGEST.to_short() == 0xFFFFFFFF

    @given(durations, durations)
    def test_arithmetic_saturates(self, a: NtpDuration, b: NtpDuration) -> None:
        assert (a + b).value == min(LONGEST.value, max(SHORTEST.value, a.value + b.value))
        assert (a - b).value == min(LONGEST.value, max(SHORTEST.value, a.value - b.value))

    def test_the_most_negative_has_a_nearest_opposite(self) -> None:
        assert -SHORTEST == LONGEST
        assert abs(SHORTEST) == LONGEST
        assert abs(NtpDuration(-5)) == NtpDuration(5)

    def test_half_rounds_towards_minus_infinity(self) -> None:
        assert NtpDuration(3).half() == NtpDuration(1)
        assert NtpDuration(-3).half() == NtpDuration(-2)

    def test_lengths_have_an_order(self) -> None:
        assert NtpDuration(-1) < NtpDuration(0) < NtpDuration(1)


class TestNtpTimestamp:
    @pytest.mark.parametrize("bits", [-1, 1 << 64])
    def test_more_than_64_bits_are_refused(self, bits: int) -> None:
        with pytest.raises(ValueError, match="64 bits"):
            NtpTimestamp(bits)

    def test_the_unix_epoch(self) -> None:
        assert NtpTimestamp.from_unix_ns(0) == NtpTimestamp(2_208_988_800 << 32)

    def test_the_end_of_era_0_is_zero_again(self) -> None:
        assert NtpTimestamp.from_unix_ns(NS_2036) == NtpTimestamp(0)
        assert NtpTimestamp.from_unix_ns(NS_1900).is_zero

    @given(st.integers(NS_1900, 2**33 * 10**9), st.integers(-(2**31) * 10**9 + 10, 2**31 * 10**9 - 10))
    def test_unix_round_trip_in_any_era(self, nanoseconds: int, error_ns: int) -> None:
        assert NtpTimestamp.from_unix_ns(nanoseconds).to_unix_ns(near_ns=nanoseconds + error_ns) == nanoseconds

    @given(timestamps, durations)
    def test_plus_and_minus_undo_each_other(self, instant: NtpTimestamp, length: NtpDuration) -> None:
        assert (instant + length).minus(length) == instant
        assert (instant + length) - instant == length

    @given(timestamps, timestamps)
    def test_difference_is_antisymmetric(self, a: NtpTimestamp, b: NtpTimestamp) -> None:
        assert (a - b).value in (-(b - a).value, -(1 << 63))

    def test_order_holds_across_the_era(self) -> None:
        before, after = NtpTimestamp(U64_MAX), NtpTimestamp(1)
        assert before.is_before(after)
        assert not after.is_before(before)
        assert not after.is_before(after)
        assert after - before == NtpDuration(2)


class TestPollInterval:
    @given(st.integers(0, 255))
    def test_byte_round_trip(self, byte: int) -> None:
        assert PollInterval.from_byte(byte).byte == byte

    def test_seconds(self) -> None:
        assert PollInterval(6).seconds == 64.0
        assert PollInterval(-1).seconds == 0.5
        assert PollInterval.from_byte(0xFF) == PollInterval(-1)

    @pytest.mark.parametrize("log2", [-129, 128])
    def test_more_than_8_bits_are_refused(self, log2: int) -> None:
        with pytest.raises(ValueError, match="8-bit"):
            PollInterval(log2)

    def test_steps_stop_at_the_limit(self) -> None:
        assert PollInterval(6).longer(PollInterval(7)) == PollInterval(7)
        assert PollInterval(7).longer(PollInterval(7)) == PollInterval(7)
        assert PollInterval(127).longer(PollInterval(127)) == PollInterval(127)
        assert PollInterval(7).shorter(PollInterval(6)) == PollInterval(6)
        assert PollInterval(6).shorter(PollInterval(6)) == PollInterval(6)
        assert PollInterval(-128).shorter(PollInterval(-128)) == PollInterval(-128)

    @given(polls, polls, polls)
    def test_clamped_lies_within(self, poll: PollInterval, a: PollInterval, b: PollInterval) -> None:
        minimum, maximum = min(a, b), max(a, b)
        clamped = poll.clamped(minimum, maximum)
        assert minimum <= clamped <= maximum
        assert clamped == poll or not minimum <= poll <= maximum
