"""The daemon as a server: what it serves goes out to those who answer, and what they have done comes back for the status.

Loaded only by a daemon that serves.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from ntp_daemon.config.server import ServerConfig
from ntp_daemon.history import Counts
from ntp_daemon.privileges import Surrender, find_account
from ntp_daemon.served_time import MedianTime, ServedTime
from ntp_daemon.serving.event_hub import EventHub
from ntp_daemon.serving.from_config import settings_of
from ntp_daemon.serving.messages import ClientReport
from ntp_daemon.serving.serving import ServerStatus, Serving
from ntp_proto.datagram import Address
from ntp_proto.errors import NtpError, PrivilegeError
from ntp_proto.observation import ClientObservation, ServedObservation, ServerObservation
from ntp_proto.portrait import leap_name
from ntp_proto.server import AnswerKind, ClientRecord, DropReason, Snapshot, address_text
from ntp_proto.time_types import NtpDuration
from ntp_udp import SocketError

__all__ = ["ServerError", "ServerReport", "ServerSide"]

_SHOWN_CLIENTS = 50
_CLIENTS_AGE_S = 0.2
_RATE_OVER_S = 4.0
"""The shortest time over which a rate is taken."""
_CLOCK_SET = NtpDuration.from_seconds(1e-3)
"""What is served jumps by more than this only when it was set: the largest slew moves it by less between a change and its publication."""


class ServerError(NtpError):
    """Clients cannot be served as configured; the text says where and why."""


@dataclass(frozen=True, slots=True)
class ServerReport:
    """What the status shows of the server.

    Attributes:
        served: What clients are told.
        servers: What was done on each address.
        clients: Who asks most.
        refused: Measurements that were too far off to be counted, by source.
    """

    served: ServedObservation
    servers: tuple[ServerObservation, ...]
    clients: tuple[ClientObservation, ...]
    refused: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Count:
    at: float
    requests: int


class ServerSide:
    """Serves until it is stopped.

    Args:
        servers: The `[[server]]` tables.
        served: Makes the snapshots.
        steps: How often the clock was set, by whomever.
        surrender: Who the workers become, and where; without a user: nobody, where we are root.
        events: Where is told what becomes of each request.
    """

    def __init__(
        self, servers: Iterable[ServerConfig], served: ServedTime, steps: Callable[[], int], surrender: Surrender | None, events: EventHub
    ) -> None:
        self.served = served
        self._steps = steps
        self._step_count = steps()
        self._snapshot = served.snapshot()
        settings = [settings_of(server) for server in servers]
        self._serving = Serving(settings, self._snapshot, surrender=_of_workers(surrender or Surrender()), events=events)
        self._began: dict[Address, float] = {}
        self._counts: dict[Address, deque[_Count]] = {}
        self._clients = ClientReport(0, ())
        self._clients_at = -_CLIENTS_AGE_S
        self._refreshing: asyncio.Task[None] | None = None

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where clients are answered."""
        return self._serving.addresses

    async def start(self) -> None:
        """Bind and serve.

        Raises:
            SocketError: An address cannot be had.
            NtpError: A worker does not begin, or a policy or a log cannot work.
        """
        try:
            await self._serving.start()
        except SocketError:
            raise
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            raise ServerError(f"cannot serve: {where}{(error.strerror or str(error)).lower()}") from error
        self.look()

    def publish(self) -> None:
        """Serve the clock as it is now."""
        snapshot, steps = self.served.snapshot(), self._steps()
        jump = snapshot.served(snapshot.as_of) - self._snapshot.served(snapshot.as_of)
        self._serving.publish(snapshot, clock_set=steps != self._step_count or abs(jump) > _CLOCK_SET)
        self._snapshot, self._step_count = snapshot, steps

    def look(self) -> None:
        """To be called every few seconds: serve the clock as it is now, and take note of the counters."""
        self.publish()
        now = asyncio.get_running_loop().time()
        statuses = self._serving.status()
        for status in statuses:
            self._began.setdefault(status.listen, now)
            self._counts.setdefault(status.listen, deque(maxlen=2)).append(_Count(now, status.counters.totals.received))
        for gone in self._counts.keys() - {status.listen for status in statuses}:
            del self._counts[gone], self._began[gone]
        self._refresh_clients()

    async def apply(self, servers: Iterable[ServerConfig]) -> tuple[str, ...]:
        """Take over another configuration without a gap; returns what could not be done, each in one sentence."""
        problems = await self._serving.apply([settings_of(server) for server in servers])
        self.look()
        return problems

    async def restart(self) -> tuple[str, ...]:
        """New workers, without a gap; returns what could not be done, each in one sentence."""
        return await self._serving.restart()

    async def stop(self) -> None:
        """Answer what is queued, and end. Stopping twice does nothing."""
        if self._refreshing is not None:
            self._refreshing.cancel()
        await self._serving.stop()

    def observe(self) -> ServerReport:
        """The status as of now; who asks most is known as of a second or some ago."""
        self._refresh_clients()
        snapshot = self.served.snapshot()
        return ServerReport(
            served=_served(snapshot),
            servers=tuple(map(self._server, self._serving.status())),
            clients=tuple(map(_client, self._clients.busiest)),
            refused=self.served.refused if isinstance(self.served, MedianTime) else {},
        )

    def counts(self) -> Counts:
        """What became of requests so far, at all addresses together."""
        totals = [status.counters.totals for status in self._serving.status()]
        return Counts(
            answered=sum(one.accepted - one.answered_unsynchronized for one in totals),
            unsynchronized=sum(one.answered_unsynchronized + one.unsynchronized for one in totals),
            limited=sum(one.rate_limited for one in totals),
            denied=sum(one.acl_denied + one.dns_denied + one.hook_denied for one in totals),
            malformed=sum(one.malformed + one.misdirected for one in totals),
            answers=sum(one.accepted + one.denied for one in totals),
            processing_s=sum(one.processing_s for one in totals),
        )

    def _server(self, status: ServerStatus) -> ServerObservation:
        counters, totals = status.counters, status.counters.totals
        now = asyncio.get_running_loop().time()
        return ServerObservation(
            address=str(status.listen),
            workers=status.workers,
            uptime_s=now - self._began.get(status.listen, now),
            requests=totals.received,
            accepted=totals.accepted,
            denied=totals.denied,
            ignored=totals.ignored,
            requests_per_s=self._rate(status.listen, totals.received, now),
            answers={kind.value: count for kind, count in zip(AnswerKind, counters.tally.answered, strict=True)},
            drops={reason.value: count for reason, count in zip(DropReason, counters.tally.dropped, strict=True)},
            kisses={reason.value: count for reason, count in zip(DropReason, counters.tally.kissed, strict=True) if count},
            refusals={
                "malformed": totals.malformed,
                "misdirected": totals.misdirected,
                "acl_denied": totals.acl_denied,
                "dns_denied": totals.dns_denied,
                "rate_limited": totals.rate_limited,
                "hook_denied": totals.hook_denied,
                "unsynchronized": totals.unsynchronized,
            },
            bytes_in=totals.bytes_in,
            bytes_out=totals.bytes_out,
            send_errors=totals.send_errors,
            kernel_drops=counters.kernel_drops,
            slow_path=counters.slow,
            worker_restarts=counters.worker_restarts,
            log_lines_lost=status.log_lost,
            clients=counters.clients,
            rate_limit=status.rate_limit,
            global_rate_limit=status.global_rate_limit,
            processing_s=totals.processing_s,
        )

    def _rate(self, listen: Address, requests: int, now: float) -> float:
        """Over the time since the newest count that is old enough, or the oldest."""
        counts = self._counts.get(listen, ())
        since = next((count for count in reversed(counts) if now - count.at >= _RATE_OVER_S), counts[0] if counts else None)
        return max(0.0, (requests - since.requests) / (now - since.at)) if since is not None and now > since.at else 0.0

    def _refresh_clients(self) -> None:
        """Ask the workers in the background: a status must not wait for one that is busy."""
        now = asyncio.get_running_loop().time()
        if now - self._clients_at >= _CLIENTS_AGE_S and (self._refreshing is None or self._refreshing.done()):
            self._clients_at = now
            self._refreshing = asyncio.get_running_loop().create_task(self._ask_for_clients())

    async def _ask_for_clients(self) -> None:
        self._clients = await self._serving.clients(_SHOWN_CLIENTS)


def _served(snapshot: Snapshot) -> ServedObservation:
    is_synchronized = snapshot.is_synchronized_at(snapshot.as_of)
    return ServedObservation(
        synchronized=is_synchronized,
        leap=leap_name(snapshot.leap),
        stratum=snapshot.stratum,
        # Letters where they are letters: those of the configuration are readable at any stratum.
        reference_id=snapshot.reference_id.to_text(snapshot.stratum if is_synchronized else 0),
        root_delay_s=snapshot.root_delay.to_seconds(),
        root_dispersion_s=snapshot.root_dispersion.to_seconds(),
        time_offset_s=snapshot.time_offset.to_seconds(),
    )


def _client(record: ClientRecord) -> ClientObservation:
    return ClientObservation(address=address_text(record.address), requests=record.requests, drops=record.drops, idle_s=record.idle_s)


def _of_workers(surrender: Surrender) -> Surrender:
    """Workers need to be nobody in particular; only root can make them so."""
    if surrender.account is not None or os.geteuid() != 0:
        return surrender
    try:
        return replace(surrender, account=find_account("nobody"))
    except PrivilegeError:
        return surrender
