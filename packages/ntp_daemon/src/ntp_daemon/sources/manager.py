"""Keeps the configured sources alive: resolves their names, fills pools, replaces servers that are dead or refuse us.

Everything here waits politely: a name that does not resolve, a pool that is not full and a server that refused us are tried again after pauses
that grow.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from ntp_daemon.config.model import Config, Source
from ntp_daemon.sources.membership import AVOIDED_S, Membership
from ntp_proto.association import AssociationConfig, Demobilize, Reset
from ntp_proto.client import SourceLabel
from ntp_proto.datagram import Address
from ntp_proto.server_address import ServerAddress
from ntp_udp.resolver import ResolveError, Resolver

__all__ = ["PendingSource", "SourceHost", "SourceManager"]

_log = logging.getLogger(__name__)

_FIRST_RETRY_S = 2.0
_LONGEST_RETRY_S = 1024.0
_FIRST_DENIAL_S = 1800.0
_LONGEST_DENIAL_S = 86400.0


class SourceHost(Protocol):
    """Where associations live."""

    def add(self, label: SourceLabel, remote: Address, config: AssociationConfig) -> int:
        """Begin to ask a server; returns the id of the association."""
        ...

    def remove(self, source: int) -> None:
        """Stop asking a server."""
        ...

    def set_online(self, source: int, *, online: bool) -> None:
        """Stop asking a server for a while, or ask it again; what is known of it is kept."""
        ...

    def burst(self, sources: Iterable[int]) -> None:
        """Ask some servers several times in a row."""
        ...


class PendingSource(NamedTuple):
    """A configured source without a server, for the status: its name, its mode and why."""

    name: str
    mode: str
    reason: str


@dataclass(slots=True)
class _Entry:
    membership: Membership
    config: AssociationConfig
    error: str = ""
    is_online: bool = True
    retry_s: float = _FIRST_RETRY_S
    denial_s: float = _FIRST_DENIAL_S
    timers: list[asyncio.TimerHandle] = field(default_factory=list)

    @property
    def label(self) -> SourceLabel:
        """What people call it."""
        return SourceLabel(str(self.membership.source.address), "pool" if self.membership.is_pool else "server")


class SourceManager:
    """Args are the way to names and to associations.

    Args:
        host: Where associations live.
        resolver: Names to addresses.
        monotonic: A clock for the pauses, s.
        is_own: Whether we ourselves answer at an address: nobody learns the time from himself.
    """

    def __init__(
        self, host: SourceHost, resolver: Resolver, monotonic: Callable[[], float], is_own: Callable[[Address], bool] = lambda _: False
    ) -> None:
        self._host = host
        self._resolver = resolver
        self._monotonic = monotonic
        self._is_own = is_own
        self._entries: dict[Source, _Entry] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def add(self, sources: Iterable[Source], config: Config) -> None:
        """Take configured sources in; numeric addresses are asked before this returns, names when they are resolved."""
        await self._add(sources, config)

    async def exchange(self, removed: Iterable[Source], added: Iterable[Source], config: Config) -> None:
        """Let configured sources go and take others in: the old servers are asked until the new names are resolved, so that no gap is made.

        What was added or removed by order in between gives way to what is said here.

        Args:
            removed: May hold sources that are in `added` as well: those whose defaults have changed. One that is gone already does not matter.
            added: As for `add`. Where one has the address of a source that is there, it takes its place; the very same goes on as it is.
            config: The defaults of `added`.
        """
        removed, added = set(removed), list(added)
        same = {source for source in added if source not in removed and self._is_as_wanted(source, config)}
        addresses = {source.address for source in added}
        stale = [source for source in self._entries if source in removed or (source.address in addresses and source not in same)]
        leaving = [self._entries.pop(source) for source in stale]  # first, for a source in both would have the same key
        for entry in leaving:
            for timer in entry.timers:
                timer.cancel()
        look_ups = await self._add((source for source in added if source not in same), config)
        if look_ups:
            self._start(self._dismiss_after(look_ups, leaving))
        else:
            self._dismiss(leaving)

    def pending(self) -> list[PendingSource]:
        """The configured sources that have no server at the moment."""
        entries = (entry for entry in self._entries.values() if not entry.membership.members)
        return [PendingSource(e.label.name, e.label.mode, _why_pending(e)) for e in entries]

    def in_order(self, sources: Iterable[Source]) -> list[int]:
        """The ids of the associations in the order of the configured sources; then those of the sources that were added by order."""
        wanted = [source for source in sources if source in self._entries]
        ordered = dict.fromkeys([*wanted, *self._entries])
        return [member for source in ordered for member in sorted(self._entries[source].membership.members)]

    def find(self, address: ServerAddress) -> Source | None:
        """The source with this address, or else the server that is asked there."""
        numeric = address.numeric()
        exact = (source for source in self._entries if source.address == address)
        asked = (source for source, entry in self._entries.items() if not entry.membership.is_pool and numeric in entry.membership.members.values())
        return next(exact, None) or next(asked, None)

    def pool_of(self, address: ServerAddress) -> Source | None:
        """The pool that has a server at this address."""
        numeric = address.numeric()
        return next((source for source, entry in self._entries.items() if numeric in entry.membership.members.values()), None)

    @property
    def sources(self) -> tuple[Source, ...]:
        """All that there are, in the order in which they came."""
        return tuple(self._entries)

    def set_online(self, source: Source, *, online: bool) -> None:
        """Stop asking a source, and looking for its servers, or begin again."""
        entry = self._entries[source]
        if entry.is_online is online:
            return
        entry.is_online = online
        for member in entry.membership.members:
            self._host.set_online(member, online=online)
        if online and len(entry.membership.members) < entry.membership.count:
            entry.retry_s = _FIRST_RETRY_S
            self._start(self._fill(entry))

    def burst(self, source: Source) -> int:
        """Ask the servers of a source several times in a row; returns how many there are."""
        entry = self._entries[source]
        if entry.is_online:
            self._host.burst(entry.membership.members)
        return len(entry.membership.members) if entry.is_online else 0

    def handle_ending(self, member: int, ending: Reset | Demobilize) -> None:
        """A server does not answer, or told us to go away."""
        entry = next((e for e in self._entries.values() if member in e.membership.members), None)
        if entry is None:
            return
        if isinstance(ending, Reset):
            self._start(self._replace_dead(entry, member))
            return
        address = entry.membership.members[member]
        entry.membership.avoid(address, self._monotonic())
        if entry.membership.is_pool:
            _log.warning("%s (%s) refuses to be asked (%s); looking for another", entry.label.name, address, ending.kiss.value)
            self._release(entry, member)
            self._start(self._fill(entry))
        else:
            pause_s = max(entry.denial_s, AVOIDED_S + 1.0)
            entry.denial_s = min(2.0 * pause_s, _LONGEST_DENIAL_S)
            _log.warning("%s (%s) refuses to be asked (%s); asking again in %.0f min", entry.label.name, address, ending.kiss.value, pause_s / 60.0)
            self._later(entry, pause_s, lambda: self._ask_again(entry, member))

    async def close(self) -> None:
        """Stop resolving; the associations stay as they are."""
        for entry in self._entries.values():
            for timer in entry.timers:
                timer.cancel()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ask_again(self, entry: _Entry, member: int) -> None:
        if member in entry.membership.members:
            self._release(entry, member)
        self._start(self._fill(entry))

    async def _add(self, sources: Iterable[Source], config: Config) -> list[asyncio.Task[None]]:
        """Returns the look-ups of names that are under way."""
        look_ups = []
        for source in sources:
            entry = _Entry(Membership(source), association_config(source, config))
            self._entries[source] = entry
            if source.address.numeric() is not None:
                await self._fill(entry)
            else:
                look_ups.append(self._start(self._fill(entry)))
        return look_ups

    async def _dismiss_after(self, look_ups: list[asyncio.Task[None]], leaving: list[_Entry]) -> None:
        await asyncio.wait(look_ups)
        self._dismiss(leaving)

    def _dismiss(self, leaving: list[_Entry]) -> None:
        for entry in leaving:
            for member in list(entry.membership.members):
                self._release(entry, member)

    def _is_as_wanted(self, source: Source, config: Config) -> bool:
        entry = self._entries.get(source)
        return entry is not None and entry.config == association_config(source, config)

    async def _fill(self, entry: _Entry) -> None:
        """Bring the source up to its number of servers; when that fails, try again later. What is offline waits until it is asked for."""
        resolved = await self._resolve(entry) if entry.is_online else None
        if resolved is None or not entry.is_online:
            return
        for address in entry.membership.missing(resolved, self._monotonic()):
            self._engage(entry, address)
        if len(entry.membership.members) < entry.membership.count:
            self._retry(entry)
        else:
            entry.retry_s = _FIRST_RETRY_S

    async def _replace_dead(self, entry: _Entry, member: int) -> None:
        resolved = await self._resolve(entry)
        if resolved is None or not entry.is_online or member not in entry.membership.members:
            return
        address = entry.membership.replacement(member, resolved, self._monotonic())
        if address is None:
            return
        _log.info("%s (%s) does not answer; asking %s instead", entry.label.name, entry.membership.members[member], address)
        if entry.membership.is_pool:
            entry.membership.avoid(entry.membership.members[member], self._monotonic())
        self._release(entry, member)
        self._engage(entry, address)

    async def _resolve(self, entry: _Entry) -> list[Address] | None:
        try:
            resolved = await self._resolver.resolve(entry.membership.source.address)
        except ResolveError as error:
            if str(error) != entry.error:
                _log.warning("%s; trying again", error)
            entry.error = str(error)
            if not entry.membership.members:
                self._retry(entry)
            return None
        if self._entries.get(entry.membership.source) is not entry:
            return None  # it was removed meanwhile
        others = [address for address in resolved if not self._is_own(address)]
        obstacle = "" if others else f"{entry.label.name} is this daemon itself"
        if obstacle and obstacle != entry.error:
            _log.warning("%s; it is not asked", obstacle)
        elif entry.error and not obstacle:
            _log.info("%s can be asked now", entry.label.name)
        entry.error = obstacle
        return others

    def _engage(self, entry: _Entry, address: Address) -> None:
        member = self._host.add(entry.label, address, entry.config)
        entry.membership.members[member] = address

    def _release(self, entry: _Entry, member: int) -> None:
        del entry.membership.members[member]
        self._host.remove(member)

    def _retry(self, entry: _Entry) -> None:
        pause_s, entry.retry_s = entry.retry_s, min(2.0 * entry.retry_s, _LONGEST_RETRY_S)
        self._later(entry, pause_s, lambda: self._start(self._fill(entry)))

    def _later(self, entry: _Entry, pause_s: float, what: Callable[[], object]) -> None:
        loop = asyncio.get_running_loop()
        entry.timers = [timer for timer in entry.timers if not timer.cancelled() and timer.when() > loop.time()]
        entry.timers.append(loop.call_later(pause_s, what))

    def _start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _why_pending(entry: _Entry) -> str:
    if not entry.is_online:
        return "it is offline, as ordered"
    return entry.error or "its name is being resolved"


def association_config(source: Source, config: Config) -> AssociationConfig:
    """How a source is asked under a configuration."""
    polls = config.poll_settings(source)
    return AssociationConfig(
        poll_minimum=polls.minimum, poll_maximum=polls.maximum, poll_initial=polls.initial, response_timeout_s=polls.response_timeout_s
    )
