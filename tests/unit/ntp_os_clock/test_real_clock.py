"""The contract on this machine's clock: `pytest -m real_clock`, as root, while nothing else steers the clock.

The clock is moved by at most 50 ms and 500 ppm, CLOCK_MONOTONIC_RAW is the truth, and everything is put back, also after a failure.
"""

import time

import pytest

from contracts.clock_contract import ClockContract, Rig
from ntp_os_clock.os_clock import OsClock
from ntp_os_clock.readings import MachineReadings, difference
from ntp_os_clock.timex import Timex
from ntp_proto.clock import ClockStatus
from ntp_proto.identifiers import LeapIndicator
from ntp_proto.time_types import NtpDuration

pytestmark = pytest.mark.real_clock


class RealRig:
    tolerance_s = 50e-6  # a preemption between two readings
    largest_test_frequency = 450e-6
    largest_test_step_s = 0.040
    probes_limits = False

    def __init__(self) -> None:
        self._readings = MachineReadings()
        self._timex = Timex()
        self._found = self._timex.read()
        self._start = difference(self._readings.realtime, self._readings.raw)
        self.clock = OsClock()
        reason = self.clock.obstacle()
        if reason:
            pytest.skip(reason)
        self.clock.take_over()

    def now(self) -> float:
        return self._readings.monotonic() / 1e9

    def advance(self, seconds: float) -> None:
        time.sleep(seconds)
        for _ in range(3):  # the first calls after a sleep take 50 us, which would count as time between two readings
            self.clock.read(), self.now(), self.true_elapsed()

    def true_elapsed(self) -> float:
        return self._readings.raw() / 1e9

    def foreign_step(self, seconds: float) -> None:
        time.clock_settime_ns(time.CLOCK_REALTIME, self._readings.realtime() + round(seconds * 1e9))

    def close(self) -> None:
        present = difference(self._readings.realtime, self._readings.raw)
        drifted_ns = round((present.at_ns - self._start.at_ns) * self._found.frequency)
        self._timex.step(self._start.ahead_ns + drifted_ns - present.ahead_ns)
        self.clock.release(self._found.frequency)
        self._timex.set_status(self._found.status, estimated_error_us=self._found.estimated_error_us, maximum_error_us=self._found.maximum_error_us)


class TestContract(ClockContract):
    def make(self) -> Rig:
        return RealRig()


@pytest.fixture
def rig() -> RealRig:
    return RealRig()


def test_what_others_read_of_the_status(rig: RealRig) -> None:
    try:
        rig.clock.set_status(ClockStatus(True, LeapIndicator.NO_WARNING, NtpDuration.from_ns(1_001), NtpDuration.from_ns(3_000_000)))
        state = Timex().read()
        assert not state.status & 0x40
        assert state.estimated_error_us == 2
        assert 3_000 <= state.maximum_error_us <= 4_000  # the kernel adds 500 us in each second
        rig.clock.step(NtpDuration.from_ns(1_000), 0.0)
        assert Timex().read().status & 0x40
    finally:
        rig.close()


def test_release_gives_the_clock_back(rig: RealRig) -> None:
    try:
        rig.clock.set_frequency(300e-6, 0.0)
        rig.clock.release(7e-6)
        state = Timex().read()
        assert state.tick_us == 10_000
        assert state.frequency == pytest.approx(7e-6, abs=1e-10)
        assert rig.clock.foreign_frequency() is None
    finally:
        rig.close()
