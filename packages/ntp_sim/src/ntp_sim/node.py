"""A simulated machine that runs the client: the shell of `ntp_proto.client.Client` in virtual time."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import assert_never

from ntp_proto.algorithm import Discipline, DisciplineConfig, FrequencyPrior
from ntp_proto.association import AssociationConfig, Close, Demobilize, Reset, Send, WakeAt
from ntp_proto.client import Client, ClientAction, Notice, SourceAction, SourceLabel
from ntp_proto.datagram import Address, Datagram, StampSource
from ntp_sim.server import SimServer
from ntp_sim.sim_clock import SimClock
from ntp_sim.world import World

__all__ = ["SimClient"]


class SimClient:
    """Args are the machine and its settings.

    Args:
        world: Whose time passes.
        clock: The machine's clock.
        config: Of the discipline.
        prior: What its drift file says; None: there is none.
    """

    def __init__(self, world: World, clock: SimClock, config: DisciplineConfig | None = None, prior: FrequencyPrior | None = None) -> None:
        self.clock = clock
        self.client = Client(Discipline(config or DisciplineConfig(), clock, clock.monotonic(), prior), world.rng("client"))
        self.notices: list[tuple[float, Notice]] = []
        """What an operator would have read, with the true time, s."""
        self.endings: list[tuple[float, int, Reset | Demobilize]] = []
        """Sources that asked to be replaced, with the true time, s."""
        self._world = world
        self._ids = itertools.count(1)
        self._ports = itertools.count(32768)
        self._servers: dict[int, SimServer] = {}
        self._open: dict[int, Address] = {}
        self._timer = 0

    def follow(self, server: SimServer, config: AssociationConfig | None = None) -> int:
        """Begin to follow a server; returns the source's id."""
        source = next(self._ids)
        self._servers[source] = server
        label = SourceLabel(str(server.address), "server")
        now = self.clock.monotonic()
        self._perform(self.client.add_source(source, label, server.address, config or AssociationConfig(), now, start_delay_s=0.05 * source))
        return source

    def leave(self, source: int) -> None:
        """Stop following a source."""
        self._open.pop(source, None)
        self._perform(self.client.remove_source(source, self.clock.monotonic()))

    def _perform(self, actions: Iterable[ClientAction]) -> None:
        for action in actions:
            match action:
                case SourceAction(source, wish):
                    self._perform_source(source, wish)
                case WakeAt(at):
                    self._wake_at(at)
                case Notice():
                    self.notices.append((self._world.now, action))
                case _:
                    assert_never(action)

    def _perform_source(self, source: int, action: Send | Close | Reset | Demobilize) -> None:
        match action:
            case Send(token, data):
                self._send(source, token, data)
            case Close():
                self._open.pop(source, None)
            case Reset() | Demobilize():
                self.endings.append((self._world.now, source, action))
            case _:
                assert_never(action)

    def _send(self, source: int, token: int, data: bytes) -> None:
        local = Address("10.0.0.1", next(self._ports))
        self._open[source] = local
        self._servers[source].carry(data, lambda answer: self._receive(source, local, answer))
        self._perform(self.client.handle_sent(source, token, self.clock.read(), StampSource.KERNEL, self.clock.monotonic()))

    def _receive(self, source: int, local: Address, data: bytes) -> None:
        if self._open.get(source) == local:  # a closed socket hears nothing
            datagram = Datagram(data, self._servers[source].address, local, self.clock.read(), StampSource.KERNEL)
            self._perform(self.client.handle_datagram(source, datagram, self.clock.monotonic()))

    def _wake_at(self, at: float) -> None:
        """Arm the timer; the previous one goes unheard. The oscillator may wander meanwhile, so it is late rather than early by a nanosecond."""
        self._timer += 1
        armed = self._timer

        def ring() -> None:
            if armed == self._timer:
                self._perform(self.client.handle_timer(max(at, self.clock.monotonic())))

        self._world.at(self.clock.true_time_of(at) + 1e-9, ring)
