"""Which of a name's addresses are to be asked: decisions only, no name resolution and no clock of its own.

A server is one address: the first of its name. A pool is `count` addresses behind one name. A name from the command line is a server when it has one
address and a pool when it has several. An address that refused us, or died as a member of a pool, is avoided for an hour.
"""

from __future__ import annotations

from collections.abc import Iterable

from ntp_daemon.config.model import AutoSource, PoolSource, ServerSource, Source
from ntp_proto.datagram import Address

__all__ = ["AVOIDED_S", "Membership"]

AVOIDED_S = 3600.0
"""How long an address that refused us or died is not asked again, s."""


class Membership:
    """The addresses of one configured source that are in use, by the id of their association.

    Args:
        source: As configured.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.members: dict[int, Address] = {}
        self._avoided_until: dict[str, float] = {}
        self._is_pool = isinstance(source, PoolSource)

    @property
    def is_pool(self) -> bool:
        """Whether one address may take the place of another."""
        return self._is_pool

    def avoid(self, address: Address, now: float) -> None:
        """Do not ask an address for the next hour; `now` is monotonic, s."""
        self._avoided_until[address.host] = now + AVOIDED_S

    def missing(self, resolved: Iterable[Address], now: float) -> list[Address]:
        """The addresses to be asked in addition, in the order in which the name gave them.

        Args:
            resolved: What the name resolves to now.
            now: Monotonic instant, s.
        """
        addresses = list(resolved)
        if isinstance(self.source, AutoSource):
            self._is_pool = self._is_pool or len(addresses) > 1
        free = self._free(addresses, now)
        return free[: max(0, self.count - len(self.members))]

    def replacement(self, lost: int, resolved: Iterable[Address], now: float) -> Address | None:
        """The address to be asked in place of one that does not answer; None: keep asking that one.

        A server is left only when its name no longer gives its address.
        """
        addresses = list(resolved)
        if not self.is_pool and self.members[lost] in addresses:
            return None
        free = self._free(addresses, now)
        return free[0] if free else None

    @property
    def count(self) -> int:
        """How many addresses are wanted."""
        if isinstance(self.source, ServerSource) or not self._is_pool:
            return 1
        return self.source.count

    def _free(self, addresses: list[Address], now: float) -> list[Address]:
        self._avoided_until = {host: until for host, until in self._avoided_until.items() if until > now}
        ignored = self.source.ignore if isinstance(self.source, PoolSource) else ()
        taken = {address.host for address in self.members.values()} | self._avoided_until.keys() | {str(host) for host in ignored}
        return [address for address in addresses if address.host not in taken]
