import pytest

from contracts.fake_machine import NS, FakeMachine
from ntp_os_clock import ReadOnlyClock
from ntp_proto.clock import Clock, ClockStatus
from ntp_proto.identifiers import LeapIndicator
from ntp_proto.time_types import NtpDuration


@pytest.fixture
def machine() -> FakeMachine:
    return FakeMachine(privileged=False)


def test_it_shows_the_system_clock(machine: FakeMachine) -> None:
    clock = ReadOnlyClock(machine)
    machine.advance(5.0)
    machine.foreign_step(-100.0)
    assert abs(clock.read().to_unix_ns(machine.realtime()) - machine.realtime()) < 1000
    assert clock.monotonic() == pytest.approx(machine.monotonic_ns / NS, abs=1e-6)


def test_it_carries_out_no_order_and_says_so(machine: FakeMachine) -> None:
    clock: Clock = ReadOnlyClock(machine)
    before = machine.epoch_ns, machine.freq, machine.tick, machine.status
    first = clock.set_frequency(50e-6, 0.0)
    machine.advance(1.0)
    second = clock.step(NtpDuration.from_seconds(3.0), 0.0)
    clock.set_status(ClockStatus(True, LeapIndicator.NO_WARNING, NtpDuration(0), NtpDuration(0)))
    assert (first.frequency, first.step_s, second.frequency, second.step_s, clock.frequency()) == (0.0, 0.0, 0.0, 0.0, 0.0)
    assert second.at - first.at == pytest.approx(1.0, abs=1e-6)
    assert clock.displacement(0.0) == 0.0
    assert (machine.epoch_ns, machine.freq, machine.tick, machine.status, machine.calls) == (*before, [])


@pytest.mark.parametrize("moved_s", [2.5, -0.001, 0.000_02])
def test_it_tells_once_how_far_somebody_has_set_the_clock(machine: FakeMachine, moved_s: float) -> None:
    clock = ReadOnlyClock(machine)
    machine.advance(100.0)
    machine.foreign_step(moved_s)
    assert clock.displacement(0.0) == pytest.approx(moved_s, abs=1e-6)
    assert clock.displacement(0.0) == 0.0


def test_what_is_too_little_to_be_told_adds_up(machine: FakeMachine) -> None:
    clock = ReadOnlyClock(machine)
    machine.foreign_step(6e-6)
    assert clock.displacement(0.0) == 0.0
    machine.foreign_step(6e-6)
    assert clock.displacement(0.0) == pytest.approx(12e-6, abs=1e-6)


def test_corrections_of_the_frequency_by_others_are_no_displacement(machine: FakeMachine) -> None:
    clock = ReadOnlyClock(machine)
    machine.freq = 300 << 16
    machine.advance(1000.0)
    assert clock.displacement(0.0) == 0.0
