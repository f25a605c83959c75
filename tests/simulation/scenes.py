"""Parts of the simulated scenarios: one machine with a wandering clock that follows servers over noisy paths."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ntp_proto.algorithm import DisciplineConfig
from ntp_proto.association import AssociationConfig
from ntp_proto.datagram import Address
from ntp_proto.observation import SourceObservation, SystemObservation
from ntp_proto.time_types import PollInterval
from ntp_sim import Behaviour, ErrorLog, Link, Oscillator, SimClient, SimClock, SimServer, World, exponential

BASES_S = (5e-3, 10e-3, 15e-3, 20e-3, 8e-3)
"""One-way delays of servers on the Internet, s."""


def fixed(log2: int) -> AssociationConfig:
    """A poll interval that does not change."""
    return AssociationConfig(poll_minimum=PollInterval(log2), poll_maximum=PollInterval(log2), poll_initial=PollInterval(log2))


class Scene:
    """A machine 10 ms behind whose oscillator is 10 ppm off, and servers behind paths of `bases_s` each way with exponential queues."""

    def __init__(
        self,
        bases_s: Sequence[float],
        *,
        seed: int = 1,
        jitter_s: float = 1e-3,
        loss: float = 0.0,
        wander: float = 1e-9,
        frequency: float = 10e-6,
        offset_s: float = -0.010,
        config: AssociationConfig | None = None,
        discipline: DisciplineConfig | None = None,
        behave: Callable[[int], Behaviour] = lambda number: Behaviour(),  # noqa: ARG005 — all honest
    ) -> None:
        self.world = World(seed)
        self.clock = SimClock(self.world, "client", Oscillator(frequency, wander), offset_s)
        self.log = ErrorLog(self.world, self.clock)
        self.node = SimClient(self.world, self.clock, discipline)
        self.servers = [
            SimServer(self.world, Address(f"192.0.2.{number + 1}", 123), Link(base_s, exponential(jitter_s), loss), behaviour=behave(number))
            for number, base_s in enumerate(bases_s)
        ]
        self.ids = [self.node.follow(server, config or fixed(6)) for server in self.servers]

    def observe(self) -> tuple[SystemObservation, tuple[SourceObservation, ...]]:
        return self.node.client.observe(self.clock.monotonic())

    @property
    def requests(self) -> int:
        return sum(len(server.requests) for server in self.servers)
