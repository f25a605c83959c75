"""An NTP server inside somebody else's program.

    server = NtpServer(NtpServerConfig(listen="127.0.0.1:1123"))
    await server.start()
    ...
    await server.stop()

It serves the system's clock as it is, or another clock that the program has, and disciplines nothing. See docs/guide/embedding.md.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Protocol, Self

from ntp_daemon.serving.counters import ServingCounters
from ntp_daemon.serving.event_hub import EventHub, Subscription
from ntp_daemon.serving.listen_address import listen_address
from ntp_daemon.serving.messages import ClientReport
from ntp_daemon.serving.request_events import RequestEvent
from ntp_daemon.serving.servant import HostHook
from ntp_daemon.serving.serving import Serving
from ntp_daemon.serving.settings import DnsPolicyConfig, RequestLogConfig, ServerSettings
from ntp_proto.datagram import Address
from ntp_proto.errors import UsageError
from ntp_proto.identifiers import LeapIndicator, ReferenceId
from ntp_proto.server import ClientRecord, ServerPolicy, ServerTotals, Snapshot
from ntp_proto.time_types import NtpDuration, NtpTimestamp
from ntp_udp.server_socket import Buffers

__all__ = ["NtpServer", "NtpServerConfig", "ReadableClock", "ServerMetrics"]

_PUBLISHED_S = 8.0
_TOP_CLIENTS = 10


class ReadableClock(Protocol):
    """What is served in place of the system's clock."""

    def read(self) -> NtpTimestamp:
        """The time now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NtpServerConfig:
    """An embedded server. What is 0 is 0: no value stands for "the default".

    Attributes:
        listen: `host:port`, `[host]:port` or `host` for port 123; numeric. Port 0 takes a free one.
        stratum: 1 to 15, or 16 with `leap` UNSYNCHRONIZED. 0 is a kiss of death and no server's stratum.
        reference_id: Up to four letters.
        leap: What is said of leap seconds.
        precision: log2 s.
        root_delay_s: To the primary reference, s.
        root_dispersion_s: The bound of the error, s.
        policy: Whom to serve and how often; by default everybody, always.
        workers: Processes that answer; 0: the program's own event loop, which a hook and a clock of one's own need.
        buffers: What the kernel may hold for each socket.
        history: How many events are kept; 0: none.
        event_buffer: How many events may wait for a subscriber.
        dns_policy: Whom to serve by name.
        request_log: A file with a line for each request.

    Raises:
        ConfigError: The address is not numeric.
        ValueError: A field that no answer can hold.
    """

    listen: str = "0.0.0.0:123"
    stratum: int = 2
    reference_id: str = "LOCL"
    leap: LeapIndicator = LeapIndicator.NO_WARNING
    precision: int = -20
    root_delay_s: float = 0.0
    root_dispersion_s: float = 0.0
    policy: ServerPolicy = field(default_factory=ServerPolicy)
    workers: int = 0
    buffers: Buffers = field(default_factory=Buffers)
    history: int = 500
    event_buffer: int = 128
    dns_policy: DnsPolicyConfig | None = None
    request_log: RequestLogConfig | None = None

    def __post_init__(self) -> None:
        for name in ("workers", "history", "event_buffer"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is 0 or more, got {getattr(self, name)}")
        self.settings()
        self.snapshot(NtpTimestamp(0))

    def settings(self) -> ServerSettings:
        """The same as the servers of the daemon take it."""
        return ServerSettings(
            listen=listen_address(self.listen),
            policy=self.policy,
            workers=self.workers,
            buffers=self.buffers,
            dns_policy=self.dns_policy,
            request_log=self.request_log,
        )

    def snapshot(self, now: NtpTimestamp) -> Snapshot:
        """What is served at an instant of the system's clock."""
        return Snapshot(
            leap=self.leap,
            stratum=self.stratum,
            precision=self.precision,
            root_delay=NtpDuration.from_seconds(self.root_delay_s),
            root_dispersion=NtpDuration.from_seconds(self.root_dispersion_s),
            dispersion_rate=0.0,  # nobody tells how wrong the clock is, so no error is claimed and none grows
            dispersion_limit=NtpDuration.from_seconds(float(1 << 32)),
            reference_id=ReferenceId.from_ascii(self.reference_id),
            reference_time=now,
            as_of=now,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerMetrics:
    """What a server has done since its last start.

    Attributes:
        started_at: On the system's clock; None: it has not been started.
        uptime_s: Since then, or until its stop, s.
        totals: The counters as they are published.
        counters: The same in all detail.
        clients: Clients that are remembered: those of the last ten minutes, as many as the table holds.
        top_clients: The ten that ask most, with their numbers of requests.
        last_request: The newest event; None: there was none, or no history is kept.
    """

    started_at: NtpTimestamp | None
    uptime_s: float
    totals: ServerTotals
    counters: ServingCounters
    clients: int
    top_clients: tuple[ClientRecord, ...]
    last_request: RequestEvent | None


class NtpServer:
    """Answers NTP clients from an asyncio program. Belongs to the event loop in which it is started.

    Args:
        config: Where, whom, and what it says of its clock.
        clock: What is served in place of the system's clock.
        hook: Asked with each request that would be answered; a text that is not empty drops it, and is the reason in its event.

    Raises:
        UsageError: A clock or a hook with workers: they cannot leave this process.
    """

    def __init__(self, config: NtpServerConfig, *, clock: ReadableClock | None = None, hook: HostHook | None = None) -> None:
        if config.workers and (clock is not None or hook is not None):
            raise UsageError("a clock or a hook of your own is asked in this process: it needs workers=0")
        self.config = config
        self._clock = clock
        self._hook = hook
        self._events = EventHub(config.history)
        self._serving: Serving | None = None
        self._final = ServingCounters()
        self._started_at: NtpTimestamp | None = None
        self._began_s = self._ended_s = 0.0
        self._published: Snapshot | None = None
        self._publishing: asyncio.Task[None] | None = None
        self._change: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()

    @property
    def is_running(self) -> bool:
        """Whether it answers."""
        return self._serving is not None

    @property
    def address(self) -> Address:
        """Where it answers; while it does not, where it is configured to."""
        return self._serving.addresses[0] if self._serving is not None else self.config.settings().listen

    async def start(self) -> None:
        """Begin to answer. The counters begin at zero, the history goes on.

        Raises:
            UsageError: It runs already.
            SocketError: "cannot listen on ...", with the reason.
            ConfigError, WorkerError, OSError: A policy by names, a worker or the request log cannot work.
            asyncio.CancelledError: Who waits for it was cancelled: it is stopped again.
        """
        await self._begin(self._start)

    async def stop(self) -> None:
        """Answer what is queued and end, within five seconds; subscriptions end too. Stopping twice does nothing.

        It is carried out to its end even if who waits for it is cancelled.
        """
        await asyncio.shield(self._queue(self._stop))

    async def restart(self) -> None:
        """Begin anew on the same socket, with counters at zero; subscriptions go on, and no request is lost. Starts it if it does not run.

        Raises:
            ConfigError, WorkerError, OSError: As `start`; a server that ran goes on as it was.
        """
        await self._begin(self._restart)

    def publish(self, snapshot: Snapshot) -> None:
        """Serve this from now on, in place of what the configuration says: for programs that know their clock.

        Raises:
            UsageError: It does not run, or it has a clock of its own.
        """
        if self._serving is None or self._clock is not None:
            raise UsageError("publish() is for a running server without a clock of its own")
        self._published = snapshot
        self._serving.publish(snapshot)

    async def metrics(self) -> ServerMetrics:
        """What it has done since its last start."""
        serving = self._serving
        counters, report = self._final, ClientReport(0, ())
        if serving is not None:
            report = await serving.clients(_TOP_CLIENTS)
            counters = serving.status()[0].counters
        until_s = time.monotonic() if self.is_running else self._ended_s
        return ServerMetrics(
            started_at=self._started_at,
            uptime_s=until_s - self._began_s,
            totals=counters.totals,
            counters=counters,
            clients=report.active,
            top_clients=report.busiest,
            last_request=self._events.last,
        )

    def subscribe(self) -> Subscription:
        """An asynchronous iterator over what becomes of each request from now on, until `stop`.

        A subscriber that does not keep up loses events (`Subscription.lost`); the server never waits.
        """
        return self._events.subscribe(self.config.event_buffer)

    def history(self) -> tuple[RequestEvent, ...]:
        """The last events, the oldest first."""
        return self._events.history()

    def _queue(self, action: Callable[[], Coroutine[None, None, None]]) -> asyncio.Task[None]:
        """Carry it out when what was asked for before is done."""
        before = self._change

        async def go() -> None:
            if before is not None and not before.done():
                await asyncio.wait((before,))
            await action()

        self._change = asyncio.get_running_loop().create_task(go())
        return self._change

    async def _begin(self, action: Callable[[], Coroutine[None, None, None]]) -> None:
        """A start that nobody waits for any more is undone: nobody would stop it."""
        try:
            await asyncio.shield(self._queue(action))
        except asyncio.CancelledError:
            self._queue(self._stop)
            raise

    async def _start(self) -> None:
        if self._serving is not None:
            raise UsageError("the server runs already")
        self._published = None
        serving = Serving([self.config.settings()], self._snapshot(), hook=self._hook, clock=self._snapshot, events=self._events)
        await serving.start()
        self._serving = serving
        self._started_at, self._began_s = _system_now(), time.monotonic()
        self._publishing = asyncio.get_running_loop().create_task(self._publish_for_ever(serving))

    async def _stop(self) -> None:
        await self._stop_serving()
        self._events.close()

    async def _restart(self) -> None:
        if self._serving is None:
            await self._start()
            return
        await self._serving.renew()
        self._started_at, self._began_s = _system_now(), time.monotonic()

    async def _stop_serving(self) -> None:
        serving, self._serving = self._serving, None
        if serving is None:
            return
        if self._publishing is not None:
            self._publishing.cancel()
            self._publishing = None
        await serving.stop()
        self._final = serving.status()[0].counters
        self._ended_s = time.monotonic()

    async def _publish_for_ever(self, serving: Serving) -> None:
        """The reference time goes on: an answer whose clock was set long ago is not believed by every client."""
        while True:
            await asyncio.sleep(_PUBLISHED_S)
            if self._published is None:
                serving.publish(self._snapshot())

    def _snapshot(self) -> Snapshot:
        """For those who serve in this process, with each batch."""
        now = _system_now()
        if self._published is not None:
            return self._published
        if self._clock is None:
            return self.config.snapshot(now)
        served = self._clock.read()
        return replace(self.config.snapshot(now), time_offset=served - now, reference_time=served)


def _system_now() -> NtpTimestamp:
    return NtpTimestamp.from_unix_ns(time.clock_gettime_ns(time.CLOCK_REALTIME))
