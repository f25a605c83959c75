"""One server: its sockets, which outlive its workers, its workers, and its request log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass

from ntp_daemon.serving.counters import ServingCounters
from ntp_daemon.serving.event_hub import EventHub
from ntp_daemon.serving.messages import ClientReport
from ntp_daemon.serving.request_events import RequestEvent
from ntp_daemon.serving.request_log import RequestLog
from ntp_daemon.serving.settings import ServerSettings
from ntp_daemon.serving.workers import Surroundings, Workers
from ntp_proto.datagram import Address
from ntp_proto.server import ClientRecord
from ntp_udp.server_socket import ServerSocket, bind_sockets, steer

__all__ = ["Server", "ServerStatus", "merged"]

_log = logging.getLogger(__name__)

_STOP_S = 3.0
"""In which workers must have ended. With the request log's 2 s the whole end takes 5 s at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStatus:
    """One server as of now.

    Attributes:
        listen: Where it answers; the port that it got, where 0 was asked for.
        counters: What it has done since it was started.
        workers: Processes that should answer; 0: this one does.
        running: Processes that do.
        log_lost: Lines that the request log has lost.
        rate_limit: What one client may ask, 1/s; 0: no limit.
        global_rate_limit: What all clients may ask together, 1/s; 0: no limit.
    """

    listen: Address
    counters: ServingCounters
    workers: int
    running: int
    log_lost: int
    rate_limit: float = 0.0
    global_rate_limit: float = 0.0


class Server:
    """From `bind` and `start` to `stop`, with any number of changes in between.

    Args:
        settings: Where, whom and how.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self.settings = settings
        self._sockets: list[ServerSocket] = []
        self._workers: Workers | None = None
        self._leaving: list[Workers] = []
        self._past = ServingCounters()
        self._drops_before = 0
        self._log: RequestLog | None = None
        self._hub: EventHub | None = None
        self._surroundings: Surroundings | None = None

    @property
    def address(self) -> Address:
        """Where it answers, or shall answer."""
        return self._sockets[0].local if self._sockets else self.settings.listen

    def bind(self) -> None:
        """Open its sockets; binding twice does nothing.

        Raises:
            SocketError: "cannot listen on ...", with the reason.
        """
        if not self._sockets:
            settings = self.settings
            self._sockets = bind_sockets(settings.listen, max(1, settings.workers), buffers=settings.buffers)
            self._steer(settings)

    async def start(self, surroundings: Surroundings, hub: EventHub) -> None:
        """Serve; once it returns, requests are answered.

        Args:
            surroundings: The clock and the like.
            hub: Where events go.

        Raises:
            WorkerError: A worker does not begin.
            ConfigError: The policy by names cannot work.
            OSError: The request log cannot be opened.
        """
        self._surroundings, self._hub = surroundings, hub
        self._log = _open_log(self.settings)
        workers = self._make_workers(self.settings, surroundings)
        await workers.start()
        self._workers = workers
        self.tell_interest()

    async def change(self, settings: ServerSettings) -> None:
        """Go on with other settings on the same address. New workers begin before the old ones end, on the same sockets: no request is lost.

        Raises:
            WorkerError: A worker does not begin; everything stays as it was. The same holds for the other errors of `start`.
        """
        assert self._surroundings is not None
        log = self._log if settings.request_log == self.settings.request_log else _open_log(settings)
        self._extend(settings)
        fresh = self._make_workers(settings, self._surroundings)
        try:
            await fresh.start()
        except BaseException:
            if log is not self._log and log is not None:
                await asyncio.to_thread(log.close)
            raise
        old, self._workers = self._workers, fresh
        old_settings, self.settings = self.settings, settings
        old_log, self._log = self._log, log
        self.tell_interest()
        self._steer(settings)
        if old_settings.buffers != settings.buffers:
            for one in self._sockets:
                one.resize(settings.buffers)
        if old is not None:
            await self._let_go(old, drain=False)
            fresh.take_over()
        if old_log is not None and old_log is not log:
            await asyncio.to_thread(old_log.close)

    async def renew(self) -> None:
        """Begin anew on the same sockets, with counters at zero: no request is lost. Raises what `change` raises."""
        await self.change(self.settings)
        self._drops_before += self._kernel_drops()
        self._past = ServingCounters()

    async def restart(self) -> None:
        """Go on with new workers, without a gap. The errors are those of `change`."""
        await self.change(self.settings)

    async def stop(self) -> None:
        """Answer what is queued, and end. Stopping twice does nothing."""
        workers, self._workers = self._workers, None
        if workers is not None:
            await self._let_go(workers, drain=True)
        self.close()
        log, self._log = self._log, None
        if log is not None:
            await asyncio.to_thread(log.close)

    def close(self) -> None:
        """Close its sockets; closing twice does nothing."""
        self._past += ServingCounters(kernel_drops=self._kernel_drops())
        self._drops_before = 0
        sockets, self._sockets = self._sockets, []
        for one in sockets:
            one.close()

    def look(self, *, clock_set: bool) -> None:
        """There is a new snapshot."""
        if self._workers is not None:
            self._workers.look(clock_set=clock_set)

    def tell_interest(self) -> None:
        """Whether events are wanted may have changed."""
        if self._workers is not None:
            self._workers.set_events(self._log is not None or (self._hub is not None and self._hub.is_wanted))

    def status(self) -> ServerStatus:
        """As of now; asks nobody and never waits."""
        workers = self._workers
        counters = self._past + ServingCounters(kernel_drops=self._kernel_drops())
        working = self._leaving if workers is None else [*self._leaving, workers]
        return ServerStatus(
            listen=self.address,
            counters=sum((one.counters() for one in working), counters),
            workers=0 if workers is None else workers.wanted,
            running=0 if workers is None else workers.running,
            log_lost=0 if self._log is None else self._log.lost,
            rate_limit=rate.per_s if (rate := self.settings.policy.clients.rate) else 0.0,
            global_rate_limit=limit.per_s if (limit := self.settings.policy.global_limit) else 0.0,
        )

    async def clients(self, count: int) -> list[ClientReport]:
        """What each of its workers remembers."""
        return [] if self._workers is None else await self._workers.clients(count)

    def _kernel_drops(self) -> int:
        return sum(one.kernel_drops for one in self._sockets) - self._drops_before

    async def _let_go(self, workers: Workers, *, drain: bool) -> None:
        """Stop them; what they have done is counted at every moment, for a counter must not go back."""
        self._leaving.append(workers)
        await workers.stop(_STOP_S, drain=drain)
        self._leaving.remove(workers)
        self._past += workers.counters()

    def _make_workers(self, settings: ServerSettings, surroundings: Surroundings) -> Workers:
        return Workers(settings, self._sockets, surroundings, self._handle_event)

    def _handle_event(self, event: RequestEvent) -> None:
        if self._hub is not None:
            self._hub.publish(event)
        if self._log is not None:
            self._log.write(event.to_line())

    def _extend(self, settings: ServerSettings) -> None:
        """More sockets for more workers. With fewer workers than sockets a worker serves several: to close one would lose what it holds."""
        missing = settings.workers - len(self._sockets)
        if missing <= 0:
            return
        try:
            self._sockets += bind_sockets(settings.listen, missing, buffers=settings.buffers, group=self._sockets[0])
        except OSError as error:
            _log.warning("%s; going on with %d workers", error, len(self._sockets))

    def _steer(self, settings: ServerSettings) -> None:
        """One client meets one worker, where the kernel lets us say so."""
        if len(self._sockets) > 1:
            limits = settings.policy.clients
            refused = steer(self._sockets, ipv4_prefix=limits.ipv4_prefix, ipv6_prefix=limits.ipv6_prefix)
            if refused is not None:
                _log.debug("the kernel spreads the clients of %s over the workers as it likes: %s", self.address, refused)


def _open_log(settings: ServerSettings) -> RequestLog | None:
    return None if settings.request_log is None else RequestLog(settings.request_log)


def merged(reports: Iterable[ClientReport], count: int) -> ClientReport:
    """The busiest of several: a client that was met by several workers is counted once, with all its requests."""
    reports = list(reports)
    records: dict[bytes, ClientRecord] = {}
    for one in (record for report in reports for record in report.busiest):
        other = records.get(one.address)
        records[one.address] = (
            one if other is None else ClientRecord(one.address, one.requests + other.requests, one.drops + other.drops, min(one.idle_s, other.idle_s))
        )
    busiest = sorted(records.values(), key=lambda one: (-one.requests, one.address))
    return ClientReport(sum(report.active for report in reports), tuple(busiest[:count]))
