"""The simulated machine: its stamps, its latency, its sleep."""

from __future__ import annotations

import statistics

import pytest

from ntp_proto.association import AssociationConfig, Measurement
from ntp_proto.client import SourceLabel
from ntp_proto.datagram import Address, StampSource
from ntp_proto.identifiers import LeapIndicator
from ntp_proto.observation import SourceStatus, SyncState
from ntp_proto.time_types import PollInterval
from ntp_sim import Behaviour, ErrorLog, Link, Machine, Oscillator, RelayServer, SimClient, SimClock, SimServer, World
from ntp_sim.queueing import constant

EVERY_SECOND = AssociationConfig(poll_minimum=PollInterval(0), poll_maximum=PollInterval(0), poll_initial=PollInterval(0))


class Measurements:
    def __init__(self) -> None:
        self.all: list[Measurement] = []

    def source_added(self, source: int, label: SourceLabel, remote: Address, config: AssociationConfig, now: float) -> None: ...
    def source_removed(self, source: int, now: float) -> None: ...
    def condition_changed(self, source: int, condition: SourceStatus | None, now: float) -> None: ...
    def measured(self, source: int, measurement: Measurement, now: float) -> None:
        self.all.append(measurement)


def measure(machine: Machine, behaviour: Behaviour | None = None, duration_s: float = 300.0) -> list[Measurement]:
    """What a machine measures of a server 10 ms away with a clock that is right."""
    world, seen = World(1), Measurements()
    clock = SimClock(world, "client", Oscillator())
    node = SimClient(world, clock, machine=machine, observer=seen)
    node.follow(SimServer(world, Address("192.0.2.1", 123), Link(0.010), behaviour=behaviour), EVERY_SECOND)
    world.run(duration_s)
    return seen.all


def test_the_kernel_stamps_on_the_wire_whatever_the_process_waits_for() -> None:
    measured = measure(Machine(latency=constant(0.002)), duration_s=5.0)
    assert measured[0].delay.to_seconds() == pytest.approx(0.020, abs=1e-6)
    assert measured[0].offset.to_seconds() == pytest.approx(0.0, abs=1e-6)
    assert measured[0].origin_source is StampSource.KERNEL


def test_the_daemon_stamps_before_it_sends_and_after_it_was_woken() -> None:
    measured = measure(Machine(StampSource.DAEMON, latency=constant(0.002)), duration_s=5.0)
    assert measured[0].delay.to_seconds() == pytest.approx(0.024, abs=1e-6)
    assert measured[0].destination_source is StampSource.DAEMON


def test_noise_of_the_stamps_is_in_the_delay_in_both_directions() -> None:
    delays = [measurement.delay.to_seconds() for measurement in measure(Machine(stamp_noise_s=1e-4))]
    assert statistics.fmean(delays) == pytest.approx(0.020, abs=3e-5)
    assert statistics.stdev(delays) == pytest.approx(1e-4 * 2**0.5, rel=0.15)


def test_noise_and_processing_of_the_server() -> None:
    behaviour = Behaviour(stamp_noise_s=1e-4, processing_s=0.5)
    delays = [measurement.delay.to_seconds() for measurement in measure(Machine(), behaviour)]
    assert statistics.fmean(delays) == pytest.approx(0.020, abs=3e-5)
    assert statistics.stdev(delays) == pytest.approx(1e-4 * 2**0.5, rel=0.15)


def scene() -> tuple[World, SimClock, SimClient, SimServer]:
    world = World(1)
    clock = SimClock(world, "client", Oscillator(10e-6))
    node = SimClient(world, clock)
    server = SimServer(world, Address("192.0.2.1", 123), Link(0.001))
    node.follow(server)
    return world, clock, node, server


def test_a_sleeping_machine_neither_asks_nor_counts() -> None:
    world, clock, node, server = scene()
    world.run(1000.0)
    asked, monotonic = len(server.requests), clock.monotonic()
    node.suspend(3600.0, 0.25)
    world.run(4599.0)
    assert clock.is_asleep
    assert len(server.requests) == asked
    assert clock.monotonic() == monotonic


def test_after_a_sleep_the_clock_is_that_of_the_real_time_clock_and_the_client_sees_it() -> None:
    world, clock, node, server = scene()
    world.run(1000.0)
    before_s = clock.ahead_s
    node.suspend(3600.0, 0.25)
    world.run(4600.0)
    assert clock.ahead_s == pytest.approx(before_s + 0.25, abs=1e-6)
    asked = len(server.requests)
    log = ErrorLog(world, clock)
    world.run(5600.0)
    assert len(server.requests) > asked
    assert log.largest_s(900) < 1e-3
    texts = [notice.text for _, notice in node.notices]
    assert any("something else has set the clock" in text for text in texts), texts


def test_after_a_sleep_the_timers_go_on_where_they_stood() -> None:
    """A sleep does not wait for the next look at the clock, which is 7 s away here."""
    world = World(1)
    node = SimClient(world, SimClock(world, "client", Oscillator()))
    server = SimServer(world, Address("192.0.2.1", 123), Link(0.001))
    node.follow(server, EVERY_SECOND)
    world.run(801.0)
    node.suspend(20.0, 0.0)
    world.run(822.5)
    assert 821.0 <= next(at for at in server.requests if at > 801.1) <= 822.5


def test_a_clock_that_is_set_is_noticed_within_seconds() -> None:
    """Not only with the next answer: the daemon looks every 8 s."""
    world, clock, node, _ = scene()
    world.run(1000.0)
    clock.displace(5.0)
    world.run(1008.1)
    assert node.client.observe(clock.monotonic())[0].displacement_count == 1


def test_a_timer_is_right_though_the_oscillator_has_jumped() -> None:
    world, clock, _, server = scene()
    world.run(1000.0)
    clock.jump_frequency(-0.05)
    asked = len(server.requests)
    world.run(1200.0)
    spacings = [after - before for before, after in zip(server.requests[asked:], server.requests[asked + 1 :], strict=False)]
    assert all(60.0 < spacing * 0.95 < 66.0 for spacing in spacings)


def test_a_relay_shows_its_own_clock_one_stratum_further() -> None:
    world = World(1)
    between = SimClock(world, "between", Oscillator(5e-6), offset_s=0.3)
    relay = SimClient(world, between, name="between")
    relay.follow(SimServer(world, Address("192.0.2.1", 123), Link(0.004), behaviour=Behaviour(stratum=2, leap=LeapIndicator.INSERT)))
    clock = SimClock(world, "client", Oscillator(-5e-6), offset_s=-0.2)
    node = SimClient(world, clock)
    front = RelayServer(world, Address("192.0.2.2", 123), Link(0.001), None, relay)
    source = node.follow(front)
    assert front.present().stratum == 16, "before it has the time itself"
    world.run(3000.0)
    system, (observed,) = node.client.observe(clock.monotonic())
    assert system.state is SyncState.SYNCHRONIZED
    assert (observed.stratum, system.stratum, system.leap) == (3, 4, "insert")
    assert observed.reference_id == "192.0.2.1"
    assert observed.root_delay_s == pytest.approx(0.008, abs=1e-4)
    assert system.root_delay_s == pytest.approx(0.010, abs=2e-4)
    assert clock.ahead_s == pytest.approx(between.ahead_s, abs=1e-4)
    assert node.server(source) is front
    between.displace(0.05)
    assert front.present().ahead_s(world.now) == pytest.approx(0.05, abs=1e-3)
    relay.suspend(10.0, 0.0)
    assert front.present().is_silent
