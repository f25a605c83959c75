"""What is served where: `/metrics`, and a way to it from `/`."""

from __future__ import annotations

from collections.abc import Callable

from ntp_ctl.client import DaemonError
from ntp_ctl.openmetrics import render_metrics
from ntp_metrics_exporter.http_message import Request, Response, text_response
from ntp_proto.observation import Observation

__all__ = ["respond"]


def respond(request: Request, fetch: Callable[[], Observation]) -> Response:
    """The answer to a request.

    Args:
        request: A valid one.
        fetch: Asks the daemon for its state; may raise `DaemonError`.
    """
    if request.method not in ("GET", "HEAD"):
        return text_response(405, "only GET and HEAD are allowed", ("Allow", "GET, HEAD"))
    if request.path == "/":
        return text_response(302, "the metrics are at /metrics", ("Location", "/metrics"))
    if request.path != "/metrics":
        return text_response(404, "not found; the metrics are at /metrics")
    try:
        observation = fetch()
    except DaemonError as error:
        return text_response(503, str(error))
    body, content_type = render_metrics(observation, request.accept)
    return Response(200, body, content_type)
