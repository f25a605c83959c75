"""The system clock on a fake kernel, always."""

import random

import pytest

from contracts.clock_contract import ClockContract, Rig
from contracts.fake_machine import NS, START_NS, FakeMachine
from ntp_os_clock.os_clock import OsClock
from ntp_proto.clock import Clock, ClockStatus
from ntp_proto.errors import ClockError
from ntp_proto.identifiers import LeapIndicator
from ntp_proto.time_types import NtpDuration

DAY = 86_400


class FakeRig:
    tolerance_s = 2e-6
    largest_test_frequency = 0.005
    largest_test_step_s = 100.0
    probes_limits = True

    def __init__(self) -> None:
        self.machine = FakeMachine()
        self.clock = OsClock(self.machine.timex(), self.machine)
        self.clock.take_over()

    def now(self) -> float:
        return self.machine.monotonic() / NS

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
        return FakeRig()


def status(*, synchronized: bool = True, leap: LeapIndicator = LeapIndicator.NO_WARNING, estimated_ns: int = 0, maximum_ns: int = 0) -> ClockStatus:
    return ClockStatus(synchronized, leap, NtpDuration.from_ns(estimated_ns), NtpDuration.from_ns(maximum_ns))


@pytest.fixture
def machine() -> FakeMachine:
    return FakeMachine()


@pytest.fixture
def clock(machine: FakeMachine) -> OsClock:
    return OsClock(machine.timex(), machine)


def test_it_is_a_clock(clock: OsClock) -> None:
    as_protocol: Clock = clock
    assert as_protocol.frequency() == 0.0


def test_making_one_sets_nothing(machine: FakeMachine) -> None:
    OsClock(machine.timex(), machine)
    assert machine.calls == [0]


def test_obstacle_is_none_with_the_privilege_and_changes_nothing(machine: FakeMachine, clock: OsClock) -> None:
    machine.freq, machine.tick, machine.status, machine.esterror = 12345, 10_003, 0x2001, 77
    assert clock.obstacle() is None
    assert (machine.freq, machine.tick, machine.status, machine.esterror) == (12345, 10_003, 0x2001, 77)


def test_obstacle_without_the_privilege_says_what_to_do() -> None:
    machine = FakeMachine(privileged=False)
    clock = OsClock(machine.timex(), machine)
    assert clock.obstacle() == "cannot set the clock: CAP_SYS_TIME missing; run with sudo, or use --clock virtual"
    with pytest.raises(ClockError, match="CAP_SYS_TIME missing"):
        clock.set_frequency(1e-6, 0.0)


def test_take_over_ends_what_others_left_running_and_keeps_the_frequency(machine: FakeMachine, clock: OsClock) -> None:
    machine.freq, machine.tick = 10 << 16, 10_002
    machine.offset_ns, machine.adjtime_us, machine.status = 5_000_000, 900.0, 0x01 | 0x10 | 0x08
    change = clock.take_over()
    assert change.frequency == pytest.approx(210e-6, abs=1e-12)
    assert machine.status & 0xFF == 0x40
    before = machine.raw_ns, machine.monotonic_ns
    machine.advance(10.0)
    assert (machine.monotonic_ns - before[1]) / (machine.raw_ns - before[0]) - 1 == pytest.approx(210e-6, abs=1e-12)


def test_the_step_is_exact_to_the_nanosecond(machine: FakeMachine, clock: OsClock) -> None:
    machine.reading_ns = 0
    for wanted in (1, -1, 1_500_000_007, -1_500_000_007, -999_999_999):
        before = machine.realtime()
        assert clock.step(NtpDuration.from_ns(wanted), 0.0).step_s == wanted / NS
        assert machine.realtime() - before == wanted


def test_a_synchronised_clock_says_so_with_errors_rounded_up(machine: FakeMachine, clock: OsClock) -> None:
    clock.set_status(status(estimated_ns=1_001, maximum_ns=2_000_000))
    assert machine.status & 0xFF == 0
    assert (machine.esterror, machine.maxerror) == (2, 2_000)


def test_errors_are_limited_to_what_the_kernel_takes(machine: FakeMachine, clock: OsClock) -> None:
    clock.set_status(status(estimated_ns=-5_000, maximum_ns=3_000 * NS))
    assert (machine.esterror, machine.maxerror) == (0, 16_000_000)


def test_an_unsynchronised_clock_says_so_without_a_leap(machine: FakeMachine, clock: OsClock) -> None:
    clock.set_status(status())
    clock.set_status(status(synchronized=False, leap=LeapIndicator.UNSYNCHRONIZED))
    assert machine.status & 0xFF == 0x40


def test_a_step_makes_it_unsynchronised_until_the_next_status(machine: FakeMachine, clock: OsClock) -> None:
    clock.set_status(status())
    clock.step(NtpDuration.from_seconds(1.0), 0.0)
    assert machine.status & 0x40
    clock.set_status(status())
    assert not machine.status & 0x40


@pytest.mark.parametrize(("leap", "bit"), [(LeapIndicator.INSERT, 0x10), (LeapIndicator.DELETE, 0x20), (LeapIndicator.NO_WARNING, 0)])
def test_a_leap_second_is_announced_to_the_kernel_on_the_last_day_of_the_month_only(
    machine: FakeMachine, clock: OsClock, leap: LeapIndicator, bit: int
) -> None:
    start = machine.epoch_ns
    for day, expected in ((29, 0), (30, bit), (31, 0)):  # START_NS is the first of January: day 30 is the 31st
        machine.epoch_ns = start + day * DAY * NS + 10
        clock.set_status(status(leap=leap))
        assert machine.status & 0x30 == expected, f"January {day + 1}"


def test_the_last_second_of_the_month_still_announces_and_the_first_of_the_next_does_not(machine: FakeMachine, clock: OsClock) -> None:
    machine.reading_ns = 0
    machine.epoch_ns = START_NS + 31 * DAY * NS - NS - round(machine.monotonic_ns)
    clock.set_status(status(leap=LeapIndicator.INSERT))
    assert machine.status & 0x10
    machine.advance(1.0)
    clock.set_status(status(leap=LeapIndicator.INSERT))
    assert not machine.status & 0x10


@pytest.mark.parametrize("inserted", [1, -1])
def test_a_leap_second_is_no_displacement(machine: FakeMachine, clock: OsClock, inserted: int) -> None:
    machine.leap_second(inserted)
    assert clock.displacement(0.0) == 0.0
    machine.foreign_step(-inserted)
    assert clock.displacement(0.0) == pytest.approx(-inserted, abs=1e-6), "the same without a change of TAI is one"


def test_a_second_set_by_somebody_is_a_displacement_though_tai_changed_before(machine: FakeMachine, clock: OsClock) -> None:
    machine.tai = 37
    assert clock.displacement(0.0) == 0.0
    machine.foreign_step(-1.0)
    assert clock.displacement(0.0) == pytest.approx(-1.0, abs=1e-6)


def test_small_displacements_add_up(machine: FakeMachine, clock: OsClock) -> None:
    for _ in range(2):
        machine.foreign_step(4e-6)
        assert clock.displacement(0.0) == 0.0
    machine.foreign_step(4e-6)
    assert clock.displacement(0.0) == pytest.approx(12e-6, abs=1e-7)


class BusyMachine(FakeMachine):
    """The program is interrupted for up to 300 µs before each of its readings."""

    rng = random.Random(1)

    def realtime(self) -> int:
        self.advance(self.rng.uniform(0.0, 300e-6))
        return super().realtime()

    def monotonic(self) -> int:
        self.advance(self.rng.uniform(0.0, 300e-6))
        return super().monotonic()


def test_a_busy_machine_sees_no_displacement_in_its_own_slowness() -> None:
    machine = BusyMachine()
    clock = OsClock(machine.timex(), machine)
    assert [clock.displacement(0.0) for _ in range(200)] == [0.0] * 200
    machine.foreign_step(0.001)
    assert clock.displacement(0.0) == pytest.approx(0.001, abs=200e-6)


def test_a_foreign_frequency_is_noticed_until_we_set_ours(machine: FakeMachine, clock: OsClock) -> None:
    clock.set_frequency(20e-6, 0.0)
    assert clock.foreign_frequency() is None
    machine.freq = 5 << 16
    assert clock.foreign_frequency() == pytest.approx(5e-6, abs=1e-12)
    assert clock.frequency() == pytest.approx(5e-6, abs=1e-12)
    clock.set_frequency(20e-6, 0.0)
    assert clock.foreign_frequency() is None


def test_release_ends_the_slew_with_the_base_frequency_and_a_nominal_tick(machine: FakeMachine, clock: OsClock) -> None:
    clock.take_over()
    clock.set_frequency(0.005, 0.0)
    assert machine.tick != 10_000
    clock.set_status(status(estimated_ns=1_000, maximum_ns=1_000_000))
    time_ns = machine.realtime()
    change = clock.release(12e-6)
    assert (machine.tick, machine.freq) == (10_000, 12 << 16)
    assert change.frequency == clock.frequency() == pytest.approx(12e-6, abs=1e-11)
    assert machine.realtime() - time_ns < 10_000
    assert machine.status == 0, "synchronised, no leap, and microseconds as it was found"


def test_release_leaves_nanoseconds_to_those_who_had_them() -> None:
    machine = FakeMachine(status=0x2040)
    clock = OsClock(machine.timex(), machine)
    clock.take_over()
    clock.release(0.0)
    assert machine.status & 0x2000


def test_tai_is_none_until_somebody_has_told_the_kernel(machine: FakeMachine, clock: OsClock) -> None:
    assert clock.tai_offset_s() is None
    machine.tai = 37
    assert clock.tai_offset_s() == 37
