"""From a scenario and a seed to a world, and from there to a result."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import assert_never

from ntp_proto.datagram import Address
from ntp_proto.identifiers import KissCode
from ntp_proto.measurement_log import Recorder
from ntp_sim.network import Link
from ntp_sim.node import SimClient
from ntp_sim.relay import RelayServer
from ntp_sim.report import BoundLog, ErrorLog
from ntp_sim.result import Result, evaluate
from ntp_sim.scenario import Scenario
from ntp_sim.scenario.model import (
    ClockPlan,
    ClockStep,
    EventPlan,
    FrequencyStep,
    Kiss,
    Outage,
    RouteChange,
    ServerPlan,
    ServerRamp,
    ServerStep,
    Suspend,
)
from ntp_sim.server import SimServer
from ntp_sim.sim_clock import SimClock
from ntp_sim.world import World

__all__ = ["Simulation", "run"]

_NETWORK = "192.0.2."
_PORT = 123
_PROGRESS_PARTS = 50


class Simulation:
    """A world made from a scenario, ready to run.

    Args:
        scenario: What to make.
        seed: Of all randomness.
        recorder: Writes down what goes into the client's discipline and comes out of it.
    """

    def __init__(self, scenario: Scenario, seed: int, recorder: Recorder | None = None) -> None:
        self.scenario = scenario
        self.world = World(seed)
        self._hosts = itertools.count(1)
        self._shared: dict[str, SimClock] = {}
        self._relays: dict[str, SimClient] = {}
        for plan in scenario.relays:
            clock = self._clock(f"relay {plan.name}", plan.clock)
            relay = SimClient(self.world, clock, scenario.discipline, plan.clock.prior, machine=plan.make_machine(), name=f"relay {plan.name}")
            self._follow(relay, plan.servers)
            self._relays[plan.name] = relay
        self.clock = self._clock("client", scenario.clock)
        self.log = ErrorLog(self.world, self.clock)
        if recorder:
            recorder.start("ntp-sim", scenario.discipline, self.clock, scenario.clock.prior, self.clock.monotonic())
        self.node = SimClient(
            self.world,
            self.clock,
            scenario.discipline,
            scenario.clock.prior,
            machine=scenario.make_machine(),
            observer=recorder,
            tap=recorder.clock if recorder else None,
        )
        self.bounds = BoundLog(self.world, self.node)
        self.servers = self._follow(self.node, scenario.servers)
        for event in scenario.events:
            for at_s in event.times(scenario.duration_s):
                self.world.at(at_s, partial(self._happen, event))

    def run(self, on_progress: Callable[[float], None] | None = None) -> Result:
        """Let all of it happen.

        Args:
            on_progress: Is told now and then how much is done, 0 to 1.
        """
        for part in range(1, _PROGRESS_PARTS + 1):
            self.world.run(self.scenario.duration_s * part / _PROGRESS_PARTS)
            if on_progress:
                on_progress(part / _PROGRESS_PARTS)
        return evaluate(self.scenario, self.log, self.bounds, packets=self.node.sent, steps=self.clock.steps)

    def _clock(self, name: str, plan: ClockPlan) -> SimClock:
        return SimClock(self.world, name, plan.oscillator, plan.offset_s)

    def _follow(self, node: SimClient, plans: Sequence[ServerPlan]) -> list[SimServer]:
        servers = [self._server(plan) for plan in plans]
        for server, plan in zip(servers, plans, strict=True):
            node.follow(server, plan.association)
        return servers

    def _server(self, plan: ServerPlan) -> SimServer:
        address = Address(f"{_NETWORK}{next(self._hosts)}", _PORT)
        there, back = self._links(address, plan)
        if plan.relay:
            return RelayServer(self.world, address, there, back, self._relays[plan.relay], plan.behaviour)
        behaviour = plan.behaviour
        if plan.clock is not None:
            clock, lie = self._server_clock(address, plan), behaviour.ahead_s
            behaviour = replace(behaviour, ahead_s=lambda now: clock.ahead_s + lie(now))
        return SimServer(self.world, address, there, back, behaviour)

    def _links(self, address: Address, plan: ServerPlan) -> tuple[Link, Link]:
        """The ways there and back; an asymmetry takes from one what it adds to the other."""
        there, back = plan.make_there(), plan.make_back()
        if not plan.asymmetry:
            return there, back
        shift_s = 0.5 * plan.asymmetry * (there.base_s + back.base_s) * self.world.rng(f"asymmetry {address}").gauss(0.0, 1.0)
        return replace(there, base_s=max(0.0, there.base_s + shift_s)), replace(back, base_s=max(0.0, back.base_s - shift_s))

    def _server_clock(self, address: Address, plan: ServerPlan) -> SimClock:
        assert plan.clock is not None, "asked for a server with a clock only"
        if not plan.shared_clock:
            return self._clock(f"server {address}", plan.clock)
        if plan.shared_clock not in self._shared:
            self._shared[plan.shared_clock] = self._clock(f"shared {plan.shared_clock}", plan.clock)
        return self._shared[plan.shared_clock]

    def _happen(self, event: EventPlan) -> None:
        servers = [self.servers[number] for number in event.servers] or self.servers
        match event.happening:
            case FrequencyStep(by):
                self.clock.jump_frequency(by)
            case ClockStep(by_s):
                self.clock.displace(by_s)
            case Suspend(length_s, rtc_error_s):
                self.node.suspend(length_s, rtc_error_s)
            case RouteChange() | Outage() | Kiss() | ServerStep() | ServerRamp() as change:
                for server in servers:
                    self._change(server, change)
            case _ as unreachable:
                assert_never(unreachable)

    def _change(self, server: SimServer, change: RouteChange | Outage | Kiss | ServerStep | ServerRamp) -> None:
        before, now_s = server.behaviour, self.world.now
        match change:
            case RouteChange(there_s, back_s):
                server.there = replace(server.there, base_s=max(0.0, server.there.base_s + there_s))
                server.back = replace(server.back, base_s=max(0.0, server.back.base_s + back_s))
            case Outage(length_s):
                server.behaviour = replace(before, is_silent=True)
                self.world.at(now_s + length_s, lambda: _end_outage(server, is_silent=before.is_silent))
            case Kiss(code, length_s):
                server.behaviour = replace(before, kiss=code)
                self.world.at(now_s + length_s, lambda: _end_kiss(server, before.kiss))
            case ServerStep(by_s):
                server.behaviour = replace(before, ahead_s=lambda now: before.ahead_s(now) + by_s)
            case ServerRamp(rate):
                server.behaviour = replace(before, ahead_s=lambda now: before.ahead_s(now) + rate * (now - now_s))
            case _ as unreachable:
                assert_never(unreachable)


def _end_outage(server: SimServer, *, is_silent: bool) -> None:
    """Leave what else has happened meanwhile."""
    server.behaviour = replace(server.behaviour, is_silent=is_silent)


def _end_kiss(server: SimServer, kiss: KissCode | None) -> None:
    """Leave what else has happened meanwhile."""
    server.behaviour = replace(server.behaviour, kiss=kiss)


def run(scenario: Scenario, seed: int, on_progress: Callable[[float], None] | None = None) -> Result:
    """Run a scenario once."""
    return Simulation(scenario, seed).run(on_progress)
