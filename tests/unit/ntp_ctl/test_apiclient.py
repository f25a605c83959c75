"""The client of the dashboard's API, against servers that answer anything. With a real dashboard it meets in tests/system/test_dashboard.py."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from ntp_ctl.apiclient import ApiError, AsyncClient, Client, Event


class Server:
    """Sends the same to everybody, and keeps what was asked."""

    def __init__(self, answer: bytes, *, hangs: bool = False) -> None:
        self._answer = answer
        self._hangs = hangs
        self.asked: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for connection in self._open:
            connection.close()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            with contextlib.suppress(ConnectionError):  # it may not want all of it
                asked = b""
                while not asked.endswith((b"\r\n\r\n", b"}")) or asked.endswith(b"json\r\n\r\n"):  # the body may come apart from the head
                    asked += connection.recv(65536)
                self.asked.append(asked)
                connection.sendall(self._answer)
            if not self._hangs:
                connection.close()


@contextlib.contextmanager
def serving(answer: bytes, *, hangs: bool = False) -> Iterator[Server]:
    server = Server(answer, hangs=hangs)
    try:
        yield server
    finally:
        server.close()


def http(body: bytes, status: str = "200 OK", kind: str = "application/json") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n".encode() + body


STREAM = b': beat\n\nid: 1\nevent: stats\ndata: {"a":\ndata: 1}\n\ndata: {}\n\nevent: status\r\ndata:{"b":2}\r\n\r\n'


def test_a_document_and_what_is_sent_for_it() -> None:
    with serving(http(b'{"stratum":2}')) as server:
        assert Client(server.url + "/", "tok").status() == {"stratum": 2}
    head = server.asked[0].decode()
    assert head.startswith("GET /v1/status HTTP/1.1\r\n"), "one slash, whatever the URL ends with"
    assert "\r\nAuthorization: Bearer tok\r\n" in head


def test_without_a_token_none_is_sent() -> None:
    with serving(http(b"{}")) as server:
        Client(server.url).stats()
    assert b"Authorization" not in server.asked[0]


def test_an_order_is_a_post() -> None:
    with serving(http(b'{"success":true}')) as server:
        assert Client(server.url).control("stop") == {"success": True}
    assert server.asked[0].startswith(b"POST /v1/service/control ")
    assert server.asked[0].endswith(b'{"action": "stop"}')


def test_a_failure_says_the_path_the_status_and_the_reason() -> None:
    with serving(http(b'{"error":"unauthorized"}', "401 Unauthorized")) as server, pytest.raises(ApiError) as caught:
        Client(server.url, "secret-token").status()
    assert str(caught.value) == "request /v1/status failed with 401: unauthorized"
    assert caught.value.status == 401


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"[" * 100_000, b"\xff"])
def test_what_is_no_document(body: bytes) -> None:
    with serving(http(body)) as server, pytest.raises(ApiError, match="no JSON"):
        Client(server.url).status()
    with serving(http(body, "500 Oops")) as server, pytest.raises(ApiError, match=r"failed with 500$"):
        Client(server.url).status()


@pytest.mark.parametrize("answer", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"])
def test_what_is_no_answer(answer: bytes) -> None:
    with serving(answer) as server, pytest.raises(ApiError, match="request /v1/status failed") as caught:
        Client(server.url).status()
    assert caught.value.status == 0


def test_a_redirection_is_not_followed() -> None:
    with serving(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nConnection: close\r\n\r\n") as server, pytest.raises(ApiError, match="302"):
        Client(server.url, "secret-token").status()


def test_a_daemon_that_is_away_is_an_answer() -> None:
    with serving(http(b'{"ok":false,"synced":false,"time":null}', "503 Service Unavailable")) as server:
        assert Client(server.url).health()["ok"] is False


def test_nobody_there_and_nobody_who_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(ApiError, match="timed out"):
            Client(url, timeout=0.05).status()
    with pytest.raises(ApiError, match="refused"):
        Client(url).status()


@pytest.mark.parametrize("url", ["", "127.0.0.1:8080", "ftp://x", "http://", "http://a:b@c", "http://c?d", "http://c#d", "http://c:port"])
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(ValueError, match=r"not a URL|[Pp]ort"):
        Client(url)


def test_events_of_a_stream() -> None:
    with serving(http(STREAM, kind="text/event-stream")) as server, Client(server.url).stats_stream() as stream:
        assert list(stream) == [Event("stats", {"a": 1}), Event("status", {"b": 2})]


def test_a_stream_that_is_refused() -> None:
    with serving(http(b'{"error":"no"}', "403 Forbidden")) as server, pytest.raises(ApiError, match="403: no"):
        Client(server.url).requests_stream()


def test_a_stream_is_closed_while_somebody_waits() -> None:
    with serving(http(STREAM, kind="text/event-stream"), hangs=True) as server:
        stream = Client(server.url).stats_stream()
        assert [next(stream).name for _ in range(2)] == ["stats", "status"]
        ended: list[object] = []
        waiting = threading.Thread(target=lambda: ended.append(next(stream, "the end")))
        waiting.start()
        stream.close()
        stream.close()
        waiting.join(timeout=10)
        assert ended == ["the end"]
        assert next(stream, "the end") == "the end"


def test_the_asynchronous_one_has_the_same_names() -> None:
    names = {name for name in vars(Client) if not name.startswith("_")}
    assert names == {name for name in vars(AsyncClient) if not name.startswith("_")}

    async def use(url: str) -> list[str]:
        return [event.name async for event in AsyncClient(url).stats_stream()]

    with serving(http(STREAM, kind="text/event-stream")) as server:
        assert asyncio.run(use(server.url)) == ["stats", "status"]
