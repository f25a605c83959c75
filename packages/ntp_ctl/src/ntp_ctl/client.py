"""One exchange with the daemon over a Unix socket: read the observation document, or send one request.

    observation socket      connect; the daemon writes one frame and closes; who has written a line gets one frame more
    configuration socket    connect; write one frame, read one frame

`ntp_proto.control` has the frames. They are limited in size and the whole exchange in time, so that a daemon that hangs cannot hang its
tools. Plain blocking sockets: a tool does one thing at a time.
"""

from __future__ import annotations

import grp
import socket
import stat
import time
from enum import Enum
from pathlib import Path

from ntp_proto.control import FRAME_PREFIX_BYTES, MAXIMUM_DOCUMENT_BYTES, Reply, Request, decode_reply, encode, frame, frame_length
from ntp_proto.history import HistoryDocument, HistoryQuestion, decode_history
from ntp_proto.history import encode as encode_question
from ntp_proto.observation import Observation, decode

__all__ = ["DEFAULT_TIMEOUT_S", "DaemonError", "Failure", "fetch_history", "fetch_observation", "send_control"]

DEFAULT_TIMEOUT_S = 5.0

_CHUNK_BYTES = 65536
_START = "start it with: sudo ntp-daemon"


class Failure(Enum):
    """Why an exchange with the daemon failed."""

    NOT_RUNNING = "not-running"
    """Nothing listens on the socket."""
    PERMISSION = "permission"
    """We may not use the socket."""
    NO_ANSWER = "no-answer"
    """Something listens, but gives no whole answer in time."""
    PROTOCOL = "protocol"
    """What came back is not what a daemon of this version sends."""


class DaemonError(Exception):
    """An exchange with the daemon failed.

    Args:
        failure: The kind, for programs.
        message: What happened and what to do about it, one sentence for people.
    """

    def __init__(self, failure: Failure, message: str) -> None:
        super().__init__(message)
        self.failure = failure


def fetch_observation(path: Path, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> Observation:
    """What the daemon shows of itself now.

    Args:
        path: The observation socket.
        timeout_s: For the whole exchange, s.

    Raises:
        DaemonError: no document of this version was had.
    """
    document = _exchange(path, None, timeout_s)
    try:
        return decode(document)
    except (ValueError, RecursionError) as error:
        raise DaemonError(Failure.PROTOCOL, f"{path}: {error}") from error


def fetch_history(path: Path, window_s: float, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> HistoryDocument:
    """What was lately, as the daemon remembers it.

    Args:
        path: The observation socket.
        window_s: How far back, s; more than 0, at most a week.
        timeout_s: For the whole exchange, s.

    Raises:
        DaemonError: no such document was had; a daemon of before it had a history ends the connection instead.
        ValueError: the window is none.
    """
    question = encode_question(HistoryQuestion(window_s=window_s)) + b"\n"
    document = _exchange(path, question, timeout_s, answers=2)
    try:
        return decode_history(document)
    except ValueError as error:
        raise DaemonError(Failure.PROTOCOL, f"{path}: {error}") from error


def send_control(path: Path, request: Request, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> Reply:
    """Ask the daemon for something; whether it was done is in the reply.

    Args:
        path: The configuration socket.
        request: What is wanted.
        timeout_s: For the whole exchange, s.

    Raises:
        DaemonError: there was no reply.
    """
    document = _exchange(path, frame(encode(request)), timeout_s)
    try:
        return decode_reply(document)
    except ValueError as error:
        raise DaemonError(Failure.PROTOCOL, f"{path}: {error}") from error


def _exchange(path: Path, request: bytes | None, timeout_s: float, *, answers: int = 1) -> bytes:
    """Connect, send `request` if there is one, and return the document that comes back, the last of `answers`."""
    deadline = time.monotonic() + timeout_s
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout_s)
            connection.connect(str(path))
            if request is not None:
                _send(connection, request, deadline)
            for _ in range(answers - 1):
                _receive_frame(connection, deadline)
            return _receive_frame(connection, deadline)
    except TimeoutError as error:
        raise DaemonError(Failure.NO_ANSWER, f"the daemon did not answer on {path} within {timeout_s:g} s") from error
    except PermissionError as error:
        raise DaemonError(Failure.PERMISSION, f"permission denied on {path}: {_way_in(path)}") from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DaemonError(Failure.NOT_RUNNING, f"the daemon is not running: no socket at {path}; {_START}") from error
    except ConnectionRefusedError as error:
        raise DaemonError(Failure.NOT_RUNNING, _refusal(path)) from error
    except _MalformedError as error:
        raise DaemonError(Failure.PROTOCOL, f"{path}: {error}") from error
    except (ConnectionError, _ClosedError) as error:
        raise DaemonError(Failure.NO_ANSWER, f"{path}: the daemon closed the connection without a whole answer") from error
    except OSError as error:
        raise DaemonError(Failure.PROTOCOL, f"{path}: {error.strerror or error}") from error


class _MalformedError(Exception):
    """The stream is not a frame."""


class _ClosedError(Exception):
    """The stream ended within a frame."""


def _send(connection: socket.socket, data: bytes, deadline: float) -> None:
    """Send all; a daemon that refuses without reading may have closed already, and its answer is still there to be read."""
    connection.settimeout(_remaining(deadline))
    try:
        connection.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        return


def _receive_frame(connection: socket.socket, deadline: float) -> bytes:
    prefix = _receive_exactly(connection, FRAME_PREFIX_BYTES, deadline)
    try:
        length = frame_length(prefix, MAXIMUM_DOCUMENT_BYTES)
    except ValueError as error:
        raise _MalformedError(f"not a socket of ntp-daemon: {error}") from error
    return _receive_exactly(connection, length, deadline)


def _receive_exactly(connection: socket.socket, size: int, deadline: float) -> bytes:
    received = bytearray()
    while len(received) < size:
        connection.settimeout(_remaining(deadline))
        chunk = connection.recv(min(_CHUNK_BYTES, size - len(received)))
        if not chunk:
            raise _ClosedError
        received += chunk
    return bytes(received)


def _remaining(deadline: float) -> float:
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TimeoutError
    return remaining


def _refusal(path: Path) -> str:
    if path.is_socket():
        return f"the daemon is not running: nothing listens on {path}, which an earlier one left behind; {_START}"
    return f"{path} is not a socket"


def _way_in(path: Path) -> str:
    """What would give access: the socket's group if that helps, root in any case."""
    try:
        status = path.stat()
        group = grp.getgrgid(status.st_gid).gr_name
    except (OSError, KeyError):
        return "run it with sudo"
    group_may = status.st_mode & (stat.S_IRGRP | stat.S_IWGRP) == stat.S_IRGRP | stat.S_IWGRP
    return f"run it with sudo, or as a member of group {group}" if group_may and status.st_gid != 0 else "run it with sudo"
