"""All servers of a program: their sockets, their workers, the clock that they serve and what they have done.

serving = Serving(settings, snapshot)
serving.bind()                 while the ports may be opened
await serving.start()
serving.publish(snapshot)      at each update of the clock, and every 8 s at least
await serving.apply(settings)  a reload
await serving.stop()
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Iterable

from ntp_daemon.privileges import Surrender
from ntp_daemon.serving.event_hub import EventHub
from ntp_daemon.serving.messages import ClientReport
from ntp_daemon.serving.publication import SnapshotWriter
from ntp_daemon.serving.servant import HostHook
from ntp_daemon.serving.server import Server, ServerStatus, merged
from ntp_daemon.serving.settings import ServerSettings
from ntp_daemon.serving.workers import Surroundings
from ntp_proto.datagram import Address
from ntp_proto.errors import NtpError
from ntp_proto.server import Snapshot

__all__ = ["ServerStatus", "Serving"]

_log = logging.getLogger(__name__)


class Serving:
    """Serves until it is stopped. Belongs to one event loop, but for `bind`.

    Args:
        servers: What is served where; no two on the same address.
        snapshot: The clock at the start.
        surrender: Who the workers become, and where. Whoever they are, they keep no capability.
        hook: Asked with each request that would be answered; everything is served in this process then.
        clock: The clock now, in place of what was published last, for those who serve in this process.
        events: Where events go; None: a hub without a history.

    Attributes:
        events: What becomes of each request, for whoever wants to know.
    """

    def __init__(
        self,
        servers: Iterable[ServerSettings],
        snapshot: Snapshot,
        *,
        surrender: Surrender = Surrender(),  # noqa: B008 — frozen
        hook: HostHook | None = None,
        clock: Callable[[], Snapshot] | None = None,
        events: EventHub | None = None,
    ) -> None:
        self.events = EventHub(0) if events is None else events
        self.events.on_interest = self._tell_interest
        self._clock = clock
        self._servers = [Server(settings) for settings in servers]
        self._snapshot = snapshot
        self._surrender = surrender
        self._hook = hook
        self._writer: SnapshotWriter | None = None

    def bind(self) -> None:
        """Open all sockets; binding twice does nothing.

        Raises:
            SocketError: "cannot listen on ...", with the reason. None stays open.
        """
        try:
            for server in self._servers:
                server.bind()
        except BaseException:
            for server in self._servers:
                server.close()
            raise

    async def start(self) -> None:
        """Serve; binds what is not bound yet. Once it returns, every server answers.

        Raises:
            SocketError: A socket cannot be opened.
            WorkerError: A worker does not begin.
            ConfigError: A policy by names cannot work.
            OSError: A request log cannot be opened.
        """
        self.bind()
        self._writer = SnapshotWriter(self._snapshot)
        try:
            for server in self._servers:
                await server.start(self._surroundings(), self.events)
        except BaseException:
            await self.stop()
            raise

    def publish(self, snapshot: Snapshot, *, clock_set: bool = False) -> None:
        """Serve this clock from now on.

        Args:
            snapshot: The clock.
            clock_set: Whether the served clock was stepped since the last one.
        """
        self._snapshot = snapshot
        if self._writer is not None:
            self._writer.publish(snapshot, clock_set=clock_set)
            for server in self._servers:
                server.look(clock_set=clock_set)

    async def apply(self, servers: Iterable[ServerSettings]) -> tuple[str, ...]:
        """Take over another configuration. What stays on its address loses no request; what fails stays as it was.

        Returns:
            What could not be done, each in one sentence.
        """
        wanted = {settings.listen: settings for settings in servers}
        problems: list[str] = []
        staying: list[Server] = []
        for server in self._servers:
            settings = wanted.pop(server.settings.listen, None)
            if settings is None:
                await server.stop()
                continue
            staying.append(server)
            if settings != server.settings:
                problems += await self._attempt(server, functools.partial(server.change, settings))
        self._servers = staying
        for settings in wanted.values():
            server = Server(settings)
            failed = await self._attempt(server, functools.partial(self._add, server))
            problems += failed
            if failed:
                await server.stop()
        return tuple(problems)

    async def renew(self) -> None:
        """Begin anew on the same sockets, with counters at zero: no request is lost.

        Raises:
            WorkerError, ConfigError, OSError: As `start`; that server goes on as it was.
        """
        for server in self._servers:
            await server.renew()

    async def restart(self) -> tuple[str, ...]:
        """New workers everywhere, without a gap. Returns what could not be done, each in one sentence."""
        return tuple([problem for server in self._servers for problem in await self._attempt(server, server.restart)])

    async def stop(self) -> None:
        """Answer what is queued, end the workers, close the sockets: within 5 s, whatever they do. Stopping twice does nothing."""
        await asyncio.gather(*(server.stop() for server in self._servers))
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where the servers answer."""
        return tuple(server.address for server in self._servers)

    def status(self) -> tuple[ServerStatus, ...]:
        """Each server as of now; asks nobody and never waits."""
        return tuple(server.status() for server in self._servers)

    async def clients(self, count: int) -> ClientReport:
        """The busiest clients of all servers, and how many are remembered. A worker that does not answer within a second is left out."""
        reports = [report for server in self._servers for report in await server.clients(count)]
        return merged(reports, count)

    async def _add(self, server: Server) -> None:
        server.bind()
        await server.start(self._surroundings(), self.events)
        self._servers.append(server)

    @staticmethod
    async def _attempt(server: Server, action: Callable[[], Awaitable[None]]) -> list[str]:
        try:
            await action()
        except (NtpError, OSError) as error:
            _log.error("%s: %s", server.settings.listen, error)
            return [f"{server.settings.listen}: {error}"]
        return []

    def _surroundings(self) -> Surroundings:
        assert self._writer is not None
        clock = self._clock or (lambda: self._snapshot)
        return Surroundings(snapshot_fd=self._writer.fd, snapshot=clock, surrender=self._surrender, hook=self._hook)

    def _tell_interest(self) -> None:
        for server in self._servers:
            server.tell_interest()
