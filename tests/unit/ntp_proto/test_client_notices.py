"""What an operator reads: changes that matter, and no false alarm."""

from __future__ import annotations

from ntp_proto.client import Severity
from ntp_proto.datagram import Address
from ntp_proto.observation import SourceObservation, SourceStatus
from ntp_sim import Behaviour, Link, Oscillator, SimClient, SimClock, SimServer, World


class Change:
    """A machine that has followed one server for a while, and now follows another one instead."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.world = World(1)
        self.node = SimClient(self.world, SimClock(self.world, "client", Oscillator()))
        old = self.node.follow(SimServer(self.world, Address("192.0.2.1", 123), Link(0.010)))
        self.world.run(600.0)
        self.node.follow(SimServer(self.world, Address("192.0.2.2", 123), Link(0.010), behaviour=behaviour))
        self.node.leave(old)

    def notices_after(self, seconds: float) -> list[str]:
        self.world.run(600.0 + seconds)
        return [notice.text for at, notice in self.node.notices if at >= 600.0]


def test_a_server_that_replaces_the_only_one_is_given_the_time_to_answer() -> None:
    assert Change(Behaviour()).notices_after(600.0) == ["192.0.2.2:123 (192.0.2.2:123): used: it is the only source"]


def test_when_it_does_not_answer_the_holdover_is_said() -> None:
    unreachable, holdover = Change(Behaviour(is_silent=True)).notices_after(600.0)
    assert unreachable == "192.0.2.2:123 (192.0.2.2:123): it does not answer"
    assert holdover.startswith("holdover: no usable source for "), "and how long is that"


def test_when_the_last_server_is_removed_the_holdover_is_said_at_once() -> None:
    world = World(1)
    node = SimClient(world, SimClock(world, "client", Oscillator()))
    source = node.follow(SimServer(world, Address("192.0.2.1", 123), Link(0.010)))
    world.run(600.0)
    node.leave(source)
    at, notice = node.notices[-1]
    assert at == 600.0
    assert notice.text.startswith("holdover: ")


def test_a_source_that_is_offline_is_not_asked_keeps_its_estimate_and_is_used_again_at_once() -> None:
    world = World(1)
    node = SimClient(world, SimClock(world, "client", Oscillator()))
    source = node.follow(SimServer(world, Address("192.0.2.1", 123), Link(0.010)))
    world.run(600.0)

    def seen() -> SourceObservation:
        (document,) = node.client.observe(node.clock.monotonic())[1]
        return document

    before = seen()
    node._perform(node.client.set_online(source, node.clock.monotonic(), online=False))
    sent = node.sent
    offline = seen()
    assert (offline.status, offline.samples) == (SourceStatus.OFFLINE, before.samples)
    assert offline.offset_s is not None
    assert [notice.severity for at, notice in node.notices if at == 600.0] == [Severity.INFO, Severity.WARNING], "offline; and so holdover"
    world.run(4000.0)
    assert (node.sent, seen().status) == (sent, SourceStatus.OFFLINE)
    node._perform(node.client.set_online(source, node.clock.monotonic(), online=True))
    world.run(4001.0)
    assert seen().status is SourceStatus.SELECTED
    assert node.sent > sent


def test_a_burst_asks_those_that_are_named() -> None:
    world = World(1)
    node = SimClient(world, SimClock(world, "client", Oscillator()))
    sources = [node.follow(SimServer(world, Address(f"192.0.2.{number}", 123), Link(0.010))) for number in (1, 2)]
    world.run(6000.0)

    def requests() -> list[int]:
        return [document.requests for document in node.client.observe(node.clock.monotonic())[1]]

    before = requests()
    node._perform(node.client.burst(sources[:1], node.clock.monotonic()))
    world.run(6012.0)
    assert requests()[0] - before[0] >= 3
    assert requests()[1] - before[1] <= 1
