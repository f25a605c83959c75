"""How people write the address of a server: `host`, `host:port`, `192.0.2.1`, `192.0.2.1:123`, `2001:db8::1`, `[2001:db8::1]:123`, `fe80::1%eth0`.

Two colons or more make an IPv6 address, so its port needs the brackets. The grammar is that of ntpd-rs 1.x with zones added.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from ntp_proto.datagram import Address

__all__ = ["NTP_PORT", "ServerAddress"]

NTP_PORT = 123

_MAXIMUM_NAME = 253  # RFC 1035 §2.3.4: 255 octets on the wire are 253 characters of text
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_ZONE = re.compile(r"[A-Za-z0-9_.:@-]{1,15}")  # what Linux lets an interface be called, less what would need quoting
_PORT = re.compile(r"[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """A host name or numeric address, in normal form (lower case, names in ASCII), and a UDP port.

    Attributes:
        host: What to resolve, or a numeric address, the latter with its zone ("%eth0") if it has one.
        port: 1 to 65535.
    """

    host: str
    port: int = NTP_PORT

    @classmethod
    def parse(cls, text: str, *, default_port: int = NTP_PORT) -> ServerAddress:
        """Read an address as people write it.

        Raises:
            ValueError: not an address; the text says what is wrong with it.
        """
        if text.startswith("["):
            inside, bracket, rest = text[1:].partition("]")
            if not bracket or (rest and rest[0] != ":"):
                raise ValueError(f"{_shown(text)} is not an address: an IPv6 address with a port is written [2001:db8::1]:123")
            return cls(_ipv6(inside), _port(rest[1:], text) if rest else default_port)
        if text.count(":") >= 2:
            return cls(_ipv6(text), default_port)
        host, colon, port = text.partition(":")
        return cls(_host(host, text), _port(port, text) if colon else default_port)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def numeric(self) -> Address | None:
        """The same as a numeric address, or None when it is a name that has to be resolved."""
        try:
            ipaddress.ip_address(self.host)
        except ValueError:
            return None
        return Address(self.host, self.port)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 64 else text[:61] + "...")


def _port(text: str, whole: str) -> int:
    if not text:
        raise ValueError(f"{_shown(whole)} has no port after the colon; write a port from 1 to 65535, or leave the colon out")
    if not _PORT.fullmatch(text) or not 1 <= int(text) <= 65535:
        raise ValueError(f"{_shown(text)} is not a port: a port is a number from 1 to 65535")
    return int(text)


def _ipv6(text: str) -> str:
    numeric, percent, zone = text.partition("%")
    if percent and not _ZONE.fullmatch(zone):
        raise ValueError(f"{_shown(zone)} is not the name of a network interface (in {_shown(text)})")
    try:
        address = ipaddress.IPv6Address(numeric)
    except ValueError:
        hint = "" if text.count(":") > 1 else "; only IPv6 addresses stand in brackets"
        raise ValueError(f"{_shown(text)} is not an IPv6 address{hint}") from None
    # Answers to an IPv4-mapped address come from the IPv4 address; it is the same server.
    return str(address.ipv4_mapped) if address.ipv4_mapped is not None else f"{address}{percent}{zone}"


def _host(text: str, whole: str) -> str:
    if not text:
        raise ValueError("the host is empty" + (f" in {_shown(whole)}" if whole else ""))
    name = _ascii(text).lower()
    labels = name.removesuffix(".").split(".")
    # A name whose last label is a number can only be meant as an IPv4 address: there is no such top-level domain.
    if labels[-1].isdigit():
        return _ipv4(text)
    if len(name.removesuffix(".")) > _MAXIMUM_NAME:
        raise ValueError(f"{_shown(text)} is too long: a host name has at most {_MAXIMUM_NAME} characters")
    for label in labels:
        _check_label(label, text)
    return name


def _ascii(text: str) -> str:
    if text.isascii() or len(text) > _MAXIMUM_NAME:  # the codec's effort grows with the square of the length
        return text
    try:
        return text.encode("idna").decode("ascii")
    except UnicodeError:
        raise ValueError(f"{_shown(text)} is not a host name") from None


def _ipv4(text: str) -> str:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise ValueError(f"{_shown(text)} is not an IPv4 address: it has four numbers from 0 to 255, without leading zeros") from None


def _check_label(label: str, name: str) -> None:
    if not label:
        raise ValueError(f"{_shown(name)} is not a host name: there is nothing between two dots")
    if len(label) > 63:
        raise ValueError(f"{_shown(name)} is not a host name: its part {_shown(label)} is longer than 63 characters")
    if not _LABEL.fullmatch(label):
        raise ValueError(f"{_shown(name)} is not a host name: letters, digits, dots, and hyphens inside a word")
