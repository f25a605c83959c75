"""A simulated NTP server: honest or not. It reads and writes real packets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ntp_proto.datagram import Address
from ntp_proto.errors import ParseError
from ntp_proto.identifiers import KissCode, LeapIndicator
from ntp_proto.packet import Packet, kiss_to, response_to
from ntp_proto.time_types import NtpDuration
from ntp_sim.network import Link
from ntp_sim.world import World

__all__ = ["Behaviour", "SimServer"]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a server answers.

    Attributes:
        ahead_s: Its clock's error as a function of true time, s; > 0: ahead.
        stratum: What it claims.
        leap: What it announces.
        root_dispersion_s: What it claims.
        kiss: Answer every request with this kiss instead.
        is_silent: Do not answer.
    """

    ahead_s: Callable[[float], float] = lambda now: 0.0  # noqa: ARG005 — an honest server is right at all times
    stratum: int = 1
    leap: LeapIndicator = LeapIndicator.NO_WARNING
    root_dispersion_s: float = 0.0
    kiss: KissCode | None = None
    is_silent: bool = False


class SimServer:
    """A server at an address, with a link each way.

    Args:
        world: Whose time it knows.
        address: Where it is reached.
        there: The way to it.
        back: The way from it.
        behaviour: How it answers; may be replaced at any time.
    """

    def __init__(self, world: World, address: Address, there: Link, back: Link | None = None, behaviour: Behaviour | None = None) -> None:
        self.address = address
        self.behaviour = behaviour or Behaviour()
        self.there = there
        self.back = back or there
        self.requests: list[float] = []
        """True times at which requests arrived, s."""
        self._world = world
        self._rng = world.rng(f"path {address}")

    def carry(self, data: bytes, deliver: Callable[[bytes], None]) -> None:
        """Carry a request to this server, and the answer back to `deliver`, if both arrive."""
        there = self.there.delay(self._rng, self._world.now)
        if there is not None:
            self._world.at(self._world.now + there, lambda: self._receive(data, deliver))

    def _receive(self, data: bytes, deliver: Callable[[bytes], None]) -> None:
        self.requests.append(self._world.now)
        answer = self._answer(data)
        back = self.back.delay(self._rng, self._world.now)
        if answer is not None and back is not None:
            self._world.at(self._world.now + back, lambda: deliver(answer))

    def _answer(self, data: bytes) -> bytes | None:
        behaviour = self.behaviour
        try:
            request = Packet.parse(data).header
        except ParseError:
            return None
        if behaviour.is_silent:
            return None
        if behaviour.kiss is not None:
            return kiss_to(request, behaviour.kiss).to_bytes()
        now = self._world.timestamp(behaviour.ahead_s(self._world.now))
        return response_to(
            request,
            receive=now,
            transmit=now,
            stratum=behaviour.stratum,
            leap=behaviour.leap,
            root_dispersion=NtpDuration.from_seconds(behaviour.root_dispersion_s),
        ).to_bytes()
