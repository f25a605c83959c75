"""The endpoints of the API as data: routes, access, and the OpenAPI document are made from one table."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

import msgspec

from ntp_dashboard import documents

__all__ = ["ENDPOINTS", "Access", "Content", "Endpoint"]


class Access(Enum):
    """What a request must bring."""

    OPEN = "open"
    """Nothing."""
    METRICS = "metrics"
    """The token if there is one and api.metrics-auth asks for it."""
    READ = "read"
    """The token if there is one."""
    TOKEN = "token"  # noqa: S105 -- the name of a member
    """The token; without one in the configuration nobody may."""


class Content(Enum):
    """Media types of answers that are no JSON documents."""

    HTML = "text/html; charset=utf-8"
    EVENTS = "text/event-stream"
    METRICS = "text/plain"
    JSON = "application/json"


Answer: TypeAlias = type[msgspec.Struct] | Content


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One path.

    Attributes:
        path: Of the URL.
        name: Unique; the handler's.
        access: What a request must bring.
        answer: What comes back when all is well.
        summary: One sentence.
        failures: Statuses beside those that every endpoint may have.
        is_order: POST, with a `ControlOrder`; otherwise GET and HEAD.
    """

    path: str
    name: str
    access: Access
    answer: Answer
    summary: str
    failures: tuple[int, ...] = ()
    is_order: bool = False

    @property
    def is_stream(self) -> bool:
        """Whether the answer goes on."""
        return self.answer is Content.EVENTS


_TICKS = "Events status, stats and sources every 2 s; unavailable while the daemon is away."
_ORDER_FAILURES = (400, 403, 409, 413, 500, 503)
_CONTROL = "Start, stop or restart the serving of clients. The clock goes on being disciplined."

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("/healthz", "health", Access.OPEN, documents.Health, "Whether the daemon answers, and has the time.", (503,)),
    Endpoint("/v1/status", "status", Access.READ, documents.Status, "The clock.", (503,)),
    Endpoint("/v1/stats", "stats", Access.READ, documents.Stats, "What became of the requests of clients.", (503,)),
    Endpoint("/v1/sources", "sources", Access.READ, documents.Sources, "The servers that the daemon asks.", (503,)),
    Endpoint("/v1/series", "series", Access.READ, documents.Series, "What was, as columns for charts.", (400, 503)),
    Endpoint("/v1/requests", "requests", Access.TOKEN, documents.Requests, "The last requests of clients.", (403, 503)),
    Endpoint("/v1/config", "config", Access.READ, documents.ConfigDocument, "The configuration in force, without its secrets.", (403, 503)),
    Endpoint(
        "/v1/stats/stream",
        "stats_stream",
        Access.READ,
        Content.EVENTS,
        "Events status, stats and sources every 2 s; unavailable while the daemon is away.",
    ),
    Endpoint("/v1/requests/stream", "requests_stream", Access.TOKEN, Content.EVENTS, "An event request for each request of a client.", (403,)),
    Endpoint("/v1/service/control", "control", Access.TOKEN, documents.ControlAnswer, _CONTROL, _ORDER_FAILURES, is_order=True),
    Endpoint("/metrics", "metrics", Access.METRICS, Content.METRICS, "The same metrics as ntp-metrics-exporter shows.", (503,)),
    Endpoint("/api/ntp/stats", "stats_alias", Access.READ, documents.StatsAlias, "The statistics in short.", (503,)),
    Endpoint("/api/ntp/sse", "stats_alias_stream", Access.READ, Content.EVENTS, "The same as event stats every 2 s."),
    Endpoint("/api/ntp/service/control", "control_alias", Access.TOKEN, documents.ControlAnswer, _CONTROL, _ORDER_FAILURES, is_order=True),
    Endpoint("/openapi.json", "openapi", Access.OPEN, Content.JSON, "This description."),
    Endpoint("/", "page", Access.OPEN, Content.HTML, "The live page."),
    Endpoint("/ntp", "page_alias", Access.OPEN, Content.HTML, "The live page."),
    Endpoint("/ntp/config", "page_config", Access.OPEN, Content.HTML, "The live page, at its configuration."),
)
