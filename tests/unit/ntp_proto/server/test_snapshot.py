from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_proto.identifiers import LeapIndicator, ReferenceId
from ntp_proto.server import Snapshot
from ntp_proto.time_types import NtpDuration, NtpTimestamp
from support.responding import EPOCH, SNAPSHOT, after

TIMESTAMPS = st.integers(0, 2**64 - 1).map(NtpTimestamp)
SECOND = 1 << 32


class TestServedTime:
    def test_the_kernels_time_to_the_last_bit_where_nothing_is_corrected(self) -> None:
        odd = NtpTimestamp(0xEC00_0000_1234_5677)
        assert SNAPSHOT.served(odd) == odd

    def test_an_offset_is_served_minus_kernel(self) -> None:
        ahead = replace(SNAPSHOT, time_offset=NtpDuration.from_seconds(2.5))
        assert ahead.served(after(10.0)) == after(12.5)

    def test_a_frequency_counts_from_the_snapshot(self) -> None:
        fast = replace(SNAPSHOT, time_frequency=1e-6, time_offset=NtpDuration.from_seconds(-1.0))
        assert fast.served(EPOCH) == after(-1.0)
        assert (fast.served(after(1000.0)) - after(999.0)).value == round(1e-3 * SECOND)
        assert (fast.served(after(-1000.0)) - after(-1001.0)).value == round(-1e-3 * SECOND)

    def test_over_the_end_of_an_era(self) -> None:
        late = replace(SNAPSHOT, as_of=NtpTimestamp(2**64 - SECOND), time_offset=NtpDuration(3 * SECOND))
        assert late.served(NtpTimestamp(2**64 - 1)) == NtpTimestamp(3 * SECOND - 1)
        assert late.served(NtpTimestamp(5)) == NtpTimestamp(3 * SECOND + 5)


class TestDispersion:
    def test_it_grows_with_the_time_since_the_snapshot(self) -> None:
        assert SNAPSHOT.dispersion_at(EPOCH) == SNAPSHOT.root_dispersion
        assert SNAPSHOT.dispersion_at(after(1000.0)).to_seconds() == pytest.approx(0.03125 + 0.015, abs=1e-9)

    def test_a_clock_that_was_set_back_makes_it_no_smaller(self) -> None:
        assert SNAPSHOT.dispersion_at(after(-1000.0)) == SNAPSHOT.dispersion_at(after(1000.0))

    @given(TIMESTAMPS, TIMESTAMPS, st.floats(0.0, 0.1))
    def test_it_is_never_less_than_it_was_and_always_fits(self, as_of: NtpTimestamp, kernel: NtpTimestamp, rate: float) -> None:
        for start in (0, SECOND, 2**63 - 1):
            one = replace(SNAPSHOT, as_of=as_of, dispersion_rate=rate, root_dispersion=NtpDuration(start))
            assert start <= one.dispersion_at(kernel).value < 2**63


class TestSynchronized:
    def test_until_the_dispersion_passes_the_limit(self) -> None:
        # (1 - 0.03125) / 15e-6 s = 64583.3 s
        assert SNAPSHOT.is_synchronized_at(after(64583.0))
        assert not SNAPSHOT.is_synchronized_at(after(64584.0))

    def test_at_the_limit_it_still_is(self) -> None:
        at = replace(SNAPSHOT, dispersion_rate=0.0, root_dispersion=SNAPSHOT.dispersion_limit)
        assert at.is_synchronized_at(after(1.0))

    def test_never_without_time(self) -> None:
        assert not replace(SNAPSHOT, leap=LeapIndicator.UNSYNCHRONIZED).is_synchronized_at(EPOCH)


class TestUnsynchronized:
    def test_leap_3_and_stratum_16(self) -> None:
        first = Snapshot.unsynchronized(EPOCH, precision=-22)
        assert (first.leap, first.stratum, first.precision) == (LeapIndicator.UNSYNCHRONIZED, 16, -22)
        assert first.reference_id == ReferenceId.from_ascii("INIT")
        assert first.reference_time.is_zero

    def test_with_a_reference_id_of_the_operators_choice(self) -> None:
        assert Snapshot.unsynchronized(EPOCH, reference_id=ReferenceId.from_ascii("XFAC")).reference_id == ReferenceId.from_ascii("XFAC")


@given(TIMESTAMPS, TIMESTAMPS, st.integers(-(2**63), 2**63 - 1), st.floats(-0.1, 0.1))
def test_no_reading_of_any_clock_is_too_far_away(as_of: NtpTimestamp, kernel: NtpTimestamp, offset: int, frequency: float) -> None:
    one = replace(SNAPSHOT, as_of=as_of, time_offset=NtpDuration(offset), time_frequency=frequency)
    expected = kernel.bits + offset + round(frequency * (kernel - as_of).value)
    assert one.served(kernel).bits == expected % 2**64


@pytest.mark.parametrize(
    "wrong",
    [
        {"stratum": 0},
        {"stratum": 17},
        {"stratum": 16},
        {"precision": -129},
        {"precision": 128},
        {"root_dispersion": NtpDuration(-1)},
        {"dispersion_rate": -1e-9},
        {"dispersion_rate": 0.2},
        {"dispersion_rate": float("nan")},
        {"time_frequency": 0.2},
        {"time_frequency": float("nan")},
    ],
)
def test_what_no_answer_can_hold_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="got"):
        replace(SNAPSHOT, **wrong)
