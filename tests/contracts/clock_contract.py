"""The rules that every `Clock` obeys, as one test class.

    class TestMyClock(ClockContract):
        def make(self) -> Rig:
            return MyRig()

A rig holds a clock together with the means to see what it really does. Nothing here is particular to one clock: how exact a clock can be
measured is the rig's `tolerance_s`, and what the machine beneath it allows are the rig's limits.
"""

from collections.abc import Iterator
from typing import Protocol

import pytest

from ntp_proto.clock import Clock, ClockStatus
from ntp_proto.identifiers import LeapIndicator
from ntp_proto.time_types import NtpDuration


class Rig(Protocol):
    """A clock under test."""

    clock: Clock
    tolerance_s: float
    """What a measured interval may be off, s."""
    largest_test_frequency: float
    """The largest frequency that the tests ask for, s/s; the clock may be able to do more."""
    largest_test_step_s: float
    probes_limits: bool
    """Whether a frequency far beyond what any clock can do may be asked for."""

    def now(self) -> float:
        """The monotonic instant that goes with the clock, s."""
        ...

    def advance(self, seconds: float) -> None:
        """Let true time pass."""
        ...

    def true_elapsed(self) -> float:
        """Seconds of the uncorrected oscillator since some fixed instant."""
        ...

    def foreign_step(self, seconds: float) -> None:
        """Set the system clock as another program would."""
        ...

    def close(self) -> None:
        """Put everything back."""
        ...


def seconds(length: NtpDuration) -> float:
    return length.to_seconds()


class ClockContract:
    def make(self) -> Rig:
        raise NotImplementedError

    @pytest.fixture
    def rig(self) -> Iterator[Rig]:
        rig = self.make()
        try:
            rig.clock.displacement(rig.now())
            yield rig
        finally:
            rig.close()

    def rate(self, rig: Rig, length_s: float) -> tuple[float, float]:
        """How fast the readings and the monotonic clock run against the oscillator, less 1."""
        rig.advance(0.0)
        time, now, true = rig.clock.read(), rig.now(), rig.true_elapsed()
        rig.advance(length_s)
        later, later_now, later_true = rig.clock.read(), rig.now(), rig.true_elapsed()
        true_s = later_true - true
        return seconds(later - time) / true_s - 1.0, (later_now - now) / true_s - 1.0

    @pytest.mark.parametrize("share", [-1.0, -0.3, 0.0, 0.02, 0.3, 1.0])
    def test_readings_and_monotonic_run_faster_by_the_frequency(self, rig: Rig, share: float) -> None:
        wanted = share * rig.largest_test_frequency
        change = rig.clock.set_frequency(wanted, rig.now())
        assert change.frequency == pytest.approx(wanted, abs=1e-10)
        length_s = 0.5
        readings, monotonic = self.rate(rig, length_s)
        assert readings == pytest.approx(change.frequency, abs=rig.tolerance_s / length_s)
        assert monotonic == pytest.approx(change.frequency, abs=rig.tolerance_s / length_s)

    def test_positive_frequency_is_faster_than_negative(self, rig: Rig) -> None:
        rig.clock.set_frequency(rig.largest_test_frequency, rig.now())
        fast, _ = self.rate(rig, 0.5)
        rig.clock.set_frequency(-rig.largest_test_frequency, rig.now())
        slow, _ = self.rate(rig, 0.5)
        assert fast > rig.largest_test_frequency / 2
        assert slow < -rig.largest_test_frequency / 2

    def test_frequency_tells_what_was_applied(self, rig: Rig) -> None:
        for share in (0.731, -0.211, 0.0):
            change = rig.clock.set_frequency(share * rig.largest_test_frequency, rig.now())
            assert rig.clock.frequency() == change.frequency
            assert change.step_s == 0.0

    def test_frequencies_replace_each_other(self, rig: Rig) -> None:
        rig.clock.set_frequency(rig.largest_test_frequency / 2, rig.now())
        change = rig.clock.set_frequency(rig.largest_test_frequency / 4, rig.now())
        assert change.frequency == pytest.approx(rig.largest_test_frequency / 4, abs=1e-10)

    def test_a_frequency_beyond_the_limits_is_limited_and_said_so(self, rig: Rig) -> None:
        if not rig.probes_limits:
            pytest.skip("this rig must not ask for extreme frequencies")
        for sign in (1.0, -1.0):
            change = rig.clock.set_frequency(sign * 10.0, rig.now())
            assert 0.0 < sign * change.frequency < 1.0
            assert rig.clock.frequency() == change.frequency
            readings, _ = self.rate(rig, 0.5)
            assert readings == pytest.approx(change.frequency, abs=rig.tolerance_s / 0.5)

    def test_a_change_is_dated_within_the_call(self, rig: Rig) -> None:
        rig.advance(0.01)
        before = rig.now()
        changed = rig.clock.set_frequency(rig.largest_test_frequency / 2, before)
        between = rig.now()
        stepped = rig.clock.step(NtpDuration.from_seconds(rig.largest_test_step_s / 10), between)
        after = rig.now()
        assert before <= changed.at <= between <= stepped.at <= after

    @pytest.mark.parametrize("share", [1.0, -1.0, 0.123456789, -0.000001])
    def test_a_step_sets_the_readings_and_not_the_monotonic_clock(self, rig: Rig, share: float) -> None:
        offset = NtpDuration.from_seconds(share * rig.largest_test_step_s)
        time, now = rig.clock.read(), rig.now()
        change = rig.clock.step(offset, now)
        moved = seconds(rig.clock.read() - time) - (rig.now() - now)
        assert moved == pytest.approx(seconds(offset), abs=rig.tolerance_s)
        assert change.step_s == pytest.approx(seconds(offset), abs=1e-9)
        assert rig.now() - now < 0.5 * rig.largest_test_step_s + rig.tolerance_s

    def test_a_step_keeps_the_frequency(self, rig: Rig) -> None:
        applied = rig.clock.set_frequency(0.4 * rig.largest_test_frequency, rig.now()).frequency
        change = rig.clock.step(NtpDuration.from_seconds(rig.largest_test_step_s / 2), rig.now())
        assert change.frequency == rig.clock.frequency() == applied

    def test_a_status_changes_neither_time_nor_frequency(self, rig: Rig) -> None:
        applied = rig.clock.set_frequency(0.4 * rig.largest_test_frequency, rig.now()).frequency
        time, now = rig.clock.read(), rig.now()
        for leap in LeapIndicator:
            good = leap is not LeapIndicator.UNSYNCHRONIZED
            rig.clock.set_status(ClockStatus(good, leap, NtpDuration.from_ns(1500), NtpDuration.from_ns(2_000_001)))
        assert seconds(rig.clock.read() - time) == pytest.approx(rig.now() - now, abs=rig.tolerance_s)
        assert rig.clock.frequency() == applied

    def test_our_own_changes_are_no_displacement(self, rig: Rig) -> None:
        rig.clock.step(NtpDuration.from_seconds(rig.largest_test_step_s), rig.now())
        assert rig.clock.displacement(rig.now()) == 0.0
        rig.clock.set_frequency(rig.largest_test_frequency, rig.now())
        rig.advance(0.1)
        rig.clock.step(NtpDuration.from_seconds(-rig.largest_test_step_s / 3), rig.now())
        rig.clock.set_frequency(-rig.largest_test_frequency, rig.now())
        rig.advance(0.1)
        assert rig.clock.displacement(rig.now()) == 0.0

    @pytest.mark.parametrize("share", [1.0, -0.5])
    def test_a_displacement_is_how_far_somebody_else_moved_the_readings_told_once(self, rig: Rig, share: float) -> None:
        rig.clock.set_frequency(rig.largest_test_frequency, rig.now())
        rig.clock.step(NtpDuration.from_seconds(rig.largest_test_step_s / 5), rig.now())
        time, now = rig.clock.read(), rig.now()
        rig.foreign_step(share * rig.largest_test_step_s)
        moved = seconds(rig.clock.read() - time) - (rig.now() - now)
        assert rig.clock.displacement(rig.now()) == pytest.approx(moved, abs=rig.tolerance_s)
        assert rig.clock.displacement(rig.now()) == 0.0
