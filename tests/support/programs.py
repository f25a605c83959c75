"""Programs in processes of their own: started with a clean environment, read line by line, waited for with a deadline, always ended."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from ntp_proto.datagram import Address

DEADLINE_S = 10.0
"""For what takes milliseconds on an idle machine; a test that reaches it has failed."""

CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_SYS_TIME = 1, 2, 25  # linux/capability.h

_DROP = """\
import ctypes, os, sys
libc = ctypes.CDLL(None)
dropped = [libc.prctl(24, int(number), 0, 0, 0) == 0 for number in sys.argv[1].split(",")]  # PR_CAPBSET_DROP
assert all(dropped) or os.geteuid() != 0, "cannot drop capabilities"
os.execv(sys.argv[2], sys.argv[2:])
"""


def python(module: str, *arguments: str | Path) -> list[str]:
    """The command that runs one of our programs with this interpreter."""
    return [sys.executable, "-P", "-m", module, *map(str, arguments)]


def without(command: Sequence[str], *capabilities: int) -> list[str]:
    """The command, run by somebody without these capabilities: what is not in the bounding set, not even root gets at exec.

    Source: capabilities(7), prctl(2).
    """
    return [sys.executable, "-c", _DROP, ",".join(map(str, capabilities)), *command]


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Nothing of the tester's own: no configuration, no colours, no journal."""
    kept = {key: os.environ[key] for key in ("PATH", "LD_LIBRARY_PATH", "NTP_NO_EXT") if key in os.environ}
    sources = [path for path in sys.path if path.endswith("/src")]
    return kept | {"LANG": "C.UTF-8", "PYTHONPATH": os.pathsep.join(sources)} | dict(extra or {})


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = DEADLINE_S) -> None:
    """Look until the condition holds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout_s:g} s: {what}"
        time.sleep(0.01)


class Program:
    """A running program. As a context manager it does not outlive its block, and must not have shown a traceback whatever happened to it."""

    def __init__(self, command: Sequence[str], extra_environment: Mapping[str, str] | None = None, cwd: Path | None = None) -> None:
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=environment(extra_environment),
            cwd=cwd,
        )
        self._changed = threading.Condition()
        self._out: list[str] = []
        self._err: list[str] = []
        streams = ((self.process.stdout, self._out), (self.process.stderr, self._err))
        self._readers = [threading.Thread(target=self._read, args=pair, daemon=True) for pair in streams]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for reader in self._readers:
            reader.join()
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        if value is None:
            assert "Traceback" not in self.stderr, self.stderr

    @property
    def stdout(self) -> str:
        with self._changed:
            return "".join(self._out)

    @property
    def stderr(self) -> str:
        with self._changed:
            return "".join(self._err)

    def wait_for(self, pattern: str, timeout_s: float = DEADLINE_S) -> re.Match[str]:
        """The first line, on either stream, in which the pattern is found."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                for line in self._out + self._err:
                    if found := re.search(pattern, line):
                        return found
                is_over = self.process.poll() is not None and not any(reader.is_alive() for reader in self._readers)
                remaining = deadline - time.monotonic()
                assert not is_over, f"ended with {self.process.returncode} before {pattern!r}:\n{''.join(self._out + self._err)}"
                assert remaining > 0, f"not within {timeout_s:g} s: {pattern!r}:\n{''.join(self._out + self._err)}"
                self._changed.wait(min(remaining, 0.1))

    def wait(self, timeout_s: float = DEADLINE_S) -> int:
        """The exit status, with all output read."""
        status = self.process.wait(timeout_s)
        for reader in self._readers:
            reader.join()
        return status

    def stop(self, number: signal.Signals = signal.SIGTERM, timeout_s: float = DEADLINE_S) -> int:
        """Send a signal and wait; returns the exit status."""
        self.process.send_signal(number)
        return self.wait(timeout_s)

    def _read(self, stream: IO[str], lines: list[str]) -> None:
        for line in stream:
            with self._changed:
                lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()


def run(command: Sequence[str], extra_environment: Mapping[str, str] | None = None, cwd: Path | None = None) -> Program:
    """Run a program that ends by itself; its output and status stay to be looked at."""
    with Program(command, extra_environment, cwd) as program:
        program.wait()
    return program


@contextlib.contextmanager
def serving(module: str, *arguments: str, listen: str = "127.0.0.1:0") -> Iterator[tuple[Program, Address]]:
    """One of the programs of `test_servers`, and where it listens."""
    with Program(python(f"test_servers.{module}", "--listen", listen, *arguments)) as server:
        host, port = server.wait_for(r"^listening on (\S+):(\d+)$").groups()
        yield server, Address(host, int(port))
