"""A real server on loopback with a real client; the daemon behind it is a Unix socket that serves real documents."""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ntp_ctl.client import fetch_observation
from ntp_ctl.listen import open_listener
from ntp_ctl.openmetrics import OPENMETRICS, render_metrics
from ntp_metrics_exporter.http_message import Request, Response, text_response
from ntp_metrics_exporter.pages import respond
from ntp_metrics_exporter.server import HttpServer, Limits
from unit.ntp_ctl.documents import falseticker
from unit.ntp_ctl.fake_daemon import FakeDaemon, shows

Address = tuple[str, int]

DEFAULT_LIMITS = Limits()


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


@contextlib.contextmanager
def serving(answer: Callable[[Request], Response], limits: Limits = DEFAULT_LIMITS) -> Iterator[Address]:
    listener = open_listener("127.0.0.1:0")
    address = listener.getsockname()
    server = HttpServer(listener, answer, limits)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield address
    finally:
        server.stop()
        thread.join(10.0)
        assert not thread.is_alive()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "observe"


@pytest.fixture
def exporter(path: Path) -> Iterator[Address]:
    with serving(lambda request: respond(request, lambda: fetch_observation(path))) as address:
        yield address


def ask(address: Address, method: str = "GET", target: str = "/metrics", **headers: str) -> Answer:
    connection = http.client.HTTPConnection(*address, timeout=5.0)
    try:
        connection.request(method, target, headers=headers)
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()


def send(address: Address, data: bytes, *, end: bool = False) -> bytes:
    """Everything that comes back for these bytes."""
    with socket.create_connection(address, timeout=5.0) as client:
        client.sendall(data)
        if end:
            client.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := client.recv(4096):
            received += chunk
        return received


def status_of(response: bytes) -> int:
    match = re.match(rb"HTTP/1\.1 (\d{3}) ", response)
    assert match is not None, response
    return int(match[1])


@pytest.mark.parametrize("accept", ["*/*", OPENMETRICS])
def test_a_scrape(exporter: Address, path: Path, accept: str) -> None:
    with FakeDaemon(path, shows(falseticker())):
        answer = ask(exporter, Accept=accept)
    body, content_type = render_metrics(falseticker(), accept)
    assert answer.status == 200
    assert answer.body == body
    assert answer.headers["Content-Type"] == content_type
    assert answer.headers["Connection"] == "close"
    assert re.fullmatch(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", answer.headers["Date"])


def test_a_head_has_the_length_but_not_the_body(exporter: Address, path: Path) -> None:
    with FakeDaemon(path, shows(falseticker())):
        answer = ask(exporter, "HEAD")
        raw = send(exporter, b"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.status == 200
    assert int(answer.headers["Content-Length"]) == len(render_metrics(falseticker(), "")[0])
    assert raw.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("method", "target", "status"), [("GET", "/", 302), ("HEAD", "/", 302), ("GET", "/else", 404), ("POST", "/metrics", 405), ("DELETE", "/", 405)]
)
def test_other_requests(exporter: Address, method: str, target: str, status: int) -> None:
    assert ask(exporter, method, target).status == status


def test_the_daemon_may_go_and_come_back(exporter: Address, path: Path) -> None:
    away = ask(exporter)
    assert away.status == 503
    assert away.body.decode() == f"the daemon is not running: no socket at {path}; start it with: sudo ntp-daemon\n"
    with FakeDaemon(path, shows(falseticker())):
        assert ask(exporter).status == 200
    assert ask(exporter).status == 503


def test_a_request_may_arrive_in_pieces(exporter: Address) -> None:
    with socket.create_connection(exporter, timeout=5.0) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"GET / HTTP/1.0\r\n\r\n":
            client.sendall(bytes([byte]))
        assert status_of(client.recv(4096)) == 302


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /" + b"a" * 2048 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"a" * 100_000, 414),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 2000 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 100_000, 431),
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
    ],
)
def test_requests_beyond_the_limits_get_an_answer(exporter: Address, data: bytes, status: int) -> None:
    response = send(exporter, data)
    assert status_of(response) == status
    assert response.count(b"\n", response.index(b"\r\n\r\n") + 4) == 1


def test_a_request_at_the_limits_is_served(exporter: Address) -> None:
    line = b"GET /" + b"a" * (2048 - len(b"GET / HTTP/1.1")) + b" HTTP/1.1\r\n"
    field = b"Host: x\r\nA: "
    head = line + field + b"b" * (8192 - len(line) - len(field) - 4) + b"\r\n\r\n"
    assert len(head) == 8192
    assert status_of(send(exporter, head)) == 404
    assert status_of(send(exporter, head.replace(b"A: ", b"A: b"))) == 431


def test_half_a_request_is_refused(exporter: Address) -> None:
    assert status_of(send(exporter, b"GET / HTTP/1.1\r\nHo", end=True)) == 400


def test_a_client_that_says_nothing_gets_nothing(exporter: Address) -> None:
    assert send(exporter, b"", end=True) == b""


def test_a_client_that_is_still_sending_is_not_cut_off(exporter: Address) -> None:
    """Closing at once would make the kernel answer the rest with a reset, and many clients throw the response away then."""
    with socket.create_connection(exporter, timeout=5.0) as client:
        client.sendall(b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n")
        response = b""
        while chunk := client.recv(4096):
            response += chunk
        for _ in range(50):
            client.sendall(b"x" * 1000)
    assert status_of(response) == 405


def test_a_slow_request_is_ended_although_it_goes_on() -> None:
    """A byte now and then does not buy more time."""
    with serving(lambda _: text_response(200, "ok"), Limits(timeout_s=0.15)) as address, socket.create_connection(address, timeout=5.0) as client:
        client.settimeout(0.03)
        received = b""
        while not received:
            client.sendall(b"a")
            with contextlib.suppress(TimeoutError):
                received = client.recv(4096)
    assert status_of(received) == 408


def test_a_bug_is_not_shown_to_the_client(capfd: pytest.CaptureFixture[str]) -> None:
    def broken(_request: Request) -> Response:
        raise RuntimeError("a secret")

    with serving(broken) as address:
        response = send(address, b"GET / HTTP/1.0\r\n\r\n")
        assert status_of(response) == 500
        assert b"secret" not in response
        assert b"Traceback" not in response
        assert status_of(send(address, b"GET / HTTP/1.0\r\n\r\n")) == 500
    assert "RuntimeError: a secret" in capfd.readouterr().err


def test_too_many_connections_are_refused_at_once_and_leave_room_when_they_go() -> None:
    arrived, release = threading.Semaphore(0), threading.Event()

    def slow(_request: Request) -> Response:
        arrived.release()
        release.wait(5.0)
        return text_response(200, "ok")

    with serving(slow, Limits(connections=2)) as address, contextlib.ExitStack() as clients:
        busy = [clients.enter_context(socket.create_connection(address, timeout=5.0)) for _ in range(2)]
        for client in busy:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        for _ in busy:
            assert arrived.acquire(timeout=5.0)
        with socket.create_connection(address, timeout=5.0) as refused:
            response = refused.recv(4096)
        assert status_of(response) == 503
        assert response.endswith(b"\r\n\r\ntoo many connections\n")
        release.set()
        for client in busy:
            assert status_of(client.recv(4096)) == 200
            client.close()
        for thread in threading.enumerate():
            if thread.name == "http-connection":
                thread.join(5.0)
        assert status_of(send(address, b"GET / HTTP/1.0\r\n\r\n")) == 200


def test_scrapes_at_the_same_time_do_not_disturb_each_other(exporter: Address, path: Path) -> None:
    answers: list[Answer] = []
    with FakeDaemon(path, shows(falseticker())):
        threads = [threading.Thread(target=lambda: answers.append(ask(exporter))) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [answer.status for answer in answers] == [200] * 16


def test_stop_lets_open_requests_end() -> None:
    arrived, release = threading.Event(), threading.Event()

    def slow(_request: Request) -> Response:
        arrived.set()
        release.wait(5.0)
        return text_response(200, "ok")

    listener = open_listener("127.0.0.1:0")
    address = listener.getsockname()
    server = HttpServer(listener, slow)
    thread = threading.Thread(target=server.serve)
    thread.start()
    with socket.create_connection(address, timeout=5.0) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert arrived.wait(5.0)
        server.stop()
        server.stop()
        thread.join(0.1)
        assert thread.is_alive()
        release.set()
        assert status_of(client.recv(4096)) == 200
    thread.join(5.0)
    assert not thread.is_alive()
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=5.0)
