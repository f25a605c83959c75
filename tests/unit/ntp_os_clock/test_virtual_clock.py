import pytest

from contracts.clock_contract import ClockContract, Rig
from contracts.fake_machine import NS, FakeMachine
from ntp_os_clock.virtual_clock import VirtualClock
from ntp_proto.clock import Clock
from ntp_proto.time_types import NtpDuration, NtpTimestamp


class VirtualRig:
    tolerance_s = 2e-6
    largest_test_frequency = 0.005
    largest_test_step_s = 100.0
    probes_limits = True

    def __init__(self) -> None:
        self.machine = FakeMachine(freq=40 << 16)
        self.clock = VirtualClock(self.machine)

    def now(self) -> float:
        return self.clock.monotonic()

    def advance(self, seconds: float) -> None:
        self.machine.advance(seconds)

    def true_elapsed(self) -> float:
        return self.machine.raw() / NS

    def foreign_step(self, seconds: float) -> None:
        self.machine.foreign_step(seconds)

    def close(self) -> None:
        pass


class TestContract(ClockContract):
    def make(self) -> Rig:
        return VirtualRig()


@pytest.fixture
def machine() -> FakeMachine:
    return FakeMachine(reading_ns=0)


@pytest.fixture
def clock(machine: FakeMachine) -> VirtualClock:
    return VirtualClock(machine)


def system(machine: FakeMachine) -> NtpTimestamp:
    return NtpTimestamp.from_unix_ns(machine.realtime())


def test_it_is_a_clock(clock: VirtualClock) -> None:
    as_protocol: Clock = clock
    assert as_protocol.frequency() == 0.0


def test_it_starts_with_the_time_of_the_system(machine: FakeMachine, clock: VirtualClock) -> None:
    assert clock.read() == system(machine)
    assert clock.monotonic() == pytest.approx(machine.monotonic() / NS, abs=1e-9)


def test_whoever_steers_or_steps_the_system_clock_does_not_move_it(machine: FakeMachine, clock: VirtualClock) -> None:
    start = clock.read()
    machine.tick, machine.freq = 10_300, 400 << 16
    machine.advance(10.0)
    machine.foreign_step(77.0)
    machine.advance(10.0)
    assert (clock.read() - start).to_ns() == 20 * NS
    assert clock.displacement(0.0) == 0.0


def test_the_system_clock_is_left_alone(machine: FakeMachine, clock: VirtualClock) -> None:
    clock.step(NtpDuration.from_seconds(5.0), 0.0)
    clock.set_frequency(0.01, 0.0)
    assert machine.calls == []
    assert (clock.read() - system(machine)).to_seconds() == pytest.approx(5.0)


def test_a_stamp_of_the_kernel_becomes_the_virtual_time_of_that_instant(machine: FakeMachine, clock: VirtualClock) -> None:
    clock.step(NtpDuration.from_seconds(-3.0), 0.0)
    clock.set_frequency(100e-6, 0.0)
    machine.advance(100.0)
    stamp, truth = system(machine), clock.read()
    machine.advance(0.001)
    assert abs((clock.to_virtual(stamp) - truth).to_ns()) <= 1


def test_a_stamp_from_before_a_change_gets_the_time_of_then(machine: FakeMachine, clock: VirtualClock) -> None:
    stamp, truth = system(machine), clock.read()
    for number in range(10):
        machine.advance(0.01)
        clock.set_frequency(0.005 * (-1) ** number, 0.0)
        clock.step(NtpDuration.from_seconds(0.5), 0.0)
    assert abs((clock.to_virtual(stamp) - truth).to_ns()) <= 1


def test_an_old_stamp_across_a_step_of_the_system_is_wrong_by_that_step_and_later_ones_are_right(machine: FakeMachine, clock: VirtualClock) -> None:
    old, truth = system(machine), clock.read()
    machine.foreign_step(10.0)
    assert (clock.to_virtual(old) - truth).to_seconds() == pytest.approx(-10.0)
    fresh, truth = system(machine), clock.read()
    machine.advance(0.001)
    assert abs((clock.to_virtual(fresh) - truth).to_ns()) <= 1


def test_a_stamp_older_than_everything_remembered_still_has_an_answer(machine: FakeMachine, clock: VirtualClock) -> None:
    stamp, truth = system(machine), clock.read()
    for _ in range(200):
        machine.advance(0.01)
        clock.set_frequency(0.0, 0.0)
    assert abs((clock.to_virtual(stamp) - truth).to_ns()) <= 1


def test_stamps_work_across_the_end_of_the_era(machine: FakeMachine) -> None:
    machine.epoch_ns = 2_085_978_496 * NS - round(machine.monotonic_ns)  # 2036-02-07 06:28:16, all bits zero
    clock = VirtualClock(machine)
    stamp = system(machine)
    assert stamp.is_zero
    machine.advance(2.0)
    assert (clock.read() - clock.to_virtual(stamp)).to_ns() == 2 * NS


def test_how_far_it_is_ahead_of_the_system_is_what_makes_its_time_of_a_stamp(machine: FakeMachine, clock: VirtualClock) -> None:
    clock.step(NtpDuration.from_seconds(-3.25), 0.0)
    clock.set_frequency(200e-6, 0.0)
    machine.freq = 50 << 16
    machine.advance(1000.0)
    as_of, ahead = clock.ahead_of_system()
    assert abs((as_of + ahead - clock.read()).to_ns()) < 1000
    assert ahead.to_seconds() == pytest.approx(-3.25 + 1000.0 * (200e-6 - 50e-6), abs=1e-5)
