"""A daemon's socket for tests: a real Unix socket with a thread behind it, whose answers the test gives.

The documents are encoded by the code that the daemon uses (`ntp_proto.observation.encode`, `ntp_proto.control`), so they cannot drift from it.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from ntp_proto import control, observation
from ntp_proto.control import Reply, Request, decode_request, frame
from ntp_proto.observation import Observation

Answer = Callable[[socket.socket], None]


class FakeDaemon:
    """Listens on `path` and lets `answer` handle one connection after another, as long as the context lasts."""

    def __init__(self, path: Path, answer: Answer) -> None:
        self.path = path
        self.answer = answer
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread in accept()
        self._thread.join()
        self._listener.close()
        self.path.unlink()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self.answer(connection)


def raw(data: bytes) -> Answer:
    """Writes these bytes, whatever they are."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(data)

    return answer


def shows(document: Observation) -> Answer:
    """An observation socket."""
    return raw(frame(observation.encode(document)))


def replies(reply: Reply, requests: list[Request]) -> Answer:
    """A configuration socket that puts each request into `requests`."""

    def answer(connection: socket.socket) -> None:
        with connection.makefile("rb") as stream:
            length = control.frame_length(stream.read(control.FRAME_PREFIX_BYTES), control.MAXIMUM_REQUEST_BYTES)
            requests.append(decode_request(stream.read(length)))
        connection.sendall(frame(control.encode(reply)))

    return answer
