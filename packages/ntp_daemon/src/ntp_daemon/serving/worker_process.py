"""One worker as the daemon sees it: a process, the socket pair to it, and the memory in which it counts.

The end of a worker is seen by the end of its socket pair, so it needs neither a thread nor a signal handler. One that hangs is ended. What
a worker says is read with the same distrust as what strangers send: it may have been taken over by one. Whatever it says that no worker of ours
says is its end.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

from ntp_daemon.privileges import Surrender
from ntp_daemon.serving.counters import PAGE_WORDS, CounterPage, ServingCounters
from ntp_daemon.serving.messages import MESSAGE_MAXIMUM, ClientReport, Order, Report, WorkerSetup, save_setup, unpack_clients, unpack_events
from ntp_daemon.serving.request_events import RequestEvent
from ntp_daemon.serving.settings import ServerSettings
from ntp_daemon.serving.shared_memory import SharedRegion
from ntp_daemon.serving.watchdog import Watchdog
from ntp_proto.errors import NtpError, ParseError
from ntp_udp.server_socket import ServerSocket

__all__ = ["Launch", "WorkerError", "WorkerProcess"]

_log = logging.getLogger(__name__)

_READY_S = 10.0
_CLIENTS_S = 1.0
_REAP_S = 0.01
_REAPS = 100
"""A process that has closed its end but lives on is killed after so many looks."""
_KEPT = frozenset({"LANG", "LC_ALL", "NTP_NO_EXT", "PATH", "TZ"})
_COMPLAINT = 500
_MESSAGES_AT_ONCE = 2
"""Each may hold 400 events, and the daemon keeps a clock."""


class WorkerError(NtpError):
    """A worker could not be started; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What a worker is started with.

    Attributes:
        settings: Whom it serves, with its own part of the limit of all clients.
        sockets: Where.
        snapshot: The descriptor of the clock.
        surrender: Who it becomes, and where.
    """

    settings: ServerSettings
    sockets: tuple[ServerSocket, ...]
    snapshot: int
    surrender: Surrender


class WorkerProcess:
    """A worker that is running, from `start` to its end.

    Args:
        launch: What it is told.
        on_events: Takes what it tells of requests.
        on_end: Called once when it has ended by itself, with how.

    Raises:
        WorkerError: No process could be made.
    """

    def __init__(self, launch: Launch, on_events: Callable[[list[RequestEvent]], None], on_end: Callable[[WorkerProcess, str], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_events = on_events
        self._on_end = on_end
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[str] = self._loop.create_future()
        self._asked: list[asyncio.Future[ClientReport]] = []
        self._is_stopping = False
        self._complaint = ""
        try:
            with contextlib.ExitStack() as undo:
                self._region = SharedRegion.create("ntp-counters", PAGE_WORDS, writable_by_others=True)
                undo.callback(self._region.close)
                self._control, self._process = _spawn(launch, self._region.fd)
                undo.pop_all()
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            raise WorkerError(f"cannot start a worker: {where}{(error.strerror or str(error)).lower()}") from error
        self._page = CounterPage(self._region.words)
        self._loop.add_reader(self._control.fileno(), self._receive)
        self._watchdog = Watchdog(lambda: self._page.turns, self._nudge, self._handle_silence)

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether it is no more."""
        return self._ended.done()

    def counters(self) -> ServingCounters:
        """What it has done, also after its end."""
        return self._page.load()

    async def wait_ready(self) -> None:
        """Wait until it serves.

        Raises:
            WorkerError: It does not.
        """
        try:
            async with asyncio.timeout(_READY_S):
                await asyncio.shield(self._ready)
        except TimeoutError:
            self._process.kill()
            raise WorkerError(f"a worker did not begin within {_READY_S:g} s") from None

    def order(self, order: Order, body: bytes = b"") -> bool:
        """Tell it something, if it listens; whether it does."""
        try:
            self._control.send(order.value + body, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except OSError:  # it has gone, which is seen elsewhere, or has been deaf for hundreds of orders
            return False
        return True

    async def clients(self, count: int) -> ClientReport:
        """Its busiest clients; none when it does not answer within a second."""
        future: asyncio.Future[ClientReport] = self._loop.create_future()
        self._asked.append(future)
        try:
            if self.has_ended or not self.order(Order.CLIENTS, count.to_bytes(4, "little")):
                return ClientReport(0, ())
            async with asyncio.timeout(_CLIENTS_S):
                return await future
        except TimeoutError:
            return ClientReport(0, ())
        finally:
            with contextlib.suppress(ValueError):
                self._asked.remove(future)

    async def stop(self, timeout_s: float) -> None:
        """Let it answer what is queued and end; kill it when it has not ended in time. Stopping twice does no harm."""
        self._is_stopping = True
        self._watchdog.stop()
        if not self.has_ended:
            self.order(Order.STOP)
            done, _ = await asyncio.wait((self._ended,), timeout=timeout_s)
            if not done:
                _log.warning("a worker did not end within %g s and was killed", timeout_s)
                self._process.kill()
                await self._ended

    def close(self) -> None:
        """Free its memory, after its end and after its counts have been taken."""
        assert self.has_ended
        self._page = CounterPage()
        self._region.close()

    def _receive(self) -> None:
        for _ in range(_MESSAGES_AT_ONCE):
            try:
                message = self._control.recv(MESSAGE_MAXIMUM, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError:
                message = b""
            if not message:
                self._loop.remove_reader(self._control.fileno())
                self._control.close()
                self._reap(_REAPS)
                return
            try:
                self._take(message)
            except (ParseError, ValueError) as error:
                self._complaint = f"talked nonsense ({error})"
                self._process.kill()
                return

    def _take(self, message: bytes) -> None:
        body = message[1:]
        match Report(message[:1]):
            case Report.READY:
                if not self._ready.done():
                    self._ready.set_result(None)
            case Report.FAILED:
                text = body[:_COMPLAINT].decode("utf-8", "replace")
                self._complaint = f"could not begin: {''.join(one if one.isprintable() else '?' for one in text)}"
            case Report.EVENTS:
                self._on_events(unpack_events(body))
            case Report.CLIENTS:
                report = unpack_clients(body)
                if self._asked:
                    future = self._asked.pop(0)
                    if not future.done():
                        future.set_result(report)

    def _nudge(self) -> None:
        if self._ready.done():  # before that it reads nothing, and what it has to say at its end would be lost with what it has not read
            self.order(Order.LOOK)

    def _handle_silence(self, silent_s: float) -> None:
        self._complaint = f"did nothing for {silent_s:g} s and was killed"
        self._process.kill()

    def _reap(self, looks: int) -> None:
        self._watchdog.stop()
        status = self._process.poll()
        if status is None:
            if looks == 0:
                self._process.kill()
            self._loop.call_later(_REAP_S, self._reap, looks - 1)
            return
        how = self._complaint or (f"was killed by {_signal_name(-status)}" if status < 0 else f"ended with status {status}")
        self._ended.set_result(how)
        if not self._ready.done():
            self._ready.set_exception(WorkerError(f"a worker {how}"))
            self._ready.exception()  # nobody may be waiting any more
        if not self._is_stopping:
            self._on_end(self, how)


def _spawn(launch: Launch, counters: int) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with contextlib.ExitStack() as undo:
        undo.enter_context(ours)
        with theirs:
            sockets = tuple(one.fileno() for one in launch.sockets)
            setup = WorkerSetup(
                settings=launch.settings,
                sockets=sockets,
                control=theirs.fileno(),
                snapshot=launch.snapshot,
                counters=counters,
                surrender=launch.surrender,
            )
            fd = save_setup(setup)
            try:
                command = [sys.executable, "-P", "-m", "ntp_daemon.serving.worker", str(fd)]
                process = subprocess.Popen(  # noqa: S603 -- ourselves
                    command,
                    stdin=subprocess.DEVNULL,
                    pass_fds=(fd, theirs.fileno(), launch.snapshot, counters, *sockets),
                    env=_environment(),
                    process_group=0,  # what the terminal sends to its group is for the daemon
                )
            finally:
                os.close(fd)
        undo.pop_all()
    return ours, process


def _environment() -> dict[str, str]:
    """What the interpreter and its libraries need, with the same modules as here. The rest is none of a worker's business: NOTIFY_SOCKET, secrets."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(("LD_", "PYTHON"))}
    return kept | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
