"""A dashboard, and a daemon with something to show: servers to follow, of which one lies, and clients of every kind."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from ntp_daemon.serving.ntp_server import NtpServerConfig
from ntp_daemon.serving.ntp_server_thread import NtpServerThread
from ntp_proto.time_types import NtpDuration, NtpTimestamp
from support.clients import source, start_daemon, wait_ready, write_config
from support.programs import Program, python, serving

__all__ = ["TOKEN", "Answer", "Dashboard", "Load", "free_port", "honest_servers", "lying_servers", "start_dashboard", "start_scene", "write_scene"]

TOKEN = "a-token-that-only-the-tests-know"
_REQUEST = bytes([0x23]) + bytes(47)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, object]:
        document = json.loads(self.body)
        assert isinstance(document, dict)
        return document


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A running one.

    Attributes:
        program: The process.
        port: On 127.0.0.1.
    """

    program: Program
    port: int
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path: str, *, method: str = "GET", body: bytes | None = None, token: str = TOKEN, **fields: str) -> Answer:
        """One request; a status that is no success is an answer too."""
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=15) as answer:
                return Answer(answer.status, dict(answer.headers), answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, dict(error.headers), error.read())


@contextlib.contextmanager
def start_dashboard(folder: Path, *options: str, token: str = TOKEN, port: int = 0) -> Iterator[Dashboard]:
    """A dashboard of the daemon whose files are in `folder`."""
    command = python("ntp_dashboard", "-c", folder / "ntp.toml", "-l", f"127.0.0.1:{port}", *options)
    with Program(command, {"NTP_API_TOKEN": token} if token else None) as program:
        found = program.wait_for(r"serving http://127\.0\.0\.1:(\d+)/")
        yield Dashboard(program, int(found[1]))
        if program.process.poll() is None:
            assert program.stop() == 0, program.stderr
        assert token == "" or token not in program.stderr + program.stdout


class _Wrong:
    """The system's clock, and a constant more."""

    def __init__(self, error_s: float) -> None:
        self._error = NtpDuration.from_seconds(error_s)

    def read(self) -> NtpTimestamp:
        import time  # noqa: PLC0415 -- this is the one place that reads a clock

        return NtpTimestamp.from_unix_ns(time.clock_gettime_ns(time.CLOCK_REALTIME)) + self._error


@contextlib.contextmanager
def honest_servers(count: int) -> Iterator[list[str]]:
    """Servers that tell the time, each a process; their addresses."""
    with contextlib.ExitStack() as stack:
        yield [str(stack.enter_context(serving("rate_limit_server", "--interval", "0"))[1]) for _ in range(count)]


@contextlib.contextmanager
def lying_servers(*errors_s: float) -> Iterator[list[str]]:
    """Servers whose clocks are wrong by so much; their addresses."""
    with contextlib.ExitStack() as stack:
        servers = []
        for error_s in errors_s:
            server = NtpServerThread(NtpServerConfig(listen="127.0.0.1:0", stratum=1, reference_id="GPS"), clock=_Wrong(error_s))
            stack.enter_context(server)
            servers.append(str(server.address))
        yield servers


def free_port() -> int:
    """A UDP port that nobody has at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        assert isinstance(port, int)
        return port


def write_scene(folder: Path, sources: list[str], *, port: int, workers: int = 0, poll: int = 0, api: str = "expose-config = true") -> None:
    """A daemon that follows those, and answers clients on the port: 127.0.0.66 is denied, and nobody may ask more than 5 times a second."""
    more = f"""
[[server]]
listen = "127.0.0.1:{port}"
workers = {workers}
rate-limit = 5
rate-burst = 5
denylist = {{ filter = ["127.0.0.66/32"], action = "deny" }}
[api]
{api}
"""
    write_config(folder, "\n".join(source(address, poll) for address in sources), more)


@contextlib.contextmanager
def start_scene(folder: Path) -> Iterator[Program]:
    """The daemon of `write_scene`."""
    with start_daemon(folder) as daemon:
        wait_ready(folder)
        yield daemon


class Load:
    """Clients of every kind, which ask for as long as the block lasts.

    Args:
        port: Whom they ask, on 127.0.0.1.
        interval_s: Between two rounds: in each, five plain clients ask once, one asks often, one is denied, and one sends what is no request.
    """

    def __init__(self, port: int, interval_s: float = 0.1) -> None:
        self._address = ("127.0.0.1", port)
        self._interval_s = interval_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.sent = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(_client(f"127.0.0.{last}")) for last in (*range(11, 31), 40, 66, 67)]
            plain, greedy, denied, odd = clients[:20], clients[20], clients[21], clients[22]
            turn = 0
            while not self._stop.wait(self._interval_s):
                turn += 1
                for client in plain[turn % 5 :: 5]:
                    self._send(client, _REQUEST)
                for _ in range(3):
                    self._send(greedy, _REQUEST)
                if turn % 2:
                    self._send(denied, _REQUEST)
                if turn % 3 == 0:
                    self._send(odd, b"hello")
                for client in clients:
                    with contextlib.suppress(BlockingIOError, ConnectionError):
                        while client.recv(100):
                            pass

    def _send(self, client: socket.socket, data: bytes) -> None:
        with contextlib.suppress(OSError):
            client.sendto(data, self._address)
            self.sent += 1


def _client(address: str) -> socket.socket:
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.bind((address, 0))
    client.setblocking(False)
    return client
