"""What is served as Prometheus metrics, under two families of names.

Those of ntpd-rs 1.x carry the address (`ntp_server_received_packets_total{listen_address}`); those of ntp-server, the Go program, are sums over
all addresses without a label (`ntp_server_requests_total`). No name is in both. What neither has carries the address as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from ntp_proto.observation import Observation, ServerObservation

__all__ = ["collect_servers"]

_LABEL = ("listen_address",)

_BY_ADDRESS: tuple[tuple[str, str, Callable[[ServerObservation], int]], ...] = (
    ("ntp_server_received_packets", "Requests that arrived.", lambda server: server.requests),
    ("ntp_server_accepted_packets", "Requests that were answered with the time, or with unsynchronized.", lambda server: server.accepted),
    ("ntp_server_denied_packets", "Requests that were answered with a kiss of death.", lambda server: server.denied),
    ("ntp_server_ignored_packets", "Requests that were not answered.", lambda server: server.ignored),
    ("ntp_server_rate_limited_packets", "Requests beyond a limit.", lambda server: server.refusals.get("rate_limited", 0)),
    ("ntp_server_response_send_errors", "Answers that the kernel did not take.", lambda server: server.send_errors),
    ("ntp_server_kernel_dropped_packets", "Requests that the kernel dropped: the receive buffer was full.", lambda server: server.kernel_drops),
    ("ntp_server_slow_path_packets", "Requests that the fast path left to the slow one.", lambda server: server.slow_path),
    ("ntp_server_worker_restarts", "Workers that ended by themselves and were replaced.", lambda server: server.worker_restarts),
)

_SUMS: tuple[tuple[str, str, Callable[[ServerObservation], int]], ...] = (
    ("ntp_server_requests", "Requests that arrived, at all addresses.", lambda server: server.requests),
    ("ntp_server_responses", "Answers of every kind.", lambda server: server.accepted + server.denied),
    ("ntp_server_malformed", "Datagrams that are no requests.", lambda server: server.refusals.get("malformed", 0)),
    ("ntp_server_acl_denied", "Requests refused by the lists.", lambda server: server.refusals.get("acl_denied", 0)),
    ("ntp_server_dns_denied", "Requests refused for the name of the client.", lambda server: server.refusals.get("dns_denied", 0)),
    ("ntp_server_rate_denied", "Requests refused by a limit.", lambda server: server.refusals.get("rate_limited", 0)),
    ("ntp_server_kiss_of_death", "Kisses of death sent.", lambda server: server.denied),
    ("ntp_server_bytes_in", "Octets of all requests.", lambda server: server.bytes_in),
    ("ntp_server_bytes_out", "Octets of all answers.", lambda server: server.bytes_out),
)


def collect_servers(observation: Observation) -> Iterator[Metric]:
    """The metric families of the addresses on which clients are answered."""
    servers = observation.servers
    for name, documentation, value_of in _BY_ADDRESS:
        family = CounterMetricFamily(name, documentation, labels=_LABEL)
        for server in servers:
            family.add_metric((server.address,), value_of(server))
        yield family
    refused = CounterMetricFamily(
        "ntp_server_refused_packets", "Requests refused, by reason and by what was sent.", labels=(*_LABEL, "reason", "sent")
    )
    for server in servers:
        for sent, counts in (("nothing", server.drops), ("kiss", server.kisses)):
            for reason, count in counts.items():
                refused.add_metric((server.address, reason, sent), count)
    yield refused
    for name, documentation, value_of in _SUMS:
        yield CounterMetricFamily(name, documentation, value=sum(map(value_of, servers)))
    yield from _syncs(observation)
    yield from _gauges(servers)


def _syncs(observation: Observation) -> Iterator[Metric]:
    good = sum(source.samples for source in observation.sources)
    bad = sum(sum(source.rejections.values()) for source in observation.sources)
    yield CounterMetricFamily("ntp_server_sync_success", "Answers of sources that were used.", value=good)
    yield CounterMetricFamily("ntp_server_sync_failure", "Answers of sources that were not used.", value=bad)


def _gauges(servers: tuple[ServerObservation, ...]) -> Iterator[Metric]:
    longest_s = max(server.uptime_s for server in servers)
    yield GaugeMetricFamily("ntp_server_uptime_seconds", "Time since clients have been answered.", value=longest_s, unit="seconds")
    clients = GaugeMetricFamily("ntp_server_clients", "Clients that are remembered.", labels=_LABEL)
    workers = GaugeMetricFamily("ntp_server_workers", "Processes that answer, 0 for the daemon itself.", labels=_LABEL)
    for server in servers:
        clients.add_metric((server.address,), server.clients)
        workers.add_metric((server.address,), server.workers)
    yield from (clients, workers)
