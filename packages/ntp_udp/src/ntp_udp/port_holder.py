"""Who listens on a UDP port already, as far as /proc lets it be known: one's own processes to everybody, all of them to root."""

from __future__ import annotations

import ipaddress
import sys
from pathlib import Path

from ntp_proto.datagram import Address

__all__ = ["find_port_holder"]

_PROC = Path("/proc")


def find_port_holder(address: Address, proc: Path = _PROC) -> str | None:
    """The program that stands in the way of a socket on this address: "chronyd (pid 812)", or None when it cannot be known."""
    inodes = _inodes(address, proc)
    return _owner(inodes, proc) if inodes else None


def _inodes(address: Address, proc: Path) -> set[str]:
    """The sockets on this port whose address is the same, or a wildcard, or any if we ask for the wildcard."""
    wanted = ipaddress.ip_address(address.host.partition("%")[0])
    found: set[str] = set()
    for table in ("udp", "udp6"):
        try:
            lines = (proc / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            host, _, port = fields[1].partition(":")
            bound = _unpack(host)
            if int(port, 16) == address.port and _is_in_the_way(bound, wanted):
                found.add(fields[9])
    return found


def _is_in_the_way(bound: ipaddress.IPv4Address | ipaddress.IPv6Address, wanted: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    # a socket on "::" may take IPv4 too, so it can be in the way of either
    same_family = bound.version == wanted.version or (bound.version == 6 and bound.is_unspecified)
    return same_family and (bound == wanted or bound.is_unspecified or wanted.is_unspecified)


def _unpack(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address of /proc/net/udp: words of 32 bits in hexadecimal, each in the order of the machine."""
    words = [int(text[start : start + 8], 16) for start in range(0, len(text), 8)]
    packed = b"".join(word.to_bytes(4, sys.byteorder) for word in words)
    return ipaddress.IPv4Address(packed) if len(packed) == 4 else ipaddress.IPv6Address(packed)


def _owner(inodes: set[str], proc: Path) -> str | None:
    links = {f"socket:[{inode}]" for inode in inodes}
    for process in sorted(path for path in proc.iterdir() if path.name.isdecimal()):
        try:
            if any(str(descriptor.readlink()) in links for descriptor in (process / "fd").iterdir()):
                name = (process / "comm").read_text().strip()  # whatever the program calls itself
                return f"{''.join(letter if letter.isprintable() else '?' for letter in name)} (pid {process.name})"
        except OSError:  # it has ended, or it is another user's
            continue
    return None
