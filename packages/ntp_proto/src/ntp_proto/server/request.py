"""A request as the server sees it, and whether its form is one that is answered.

Addresses are 16 octets on the path of a packet, IPv4 in its IPv4-mapped form (::ffff:a.b.c.d): one form for both families, the same in C, and
compared and masked without knowing which it is. Text becomes octets where the configuration is read.
"""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

from ntp_proto.identifiers import Mode
from ntp_proto.packet import HEADER_LENGTH, PACKET_MAXIMUM
from ntp_proto.server.verdict import DropReason
from ntp_proto.time_types import NtpTimestamp

__all__ = ["MAPPED_PREFIX", "Endpoint", "Request", "address_text", "judge_ends", "judge_form", "pack_address", "reply_mode"]

MAPPED_PREFIX = bytes(10) + b"\xff\xff"
"""What an IPv4 address begins with among IPv6 addresses (RFC 4291 §2.5.5.2)."""

_UNSPECIFIED = bytes(16)
_BROADCAST = MAPPED_PREFIX + b"\xff\xff\xff\xff"
_NTP_PORT = 123
_USUAL_FORMS = frozenset({3 << 3 | Mode.CLIENT, 4 << 3 | Mode.CLIENT})
"""Version and mode of nearly every request, as they stand in the first octet."""


class Endpoint(NamedTuple):
    """One end of a datagram's way: 16 octets of address and a UDP port."""

    address: bytes
    port: int

    def __str__(self) -> str:
        host = address_text(self.address)
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"


class Request(NamedTuple):
    """A datagram that has reached the server.

    Attributes:
        data: Its octets, all of them.
        client: Who sent it.
        local: Where it was sent to. The address in the packet, not the interface's: a broadcast is told by it.
        received_at: When it arrived, on the kernel's clock.
    """

    data: bytes
    client: Endpoint
    local: Endpoint
    received_at: NtpTimestamp


def pack_address(host: str) -> bytes:
    """The 16 octets of a numeric address; a zone ("%eth0") is ignored.

    Raises:
        ValueError: not a numeric address.
    """
    packed = ipaddress.ip_address(host.partition("%")[0]).packed
    return packed if len(packed) == 16 else MAPPED_PREFIX + packed


def address_text(address: bytes) -> str:
    """The address as people read it: IPv4 as a dotted quad."""
    if address.startswith(MAPPED_PREFIX):
        return str(ipaddress.IPv4Address(address[12:]))
    return str(ipaddress.IPv6Address(address))


def judge_form(data: bytes, client_port: int, *, is_legacy_served: bool) -> DropReason | None:
    """Whether this is a request at all; the first look at a stranger's bytes, and the cheapest.

    What follows the header (extension fields, an authentication code) is not looked at: the answer has none of it.

    Args:
        data: The datagram.
        client_port: Where it came from.
        is_legacy_served: Whether versions 1 and 2, and symmetric active requests (answered in passive mode), are served too.

    Source: RFC 5905 §9.2 (a client's request is the one packet that is answered without an association).
    """
    length = len(data)
    if not HEADER_LENGTH <= length <= PACKET_MAXIMUM or length % 4:
        return DropReason.BAD_LENGTH
    if data[0] & 0o77 in _USUAL_FORMS:
        return None
    version, mode = data[0] >> 3 & 7, data[0] & 7
    if not (1 if is_legacy_served else 3) <= version <= 4:
        return DropReason.BAD_VERSION
    if is_legacy_served and mode in (Mode.CLIENT, Mode.SYMMETRIC_ACTIVE):
        return None
    # Version 1 has no mode: its clients are told from its servers by the port alone, and what comes from port 123 may be a server's answer.
    if is_legacy_served and version == 1 and mode == Mode.RESERVED and client_port != _NTP_PORT:
        return None
    return DropReason.BAD_MODE


def judge_ends(client: Endpoint, local: Endpoint) -> DropReason | None:
    """Whether an answer to this sender, from this address, would go where it does no harm."""
    if not _is_host(local.address):
        return DropReason.BAD_DESTINATION
    if client.port == 0 or _is_nobody(client.address) or not _is_host(client.address):
        return DropReason.BAD_SOURCE
    return DropReason.OWN_ADDRESS if client == local else None


def reply_mode(first_byte: int) -> Mode:
    """The mode of the answer to an accepted request: passive to an active peer, server to everybody else."""
    return Mode.SYMMETRIC_PASSIVE if first_byte & 7 == Mode.SYMMETRIC_ACTIVE else Mode.SERVER


def _is_host(address: bytes) -> bool:
    """Whether this is neither a multicast address nor the limited broadcast; the wildcard of a socket passes."""
    if address.startswith(MAPPED_PREFIX):
        return not 224 <= address[12] <= 239 and address != _BROADCAST
    return address[0] != 0xFF


def _is_nobody(address: bytes) -> bool:
    """Whether this is the unspecified address of either family, or another of IPv4's "this network"."""
    return address[12] == 0 if address.startswith(MAPPED_PREFIX) else address == _UNSPECIFIED
