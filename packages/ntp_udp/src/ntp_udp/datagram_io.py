"""What one socket can do, in two ways: with the C extension (`timestamping`) and without (`portable`)."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from ntp_proto.datagram import Address, StampSource

__all__ = ["CONTROL_ROOM", "DATAGRAM_MAX", "Arrival", "DatagramIo"]

DATAGRAM_MAX = 2048
"""The longest datagram that is taken, bytes: an NTP packet with every extension field of RFC 8915 is shorter."""
CONTROL_ROOM = 512
"""For the control messages of one datagram, bytes."""


class Arrival(NamedTuple):
    """A datagram as it came from the kernel.

    Attributes:
        data: At most `DATAGRAM_MAX` bytes.
        remote: The sender.
        system_ns: CLOCK_REALTIME at its arrival, ns since 1970.
        source: Who read the clock.
        truncated: Whether it was longer.
    """

    data: bytes
    remote: Address
    system_ns: int
    source: StampSource
    truncated: bool


class DatagramIo(Protocol):
    """Sends and receives on one non-blocking socket."""

    def send(self, data: bytes) -> int:
        """Send to the connected remote.

        Returns:
            CLOCK_REALTIME just before, ns since 1970.

        Raises:
            OSError: The kernel refused; never for an ICMP message about an earlier datagram.
        """
        ...

    def receive(self) -> Arrival | None:
        """One datagram, or None when there is none.

        Raises:
            OSError: also for an ICMP message about an earlier datagram; the socket remains usable.
        """
        ...

    def departure(self) -> int | None:
        """When the kernel saw the last datagram that was sent, CLOCK_REALTIME in ns since 1970; None when it has not said so, or said it before."""
        ...
