"""ntp-ctl watch in a terminal and without one, in front of sockets that come and go."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.documents import sample_observation
from support.programs import DEADLINE_S, Program, environment, python, run
from unit.ntp_ctl.fake_daemon import FakeDaemon, shows

CLEAN = {"TERM": "xterm-256color"}


class Terminal:
    """ntp-ctl in a terminal of its own."""

    def __init__(self, *arguments: str | Path, **more: str) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.process = subprocess.Popen(python("ntp_ctl", *arguments), stdin=slave, stdout=slave, stderr=slave, env=environment(CLEAN | more))
        self.slave = slave
        self.text = ""

    def wait_for(self, pattern: str) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not re.search(pattern, self.text):
            assert time.monotonic() < deadline, f"{pattern!r} is not in {self.text!r}"
            if select.select([self.master], [], [], 0.05)[0]:
                self.text += os.read(self.master, 65536).decode(errors="replace")

    def forget(self) -> None:
        self.text = ""

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def end(self) -> int:
        """The exit status; the terminal must be as it was before."""
        deadline = time.monotonic() + DEADLINE_S
        while self.process.poll() is None and time.monotonic() < deadline:
            if select.select([self.master], [], [], 0.05)[0]:
                self.text += os.read(self.master, 65536).decode(errors="replace")
        while select.select([self.master], [], [], 0.0)[0]:
            self.text += os.read(self.master, 65536).decode(errors="replace")
        assert termios.tcgetattr(self.slave) == self.before
        assert self.process.returncode is not None
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "observe"


@pytest.fixture
def terminal(path: Path) -> Iterator[Terminal]:
    terminal = Terminal("-o", path, "watch", "-i", "100ms")
    yield terminal
    terminal.close()


def test_it_is_live_and_q_ends_it(path: Path, terminal: Terminal) -> None:
    terminal.wait_for("the daemon is not running")
    with FakeDaemon(path, shows(sample_observation())):
        terminal.wait_for(r"Synchronized")
        terminal.wait_for(r"time\.example")
    terminal.wait_for("Last seen")
    terminal.forget()
    with FakeDaemon(path, shows(sample_observation())):
        terminal.wait_for(r"Synchronized")
        terminal.press("q")
        assert terminal.end() == 0
    assert "\x1b[?1049l" in terminal.text, "the screen from before is back"
    assert "Traceback" not in terminal.text


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_it_and_the_terminal_is_given_back(terminal: Terminal, number: signal.Signals, status: int) -> None:
    terminal.wait_for("is not running")
    terminal.process.send_signal(number)
    assert terminal.end() == status
    assert "\x1b[?1049l" in terminal.text


def test_space_looks_at_once(path: Path) -> None:
    terminal = Terminal("-o", path, "watch", "-i", "1h")
    try:
        terminal.wait_for("is not running")
        with FakeDaemon(path, shows(sample_observation())):
            terminal.press(" ")
            terminal.wait_for("Synchronized")
            terminal.press("xq")
            terminal.press("q")
            assert terminal.end() == 0
    finally:
        terminal.close()


@pytest.mark.parametrize("more", [{"TERM": "dumb"}, {"PYTHONPATH": ""}])
def test_a_terminal_that_cannot_be_drawn_on_gets_one_status_after_the_other(path: Path, tmp_path: Path, more: dict[str, str]) -> None:
    if "PYTHONPATH" in more:  # as where rich is not installed
        (tmp_path / "rich.py").write_text("raise ImportError('not installed')\n")
        more = {"PYTHONPATH": os.pathsep.join([str(tmp_path), environment()["PYTHONPATH"]])}
    with FakeDaemon(path, shows(sample_observation())):
        terminal = Terminal("-o", path, "watch", "-n", "2", "-i", "100ms", **more)
        try:
            assert terminal.end() == 0
        finally:
            terminal.close()
    assert terminal.text.count("* Synchronized") == 2
    assert "\x1b[?1049h" not in terminal.text
    assert ("pip install 'ntpd-py[watch]'" in terminal.text) == ("PYTHONPATH" in more)


def test_without_a_terminal_one_status_follows_the_other(path: Path) -> None:
    with FakeDaemon(path, shows(sample_observation())):
        done = run(python("ntp_ctl", "-o", path, "watch", "-n", "3", "-i", "100ms"))
    assert done.process.returncode == 0
    assert done.stderr == ""
    assert done.stdout.count("* Synchronized") == 3
    assert "\x1b" not in done.stdout


def test_a_reader_that_has_seen_enough_ends_it(path: Path) -> None:
    with (
        FakeDaemon(path, shows(sample_observation())),
        Program(["sh", "-c", f"{' '.join(python('ntp_ctl', '-o', path, 'watch', '-i', '100ms'))} | head -n 1"]) as pipe,
    ):
        assert pipe.wait() == 0
        assert pipe.stdout.startswith("* Synchronized")


def test_what_is_no_daemon_is_said_and_ends_it(path: Path) -> None:
    path.write_text("")
    done = run(python("ntp_ctl", "-o", path, "watch", "-n", "1"))
    assert "is not a socket" in done.stdout
    assert done.process.returncode == 0
