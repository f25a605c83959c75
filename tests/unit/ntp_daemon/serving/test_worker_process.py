"""The daemon's end of a worker distrusts it: one that has been taken over can say what it likes."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from ntp_daemon.privileges import Surrender
from ntp_daemon.serving import worker_process
from ntp_daemon.serving.messages import ClientReport, Order
from ntp_daemon.serving.publication import SnapshotWriter
from ntp_daemon.serving.settings import ServerSettings
from ntp_daemon.serving.worker_process import Launch, WorkerError, WorkerProcess
from ntp_proto.datagram import Address
from ntp_proto.server import ServerPolicy
from ntp_udp.server_socket import bind_sockets
from support.asking import DEADLINE_S, synchronized

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def launch() -> AsyncIterator[Launch]:
    listen = Address("127.0.0.1", 0)
    sockets = bind_sockets(listen)
    writer = SnapshotWriter(synchronized())
    settings = ServerSettings(listen=listen, policy=ServerPolicy(), workers=1)
    yield Launch(settings=settings, sockets=tuple(sockets), snapshot=writer.fd, surrender=Surrender())
    writer.close()
    sockets[0].close()


class Impostor:
    """A program in place of a worker, and what the daemon hears of it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, launch: Launch, says: str) -> None:
        program = folder / "impostor"
        program.write_text(
            f"#!{sys.executable}\n"
            "import os, signal, socket, sys, time\n"
            "from ntp_daemon.serving.messages import load_setup\n"
            "control = socket.socket(fileno=load_setup(int(sys.argv[-1])).control)\n"
            f"{says}\n"
            "time.sleep(1000)\n"
        )
        program.chmod(0o700)
        monkeypatch.setattr(worker_process.sys, "executable", str(program))
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.worker = WorkerProcess(launch, lambda _: None, lambda _, how: self.ended.set_result(how))

    async def how_it_ended(self) -> str:
        async with asyncio.timeout(DEADLINE_S):
            how = await self.ended
        self.worker.close()
        return how


@pytest.mark.parametrize("message", [b"z", b"exxxxx", b"c123", b"e" + b"\xff" * 34])
async def test_nonsense_is_the_end_of_it(message: bytes, launch: Launch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    impostor = Impostor(tmp_path, monkeypatch, launch, f"control.send({message!r})")
    assert (await impostor.how_it_ended()).startswith("talked nonsense (")
    assert impostor.worker.has_ended


async def test_one_that_closes_its_end_and_lives_on_is_killed(launch: Launch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_process, "_REAPS", 2)
    impostor = Impostor(tmp_path, monkeypatch, launch, "control.close()")
    with pytest.raises(WorkerError, match="was killed by SIGKILL"):
        await impostor.worker.wait_ready()
    assert await impostor.how_it_ended() == "was killed by SIGKILL"


async def test_one_that_says_nothing_is_not_waited_for(launch: Launch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_process, "_READY_S", 0.2)
    monkeypatch.setattr(worker_process, "_CLIENTS_S", 0.1)
    impostor = Impostor(tmp_path, monkeypatch, launch, "pass")
    assert await impostor.worker.clients(5) == ClientReport(0, ())
    with pytest.raises(WorkerError, match=r"did not begin within 0\.2 s"):
        await impostor.worker.wait_ready()
    await impostor.how_it_ended()


async def test_one_that_is_deaf_is_told_no_more(launch: Launch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    impostor = Impostor(tmp_path, monkeypatch, launch, "control.send(b'r')")
    await impostor.worker.wait_ready()
    told = [impostor.worker.order(Order.LOOK) for _ in range(5000)]
    assert told[0]
    assert not told[-1]
    await impostor.worker.stop(0.05)
    assert impostor.worker.has_ended
    impostor.worker.close()
    assert not impostor.worker.order(Order.LOOK)


@pytest.mark.parametrize(
    ("says", "how"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "was killed by SIGSEGV"),
        ("sys.exit(3)", "ended with status 3"),
        ("control.send(b'f' + b'\\x1b[2J' + 10000 * b'a'); sys.exit(1)", "could not begin: ?[2J" + 496 * "a"),
        ("control.send(b'f' + 'no \\xe4ther'.encode()); sys.exit(1)", "could not begin: no äther"),
    ],
)
async def test_how_it_ended_is_said(says: str, how: str, launch: Launch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await Impostor(tmp_path, monkeypatch, launch, says).how_it_ended() == how


async def test_no_program_is_an_error_that_says_so(launch: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_process.sys, "executable", "/does/not/exist")
    with pytest.raises(WorkerError, match=r"^cannot start a worker: /does/not/exist: no such file or directory$"):
        WorkerProcess(launch, lambda _: None, lambda *_: None)
