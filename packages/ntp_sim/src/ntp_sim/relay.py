"""A server that is a client itself: it shows the clock that it disciplines, one stratum further from the reference."""

from __future__ import annotations

from dataclasses import replace

from ntp_proto.datagram import Address
from ntp_proto.identifiers import ReferenceId
from ntp_sim.network import Link
from ntp_sim.node import SimClient
from ntp_sim.server import Behaviour, SimServer
from ntp_sim.world import World

__all__ = ["RelayServer"]


class RelayServer(SimServer):
    """Stands in front of a client: time, stratum, root delay and dispersion are the client's own at each request.

    Several of them may stand in front of one client, each with an address and a path of its own.

    Args:
        world: Whose time passes.
        address: Where it is reached.
        there: The way to it.
        back: The way from it.
        upstream: The client whose clock it shows.
        behaviour: What is not the client's: stamp noise, processing, silence, a kiss.
    """

    def __init__(
        self, world: World, address: Address, there: Link, back: Link | None, upstream: SimClient, behaviour: Behaviour | None = None
    ) -> None:
        super().__init__(world, address, there, back, behaviour)
        self._upstream = upstream

    def present(self) -> Behaviour:
        """See `SimServer`; a machine that sleeps does not answer."""
        clock = self._upstream.clock
        view = self._upstream.client.discipline.system(clock.monotonic())
        followed = self._upstream.server(view.reference).address.host if view.reference is not None else None
        return replace(
            self.behaviour,
            ahead_s=lambda now: clock.ahead_s + self.behaviour.ahead_s(now),
            stratum=view.stratum,
            leap=view.leap,
            root_delay_s=view.root_delay_s,
            root_dispersion_s=view.root_dispersion_s,
            reference_id=ReferenceId.from_address(followed) if followed else self.behaviour.reference_id,
            is_silent=self.behaviour.is_silent or clock.is_asleep,
        )
