"""What may be ordered of sources while the daemon runs: others, fewer, none for a while, or quicker.

An order holds until the daemon's end. A reload carries out what has changed in the file since it was last read, and nothing else: so what was added
by order stays, and what was removed stays away, unless the file now says something new of the same address. The file outranks an order.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from ntp_daemon.config.model import Config, PoolSource, ServerSource, Source, SourcePollLimits
from ntp_daemon.sources.manager import SourceManager
from ntp_proto.control import AddSourceRequest, BurstRequest, RemoveSourceRequest, Reply, SetOnlineRequest
from ntp_proto.explain import sources_text
from ntp_proto.server_address import ServerAddress

__all__ = ["SourceOrders", "SourceRequest"]

_log = logging.getLogger(__name__)

SourceRequest = AddSourceRequest | RemoveSourceRequest | SetOnlineRequest | BurstRequest

_LARGEST_POOL = 16
_POLL = (-6, 17)
_MOST_SOURCES = 256
"""A script that goes wrong must not fill the memory."""


class _RefusedError(Exception):
    """The order cannot be carried out; the text says why."""


class SourceOrders:
    """Carries out orders from the configuration socket.

    Args:
        manager: Who keeps the sources.
        config: The configuration in force, for the defaults.
    """

    def __init__(self, manager: SourceManager, config: Callable[[], Config]) -> None:
        self._manager = manager
        self._config = config

    async def handle(self, request: SourceRequest) -> Reply:
        """Do it, or say why not."""
        try:
            message = await self._carry_out(request)
        except _RefusedError as error:
            return Reply(accepted=False, message=str(error))
        _log.info("%s, as ordered", message)
        return Reply(accepted=True, message=message)

    async def _carry_out(self, request: SourceRequest) -> str:
        match request:
            case AddSourceRequest():
                return await self._add(request)
            case RemoveSourceRequest(address=address):
                return await self._remove(self._named(address))
            case SetOnlineRequest(online=online, address=address):
                return self._set_online(self._chosen(address), online=online)
            case BurstRequest(address=address):
                return self._burst(self._chosen(address))

    async def _add(self, request: AddSourceRequest) -> str:
        source = _source(request)
        self._check(source)
        await self._manager.exchange((), (source,), self._config())
        return f"added {_described(source)}"

    def _check(self, source: Source) -> None:
        """What a `[[source]]` is checked for too."""
        present = self._manager.find(source.address)
        if present is not None:
            raise _RefusedError(f"{source.address} is asked already: it is {_described(present)}, and the same server would vote twice")
        if len(self._manager.sources) >= _MOST_SOURCES:
            raise _RefusedError(f"there are {_MOST_SOURCES} sources already")
        limits = source.poll_interval_limits
        for exponent in (limits.min, limits.max):
            if exponent is not None and not _POLL[0] <= exponent <= _POLL[1]:
                raise _RefusedError(f"a poll interval is from {_POLL[0]} to {_POLL[1]} (log2 s), got {exponent}")
        defaults = self._config().source_defaults.poll_interval_limits
        minimum = defaults.min if limits.min is None else limits.min
        maximum = defaults.max if limits.max is None else limits.max
        if minimum > maximum:
            raise _RefusedError(f"the shortest poll interval ({minimum}) must not be above the longest ({maximum})")
        if isinstance(source, PoolSource) and not 1 <= source.count <= _LARGEST_POOL:
            raise _RefusedError(f"count is from 1 to {_LARGEST_POOL}, got {source.count}")

    async def _remove(self, source: Source) -> str:
        await self._manager.exchange((source,), (), self._config())
        return f"removed {_described(source)}; {sources_text(len(self._manager.sources))} left"

    def _set_online(self, sources: tuple[Source, ...], *, online: bool) -> str:
        for source in sources:
            self._manager.set_online(source, online=online)
        what = _described(sources[0]) if len(sources) == 1 else sources_text(len(sources))
        return f"{what} {'online' if online else 'offline'}"

    def _burst(self, sources: tuple[Source, ...]) -> str:
        servers = sum(self._manager.burst(source) for source in sources)
        if not servers:
            raise _RefusedError("there is no server to ask: the sources are offline, or their names are not resolved yet")
        return f"asking {servers} server{'' if servers == 1 else 's'} in a burst"

    def _chosen(self, address: str | None) -> tuple[Source, ...]:
        if address is not None:
            return (self._named(address),)
        if not self._manager.sources:
            raise _RefusedError("there are no sources")
        return self._manager.sources

    def _named(self, text: str) -> Source:
        address = ServerAddress.parse(text)
        source = self._manager.find(address)
        if source is not None:
            return source
        pool = self._manager.pool_of(address)
        if pool is not None:
            raise _RefusedError(f"{address} is one of the servers of {_described(pool)}: name the pool, for it would find another in its place")
        raise _RefusedError(f"there is no source {address}")


def _source(request: AddSourceRequest) -> ServerSource | PoolSource:
    address = ServerAddress.parse(request.address)
    limits = SourcePollLimits(min=request.poll_minimum, max=request.poll_maximum)
    if not request.pool:
        return ServerSource(address=address, poll_interval_limits=limits)
    source = PoolSource(address=address, poll_interval_limits=limits)
    return source if request.count is None else PoolSource(address=address, poll_interval_limits=limits, count=request.count)


def _described(source: Source) -> str:
    return f"{'pool' if isinstance(source, PoolSource) else 'server'} {source.address}"
