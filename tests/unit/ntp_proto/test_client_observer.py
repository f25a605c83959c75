"""What goes into the discipline is told to whoever wants to record it, before it goes in."""

from __future__ import annotations

from ntp_proto.association import AssociationConfig, Measurement
from ntp_proto.client import SourceLabel
from ntp_proto.datagram import Address
from ntp_proto.observation import SourceStatus
from ntp_sim import Behaviour, Link, Oscillator, SimClient, SimClock, SimServer, World


class Told:
    def __init__(self) -> None:
        self.events: list[tuple[object, ...]] = []

    def source_added(self, source: int, label: SourceLabel, remote: Address, config: AssociationConfig, now: float) -> None:
        self.events.append(("added", source, label.name, str(remote), config.poll_minimum.log2, now))

    def source_removed(self, source: int, now: float) -> None:
        self.events.append(("removed", source))

    def condition_changed(self, source: int, condition: SourceStatus | None, now: float) -> None:
        self.events.append(("condition", source, condition))

    def measured(self, source: int, measurement: Measurement, now: float) -> None:
        self.events.append(("measured", source, round(measurement.delay.to_seconds(), 6), now))


def test_all_that_goes_into_the_discipline_is_told_in_its_order() -> None:
    world, told = World(1), Told()
    clock = SimClock(world, "client", Oscillator())
    node = SimClient(world, clock, observer=told)
    server = SimServer(world, Address("192.0.2.1", 123), Link(0.010))
    source = node.follow(server)
    world.run(1.0)
    server.behaviour = Behaviour(is_silent=True)
    world.run(3_600.0)
    server.behaviour = Behaviour()
    world.run(7_200.0)
    node.leave(source)
    assert told.events[0] == ("added", 1, "192.0.2.1:123", "192.0.2.1:123", 6, 0.0)
    kind, number, delay_s, now = told.events[1]
    assert (kind, number, delay_s) == ("measured", 1, 0.02)
    assert 0.02 <= now < 0.1
    conditions = [event for event in told.events if event[0] == "condition"]
    assert conditions == [("condition", 1, SourceStatus.UNREACHABLE), ("condition", 1, None)], "changes only"
    assert told.events.index(conditions[1]) < len(told.events) - 2, "and before the measurement that ends it"
    assert told.events[told.events.index(conditions[1]) + 1][0] == "measured"
    assert told.events[-1] == ("removed", 1)
