"""The demonstration: what a newcomer sees in the first seconds."""

from __future__ import annotations

import errno
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

from support.programs import DEADLINE_S, Program, environment, python

_UNITS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}
_ON_ITS_TERMINAL = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
_QUANTITY = r"([+-]?[\d.e+-]+) (s|ms|µs|ns)"
_LINE = rf"^ +\d+ s +{_QUANTITY} "
_LINE_WITH_ESTIMATE = rf"^ +\d+ s +{_QUANTITY} +{_QUANTITY} ± {_QUANTITY} "


def _errors(text: str) -> list[float]:
    """The true errors that were shown, absolute, s."""
    return [abs(float(number)) * _UNITS[unit] for number, unit in re.findall(_LINE, text, re.MULTILINE)]


def _estimates(text: str) -> list[tuple[float, float, float]]:
    """Of each line that has them: the true error, the estimate and its bound, s."""
    found = re.findall(_LINE_WITH_ESTIMATE, text, re.MULTILINE)
    return [(float(a) * _UNITS[b], float(c) * _UNITS[d], float(e) * _UNITS[f]) for a, b, c, d, e, f in found]


def test_in_a_pipe_lines_come_at_once_and_the_error_shrinks() -> None:
    with Program(python("ntp_daemon", "--demo")) as demo:
        demo.wait_for(r"Ctrl-C ends")
        demo.wait_for(r"^ +3 s ")
        assert demo.stop(signal.SIGINT) == 0
    assert demo.stderr == ""
    assert demo.stdout.splitlines()[-1].startswith("That was the daemon itself.")
    errors = _errors(demo.stdout)
    assert len(errors) >= 4, demo.stdout
    assert 0.004 < errors[0] < 0.012, "the server is 8 ms ahead"
    assert errors[-1] < errors[0] / 20, demo.stdout
    estimates = _estimates(demo.stdout)
    assert len(estimates) >= 2, demo.stdout
    assert all(abs(true - estimate) <= bound for true, estimate, bound in estimates), demo.stdout


def test_it_ends_when_nobody_reads_on() -> None:
    """As in `ntp-daemon --demo | head -1`."""
    demo = subprocess.Popen(python("ntp_daemon", "--demo"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
    try:
        assert demo.stdout is not None
        demo.stdout.readline()
        demo.stdout.close()
        assert demo.wait(DEADLINE_S) == 0
        assert demo.stderr is not None
        assert demo.stderr.read() == b""
        demo.stderr.close()
    finally:
        demo.kill()
        demo.wait()


def test_on_a_terminal_ctrl_c_ends_it() -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", _ON_ITS_TERMINAL, *python("ntp_daemon", "--demo")]
    try:
        demo = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, env=environment())
        try:
            os.close(theirs)
            text = _read(ours, until=r"^ +1 s .*\n")
            os.write(ours, b"\x03")
            text += _read(ours)
            assert demo.wait(DEADLINE_S) == 0
        finally:
            demo.kill()
            demo.wait()
    finally:
        os.close(ours)
    assert "That was the daemon itself." in text
    assert "Traceback" not in text


def _read(terminal: int, until: str = r"(?!)") -> str:
    """What comes until the pattern is found, or the other side has gone."""
    deadline = time.monotonic() + DEADLINE_S
    data = b""
    while not re.search(until, text := data.decode(errors="replace").replace("\r\n", "\n"), re.MULTILINE):
        remaining = deadline - time.monotonic()
        assert select.select([terminal], [], [], max(0.0, remaining))[0], f"not within {DEADLINE_S} s: {until}\n{text}"
        try:
            data += os.read(terminal, 4096)
        except OSError as error:
            assert error.errno == errno.EIO  # noqa: PT017 — Linux says so when nobody has the other side open any more
            return text
    return text
