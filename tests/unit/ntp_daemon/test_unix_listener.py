import contextlib
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ntp_daemon.unix_listener import LocalSocketError, UnixListener, open_listener


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "socket"


@contextlib.contextmanager
def listening(path: Path, permissions: int = 0o666) -> Iterator[UnixListener]:
    listener = open_listener(path, permissions)
    try:
        yield listener
    finally:
        listener.close()


def connects(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        return True


def leave_dead_socket(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))


def test_it_listens_in_a_directory_of_its_own(path: Path) -> None:
    with listening(path):
        assert connects(path)
    assert not path.exists()


@pytest.mark.parametrize("permissions", [0o666, 0o660, 0o600, 0o000])
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o177])
def test_the_permissions_do_not_depend_on_the_umask(path: Path, permissions: int, umask: int) -> None:
    path.parent.mkdir()
    before = os.umask(umask)
    try:
        with listening(path, permissions):
            assert stat.S_IMODE(path.stat().st_mode) == permissions
    finally:
        os.umask(before)


def test_there_is_no_moment_with_more_permissions(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mode right after bind, before anything else can be done about it."""
    seen: list[int] = []
    monkeypatch.setattr(Path, "chmod", lambda path, _: seen.append(stat.S_IMODE(path.stat().st_mode)))
    before = os.umask(0)
    try:
        with listening(path, 0o600):
            assert seen == [0o600]
    finally:
        os.umask(before)


def test_a_dead_socket_is_replaced(path: Path) -> None:
    leave_dead_socket(path)
    with listening(path):
        assert connects(path)


@pytest.mark.parametrize("dead", [False, True], ids=["free", "dead"])
def test_there_is_no_moment_in_which_it_is_there_and_refuses(path: Path, monkeypatch: pytest.MonkeyPatch, dead: bool) -> None:
    """A client would take the daemon for dead, and a second daemon would remove the socket. What a dead one has left stays until then."""
    if dead:
        leave_dead_socket(path)
    left = path.lstat().st_ino if dead else None
    seen: list[int | None] = []
    listen = socket.socket.listen

    def look_and_listen(listener: socket.socket, backlog: int) -> None:
        seen.append(path.lstat().st_ino if path.exists() else None)
        listen(listener, backlog)

    monkeypatch.setattr(socket.socket, "listen", look_and_listen)
    with listening(path):
        assert seen == [left], "not before it listens"
        assert connects(path)
        assert [file.name for file in path.parent.iterdir()] == [path.name], "the temporary name is gone"


def test_a_refusal_leaves_nothing_behind(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("precious")
    with pytest.raises(LocalSocketError):
        open_listener(path, 0o666)
    assert list(path.parent.iterdir()) == [path]


def test_a_socket_in_use_is_left_alone(path: Path) -> None:
    with listening(path):
        with pytest.raises(
            LocalSocketError, match=f"cannot listen on {path}: it is in use by a running daemon; stop that one, or choose another path"
        ):
            open_listener(path, 0o666)
        assert connects(path)


def test_a_socket_too_busy_to_answer_is_in_use(path: Path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as busy, contextlib.ExitStack() as clients:
        busy.bind(str(path))
        busy.listen(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                client = clients.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK))
                client.connect(str(path))
        with pytest.raises(LocalSocketError, match="in use by a running daemon"):
            open_listener(path, 0o666)
        assert path.is_socket()


@pytest.mark.parametrize("kind", ["file", "directory", "link to a file"])
def test_what_is_not_a_socket_is_not_touched(path: Path, kind: str) -> None:
    path.parent.mkdir()
    if kind == "directory":
        path.mkdir()
    elif kind == "file":
        path.write_text("precious")
    else:
        (path.parent / "precious").touch()
        path.symlink_to("precious")
    with pytest.raises(LocalSocketError, match="it exists and is not a socket; remove it, or choose another path"):
        open_listener(path, 0o666)
    assert os.path.lexists(path)


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "socket"
    with pytest.raises(LocalSocketError, match=f"no such file or directory; make the directory {path.parent}"):
        open_listener(path, 0o666)


def test_no_permission(tmp_path: Path) -> None:
    directory = tmp_path / "locked"
    directory.mkdir(mode=0o500)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        with pytest.raises(
            LocalSocketError, match=f"permission denied; make {directory} writable for the daemon, run it as root, or choose another path"
        ):
            open_listener(directory / "socket", 0o666)
    finally:
        os.seteuid(user)


def test_a_path_that_does_not_fit(tmp_path: Path) -> None:
    """The limit is that of the path by which others connect, not of the temporary one."""
    fitting = tmp_path / ("x" * (107 - len(os.fsencode(tmp_path)) - 1))
    with listening(fitting):
        assert connects(fitting)
    with pytest.raises(LocalSocketError, match="path too long"):
        open_listener(fitting.with_name(fitting.name + "x"), 0o666)
    assert list(tmp_path.iterdir()) == []


def test_a_system_without_unix_sockets(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*kind: object) -> socket.socket:
        raise OSError(97, "Address family not supported by protocol")

    monkeypatch.setattr(socket, "socket", refuse)
    with pytest.raises(LocalSocketError, match=r"cannot listen on .*: address family not supported by protocol"):
        open_listener(path, 0o666)


def test_the_successors_socket_is_not_removed(path: Path) -> None:
    with listening(path) as first:
        path.unlink()
        with listening(path):
            first.close()
            assert connects(path)
