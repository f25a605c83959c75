"""Numeric addresses as Python's socket module wants and returns them."""

from __future__ import annotations

import ipaddress
import socket

from ntp_proto.datagram import Address
from ntp_proto.errors import UsageError

__all__ = ["SocketAddress", "family_of", "from_packed", "from_socket", "is_own_address", "to_socket"]

SocketAddress = tuple[str, int] | tuple[str, int, int, int]


def family_of(address: Address) -> socket.AddressFamily:
    """The address family.

    Raises:
        UsageError: The host is a name; names are resolved elsewhere.
    """
    return socket.AF_INET6 if _parse(address).version == 6 else socket.AF_INET


def to_socket(address: Address) -> SocketAddress:
    """For `connect`, `bind` and `sendto`.

    Raises:
        UsageError: The host is a name.
        OSError: There is no interface of that zone's name.
    """
    host = _parse(address)
    if isinstance(host, ipaddress.IPv4Address):
        return str(host), address.port
    zone = host.scope_id
    index = 0 if zone is None else int(zone) if zone.isdecimal() else socket.if_nametoindex(zone)
    return str(host).partition("%")[0], address.port, 0, index


def from_socket(address: SocketAddress) -> Address:
    """From `getsockname` and `recvmsg`."""
    host, port = address[0].partition("%")[0], address[1]
    return Address(host + _zone(address[3]), port) if len(address) == 4 else Address(host, port)


def from_packed(packed: bytes, port: int, scope_id: int) -> Address:
    """From the bytes of the wire: 4 for IPv4, 16 for IPv6."""
    if len(packed) == 4:
        return Address(socket.inet_ntop(socket.AF_INET, packed), port)
    return Address(socket.inet_ntop(socket.AF_INET6, packed) + _zone(scope_id), port)


def is_own_address(host: str) -> bool:
    """Whether a numeric address is one of this machine's, by asking the kernel for a socket with it."""
    address = Address(host, 0)
    try:
        with socket.socket(family_of(address), socket.SOCK_DGRAM) as probe:
            probe.bind(to_socket(address))
    except OSError:
        return False
    return True


def _zone(scope_id: int) -> str:
    if not scope_id:
        return ""
    try:
        return "%" + socket.if_indextoname(scope_id)
    except OSError:  # the interface has gone since
        return f"%{scope_id}"


def _parse(address: Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(address.host)
    except ValueError as error:
        raise UsageError(f"a socket takes a numeric address, got {address.host!r}") from error
