"""The endpoints: each reads what it needs from the daemon and answers with a document."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import msgspec
import tomli
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from ntp_ctl.client import DaemonError
from ntp_dashboard import portray
from ntp_dashboard.access import ENDPOINTS, Access, Endpoint
from ntp_dashboard.answers import EventStream, document, failure, failure_text, json_text
from ntp_dashboard.daemon_link import DaemonLink
from ntp_dashboard.documents import ConfigDocument, ControlAnswer
from ntp_dashboard.guard import BodyTooLongError, Guard, Token, too_long
from ntp_dashboard.openapi import openapi_document
from ntp_dashboard.page import Assets, page
from ntp_dashboard.request_feed import RequestFeed
from ntp_dashboard.settings import Settings
from ntp_dashboard.ticker import Events, Ticker
from ntp_proto.control import ServiceAction, ServiceRequest, ShowConfigRequest
from ntp_proto.history import LONGEST_WINDOW_S

__all__ = ["Api"]

_log = logging.getLogger(__name__)

_DEFAULT_WINDOW_S = 900.0

_DISABLED = "server disabled in configuration"


class _AnyOrder(msgspec.Struct, forbid_unknown_fields=True):
    """A `ControlOrder` with any action: which of them there are is told apart from what is no order."""

    action: str


class Api:
    """The application, and what it keeps between requests.

    Args:
        settings: Of this run.

    Attributes:
        app: The ASGI application.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._token = Token(settings.token)
        self._link = DaemonLink(settings.observation_socket, settings.configuration_socket)
        self._ticker = Ticker(self._tick)
        self._alias_ticker = Ticker(self._alias_tick)
        self._feed = RequestFeed(settings.observation_socket)
        handlers = self._handlers()
        routes = [Route(endpoint.path, self._admitting(endpoint, handlers[endpoint.name]), methods=_methods(endpoint)) for endpoint in ENDPOINTS]
        starlette = Starlette(
            routes=[*routes, Mount("/static", Assets())],
            exception_handlers={HTTPException: _http_failure, DaemonError: _daemon_failure, BodyTooLongError: _body_failure, Exception: _bug},
        )
        starlette.router.redirect_slashes = False
        self.app = Guard(starlette, settings.host_names, (endpoint.path for endpoint in ENDPOINTS if endpoint.is_stream))

    def close(self) -> None:
        """End every stream."""
        self._ticker.close()
        self._alias_ticker.close()
        self._feed.close()

    def _handlers(self) -> dict[str, Callable[[Request], Awaitable[Response]]]:
        return {
            "health": self._health,
            "status": self._status,
            "stats": self._stats,
            "sources": self._sources,
            "series": self._series,
            "requests": self._requests,
            "config": self._config,
            "stats_stream": self._stats_stream,
            "requests_stream": self._requests_stream,
            "control": self._control,
            "metrics": self._metrics,
            "stats_alias": self._stats_alias,
            "stats_alias_stream": self._stats_alias_stream,
            "control_alias": self._control,
            "openapi": _openapi,
            "page": page,
            "page_alias": page,
            "page_config": page,
        }

    def _admitting(self, endpoint: Endpoint, handle: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """The handler behind the door: the token comes before everything else that may be refused."""
        access = endpoint.access
        asks = access in (Access.READ, Access.TOKEN) or (access is Access.METRICS and self._settings.metrics_auth)

        async def admitted(request: Request) -> Response:
            if asks and not self._token.admits(request.scope):
                return failure(401, "unauthorized", fields={"WWW-Authenticate": 'Bearer realm="ntp-dashboard"'})
            if access is Access.TOKEN and not self._token:
                return failure(403, "this needs a token, and none is configured; set api.auth-token-file or NTP_API_TOKEN")
            return await handle(request)

        return admitted

    async def _health(self, _request: Request) -> Response:
        try:
            return document(portray.health(await self._link.observe()))
        except DaemonError:
            return document(portray.health(None), 503)

    async def _status(self, _request: Request) -> Response:
        return document(portray.status(await self._link.observe()))

    async def _stats(self, _request: Request) -> Response:
        return document(portray.stats(await self._link.observe()))

    async def _stats_alias(self, _request: Request) -> Response:
        return document(portray.stats_alias(await self._link.observe()))

    async def _sources(self, _request: Request) -> Response:
        return document(portray.sources(await self._link.observe()))

    async def _series(self, request: Request) -> Response:
        text = request.query_params.get("window", str(_DEFAULT_WINDOW_S))
        try:
            window_s = float(text)
        except ValueError:
            window_s = 0.0
        if not 0.0 < window_s <= LONGEST_WINDOW_S:
            return failure(400, f"window is a number of seconds, more than 0 and at most {LONGEST_WINDOW_S:.0f}")
        return json_text(await self._link.series(window_s))

    async def _requests(self, _request: Request) -> Response:
        return document(await self._feed.recent())

    async def _config(self, _request: Request) -> Response:
        if not self._settings.expose_config:
            return failure(403, "config endpoint disabled")
        reply = await self._link.order(ShowConfigRequest())
        if not reply.accepted:
            return failure(503, reply.message)
        return document(ConfigDocument(config=msgspec.Raw(msgspec.json.encode(tomli.loads(reply.text)))))

    async def _metrics(self, request: Request) -> Response:
        from ntp_ctl.openmetrics import render_metrics  # noqa: PLC0415 -- not everybody scrapes us, and it takes memory

        body, content_type = render_metrics(await self._link.observe(), request.headers.get("accept", ""))
        return Response(body, 200, {"Cache-Control": "no-store", "Content-Type": content_type})

    async def _stats_stream(self, _request: Request) -> Response:
        return EventStream(self._ticker.watch())

    async def _stats_alias_stream(self, _request: Request) -> Response:
        return EventStream(self._alias_ticker.watch())

    async def _requests_stream(self, _request: Request) -> Response:
        return EventStream(self._feed.watch())

    async def _control(self, request: Request) -> Response:
        try:
            order = msgspec.json.decode(await request.body(), type=_AnyOrder)
        except (msgspec.MsgspecError, RecursionError):
            return failure(400, "invalid request")
        try:
            action = ServiceAction(order.action)
        except ValueError:
            return failure(400, "invalid action")
        reply = await self._link.order(ServiceRequest(action=action))
        if reply.accepted:
            _log.info("%s of the server, ordered by %s", action.value, request.client.host if request.client else "?")
            return document(ControlAnswer(success=True, message=reply.message))
        return failure(409 if reply.message == _DISABLED else 500, reply.message)

    async def _tick(self) -> Events:
        try:
            observation = await self._link.observe()
        except DaemonError as error:
            return (("unavailable", failure_text(str(error))),)
        encode = msgspec.json.encode
        return (
            ("status", encode(portray.status(observation))),
            ("stats", encode(portray.stats(observation))),
            ("sources", encode(portray.sources(observation))),
        )

    async def _alias_tick(self) -> Events:
        try:
            return (("stats", msgspec.json.encode(portray.stats_alias(await self._link.observe()))),)
        except DaemonError as error:
            return (("unavailable", failure_text(str(error))),)


async def _openapi(_request: Request) -> Response:
    return Response(openapi_document(), 200, media_type="application/json")


def _methods(endpoint: Endpoint) -> list[str]:
    return ["POST"] if endpoint.is_order else ["GET"]


async def _http_failure(_request: Request, error: Exception) -> Response:
    """What the router refuses, as JSON."""
    assert isinstance(error, HTTPException)
    words = {404: "not found", 405: "method not allowed"}
    return failure(error.status_code, words.get(error.status_code, error.detail), fields=error.headers)


async def _body_failure(_request: Request, _error: Exception) -> Response:
    return too_long()


async def _bug(_request: Request, _error: Exception) -> Response:
    """The guard puts it into the log; to a stranger it is none of his business."""
    return failure(500, "something went wrong here; it is in the log")


async def _daemon_failure(_request: Request, error: Exception) -> Response:
    return failure(503, str(error), fields={"Retry-After": "2"})
