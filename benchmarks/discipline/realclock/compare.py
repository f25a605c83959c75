"""Daemons on the real kernel clock, one after the other, against a known truth (see truth.c).

    sudo .venv/bin/python benchmarks/discipline/realclock/compare.py --yes-steer-this-clock \\
        chrony='chronyd -d -f /path/chrony.conf' ours='.venv/bin/python -m ntp_daemon -c /path/ours.toml'

THIS SETS THE TIME OF THE MACHINE, by at most 50 ms and 500 ppm, for as long as it runs.  No other time daemon may run.  Each command must stay in the
foreground and follow the one server 127.0.0.1:PORT.  After each run, also one that failed, frequency, tick, status and time are put back.

Exit status: 0 done; 1 a run failed, or the clock could not be put back; 2 wrong usage; 3 something needed is missing.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_CAP_SYS_TIME = 25
_MAX_OFFSET_S = 0.05
_MAX_DRIFT_PPM = 500.0
_MISSING = 3
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class FailedError(Exception):
    """A run that gave no result; says why."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One run: seconds until the error stays below, and the error of the second half."""

    below_1ms_s: float
    below_100us_s: float
    rms_us: float
    max_us: float

    @classmethod
    def of(cls, errors_s: Sequence[float]) -> Figures:
        half = errors_s[len(errors_s) // 2 :]
        rms = math.sqrt(statistics.fmean(error * error for error in half))
        return cls(_stays_below(errors_s, 1e-3), _stays_below(errors_s, 1e-4), rms * 1e6, max(map(abs, half)) * 1e6)

    def __str__(self) -> str:
        return ", ".join(f"{name} {value:.2f}" for name, value in asdict(self).items())


def _stays_below(errors_s: Sequence[float], limit_s: float) -> float:
    """Seconds until the error is below the limit for the rest of the run; infinity for never."""
    above = [second for second, error in enumerate(errors_s) if abs(error) >= limit_s]
    first = above[-1] + 1 if above else 0
    return first if first < len(errors_s) else math.inf


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        pass
    finally:  # also when a second Ctrl-C ends the waiting
        process.kill()
        process.wait()


@contextlib.contextmanager
def _running(command: list[str], folder: Path, output: Path) -> Iterator[subprocess.Popen[str]]:
    with output.open("w") as file:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        _stop(process)


@contextlib.contextmanager
def _truth(program: Path, arguments: argparse.Namespace, seed: int, folder: Path) -> Iterator[Path]:
    """The server of the truth, from whose start on the clock is put back at the end, come what may."""
    base = folder / "base"
    numbers = [arguments.port, arguments.offset, arguments.drift, arguments.jitter, seed]
    with _running([str(program), "serve", *map(str, numbers)], folder, base) as server:
        _wait_for(base, server)
        try:
            yield base
        finally:
            _restore(program, base)


def _wait_for(base: Path, server: subprocess.Popen[str]) -> None:
    """Until the server has written what the clock was: without that nothing may steer."""
    deadline = time.monotonic() + 5
    while not base.read_text().endswith("\n"):
        if server.poll() is not None:
            raise FailedError(f"the server of the truth ended: {server.stderr.read().strip() if server.stderr else ''}")
        if time.monotonic() > deadline:
            raise FailedError("the server of the truth does not start")
        time.sleep(0.05)


def _restore(program: Path, base: Path) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        done = subprocess.run([program, "restore", base], capture_output=True, text=True, check=False)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
    if done.returncode:
        raise FailedError(f"THE CLOCK COULD NOT BE PUT BACK ({done.stderr.strip()}): check the time and `adjtimex --print` now")


def measure(program: Path, command: list[str], arguments: argparse.Namespace, seed: int) -> Figures:
    """Let one daemon steer the clock for a while.

    Raises:
        FailedError: the server or the daemon ended early, or the clock could not be put back.
    """
    with tempfile.TemporaryDirectory(prefix="realclock.") as name:
        folder = Path(name)
        log = folder / "log"
        with _truth(program, arguments, seed, folder) as base, log.open("w") as output:
            daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, text=True)
            try:
                watch = [str(program), "watch", str(base), str(arguments.seconds)]
                watched = subprocess.run(watch, capture_output=True, text=True, check=False)
                ended = daemon.poll()
            finally:
                _stop(daemon)
        if watched.returncode or ended is not None:
            raise FailedError(f"the daemon ended with {ended}: {' '.join(log.read_text(errors='replace')[-300:].split())}")
    return Figures.of([int(line.split()[1]) * 1e-9 for line in watched.stdout.splitlines()])


def _bounded(limit: float) -> Callable[[str], float]:
    def number(text: str) -> float:
        value = float(text)
        if not abs(value) <= limit:
            raise argparse.ArgumentTypeError(f"must be within ±{limit:g}")
        return value

    return number


def _daemon(text: str) -> tuple[str, list[str]]:
    name, equals, command = text.partition("=")
    if not equals or not shlex.split(command):
        raise argparse.ArgumentTypeError(f"{text}: must be NAME=COMMAND")
    return name, shlex.split(command)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("daemon", nargs="+", type=_daemon, metavar="NAME=COMMAND")
    parser.add_argument("--yes-steer-this-clock", action="store_true", help="required: you know that the time of this machine will be wrong")
    parser.add_argument("--seconds", type=_positive, default=300, help="length of a run (default 300)")
    parser.add_argument("--rounds", type=_positive, default=3, help="runs of each daemon, interleaved (default 3)")
    parser.add_argument("--port", type=_positive, default=13123, help="of the server of the truth, on 127.0.0.1 (default 13123)")
    parser.add_argument("--offset", type=_bounded(_MAX_OFFSET_S), default=0.02, metavar="S", help="at the start, within ±0.05 (default 0.02)")
    parser.add_argument("--drift", type=_bounded(_MAX_DRIFT_PPM), default=30.0, metavar="PPM", help="within ±500 (default 30)")
    parser.add_argument("--jitter", type=float, default=0.0, metavar="US", help="mean of the exponential delay each way (default 0)")
    return parser.parse_args()


def _may_set_the_clock() -> bool:
    status = Path("/proc/self/status").read_text()
    effective = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective.split()[1], 16) >> _CAP_SYS_TIME & 1)


def _obstacles(arguments: argparse.Namespace) -> list[str]:
    """One sentence for each reason not to begin."""
    sentences = []
    if not arguments.yes_steer_this_clock:
        sentences.append("This makes the time of this machine wrong while it runs: say --yes-steer-this-clock if that is meant.")
    if not _may_set_the_clock():
        sentences.append("CAP_SYS_TIME is missing: run this as root on a machine whose clock may be set.")
    if not shutil.which("cc"):
        sentences.append("There is no C compiler: install one that is called cc; it builds truth.c.")
    sentences += [f"{command[0]}, the command of {name}, is not there." for name, command in arguments.daemon if not shutil.which(command[0])]
    return sentences


def _compare(program: Path, arguments: argparse.Namespace) -> None:
    results: dict[str, list[Figures]] = {}
    for seed in range(1, arguments.rounds + 1):
        for name, command in arguments.daemon:
            results.setdefault(name, []).append(measure(program, command, arguments, seed))
            print(f"{name}, round {seed}: {results[name][-1]}", flush=True)
    for name, runs in results.items():
        columns = zip(*(asdict(run).values() for run in runs), strict=True)
        print(f"{name}, median: {Figures(*map(statistics.median, columns))}")


def main() -> int:
    arguments = _arguments()
    if obstacles := _obstacles(arguments):
        print(*obstacles, sep="\n", file=sys.stderr)
        return _MISSING
    for number in _ENDING:
        signal.signal(number, lambda received, _frame: sys.exit(128 + received))  # through every finally: the clock is put back
    with tempfile.TemporaryDirectory(prefix="realclock.") as folder:
        program = Path(folder) / "truth"
        source = Path(__file__).with_name("truth.c")
        try:
            subprocess.run(["cc", "-O2", "-o", program, source, "-lm"], check=True)
            _compare(program, arguments)
        except (FailedError, subprocess.CalledProcessError) as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
