"""A received datagram with the instant of its arrival: what the network packages hand to the protocol."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ntp_proto.time_types import NtpTimestamp

__all__ = ["Address", "Datagram", "StampSource"]


class StampSource(Enum):
    """Who read the clock for a timestamp, from the worst to the best."""

    DAEMON = "daemon"
    """The program, after it was woken or before it sent."""
    KERNEL = "kernel"
    """The kernel, as the packet passed between the driver and the socket."""
    HARDWARE = "hardware"
    """The network interface, on the wire."""


@dataclass(frozen=True, slots=True)
class Address:
    """A numeric IP address and a UDP port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Datagram:
    """One datagram from `remote` to `local`, which arrived at `received_at` on the clock that is being disciplined."""

    data: bytes
    remote: Address
    local: Address
    received_at: NtpTimestamp
    stamp_source: StampSource
