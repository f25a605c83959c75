"""What the values of a `[[server]]` table may be, beside those of `ntp_daemon.config.keys`."""

from __future__ import annotations

import contextlib
import ipaddress
import re

from ntp_daemon.config.keys import BrokenRuleError, Rule, as_number, as_text, shown
from ntp_proto.server_address import ServerAddress

__all__ = ["IpNetwork", "domains", "networks", "rate", "serve_address"]

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

_NETWORK = re.compile(r"[0-9A-Fa-f.:]+(/[0-9]{1,3})?")


def serve_address() -> Rule:
    """An address of this machine to serve on, with or without a port."""
    expected = 'a numeric address, like "0.0.0.0:123", "192.0.2.1" or "[::]:123"'

    def parse(value: object) -> ServerAddress:
        address = ServerAddress.parse(as_text(value))
        if address.numeric() is None:
            raise BrokenRuleError
        return address

    return Rule(expected, parse)


def networks() -> Rule:
    """A list of networks; an address without a prefix length is a network of one."""

    def parse(value: object) -> tuple[IpNetwork, ...]:
        if not isinstance(value, list):
            raise BrokenRuleError
        return tuple(_network(item) for item in value)

    return Rule('a list of networks, like ["192.0.2.0/24", "2001:db8::/32"]', parse)


def _network(value: object) -> IpNetwork:
    network: IpNetwork | None = None
    # Python would also take a mask in place of the prefix length, "/255.255.255.0" and "/0.0.0.255": there is one way to write it.
    if isinstance(value, str) and _NETWORK.fullmatch(value):
        with contextlib.suppress(ValueError):
            network = ipaddress.ip_network(value, strict=False)
    if network is None:
        raise ValueError(f"must be a list of networks, and {shown(value)} is not one")
    if ipaddress.ip_address(str(value).partition("/")[0]) != network.network_address:
        raise ValueError(f"{shown(value)} has bits beyond its prefix; did you mean {network}?")
    if isinstance(network, ipaddress.IPv6Network) and network.network_address.ipv4_mapped is not None and network.prefixlen >= 96:
        return ipaddress.IPv4Network((network.network_address.ipv4_mapped, network.prefixlen - 96))  # as its clients are judged
    return network


def domains() -> Rule:
    """A list of domain names."""

    def parse(value: object) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise BrokenRuleError
        return tuple(_domain(item) for item in value)

    return Rule('a list of domains, like ["example.com"]', parse)


def _domain(value: object) -> str:
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            address = ServerAddress.parse(value.strip(".") + ":1")  # a name and nothing else: no port, no numbers
            if address.numeric() is None:
                return address.host
    raise ValueError(f"must be a list of domains, and {shown(value)} is not one")


def rate() -> Rule:
    """So many a second, or no limit."""

    def parse(value: object) -> float:
        result = as_number(value)
        if not (result == 0.0 or 1e-6 <= result <= 1e9):
            raise BrokenRuleError
        return result

    return Rule("0, or a number from 0.000001 to 1000000000", parse)
