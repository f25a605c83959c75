"""A whole packet: header, extension fields, message authentication code."""

from __future__ import annotations

from typing import NamedTuple, Self

from ntp_proto.errors import ParseError
from ntp_proto.packet.extension import ExtensionField, join_trailer, split_trailer
from ntp_proto.packet.header import HEADER_LENGTH, Header

__all__ = ["PACKET_MAXIMUM", "Packet"]

PACKET_MAXIMUM = 2048
"""The longest packet that is read, octets. No packet of use is fragmented on its way, so a longer one is refused before any work."""


class Packet(NamedTuple):
    """A packet taken apart; its parts are not yet judged.

    Attributes:
        header: The first 48 octets.
        extensions: The extension fields, none in version 3 and before.
        mac: Key id and message authentication code, or empty.

    Source: RFC 5905 §7.3 and §7.5, as updated by RFC 7822 §3.
    """

    header: Header
    extensions: tuple[ExtensionField, ...] = ()
    mac: bytes = b""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Take a datagram apart.

        Raises:
            ParseError: too short, too long, or what follows the header does not add up. No other exception, whatever the bytes.
        """
        header = Header.parse(data)
        if len(data) == HEADER_LENGTH:
            return cls(header)
        if len(data) > PACKET_MAXIMUM:
            raise ParseError(f"a packet of {len(data)} octets; more than {PACKET_MAXIMUM} are not read")
        extensions, mac = split_trailer(data[HEADER_LENGTH:], header.version)
        return cls(header, extensions, mac)

    def to_bytes(self) -> bytes:
        """The datagram; the inverse of `parse` but for the padding of extension fields.

        Raises:
            UsageError: the parts make no packet that a receiver could read.
        """
        return self.header.to_bytes() + join_trailer(self.extensions, self.mac)
