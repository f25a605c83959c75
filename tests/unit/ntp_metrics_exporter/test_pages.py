from __future__ import annotations

import pytest

from ntp_ctl.client import DaemonError, Failure
from ntp_ctl.openmetrics import OPENMETRICS, render_metrics
from ntp_metrics_exporter.http_message import Request
from ntp_metrics_exporter.pages import respond
from ntp_proto.observation import Observation
from unit.ntp_ctl.documents import falseticker


def _away() -> Observation:
    raise DaemonError(Failure.NOT_RUNNING, "the daemon is not running")


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_metrics(method: str, accept: str) -> None:
    response = respond(Request(method, "/metrics", accept), falseticker)
    assert response.status == 200
    assert (response.body, response.content_type) == render_metrics(falseticker(), accept)


def test_the_front_page_leads_to_the_metrics() -> None:
    response = respond(Request("GET", "/"), _away)
    assert response.status == 302
    assert ("Location", "/metrics") in response.fields


@pytest.mark.parametrize("path", ["/metrics/", "/Metrics", "//metrics", "/favicon.ico", "/metrics%00"])
def test_there_is_nothing_else(path: str) -> None:
    assert respond(Request("GET", path), _away).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "get"])
@pytest.mark.parametrize("path", ["/", "/metrics", "/nothing"])
def test_only_reading_is_allowed(method: str, path: str) -> None:
    response = respond(Request(method, path), _away)
    assert response.status == 405
    assert ("Allow", "GET, HEAD") in response.fields


def test_without_the_daemon_the_service_is_unavailable() -> None:
    response = respond(Request("GET", "/metrics"), _away)
    assert response.status == 503
    assert response.body == b"the daemon is not running\n"
