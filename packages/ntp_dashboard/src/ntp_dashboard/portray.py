"""From the daemon's observation document to the documents of the API. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from ntp_dashboard.documents import Client, Health, RequestEventDocument, Series, Source, Sources, Stats, StatsAlias, Status
from ntp_proto.history import HistoryDocument, RequestNote
from ntp_proto.observation import ClientObservation, Observation, ServerObservation, ServiceState, SourceObservation, SyncState

__all__ = ["health", "request_event", "series", "sources", "stats", "stats_alias", "status"]

_TOP_CLIENTS = 10


def health(observation: Observation | None) -> Health:
    """Whether the daemon is there; None: it is not."""
    if observation is None:
        return Health(ok=False, synced=False, time=None)
    return Health(ok=True, synced=_is_synced(observation), time=observation.program.time)


def status(observation: Observation) -> Status:
    """The clock."""
    program, system, servers = observation.program, observation.system, observation.servers
    synced = _is_synced(observation)
    age_s = system.last_update_age_s
    return Status(
        now_utc=program.time,
        listen_address=", ".join(server.address for server in servers),
        workers=sum(server.workers for server in servers),
        synced=synced,
        stratum=system.stratum,
        offset_millis=1e3 * system.offset_s,
        reference_id=system.reference_id,
        reference_time=None if age_s is None else _earlier(program.time, age_s),
        upstream=system.reference,
        last_sync_error="" if synced else system.reason,
        client_rate_limit_per_second=max((server.rate_limit for server in servers), default=0.0),
        global_rate_limit_per_second=max((server.global_rate_limit for server in servers), default=0.0),
        state=system.state.value,
        reason=system.reason,
        service=observation.service.value,
        leap=system.leap,
        clock=program.clock.value,
        clock_reason=program.clock_reason,
        version=program.version,
        uptime_seconds=program.uptime_s,
        offset_error_millis=_millis(system.offset_error_s),
        statistical_error_millis=_millis(system.statistical_error_s),
        maximum_error_millis=_millis(system.maximum_error_s),
        frequency=system.frequency,
        frequency_error=system.frequency_error,
        root_delay_millis=1e3 * system.root_delay_s,
        root_dispersion_millis=1e3 * system.root_dispersion_s,
        last_update_age_seconds=age_s,
        poll_interval_seconds=system.poll_interval_s,
        slewing=system.slewing,
        step_count=system.step_count,
    )


def stats(observation: Observation) -> Stats:
    """What became of the requests of clients, at all addresses together."""
    servers, asked = observation.servers, observation.sources
    uptime_s = max((server.uptime_s for server in servers), default=observation.program.uptime_s)
    requests = sum(server.requests for server in servers)
    accepted = sum(server.accepted for server in servers)
    denied = sum(server.denied for server in servers)
    limited = _refused(servers, "rate_limited")
    return Stats(
        started_at=_earlier(observation.program.time, uptime_s),
        uptime_seconds=uptime_s,
        requests_total=requests,
        responses_total=accepted + denied,
        malformed_total=_refused(servers, "malformed") + _refused(servers, "misdirected"),
        acl_denied_total=_refused(servers, "acl_denied"),
        dns_denied_total=_refused(servers, "dns_denied"),
        rate_denied_total=limited,
        kiss_of_death_total=denied,
        bytes_in_total=sum(server.bytes_in for server in servers),
        bytes_out_total=sum(server.bytes_out for server in servers),
        sync_success_total=sum(source.samples for source in asked),
        sync_failure_total=sum(sum(source.rejections.values()) for source in asked),
        answered_total=accepted,
        errors_total=requests - accepted - limited,
        unsynced_dropped_total=_refused(servers, "unsynchronized"),
        unsynced_answered_total=sum(server.answers.get("unsynchronized", 0) for server in servers),
        send_errors_total=sum(server.send_errors for server in servers),
        kernel_drops_total=sum(server.kernel_drops for server in servers),
        requests_per_second=sum(server.requests_per_s for server in servers),
        mean_processing_millis=_mean_processing_millis(servers),
        unique_clients=sum(server.clients for server in servers),
        top_clients=tuple(map(_client, observation.clients[:_TOP_CLIENTS])),
    )


def stats_alias(observation: Observation) -> StatsAlias:
    """The same in short, in snake_case."""
    full = stats(observation)
    host, _, port = (observation.servers[0].address if observation.servers else ":0").rpartition(":")
    return StatsAlias(
        timestamp=observation.program.time,
        ntp_enabled=observation.service is not ServiceState.DISABLED,
        ntp_listen_address=host.strip("[]"),
        ntp_listen_port=int(port),
        requests_total=full.requests_total,
        errors_total=full.errors_total,
        rate_limited_total=full.rate_denied_total,
        running=observation.service is ServiceState.RUNNING,
        avg_processing_ms=full.mean_processing_millis or 0.0,
    )


def sources(observation: Observation) -> Sources:
    """The servers that the daemon asks."""
    return Sources(sources=tuple(map(_source, observation.sources)))


def series(history: HistoryDocument) -> Series:
    """The past."""
    return Series(
        time=history.time,
        window_seconds=history.window_s,
        step_seconds=history.step_s,
        age_seconds=history.age_s,
        offset_millis=_column(history.offset_s),
        offset_low_millis=_column(history.offset_low_s),
        offset_high_millis=_column(history.offset_high_s),
        statistical_error_millis=_column(history.statistical_error_s),
        maximum_error_millis=_column(history.maximum_error_s),
        frequency=history.frequency,
        answered=history.answered,
        unsynchronized=history.unsynchronized,
        limited=history.limited,
        denied=history.denied,
        malformed=history.malformed,
        processing_millis=_column(history.processing_s),
    )


def request_event(note: RequestNote) -> RequestEventDocument:
    """What became of one request."""
    return RequestEventDocument(
        at=note.at,
        client_ip=note.client_ip,
        client_port=note.client_port,
        length=note.length,
        version=note.version,
        mode=note.mode,
        stratum=note.stratum,
        responded=note.stratum is not None,
        outcome=note.outcome,
    )


def _is_synced(observation: Observation) -> bool:
    """Holdover is time that can still be trusted: the error bound says how far."""
    return observation.system.stratum < 16 and observation.system.state in (SyncState.SYNCHRONIZED, SyncState.HOLDOVER)


def _refused(servers: tuple[ServerObservation, ...], group: str) -> int:
    return sum(server.refusals.get(group, 0) for server in servers)


def _mean_processing_millis(servers: tuple[ServerObservation, ...]) -> float | None:
    answers = sum(server.accepted + server.denied for server in servers)
    return 1e3 * sum(server.processing_s for server in servers) / answers if answers else None


def _client(client: ClientObservation) -> Client:
    return Client(address=client.address, requests=client.requests, drops=client.drops, idle_seconds=client.idle_s)


def _source(source: SourceObservation) -> Source:
    return Source(
        id=source.id,
        name=source.name,
        address=source.address,
        mode=source.mode,
        status=source.status.value,
        reason=source.reason,
        reach=source.reach,
        stratum=source.stratum,
        reference_id=source.reference_id,
        offset_millis=_millis(source.offset_s),
        offset_error_millis=_millis(source.offset_error_s),
        delay_millis=_millis(source.delay_s),
        jitter_millis=_millis(source.jitter_s),
        poll_interval_seconds=source.poll_interval_s,
        last_sample_age_seconds=source.last_sample_age_s,
        requests=source.requests,
        samples=source.samples,
        rejections=source.rejections,
    )


def _millis(seconds: float | None) -> float | None:
    return None if seconds is None else 1e3 * seconds


def _column(seconds: tuple[float | None, ...]) -> tuple[float | None, ...]:
    return tuple(None if value is None else 1e3 * value for value in seconds)


def _earlier(time: str, seconds: float) -> str:
    """ISO 8601 in, the same out."""
    return (datetime.fromisoformat(time) - timedelta(seconds=seconds)).isoformat(timespec="microseconds").replace("+00:00", "Z")
