"""The workers of one server: started together, replaced one by one, stopped together.

Theory of operation. The daemon keeps every socket open itself, and a worker only shares it. So a worker that dies loses the requests that it had
in its hands, at most one batch; the others wait in the kernel for the one that replaces it. A reload is the same on purpose: the new workers are
started on the same sockets, and when they serve the old ones are told to finish.

A worker that ends by itself is replaced at once the first time, and then more and more slowly: what kills it may be in the traffic. Where no process
can be started at all (after a change of the root directory) the daemon answers itself; it could not be done better, and it is said.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from ntp_daemon.privileges import Surrender
from ntp_daemon.serving.counters import ServingCounters
from ntp_daemon.serving.local_service import LocalService
from ntp_daemon.serving.messages import ClientReport, Order
from ntp_daemon.serving.request_events import RequestEvent
from ntp_daemon.serving.servant import HostHook
from ntp_daemon.serving.settings import ServerSettings
from ntp_daemon.serving.worker_process import Launch, WorkerError, WorkerProcess
from ntp_proto.errors import ConfigError
from ntp_proto.server import Snapshot
from ntp_udp.fast_path import load_fast_server
from ntp_udp.server_socket import ServerSocket

__all__ = ["Surroundings", "Workers"]

_log = logging.getLogger(__name__)

_SHORTEST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 30.0
_PROVED_S = 60.0
"""A worker that has lived so long did not die of how it was started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all workers have in common.

    Attributes:
        snapshot_fd: Where workers read the clock.
        snapshot: The clock for those who serve in this process.
        surrender: Who workers become, and where.
        hook: The host's hook; with it everything is served in this process.
    """

    snapshot_fd: int
    snapshot: Callable[[], Snapshot]
    surrender: Surrender = field(default_factory=Surrender)
    hook: HostHook | None = None


class _Place:
    """One worker's place: its sockets, and who serves them now."""

    def __init__(self, number: int, sockets: Sequence[ServerSocket]) -> None:
        self.number = number
        self.sockets = tuple(sockets)
        self.service: WorkerProcess | LocalService | None = None
        self.began_at = 0.0
        self.failures = 0
        self.timer: asyncio.TimerHandle | None = None


class Workers:
    """The workers of one server with one configuration.

    Args:
        settings: Whom it serves.
        sockets: Where, one for each worker at least; they stay the caller's to close.
        surroundings: The clock and the like.
        on_event: Takes what became of each request.
    """

    def __init__(
        self, settings: ServerSettings, sockets: Sequence[ServerSocket], surroundings: Surroundings, on_event: Callable[[RequestEvent], None]
    ) -> None:
        self._surroundings = surroundings
        self._on_event = on_event
        load_fast_server()  # by now: a worker's place may have to be taken when the file is out of reach
        self._is_local = settings.workers == 0 or surroundings.hook is not None
        count = 1 if self._is_local else min(settings.workers, len(sockets))
        self._settings = replace(settings, policy=settings.policy.shared_by(count))
        self._places = [_Place(number, sockets[number::count]) for number in range(count)]
        self._past = ServingCounters()
        self._events_wanted = False
        self._is_stopping = False

    @property
    def wanted(self) -> int:
        """How many processes there should be."""
        return 0 if self._is_local else len(self._places)

    @property
    def running(self) -> int:
        """How many processes there are."""
        return sum(isinstance(place.service, WorkerProcess) for place in self._places)

    async def start(self) -> None:
        """Start all, and wait until they serve.

        Raises:
            WorkerError: One of them does not; none is left then.
            ConfigError: The policy by names cannot work.
        """
        try:
            for place in self._places:
                self._begin(place)
            await asyncio.gather(*(place.service.wait_ready() for place in self._places if isinstance(place.service, WorkerProcess)))
        except BaseException:
            await self.stop(0.0)
            raise

    async def stop(self, timeout_s: float, *, drain: bool = True) -> None:
        """Let all answer what is queued and end; kill those that have not ended in time. Stopping twice does nothing.

        Args:
            timeout_s: In which workers must have ended, s.
            drain: False: others go on with the sockets.
        """
        self._is_stopping = True
        for place in self._places:
            if place.timer is not None:
                place.timer.cancel()
                place.timer = None
        await asyncio.gather(*(self._end(place, timeout_s, drain=drain) for place in self._places))

    def take_over(self) -> None:
        """Those who have served the sockets in this process before have stopped: watch them in their place."""
        for place in self._places:
            if isinstance(place.service, LocalService):
                place.service.watch()

    def look(self, *, clock_set: bool) -> None:
        """There is a new snapshot."""
        for place in self._places:
            if isinstance(place.service, WorkerProcess):
                place.service.order(Order.LOOK)
            elif place.service is not None and clock_set:
                place.service.handle_clock_set()

    def set_events(self, wanted: bool) -> None:
        """Whether anybody wants events."""
        self._events_wanted = wanted
        for place in self._places:
            if isinstance(place.service, WorkerProcess):
                place.service.order(Order.EVENTS_ON if wanted else Order.EVENTS_OFF)
            elif place.service is not None:
                place.service.set_events(wanted)

    def counters(self) -> ServingCounters:
        """What all of them have done, those that have ended included."""
        return sum((place.service.counters() for place in self._places if place.service is not None), self._past)

    async def clients(self, count: int) -> list[ClientReport]:
        """What each of them remembers."""
        services = [place.service for place in self._places]
        processes = [service.clients(count) for service in services if isinstance(service, WorkerProcess)]
        return [service.clients(count) for service in services if isinstance(service, LocalService)] + list(await asyncio.gather(*processes))

    def _begin(self, place: _Place) -> None:
        place.began_at = asyncio.get_running_loop().time()
        if self._is_local:
            self._serve_here(place)
            return
        around = self._surroundings
        launch = Launch(settings=self._settings, sockets=place.sockets, snapshot=around.snapshot_fd, surrender=around.surrender)
        place.service = WorkerProcess(launch, self._take_events, functools.partial(self._handle_end, place))

    def _serve_here(self, place: _Place) -> None:
        around = self._surroundings
        place.service = LocalService(self._settings, place.sockets, around.snapshot, around.hook, self._on_event)
        place.service.set_events(self._events_wanted)

    def _serve_in_place(self, place: _Place) -> None:
        try:
            self._serve_here(place)
        except ConfigError as error:  # what a policy by names needs is out of reach too
            _log.error("nor can this process: %s; trying again in %g s", error, _LONGEST_PAUSE_S)
            place.timer = asyncio.get_running_loop().call_later(_LONGEST_PAUSE_S, self._replace, place)

    def _take_events(self, events: list[RequestEvent]) -> None:
        for event in events:
            self._on_event(event)

    def _handle_end(self, place: _Place, worker: WorkerProcess, how: str) -> None:
        """A worker has ended by itself."""
        self._retire(place)
        if self._is_stopping:
            return
        self._past += ServingCounters(worker_restarts=1)
        now = asyncio.get_running_loop().time()
        place.failures = 0 if now - place.began_at >= _PROVED_S else place.failures + 1
        pause_s = min(_LONGEST_PAUSE_S, _SHORTEST_PAUSE_S * 2.0 ** max(0, place.failures - 1))
        name = f"worker {place.number + 1} of {len(self._places)} for {self._settings.listen}"
        _log.warning("%s (process %d) %s; another is started in %g s", name, worker.pid, how, pause_s)
        place.timer = asyncio.get_running_loop().call_later(pause_s, self._replace, place)

    def _replace(self, place: _Place) -> None:
        place.timer = None
        try:
            self._begin(place)
        except WorkerError as error:
            _log.error("%s; this process answers in its place, until it is started again", error)
            self._serve_in_place(place)
        if isinstance(place.service, WorkerProcess) and self._events_wanted:
            place.service.order(Order.EVENTS_ON)

    async def _end(self, place: _Place, timeout_s: float, *, drain: bool) -> None:
        service = place.service
        if isinstance(service, LocalService):
            service.stop(drain=drain)
        elif service is not None:
            await service.stop(timeout_s)
        self._retire(place)

    def _retire(self, place: _Place) -> None:
        """Keep what it has counted: the remembered clients are gone with it."""
        service, place.service = place.service, None
        if service is not None:
            self._past += replace(service.counters(), clients=0)
            if isinstance(service, WorkerProcess):
                service.close()
