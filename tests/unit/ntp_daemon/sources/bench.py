"""A manager of sources between a name service and a client, which are both of the test."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable

from ntp_daemon.config.load import parse
from ntp_daemon.config.model import Config
from ntp_daemon.sources import SourceManager
from ntp_proto.association import AssociationConfig
from ntp_proto.client import SourceLabel
from ntp_proto.datagram import Address
from ntp_proto.server_address import ServerAddress
from ntp_udp.resolver import Resolver

POOL = '[[source]]\nmode = "pool"\naddress = "pool.example"\ncount = 2\n'
SERVER = '[[source]]\nmode = "server"\naddress = "time.example"\n'
NUMERIC = '[[source]]\nmode = "server"\naddress = "192.0.2.9:1123"\n'


def hosts(*numbers: int) -> list[str]:
    return [f"192.0.2.{number}" for number in numbers]


class Names(Resolver):
    """A resolver that knows what it is told: addresses by name, or nothing."""

    def __init__(self, known: dict[str, list[str]]) -> None:
        super().__init__(self._look_up)
        self.known = known
        self.asked: list[tuple[float, str]] = []

    async def resolve(self, address: ServerAddress, *, timeout_s: float = 5.0) -> list[Address]:
        self.asked.append((asyncio.get_running_loop().time(), address.host))
        numeric = address.numeric()
        if numeric is not None:
            return [numeric]
        await asyncio.sleep(0.01)
        return await self._answer(address)

    async def _answer(self, address: ServerAddress) -> list[Address]:
        from ntp_udp.resolver import ResolveError  # noqa: PLC0415 — beside its only use

        if address.host not in self.known:
            raise ResolveError(f"cannot resolve {address.host}: it is unknown")
        return [Address(host, address.port) for host in self.known[address.host]]

    def _look_up(self, address: ServerAddress) -> list[Address]:
        raise AssertionError("resolve() is replaced")


class Associations:
    """Records who is asked."""

    def __init__(self) -> None:
        self.asked: dict[int, Address] = {}
        self.labels: dict[int, SourceLabel] = {}
        self.configs: dict[int, AssociationConfig] = {}
        self.history: list[list[str]] = []
        self.offline: set[int] = set()
        self.bursts: list[list[int]] = []
        self._ids = itertools.count(1)

    def add(self, label: SourceLabel, remote: Address, config: AssociationConfig) -> int:
        source = next(self._ids)
        self.asked[source] = remote
        self.labels[source] = label
        self.configs[source] = config
        self.history.append(self.hosts)
        return source

    def remove(self, source: int) -> None:
        del self.asked[source]
        self.history.append(self.hosts)

    def set_online(self, source: int, *, online: bool) -> None:
        (self.offline.discard if online else self.offline.add)(source)

    def burst(self, sources: Iterable[int]) -> None:
        self.bursts.append(sorted(sources))

    @property
    def hosts(self) -> list[str]:
        return [address.host for address in self.asked.values()]


class Bench:
    def __init__(self, text: str, known: dict[str, list[str]]) -> None:
        self.config: Config = parse(text)
        self.names = Names(known)
        self.host = Associations()
        self.manager = SourceManager(self.host, self.names, asyncio.get_running_loop().time)

    async def start(self, seconds: float = 1.0) -> None:
        await self.manager.add(self.config.sources, self.config)
        await asyncio.sleep(seconds)
