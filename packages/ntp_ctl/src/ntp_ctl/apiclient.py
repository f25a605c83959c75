"""A client of the API that ntp-dashboard serves: blocking (`Client`) and asynchronous (`AsyncClient`), with the same names.

    client = Client("http://127.0.0.1:8080", token="...")
    client.status()["offsetMillis"]
    for event in client.stats_stream(): ...

Documents come as they are, as dictionaries; `/openapi.json` describes them. It stands on the standard library, and opens a connection for each
request: it is for programs that ask now and then. The asynchronous client runs the blocking one in threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
import ssl
import urllib.parse
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import NoReturn, Self

__all__ = ["ApiError", "AsyncClient", "Client", "Document", "Event", "EventStream"]

DEFAULT_TIMEOUT_S = 3.0
_MAXIMUM_BYTES = 16 << 20
_MAXIMUM_LINE_BYTES = 1 << 20
_SILENCE_S = 30.0
"""A stream gives a sign of life every ten seconds."""

Document = dict[str, object]


class ApiError(Exception):
    """A request failed.

    Args:
        message: What happened, one sentence for people.
        status: The HTTP status; 0 when there was no answer.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream.

    Attributes:
        name: Its type, such as "stats".
        data: Its document.
    """

    name: str
    data: Document


class EventStream:
    """Events as they come; an iterator that ends when the server does. To be closed, or used in a `with`.

    Raises:
        ApiError: the connection broke, or was silent for half a minute.
    """

    def __init__(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> None:
        self._connection = connection
        self._response = response
        self._socket = connection.sock
        self._closed = False
        if self._socket is not None:
            self._socket.settimeout(_SILENCE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        """The next event. Source: WHATWG HTML, Server-sent events, "Interpreting an event stream"."""
        name, data = "", ""
        while line := self._line():
            key, _, value = line.rstrip("\r\n").partition(":")
            value = value.removeprefix(" ")
            if key == "event":
                name = value
            elif key == "data":
                data = f"{data}\n{value}" if data else value
            elif not line.strip():
                if name and data:
                    return Event(name, _document(data.encode()))
                name, data = "", ""
        raise StopIteration

    def close(self) -> None:
        """End it, also for a thread that waits for the next event; closing twice does nothing."""
        if not self._closed:
            self._closed = True
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)
            self._connection.close()

    def _is_closed(self) -> bool:
        return self._closed

    def _line(self) -> str:
        """The next line; at the end an empty text."""
        if self._closed:
            return ""
        try:
            line = self._response.readline(_MAXIMUM_LINE_BYTES)
        except (OSError, http.client.HTTPException, ValueError) as error:
            if self._is_closed():  # by another thread, meanwhile
                return ""
            raise ApiError(f"the stream broke: {error}") from error
        if len(line) >= _MAXIMUM_LINE_BYTES:
            raise ApiError("a line of the stream is too long")
        return line.decode("utf-8", "replace")


class Client:
    """Asks a dashboard. Every method may raise `ApiError`.

    Args:
        base_url: Such as "http://127.0.0.1:8080"; a slash at its end does no harm.
        token: The token of the API, "" for none.
        timeout: For each request, s; 0 or less is 3.

    Raises:
        ValueError: not such a URL.
    """

    def __init__(self, base_url: str, token: str = "", timeout: float = DEFAULT_TIMEOUT_S) -> None:
        parts = urllib.parse.urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
            raise ValueError(f"not a URL such as http://127.0.0.1:8080: {base_url!r}")
        self._is_secure = parts.scheme == "https"
        self._host = parts.hostname
        self._port = parts.port
        self._prefix = parts.path.rstrip("/")
        self._token = token
        self._timeout_s = timeout if timeout > 0 else DEFAULT_TIMEOUT_S

    def health(self) -> Document:
        """Whether the daemon answers, and has the time. A daemon that is away is an answer, not an error."""
        return self._get("/healthz", also=503)

    def status(self) -> Document:
        """The clock."""
        return self._get("/v1/status")

    def stats(self) -> Document:
        """What became of the requests of clients."""
        return self._get("/v1/stats")

    def sources(self) -> Document:
        """The servers that the daemon asks."""
        return self._get("/v1/sources")

    def series(self, window_s: float = 900.0) -> Document:
        """The past in columns.

        Args:
            window_s: How far back, s.
        """
        return self._get(f"/v1/series?window={window_s:g}")

    def requests(self) -> Document:
        """The last requests of clients."""
        return self._get("/v1/requests")

    def config(self) -> Document:
        """The configuration in force, without secrets."""
        return self._get("/v1/config")

    def control(self, action: str) -> Document:
        """Start, stop or restart the serving of clients.

        Args:
            action: "start", "stop" or "restart".
        """
        return self._ask("POST", "/v1/service/control", json.dumps({"action": action}).encode())

    def stats_stream(self) -> EventStream:
        """Events "status", "stats" and "sources" every 2 s; "unavailable" while the daemon is away."""
        return self._stream("/v1/stats/stream")

    def requests_stream(self) -> EventStream:
        """An event "request" for each request of a client."""
        return self._stream("/v1/requests/stream")

    def _get(self, path: str, *, also: int = 200) -> Document:
        return self._ask("GET", path, None, also=also)

    def _ask(self, method: str, path: str, body: bytes | None, *, also: int = 200) -> Document:
        with contextlib.closing(self._connection()) as connection, self._exchange(connection, method, path, body) as response:
            try:
                text = response.read(_MAXIMUM_BYTES)
            except (OSError, http.client.HTTPException) as error:
                raise ApiError(f"request {path} failed: {error}") from error
            if response.length:
                raise ApiError(f"request {path} failed: the answer is not whole, or longer than {_MAXIMUM_BYTES} bytes")
        if response.status not in (200, also):
            _refuse(path, response.status, text)
        return _document(text)

    def _stream(self, path: str) -> EventStream:
        connection = self._connection()
        try:
            response = self._exchange(connection, "GET", path, None)
            if response.status != 200:
                _refuse(path, response.status, response.read(_MAXIMUM_BYTES))
        except BaseException:
            connection.close()
            raise
        return EventStream(connection, response)

    def _exchange(self, connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None) -> http.client.HTTPResponse:
        headers = {"Accept": "application/json, text/event-stream"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, self._prefix + path, body, headers)
            return connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise ApiError(f"request {path} failed: {str(error) or type(error).__name__}") from error

    def _connection(self) -> http.client.HTTPConnection:
        if self._is_secure:
            return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout_s, context=ssl.create_default_context())
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)


class AsyncClient:
    """The same, to be awaited. The arguments are those of `Client`."""

    def __init__(self, base_url: str, token: str = "", timeout: float = DEFAULT_TIMEOUT_S) -> None:
        self._client = Client(base_url, token, timeout)

    async def health(self) -> Document:
        """See `Client`, as for all methods."""
        return await asyncio.to_thread(self._client.health)

    async def status(self) -> Document:
        """The clock."""
        return await asyncio.to_thread(self._client.status)

    async def stats(self) -> Document:
        """What became of the requests of clients."""
        return await asyncio.to_thread(self._client.stats)

    async def sources(self) -> Document:
        """The servers that the daemon asks."""
        return await asyncio.to_thread(self._client.sources)

    async def series(self, window_s: float = 900.0) -> Document:
        """The past in columns."""
        return await asyncio.to_thread(self._client.series, window_s)

    async def requests(self) -> Document:
        """The last requests of clients."""
        return await asyncio.to_thread(self._client.requests)

    async def config(self) -> Document:
        """The configuration in force, without secrets."""
        return await asyncio.to_thread(self._client.config)

    async def control(self, action: str) -> Document:
        """Start, stop or restart the serving of clients."""
        return await asyncio.to_thread(self._client.control, action)

    async def stats_stream(self) -> AsyncIterator[Event]:
        """Events as in `Client.stats_stream`."""
        async for event in _events(await asyncio.to_thread(self._client.stats_stream)):
            yield event

    async def requests_stream(self) -> AsyncIterator[Event]:
        """Events as in `Client.requests_stream`."""
        async for event in _events(await asyncio.to_thread(self._client.requests_stream)):
            yield event


async def _events(stream: EventStream) -> AsyncIterator[Event]:
    """The thread that waits for the next event is woken when nobody wants it any more."""
    with stream:
        while (event := await asyncio.to_thread(next, stream, None)) is not None:
            yield event


def _document(text: bytes) -> Document:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ApiError(f"the answer is no JSON document: {error}") from error
    if not isinstance(document, dict):
        raise ApiError("the answer is no JSON object")
    return document


def _refuse(path: str, status: int, text: bytes) -> NoReturn:
    raise ApiError(f"request {path} failed with {status}{_reason(text)}", status)


def _reason(text: bytes) -> str:
    """What the server said of it."""
    try:
        error = _document(text).get("error")
    except ApiError:
        return ""
    return f": {error}" if isinstance(error, str) else ""
