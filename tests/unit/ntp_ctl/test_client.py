from __future__ import annotations

import contextlib
import grp
import os
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from ntp_ctl import client
from ntp_ctl.client import DaemonError, Failure, fetch_history, fetch_observation, send_control
from ntp_daemon.history import History, Moment
from ntp_proto.control import MAXIMUM_DOCUMENT_BYTES, ConfigRequest, ForceSyncRequest, ReloadRequest, Reply, Request, frame
from ntp_proto.history import encode as encode_history
from ntp_proto.observation import encode
from unit.ntp_ctl.documents import STATES, synchronized
from unit.ntp_ctl.fake_daemon import FakeDaemon, raw, replies, shows


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "socket"


def _failure(path: Path, *, timeout_s: float = 5.0) -> tuple[Failure, str]:
    with pytest.raises(DaemonError) as caught:
        fetch_observation(path, timeout_s=timeout_s)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return caught.value.failure, message


@pytest.mark.parametrize("state", STATES)
def test_the_document_arrives_as_the_daemon_made_it(path: Path, state: str) -> None:
    with FakeDaemon(path, shows(STATES[state]())):
        assert fetch_observation(path) == STATES[state]()


def test_a_document_may_arrive_in_pieces(path: Path) -> None:
    data = frame(encode(synchronized()))

    def dribble(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        for start in range(0, len(data), 7):
            connection.sendall(data[start : start + 7])

    with FakeDaemon(path, dribble):
        assert fetch_observation(path) == synchronized()


@pytest.mark.parametrize("request_", [ConfigRequest(log_filter="debug", panic_threshold=2.5), ForceSyncRequest(), ReloadRequest()])
def test_a_request_arrives_and_its_reply_comes_back(path: Path, request_: Request) -> None:
    reply = Reply(accepted=False, message="no", details=("one", "two"))
    seen: list[Request] = []
    with FakeDaemon(path, replies(reply, seen)):
        assert send_control(path, request_) == reply
    assert seen == [request_]


def test_a_reply_to_a_request_that_nobody_read_is_still_read() -> None:
    """A daemon that has too many clients may answer and close without reading."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            theirs.sendall(frame(b"busy"))
        deadline = time.monotonic() + 5.0
        client._send(ours, b"a request", deadline)
        assert client._receive_frame(ours, deadline) == b"busy"


def test_no_socket_means_no_daemon(path: Path) -> None:
    failure, message = _failure(path)
    assert failure is Failure.NOT_RUNNING
    assert "the daemon is not running" in message
    assert "start it with" in message


def test_a_directory_that_is_a_file_means_no_daemon(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert _failure(tmp_path / "file" / "socket")[0] is Failure.NOT_RUNNING


def test_a_socket_that_was_left_behind_means_no_daemon(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
    failure, message = _failure(path)
    assert failure is Failure.NOT_RUNNING
    assert "left behind" in message


def test_a_file_is_no_socket(path: Path) -> None:
    path.write_text("")
    assert _failure(path)[1] == f"{path} is not a socket"


def test_a_path_too_long_for_a_socket_is_said(tmp_path: Path) -> None:
    failure, message = _failure(tmp_path / ("x" * 200))
    assert failure is Failure.PROTOCOL
    assert "too long" in message


def test_a_daemon_that_hangs_does_not_hang_us(path: Path) -> None:
    release = threading.Event()

    def hang(_connection: socket.socket) -> None:
        release.wait(5.0)

    with FakeDaemon(path, hang):
        failure, message = _failure(path, timeout_s=0.05)
        release.set()
    assert failure is Failure.NO_ANSWER
    assert "within 0.05 s" in message


def test_the_time_limit_is_for_the_whole_answer(path: Path) -> None:
    """A byte now and then does not buy more time."""
    stop = threading.Event()

    def trickle(connection: socket.socket) -> None:
        connection.sendall((1000).to_bytes(8, "big"))
        while not stop.wait(0.02):
            try:
                connection.sendall(b"x")
            except OSError:
                return

    with FakeDaemon(path, trickle):
        failure, _ = _failure(path, timeout_s=0.1)
        stop.set()
    assert failure is Failure.NO_ANSWER


@pytest.mark.parametrize("size", [0, 3, 8, 100])
def test_an_answer_that_ends_early_is_no_answer(path: Path, size: int) -> None:
    with FakeDaemon(path, raw(frame(encode(synchronized()))[:size])):
        assert _failure(path)[0] is Failure.NO_ANSWER


def test_a_document_beyond_the_limit_is_not_read(path: Path) -> None:
    with FakeDaemon(path, raw((MAXIMUM_DOCUMENT_BYTES + 1).to_bytes(8, "big"))):
        failure, message = _failure(path)
    assert failure is Failure.PROTOCOL
    assert str(MAXIMUM_DOCUMENT_BYTES) in message


def test_another_program_is_recognised(path: Path) -> None:
    with FakeDaemon(path, raw(b"SSH-2.0-OpenSSH_9.2\r\n")):
        assert "not a socket of ntp-daemon" in _failure(path)[1]


@pytest.mark.parametrize("document", [b"", b"{}", b"[1]", b"\xff", b'{"version": 1}', b"[" * 10_000])
def test_what_is_no_document_is_refused(path: Path, document: bytes) -> None:
    with FakeDaemon(path, raw(frame(document))):
        assert _failure(path)[0] is Failure.PROTOCOL


def test_another_version_names_both(path: Path) -> None:
    with FakeDaemon(path, shows(msgspec.structs.replace(synchronized(), version=2))):
        failure, message = _failure(path)
    assert failure is Failure.PROTOCOL
    assert "version 2, this program reads 1" in message


def test_what_is_no_reply_is_refused(path: Path) -> None:
    with FakeDaemon(path, raw(frame(b"{}"))), pytest.raises(DaemonError, match="not a reply") as caught:
        send_control(path, ReloadRequest())
    assert caught.value.failure is Failure.PROTOCOL


@contextlib.contextmanager
def _nobody() -> Iterator[None]:
    """This process as a user without any rights."""
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(
    ("mode", "gid", "hint"),
    [
        (0o660, 1, f"run it with sudo, or as a member of group {grp.getgrgid(1).gr_name}"),
        (0o600, 1, "run it with sudo"),
        (0o660, 0, "run it with sudo"),
        (0o660, 54321, "run it with sudo"),
    ],
)
def test_without_permission_the_way_in_is_named(mode: int, gid: int, hint: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        path = Path(directory) / "socket"
        with FakeDaemon(path, shows(synchronized())):
            os.chown(path, 0, gid)
            path.chmod(mode)
            with _nobody():
                failure, message = _failure(path)
    assert failure is Failure.PERMISSION
    assert message == f"permission denied on {path}: {hint}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_without_permission_to_look_sudo_is_the_way_in() -> None:
    with tempfile.TemporaryDirectory() as directory:  # 0700
        path = Path(directory) / "socket"
        with FakeDaemon(path, shows(synchronized())), _nobody():
            failure, message = _failure(path)
    assert failure is Failure.PERMISSION
    assert message.endswith("run it with sudo")


def test_the_past_comes_after_the_state(path: Path) -> None:
    history = History()
    history.add(Moment(1e-6, 1e-5, 1e-3, 2e-6), 4.0)
    document = history.document(900.0, "2031-05-04T03:02:01Z", 5.0)
    asked: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        connection.sendall(frame(encode(synchronized())))
        with connection.makefile("rb") as stream:
            asked.append(stream.readline())
        connection.sendall(frame(encode_history(document)))

    with FakeDaemon(path, answer):
        assert fetch_history(path, 900.0) == document
    assert asked == [b'{"want":"history","window_s":900.0}\n']


@pytest.mark.parametrize("window_s", [0.0, -1.0, float("nan"), float("inf"), 604_801.0])
def test_a_window_that_is_none_is_not_asked_for(path: Path, window_s: float) -> None:
    with pytest.raises(ValueError, match="window_s"):
        fetch_history(path, window_s)


def test_a_daemon_that_keeps_no_history(path: Path) -> None:
    with FakeDaemon(path, shows(synchronized())), pytest.raises(DaemonError) as caught:
        fetch_history(path, 900.0)
    assert caught.value.failure is Failure.NO_ANSWER


def test_an_answer_that_is_no_history(path: Path) -> None:
    twice = frame(encode(synchronized())) + frame(b'{"error":"what?"}')
    with FakeDaemon(path, raw(twice)), pytest.raises(DaemonError, match="not a history") as caught:
        fetch_history(path, 900.0)
    assert caught.value.failure is Failure.PROTOCOL
