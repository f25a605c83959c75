"""Whether a daemon keeps its clock while its server side is flooded: one command.

    python benchmarks/server/flood.py [--rounds N] [--seconds S]

A daemon with a virtual clock follows a server on this machine and serves. In each round it is watched for some seconds in quiet, and for as long
under a flood that leaves no core idle: from 100 000 addresses, half of them denied, a tenth of the packets malformed. The time that the server tells
is that of the machine's raw oscillator, which nobody steers, and known here: so the error of what the daemon serves is known too. Loopback only; no
clock is touched. See README.md for what the rows mean.

Exit status: 0 done; 1 a program did not do its part; 2 wrong usage; 3 something needed is missing.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import select
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from processes import MISSING, MissingError, SilentError, build, family, free_port, memory_mib

from ntp_ctl.client import DaemonError, fetch_observation
from ntp_proto.datagram import Address
from ntp_proto.observation import Observation
from ntp_proto.packet import Header
from ntp_proto.time_types import NtpTimestamp
from ntp_udp.socket import UdpSocket

LOOK_S = 0.1
POLL_S = 0.25
TRIES = 3  # the kernel drops what the server has no time for, this one's too
CLIENTS = 100_000
FLOOD_NICE = 5
"""As much as a worker: what comes from a network takes the processor from nobody in particular, and the flood is to be answered."""
REQUEST = bytes([0x23]) + bytes(39) + b"compared"

UPSTREAM = """\
import sys, time
from ntp_daemon import NtpServerConfig, NtpServerThread
from ntp_proto.time_types import NtpTimestamp

class RawClock:
    def read(self):
        return NtpTimestamp.from_unix_ns(time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW) + int(sys.argv[2]))

with NtpServerThread(NtpServerConfig(listen=f"127.0.0.1:{sys.argv[1]}", history=0), clock=RawClock()):
    sys.stdin.read()
"""
"""Tells the time of the raw oscillator until its standard input is closed."""

FOLLOWER = """\
[[source]]
mode = "server"
address = "127.0.0.1:{upstream}"
poll-interval-limits = {{ min = -2, max = -2 }}
[clock]
mode = "virtual"
[synchronization]
drift-file = ""
[observability]
observation-path = "{folder}/follower"
configuration-path = ""
[[server]]
listen = "127.0.0.1:{port}"
rate-limit = 100.0
rate-limiting-cache-size = 131072
denylist = {{ filter = ["127.16.0.0/17", "127.16.128.0/18"] }}
"""
"""The denied are 49 151 of the 100 000 from 127.16.0.1 on."""


class Truth:
    """The time of the raw oscillator, and a client that compares a server with it.

    A request's departure and its arrival are stamped by the kernel less than a microsecond apart, for they are one call on loopback. So the
    arrival that the answer names is all that is needed, however late the answer comes.
    """

    def __init__(self) -> None:
        self.ahead_ns = -_realtime_ahead_ns()
        """Of the raw oscillator; begins with the system's time."""

    def error_s(self, server: Address) -> float | None:
        """How far ahead the served time is; None: no answer."""
        client = UdpSocket.connect(server)
        try:
            client.send(REQUEST)
            if not select.select([client], [], [], 0.1)[0] or (answer := client.receive()) is None or (sent := client.sent_stamp()) is None:
                return None
        except OSError:
            return None
        finally:
            client.close()
        departed_ns = sent[0].to_unix_ns(time.time_ns())
        true = NtpTimestamp.from_unix_ns(departed_ns + _realtime_ahead_ns() + self.ahead_ns)
        return (Header.parse(answer.data).receive - true).to_seconds()


def _realtime_ahead_ns() -> int:
    """The raw oscillator less the system's clock: of several readings the quickest."""
    readings = []
    for _ in range(5):
        before = time.clock_gettime_ns(time.CLOCK_REALTIME)
        raw = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
        after = time.clock_gettime_ns(time.CLOCK_REALTIME)
        readings.append((after - before, raw - (before + after) // 2))
    return min(readings)[1]


@dataclass(frozen=True)
class Watched:
    """Some seconds of the daemon's life."""

    seconds: float
    errors_s: list[float]
    answer_times_s: list[float]
    first: Observation
    last: Observation
    memory_mib: tuple[float, float]
    log_lines: int
    sent: int = 0

    @property
    def rms_s(self) -> float:
        return math.sqrt(statistics.fmean(error * error for error in self.errors_s))

    @property
    def measured(self) -> float:
        """Measurements over those that were due."""
        return (self.last.sources[0].samples - self.first.sources[0].samples) / (self.seconds / POLL_S)

    def served(self, counter: str) -> int:
        return int(getattr(self.last.servers[0], counter) - getattr(self.first.servers[0], counter))


@contextmanager
def daemon(folder: Path, name: str, configuration: str) -> Iterator[subprocess.Popen[bytes]]:
    (folder / f"{name}.toml").write_text(configuration)
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "ntp_daemon", "-c", str(folder / f"{name}.toml")], stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def look(folder: Path, name: str) -> Observation | None:
    try:
        return fetch_observation(folder / name)
    except DaemonError:
        return None


def wait_synchronized(folder: Path) -> None:
    deadline = time.monotonic() + 30.0
    while (seen := look(folder, "follower")) is None or seen.served is None or not seen.served.synchronized:
        if time.monotonic() > deadline:
            raise SilentError(f"the daemon does not synchronize:\n{(folder / 'follower.log').read_text()[-2000:]}")
        time.sleep(LOOK_S)


@contextmanager
def raw_server(port: int, truth: Truth) -> Iterator[None]:
    command = [sys.executable, "-c", UPSTREAM, str(port), str(truth.ahead_ns)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        yield
        assert process.stdin is not None
        process.stdin.close()


def watch(folder: Path, process: subprocess.Popen[bytes], server: Address, truth: Truth, seconds: float) -> Watched:
    """Ask for the status again and again, as `ntp-ctl status` does."""
    log = folder / "follower.log"
    lines, memory = log.read_text().count("\n"), memory_mib(family(process.pid))
    errors: list[float] = []
    times: list[float] = []
    first = last = fetch_observation(folder / "follower")
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        asked = time.monotonic()
        last = fetch_observation(folder / "follower")
        times.append(time.monotonic() - asked)
        error = next((found for _ in range(TRIES) if (found := truth.error_s(server)) is not None), None)
        if error is not None:
            errors.append(error)
        time.sleep(LOOK_S)
    if not errors:
        raise SilentError("the daemon has not answered once")
    after = memory_mib(family(process.pid))
    return Watched(time.monotonic() - started, errors, times, first, last, (memory, after), log.read_text().count("\n") - lines)


def flooded(folder: Path, process: subprocess.Popen[bytes], server: Address, truth: Truth, seconds: float, floods: int) -> Watched:
    command = ["nice", "-n", str(FLOOD_NICE), str(folder / "flood"), "-p", str(server.port), "-c", str(CLIENTS), "-m", "10", "-s", str(seconds + 60)]
    with ExitStack() as stack:
        running = [stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)) for _ in range(floods)]
        try:
            time.sleep(1.0)
            seen = watch(folder, process, server, truth, seconds)
        finally:
            for flood in running:
                flood.terminate()
        sent = sum(json.loads(flood.communicate()[0])["sent"] for flood in running)
    return Watched(**{**vars(seen), "sent": int(sent * seconds / (seconds + 1.0))})


def row(name: str, seen: Watched) -> str:
    answer_ms = sorted(1000 * one for one in seen.answer_times_s)
    cells = [
        name,
        f"{1e6 * seen.rms_s:.1f}",
        f"{100 * seen.measured:.0f} %",
        f"{statistics.median(answer_ms):.1f}, {answer_ms[-1]:.1f}",
        f"{seen.sent / seen.seconds / 1000:.0f}",
        f"{seen.served('requests') / seen.seconds / 1000:.0f}",
        f"{seen.served('accepted') / seen.seconds / 1000:.0f}",
        f"{seen.served('kernel_drops') / seen.seconds / 1000:.0f}",
        f"{seen.memory_mib[0]:.1f} to {seen.memory_mib[1]:.1f}",
        str(seen.log_lines),
    ]
    return f"| {' | '.join(cells)} |"


def figures(seen: Watched) -> dict[str, float]:
    """The same, for programs."""
    before, after = seen.first.servers[0].drops, seen.last.servers[0].drops
    return {
        "rms_error_s": seen.rms_s,
        "measured": seen.measured,
        "status_s_p50": statistics.median(seen.answer_times_s),
        "status_s_max": max(seen.answer_times_s),
        "sent": seen.sent,
        "taken": seen.served("requests"),
        "answered": seen.served("accepted"),
        "dropped_by_the_kernel": seen.served("kernel_drops"),
        "denied": after["denylist"] - before["denylist"],
        "malformed": sum(after[reason] - before[reason] for reason in ("bad-length", "bad-version", "bad-mode")),
        "memory_mib_before": seen.memory_mib[0],
        "memory_mib_after": seen.memory_mib[1],
        "log_lines": seen.log_lines,
    }


HEADER = """\
| | RMS error µs | measurements | status ms, p50, max | thousand/s sent | taken | answered | dropped by the kernel | memory MiB | log lines |
|---|---|---|---|---|---|---|---|---|---|"""


def run(arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        build(folder, "flood")
        upstream, port = free_port(), free_port()
        truth, server = Truth(), Address("127.0.0.1", port)
        stack.enter_context(raw_server(upstream, truth))
        process = stack.enter_context(daemon(folder, "follower", FOLLOWER.format(folder=folder, port=port, upstream=upstream)))
        wait_synchronized(folder)
        if arguments.worker_nice is not None:
            for worker in family(process.pid)[1:]:
                os.setpriority(os.PRIO_PROCESS, worker, arguments.worker_nice)
        time.sleep(arguments.settle)
        if not arguments.json:
            print(HEADER)
        ratios: list[float] = []
        for number in range(1, arguments.rounds + 1):
            quiet = watch(folder, process, server, truth, arguments.seconds)
            if not arguments.json:
                print(row(f"{number} quiet", quiet), flush=True)
            flood = flooded(folder, process, server, truth, arguments.seconds, arguments.floods)
            if arguments.json:
                print(json.dumps({"quiet": figures(quiet), "flood": figures(flood)}), flush=True)
            else:
                print(row(f"{number} flood", flood), flush=True)
            ratios.append(flood.rms_s / quiet.rms_s)
            if "has set the clock" in (folder / "follower.log").read_text():
                raise SilentError("something else has set this machine's clock: there is nothing to compare with")
        if not arguments.json:
            print(f"\nRMS error under the flood over that in quiet: {summary(ratios)}")


def summary(ratios: Sequence[float]) -> str:
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def main() -> int:
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="(default %(default)s)")
    parser.add_argument("--seconds", type=float, default=30.0, help="of quiet, and of flood (default %(default)s)")
    parser.add_argument("--settle", type=float, default=20.0, metavar="S", help="after the daemon is synchronized (default %(default)s)")
    parser.add_argument("--floods", type=int, default=os.cpu_count() or 1, metavar="N", help="how many at once (default: one for each core)")
    parser.add_argument("--json", action="store_true", help="one object for each round instead of the table")
    parser.add_argument("--worker-nice", type=int, metavar="N", help="give the workers another nice value than their own (below it: as root)")
    arguments = parser.parse_args()
    try:
        run(arguments)
    except MissingError as error:
        print(error, file=sys.stderr)
        return MISSING
    except SilentError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
