"""What `ntp-serve` says: two lines for each request, or a summary now and then."""

from __future__ import annotations

from ntp_daemon.serving.ntp_server import ServerMetrics
from ntp_daemon.serving.request_events import RequestEvent
from ntp_proto.packet import HEADER_LENGTH

__all__ = ["lines_of", "summary_line"]

_KISS_STRATUM = 0


def lines_of(event: RequestEvent) -> list[str]:
    """What came, and what became of it."""
    if event.length < HEADER_LENGTH:
        return [f"Received invalid packet from {event.client} (size: {event.length} bytes)"]
    received = f"Received NTP request from {event.client}"
    if not event.is_answered:
        return [received, f"Ignored request from {event.client}: {event.outcome}"]
    if event.stratum == _KISS_STRATUM:
        return [received, f"Refused {event.client} ({event.outcome})"]
    return [received, f"Sent NTP response to {event.client}"]


def summary_line(metrics: ServerMetrics) -> str:
    """The counters since the start; errors are requests that got no time, a kiss of death included."""
    totals, last = metrics.totals, metrics.last_request
    return (
        f"requests={totals.received} responses={totals.accepted} errors={totals.received - totals.accepted}"
        f" unique_clients={metrics.clients} last_ip={last.client.host if last else '-'}"
    )
