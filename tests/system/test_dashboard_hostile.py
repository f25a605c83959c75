"""Strangers at the door of ntp-dashboard: what they send is refused and bounded, is logged once at most, and shows no secret."""

from __future__ import annotations

import contextlib
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ntp_dashboard.connections import HEAD_BYTES, MAXIMUM_CONNECTIONS
from ntp_dashboard.guard import MAXIMUM_BODY_BYTES
from support.dashboards import TOKEN, Dashboard, free_port, honest_servers, start_dashboard, start_scene, write_scene
from support.programs import wait_until


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    folder = tmp_path_factory.mktemp("hostile")
    with honest_servers(1) as servers:
        write_scene(folder, servers, port=free_port(), api="host-names = ['ntp.example.com']\nmetrics-auth = true")
        with start_scene(folder), start_dashboard(folder) as dashboard:
            yield dashboard


def raw(dashboard: Dashboard, data: bytes, timeout_s: float = 15.0) -> bytes:
    """Everything that comes back for these bytes until the connection is closed."""
    received = b""
    with socket.create_connection(("127.0.0.1", dashboard.port), timeout=timeout_s) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(data)
        with contextlib.suppress(ConnectionError):
            while chunk := connection.recv(65536):
                received += chunk
    return received


def get(path: str, *fields: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: localhost", "Connection: close", *fields, "", ""]).encode("latin-1")


def status_of(answer: bytes) -> int:
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
    assert found, answer[:200]
    return int(found[1])


PROTECTED = [
    "/v1/status",
    "/v1/stats",
    "/v1/sources",
    "/v1/series",
    "/v1/config",
    "/v1/requests",
    "/v1/stats/stream",
    "/v1/requests/stream",
    "/metrics",
]


@pytest.mark.parametrize("path", PROTECTED)
@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN + "x", TOKEN.upper()])
def test_wrong_tokens(dashboard: Dashboard, path: str, token: str) -> None:
    answer = dashboard.ask(path, token=token)
    assert (answer.status, answer.json()) == (401, {"error": "unauthorized"})
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("field", [f"Authorization: {TOKEN}", f"Authorization: Basic {TOKEN}", f"X-Token: {TOKEN}", f"Cookie: token={TOKEN}"])
def test_a_token_in_another_place_is_none(dashboard: Dashboard, field: str) -> None:
    assert status_of(raw(dashboard, get("/v1/status", field))) == 401
    assert status_of(raw(dashboard, get(f"/v1/status?token={TOKEN}"))) == 401
    assert status_of(raw(dashboard, get("/v1/status", f"Authorization: Bearer {TOKEN}", "Authorization: Bearer x"))) == 401


def test_a_wrong_token_is_logged_once_and_never_what_was_sent(dashboard: Dashboard) -> None:
    for _ in range(20):
        dashboard.ask("/v1/status", token="guess-number-one")
    assert dashboard.program.stderr.count("a wrong token came from 127.0.0.1") == 1
    assert "guess-number-one" not in dashboard.program.stderr


@pytest.mark.parametrize(
    "path",
    [
        "/v1/nothing",
        "/v1/status/",
        "//v1/status",
        "/healthz/",
        "/static/../settings.py",
        "/static/%2e%2e/settings.py",
        "/static/..%2f..%2f..%2fetc%2fpasswd",
        "/static/vendor/uPlot.LICENSE",
        "/static/index.html",
        "/static/",
        "/static/dashboard.js%00.css",
        "/etc/passwd",
        "/%00",
        "/\\..\\..",
    ],
)
def test_paths_that_are_none(dashboard: Dashboard, path: str) -> None:
    answer = raw(dashboard, get(path, f"Authorization: Bearer {TOKEN}"))
    assert status_of(answer) == 404
    assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {"error": "not found"}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get"])
def test_methods_that_are_none(dashboard: Dashboard, method: str) -> None:
    answer = raw(dashboard, get("/v1/status").replace(b"GET", method.encode(), 1))
    assert status_of(answer) == 405
    assert re.search(rb"\r\nallow: (GET, HEAD|HEAD, GET)\r\n", answer, re.IGNORECASE)
    assert b"access-control" not in answer.lower()
    assert status_of(raw(dashboard, get("/v1/service/control", f"Authorization: Bearer {TOKEN}"))) == 405


def test_head_has_the_head_and_no_body(dashboard: Dashboard) -> None:
    for path in ("/healthz", "/", "/v1/stats/stream"):
        answer = raw(dashboard, get(path, f"Authorization: Bearer {TOKEN}").replace(b"GET", b"HEAD", 1))
        assert status_of(answer) == 200, path
        assert answer.endswith(b"\r\n\r\n"), path


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "evil.example:8080",
        "ntp.example.com.evil.example",
        "",
        "127.0.0.1.evil.example",
        "a b",
        "[::1",
    ],
)
def test_names_that_are_not_ours(dashboard: Dashboard, host: str) -> None:
    answer = raw(dashboard, get("/healthz").replace(b"Host: localhost", f"Host: {host}".encode()))
    assert status_of(answer) in (400, 421)
    assert b'"synced"' not in answer


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8080",
        "127.0.0.1",
        "127.0.0.1:9",
        "[::1]:8080",
        "192.0.2.1",
        "ntp.example.com",
        "NTP.example.com:443",
        "localhost.",
    ],
)
def test_names_that_are_ours(dashboard: Dashboard, host: str) -> None:
    assert status_of(raw(dashboard, get("/healthz").replace(b"Host: localhost", f"Host: {host}".encode()))) == 200


def test_no_host_and_two_hosts(dashboard: Dashboard) -> None:
    assert status_of(raw(dashboard, get("/healthz").replace(b"Host: localhost\r\n", b""))) == 400
    assert status_of(raw(dashboard, get("/healthz", "Host: localhost"))) == 400


def test_every_answer_has_the_security_fields(dashboard: Dashboard) -> None:
    for path in ("/", "/healthz", "/static/dashboard.js", "/nothing", "/v1/status"):
        headers = dashboard.ask(path, Origin="http://evil.example").headers
        assert "default-src 'none'" in headers["content-security-policy"], path
        assert "unsafe" not in headers["content-security-policy"], path
        assert headers["x-content-type-options"] == "nosniff", path
        assert not [name for name in headers if name.lower().startswith("access-control")], path
        assert "server" not in {name.lower() for name in headers}, path


def post(length: str, body: bytes) -> bytes:
    head = f"POST /v1/service/control HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}\r\n{length}\r\n\r\n"
    return head.encode() + body


@pytest.mark.parametrize(
    "request_",
    [
        post(f"Content-Length: {MAXIMUM_BODY_BYTES + 1}", b"x" * (MAXIMUM_BODY_BYTES + 1)),
        post("Content-Length: 99999999999", b""),
        post("Transfer-Encoding: chunked", b"1000\r\n" + b"x" * 4096 + b"\r\n1000\r\n" + b"x" * 4096 + b"\r\n"),
    ],
)
def test_bodies_that_are_too_long(dashboard: Dashboard, request_: bytes) -> None:
    answer = raw(dashboard, request_)
    assert status_of(answer) == 413
    assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {"error": f"at most {MAXIMUM_BODY_BYTES} bytes are taken"}


@pytest.mark.parametrize(
    "data",
    [
        get("/healthz", "X: " + "x" * HEAD_BYTES),
        get("/healthz", *(f"X-{n}: {n}" for n in range(3000))),
        get("/" + "x" * HEAD_BYTES),
        b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00" + bytes(500),
        bytes(2000) + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n folded\r\n\r\n" + b"x: \x00\r\n\r\n",
    ],
)
def test_heads_that_are_no_heads(dashboard: Dashboard, data: bytes) -> None:
    answer = raw(dashboard, data)
    assert answer == b"" or status_of(answer) in (200, 400, 404, 421), "it is refused, or was good after all"
    assert dashboard.ask("/healthz").status == 200
    assert "Invalid HTTP" not in dashboard.program.stderr


def test_more_connections_than_there_are_places(dashboard: Dashboard) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(MAXIMUM_CONNECTIONS + 200):
            connection = stack.enter_context(socket.socket())
            connection.settimeout(10)
            connection.connect(("127.0.0.1", dashboard.port))
        assert status_of(raw(dashboard, get("/healthz"))) == 503
    wait_until(lambda: dashboard.ask("/healthz").status == 200, "there is room again")
    assert dashboard.program.stderr.count("more are refused until some end") == 1


def test_a_reader_that_does_not_read_costs_nothing(dashboard: Dashboard) -> None:
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", dashboard.port))
        slow.sendall(get("/v1/stats/stream", f"Authorization: Bearer {TOKEN}"))
        before = _resident_bytes(dashboard)
        for _ in range(200):
            assert dashboard.ask("/static/uPlot.iife.min.js").status == 200
        assert _resident_bytes(dashboard) - before < 8 << 20


def test_nothing_of_it_has_left_a_trace_of_the_token(dashboard: Dashboard, tmp_path: Path) -> None:
    said = dashboard.program.stderr + dashboard.program.stdout
    assert TOKEN not in said
    assert "Traceback" not in said
    assert len(said.splitlines()) < 8, said
    command = Path(f"/proc/{dashboard.program.process.pid}/cmdline").read_bytes()
    assert TOKEN.encode() not in command


def _resident_bytes(dashboard: Dashboard) -> int:
    status = Path(f"/proc/{dashboard.program.process.pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found
    return 1024 * int(found[1])
