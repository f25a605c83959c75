import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ntp_daemon.notify import Notifier


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """The service manager's socket and what it writes into NOTIFY_SOCKET."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@ntp-notify-test-{tmp_path}"[:100]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name[1:] if name.startswith("@") else name)
        manager.setblocking(False)
        yield manager, name


def test_each_message(manager: tuple[socket.socket, str]) -> None:
    listener, name = manager
    notifier = Notifier({"NOTIFY_SOCKET": name})
    notifier.ready("4 sources")
    notifier.status("offset\n2 ms ± 1")
    notifier.stopping()
    assert [listener.recv(1000).decode() for _ in range(3)] == ["READY=1\nSTATUS=4 sources", "STATUS=offset 2 ms ± 1", "STOPPING=1"]


def test_a_reload_tells_when_it_began(manager: tuple[socket.socket, str]) -> None:
    listener, name = manager
    before = time.monotonic_ns() // 1000
    Notifier({"NOTIFY_SOCKET": name}).reloading()
    match = re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=(\d+)", listener.recv(1000).decode())
    assert match is not None
    assert before <= int(match.group(1)) <= time.monotonic_ns() // 1000


@pytest.mark.parametrize("name", ["", "@", "/nowhere/notify", "/" + "x" * 200, "vsock:2:1234", "relative"])
def test_no_manager_is_no_error(name: str) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": name})
    notifier.ready("x")
    notifier.status("x")
    notifier.reloading()
    notifier.stopping("x")


def test_no_environment_is_no_error() -> None:
    Notifier({}).ready()


def test_a_manager_that_does_not_read_does_not_stop_the_daemon(manager: tuple[socket.socket, str]) -> None:
    listener, name = manager
    notifier = Notifier({"NOTIFY_SOCKET": name})
    for number in range(1000):
        notifier.status(f"{number}")
    assert listener.recv(100) == b"STATUS=0"


def test_the_way_can_be_kept_open_when_its_path_goes(tmp_path: Path) -> None:
    name = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(name))
        manager.setblocking(False)
        notifier = Notifier({"NOTIFY_SOCKET": str(name)})
        notifier.hold_on()
        name.unlink()  # as good as another root directory
        notifier.ready()
        assert manager.recv(100) == b"READY=1"
        notifier.close()
        notifier.close()
        notifier.ready()
        with pytest.raises(BlockingIOError):
            manager.recv(100)


@pytest.mark.parametrize("name", ["", "/nowhere/notify"])
def test_there_may_be_no_way_to_keep(name: str) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": name})
    notifier.hold_on()
    notifier.ready()
    notifier.close()
