"""A small HTTP server: one thread accepts, one more for each connection, and limits on everything a stranger could make grow.

The whole head of a request must arrive within a deadline that does not move: a client that sends a byte now and then gains nothing. Beyond
the largest number of connections a new one is refused at once, so that it cannot wait unseen.
"""

from __future__ import annotations

import selectors
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from ntp_metrics_exporter.http_message import (
    MAXIMUM_HEAD_BYTES,
    MAXIMUM_REQUEST_LINE_BYTES,
    HttpError,
    Request,
    Response,
    parse_head,
    text_response,
)

__all__ = ["HttpServer", "Limits"]

_CHUNK_BYTES = 4096
_UNREAD_BYTES = 65536
_PAUSE_AFTER_FAILURE_S = 0.1


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client, and all of them together, may take.

    Attributes:
        timeout_s: For the request to arrive, and again for the response to leave, s.
        connections: At a time.
    """

    timeout_s: float = 5.0
    connections: int = 32


class HttpServer:
    """Serves requests from a listening socket until it is told to stop.

    Args:
        listener: Bound and listening.
        respond: Makes the response to a valid request; called from several threads.
        limits: On the clients.
    """

    def __init__(self, listener: socket.socket, respond: Callable[[Request], Response], limits: Limits = Limits()) -> None:
        self._listener = listener
        self._respond = respond
        self._limits = limits
        self._free = threading.BoundedSemaphore(limits.connections)
        self._stop_receiver, self._stop_sender = socket.socketpair()
        self._stop_sender.setblocking(False)
        listener.setblocking(False)

    def stop(self) -> None:
        """Let `serve` return. For signal handlers and other threads; more than once does no harm."""
        try:
            self._stop_sender.send(b"x")
        except OSError:
            return  # full: it was told often enough; closed: it has returned

    def serve(self) -> None:
        """Accept connections until `stop` is called; then wait for those that are open, and close the listener."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._stop_receiver, selectors.EVENT_READ)
            while all(key.fileobj is not self._stop_receiver for key, _ in selector.select()):
                self._accept()
        self._listener.close()
        deadline = time.monotonic() + 2 * self._limits.timeout_s
        for _ in range(self._limits.connections):
            self._free.acquire(timeout=max(0.0, deadline - time.monotonic()))
        self._stop_receiver.close()
        self._stop_sender.close()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:
            return  # the client has gone again
        except OSError:
            # Out of descriptors or memory: the connection stays in the queue, and asking for it without a pause would burn the processor.
            time.sleep(_PAUSE_AFTER_FAILURE_S)
            return
        if not self._free.acquire(blocking=False):
            _refuse(connection)
            return
        try:
            threading.Thread(target=self._handle, args=(connection,), name="http-connection", daemon=True).start()
        except RuntimeError:  # the system allows no more threads
            self._free.release()
            _refuse(connection)

    def _handle(self, connection: socket.socket) -> None:
        try:
            head_only, response = self._exchange(connection)
            if response is not None:
                connection.settimeout(self._limits.timeout_s)
                _finish(connection, response, head_only=head_only, wait_s=self._limits.timeout_s)
        finally:
            connection.close()
            self._free.release()

    def _exchange(self, connection: socket.socket) -> tuple[bool, Response | None]:
        """Whether only the head of the response is wanted, and the response; None when the client has gone."""
        request = None
        try:
            head = _receive_head(connection, time.monotonic() + self._limits.timeout_s)
            if head is None:
                return False, None
            request = parse_head(head)
            response = self._respond(request)
        except HttpError as error:
            response = text_response(error.status, str(error))
        except ConnectionError:
            return False, None
        except Exception:  # noqa: BLE001 - a bug of ours must not show its traceback to a client, nor end the server
            traceback.print_exc(file=sys.stderr)
            response = text_response(500, "internal error")
        return request is not None and request.method == "HEAD", response


def _receive_head(connection: socket.socket, deadline: float) -> bytes | None:
    """Everything before the first empty line; None when the client closes without a request.

    Raises:
        HttpError: too large, cut short, or too late.
    """
    received = bytearray()
    while (end := received.find(b"\r\n\r\n")) < 0:
        _check_size(received)
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise HttpError(408, "the request did not arrive in time")
        connection.settimeout(remaining)
        try:
            chunk = connection.recv(_CHUNK_BYTES)
        except TimeoutError:
            continue
        if not chunk:
            if received:
                raise HttpError(400, "the request ends too early")
            return None
        received += chunk
    _check_size(received[: end + 4])
    return bytes(received[:end])


def _check_size(received: bytes | bytearray) -> None:
    line_end = received.find(b"\r\n")
    if (len(received) if line_end < 0 else line_end) > MAXIMUM_REQUEST_LINE_BYTES:
        raise HttpError(414, f"the request line is longer than {MAXIMUM_REQUEST_LINE_BYTES} bytes")
    if len(received) > MAXIMUM_HEAD_BYTES:
        raise HttpError(431, f"the request's header is longer than {MAXIMUM_HEAD_BYTES} bytes")


def _refuse(connection: socket.socket) -> None:
    """Turn a client away without waiting for anything: this runs in the thread that accepts."""
    connection.setblocking(False)
    _finish(connection, text_response(503, "too many connections"), head_only=False, wait_s=0.0)


def _finish(connection: socket.socket, response: Response, *, head_only: bool, wait_s: float) -> None:
    """Send the response and close in a way that lets it arrive: closing with unread data would make the kernel reset the connection."""
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
    try:
        connection.sendall(response.encode(date=date, head_only=head_only))
        connection.shutdown(socket.SHUT_WR)
        deadline, unread = time.monotonic() + wait_s, 0
        while unread < _UNREAD_BYTES and (remaining := deadline - time.monotonic()) > 0:
            connection.settimeout(remaining)
            chunk = connection.recv(_CHUNK_BYTES)
            if not chunk:
                break
            unread += len(chunk)
    except OSError:
        return  # the client is gone or does not read; there is nobody left to tell
    finally:
        connection.close()
