"""A simulated NTP server: honest or not. It reads and writes real packets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ntp_proto.datagram import Address
from ntp_proto.errors import ParseError
from ntp_proto.identifiers import KissCode, LeapIndicator, ReferenceId
from ntp_proto.packet import Packet, kiss_to, response_to
from ntp_proto.packet.header import Header
from ntp_proto.time_types import NtpDuration
from ntp_sim.network import Link
from ntp_sim.world import World

__all__ = ["Behaviour", "SimServer"]

_LOCAL = ReferenceId.from_ascii("LOCL")


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
        root_delay_s: What it claims.
        reference_id: Whom it says it follows.
        stamp_noise_s: Standard deviation of the error of each of its two stamps, s.
        processing_s: From the arrival of a request to the departure of the answer, s; its stamps tell.
    """

    ahead_s: Callable[[float], float] = lambda now: 0.0  # noqa: ARG005 — an honest server is right at all times
    stratum: int = 1
    leap: LeapIndicator = LeapIndicator.NO_WARNING
    root_dispersion_s: float = 0.0
    kiss: KissCode | None = None
    is_silent: bool = False
    root_delay_s: float = 0.0
    reference_id: ReferenceId = _LOCAL
    stamp_noise_s: float = 0.0
    processing_s: float = 0.0


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
        self.answered: list[float] = []
        """True times at which answers arrived back, s."""
        self._world = world
        self._rng = world.rng(f"path {address}")

    def present(self) -> Behaviour:
        """How it answers a request that arrives now."""
        return self.behaviour

    def carry(self, data: bytes, deliver: Callable[[bytes], None]) -> None:
        """Carry a request to this server, and the answer back to `deliver`, if both arrive."""
        for there in self.there.arrivals(self._rng, self._world.now):
            self._world.at(self._world.now + there, lambda: self._receive(data, deliver))

    def _receive(self, data: bytes, deliver: Callable[[bytes], None]) -> None:
        self.requests.append(self._world.now)
        behaviour = self.present()
        answer = self._answer(data, behaviour)
        back = self.back.arrivals(self._rng, self._world.now + behaviour.processing_s)
        if answer is not None:
            for delay in back:
                self._world.at(self._world.now + behaviour.processing_s + delay, lambda: self._deliver(answer, deliver))

    def _deliver(self, answer: bytes, deliver: Callable[[bytes], None]) -> None:
        self.answered.append(self._world.now)
        deliver(answer)

    def _answer(self, data: bytes, behaviour: Behaviour) -> bytes | None:
        try:
            request = Packet.parse(data).header
        except ParseError:
            return None
        if behaviour.is_silent:
            return None
        if behaviour.kiss is not None:
            return kiss_to(request, behaviour.kiss).to_bytes()
        return self._time(request, behaviour).to_bytes()

    def _time(self, request: Header, behaviour: Behaviour) -> Header:
        ahead_s, noise_s = behaviour.ahead_s(self._world.now), behaviour.stamp_noise_s
        receive_error_s = ahead_s + (self._rng.gauss(0.0, noise_s) if noise_s else 0.0)
        transmit_error_s = ahead_s + (self._rng.gauss(0.0, noise_s) if noise_s else 0.0)
        return response_to(
            request,
            receive=self._world.timestamp(receive_error_s),
            transmit=self._world.timestamp(transmit_error_s + behaviour.processing_s),
            stratum=behaviour.stratum,
            leap=behaviour.leap,
            root_delay=NtpDuration.from_seconds(behaviour.root_delay_s),
            root_dispersion=NtpDuration.from_seconds(behaviour.root_dispersion_s),
            reference_id=behaviour.reference_id,
        )
