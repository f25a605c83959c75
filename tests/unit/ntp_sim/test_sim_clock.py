from __future__ import annotations

import math

import pytest

from contracts.clock_contract import ClockContract, Rig
from ntp_proto.time_types import NtpDuration
from ntp_sim import Oscillator, SimClock, World


class SimRig:
    """A simulated clock whose oscillator is perfect, so that true time is oscillator time."""

    tolerance_s = 1e-8
    largest_test_frequency = 0.1
    largest_test_step_s = 1000.0
    probes_limits = True

    def __init__(self) -> None:
        self.world = World(1)
        self.clock = SimClock(self.world, "rig", Oscillator())

    def now(self) -> float:
        return self.clock.monotonic()

    def advance(self, seconds: float) -> None:
        self.world.run(self.world.now + seconds)

    def true_elapsed(self) -> float:
        return self.world.now

    def foreign_step(self, seconds: float) -> None:
        self.clock.displace(seconds)

    def close(self) -> None:
        """Nothing of it outlives the test."""


class TestSimClock(ClockContract):
    def make(self) -> Rig:
        return SimRig()


def test_an_oscillator_that_runs_fast_gains() -> None:
    world = World(1)
    clock = SimClock(world, "fast", Oscillator(frequency=10e-6), offset_s=0.5)
    world.run(100.0)
    assert clock.ahead_s == pytest.approx(0.501)


def test_wander_is_a_random_walk_of_the_frequency() -> None:
    """Over 400 clocks: after t seconds the frequency has spread by w sqrt(t), the time error by w t^1.5 / sqrt(3)."""
    world = World(3)
    clocks = [SimClock(world, str(number), Oscillator(wander=1e-8)) for number in range(400)]
    for second in (10.0, 250.0, 1000.0):
        world.run(second)
        errors = [clock.ahead_s for clock in clocks]
    spread = math.sqrt(sum(clock.oscillator_frequency**2 for clock in clocks) / 400)
    assert spread == pytest.approx(1e-8 * math.sqrt(1000.0), rel=0.1)
    assert math.sqrt(sum(error * error for error in errors) / 400) == pytest.approx(1e-8 * 1000.0**1.5 / math.sqrt(3.0), rel=0.1)


def test_it_knows_when_its_monotonic_clock_will_show_a_time() -> None:
    world = World(1)
    clock = SimClock(world, "fast", Oscillator(frequency=1e-3))
    clock.set_frequency(-0.05, 0.0)
    world.run(clock.true_time_of(25.0))
    assert clock.monotonic() == pytest.approx(25.0)


def test_steps_are_recorded() -> None:
    clock = SimClock(World(1), "stepped", Oscillator())
    clock.step(NtpDuration.from_seconds(-0.25), 0.0)
    assert clock.steps == [-0.25]
    assert clock.displacement(0.0) == 0.0


def test_a_sleep_is_a_displacement_by_its_length_and_the_error_of_the_real_time_clock() -> None:
    world = World(1)
    clock = SimClock(world, "asleep", Oscillator(1e-3))
    seen: list[float] = []
    clock.on_displaced = lambda: seen.append(world.now)
    world.run(100.0)
    clock.fall_asleep()
    monotonic, reading = clock.monotonic(), clock.read()
    world.run(400.0)
    assert clock.monotonic() == monotonic
    assert clock.read() != reading, "nobody sees it, but time goes on"
    clock.wake_up(-0.5)
    assert seen == [400.0]
    assert clock.ahead_s == pytest.approx(0.1 - 0.5)
    assert clock.displacement(0.0) == pytest.approx(300.0 - 0.5)
    assert (clock.read() - reading).to_seconds() == pytest.approx(299.5)
    world.run(500.0)
    assert clock.monotonic() == pytest.approx(monotonic + 100.1)
