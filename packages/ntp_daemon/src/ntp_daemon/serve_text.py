"""What `ntp-serve` says: two lines for each request, or a summary now and then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntp_proto.packet import HEADER_LENGTH

if TYPE_CHECKING:
    from ntp_daemon.serving.ntp_server import ServerMetrics
    from ntp_daemon.serving.request_events import RequestEvent

__all__ = ["lines_of", "summary_line", "summary_text"]

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
    return summary_text(totals.received, totals.accepted, metrics.clients, last.client.host if last else "-")


def summary_text(received: int, accepted: int, clients: int, last: str) -> str:
    """The same of plain numbers, and of the address of the last client."""
    return f"requests={received} responses={accepted} errors={received - accepted} unique_clients={clients} last_ip={last}"
