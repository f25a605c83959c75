"""Which clock is chosen. Nothing here may touch the system clock, so mode steer is tried by those only who may not set it."""

import pytest

from contracts.fake_machine import FakeMachine
from ntp_daemon import clocks
from ntp_daemon.clocks import open_clock
from ntp_daemon.config.model import ClockSelection
from ntp_os_clock import OsClock, ReadOnlyClock, VirtualClock
from ntp_proto.observation import ClockMode
from ntp_proto.time_types import NtpDuration


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> FakeMachine:
    machine = FakeMachine(privileged=False)
    monkeypatch.setattr(clocks, "OsClock", lambda: OsClock(machine.timex(), machine))
    monkeypatch.setattr(clocks, "VirtualClock", lambda: VirtualClock(machine))
    monkeypatch.setattr(clocks, "ReadOnlyClock", lambda: ReadOnlyClock(machine))
    return machine


@pytest.mark.parametrize(
    ("mode", "select", "kind", "is_passive"),
    [
        (ClockMode.VIRTUAL, ClockSelection.FILTER, VirtualClock, False),
        (ClockMode.VIRTUAL, ClockSelection.MEDIAN, ReadOnlyClock, True),
        (ClockMode.MIRROR, ClockSelection.FILTER, ReadOnlyClock, True),
        (ClockMode.LOCAL, ClockSelection.FILTER, ReadOnlyClock, True),
    ],
)
def test_each_mode_has_its_clock(machine: FakeMachine, mode: ClockMode, select: ClockSelection, kind: type[object], is_passive: bool) -> None:
    chosen = open_clock(mode, select)
    assert isinstance(chosen.clock, kind)
    assert (chosen.mode, chosen.is_passive, chosen.reason, chosen.foreign_frequency()) == (mode, is_passive, "", None)
    chosen.release(0.0)
    assert machine.calls == []


def test_without_the_right_to_steer_it_is_a_virtual_clock_with_a_reason(machine: FakeMachine) -> None:
    chosen = open_clock(ClockMode.STEER, ClockSelection.MEDIAN)
    assert isinstance(chosen.clock, VirtualClock)
    assert (chosen.mode, chosen.is_passive) == (ClockMode.VIRTUAL, False)
    assert "CAP_SYS_TIME" in chosen.reason


def test_with_it_the_system_clock_needs_no_correction(machine: FakeMachine) -> None:
    machine.privileged = True
    chosen = open_clock(ClockMode.STEER)
    assert isinstance(chosen.clock, OsClock)
    assert (chosen.mode, chosen.is_passive, chosen.convert) == (ClockMode.STEER, False, None)
    correction = chosen.correction()
    assert (correction.offset, correction.frequency) == (NtpDuration(0), 0.0)


def test_the_correction_of_a_virtual_clock_follows_it_against_a_system_clock_that_others_steer(machine: FakeMachine) -> None:
    chosen = open_clock(ClockMode.VIRTUAL)
    chosen.clock.step(NtpDuration.from_seconds(2.5), 0.0)
    chosen.clock.set_frequency(100e-6, 0.0)
    machine.freq = -50 << 16
    correction = chosen.correction()
    assert correction.offset.to_seconds() == pytest.approx(2.5, abs=1e-6)
    assert correction.frequency == pytest.approx(150e-6, abs=1e-8)
    machine.advance(8.0)
    as_told = correction.as_of + correction.offset + NtpDuration.from_seconds(8.0 * (1.0 + correction.frequency) * (1.0 - 50e-6))
    assert (chosen.clock.read() - as_told).to_seconds() == pytest.approx(0.0, abs=1e-6)
