"""How much more two workers answer than one: one command.

    python benchmarks/server/scaling.py [--rounds N] [--seconds S] [--realtime]

On two cores there is none left for the load, so each core bears the same: one worker and one load, which share it. Measured is one such core, the
other being idle, then both, with two workers of one daemon on one port. What the two hold each other up by (memory, the kernel's sockets,
steering) is what is missing to twice as much. Loopback only; no clock is touched.

Exit status: 0 done; 1 the server did not answer; 2 wrong usage; 3 something needed is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from processes import MISSING, MissingError, SilentError, build, family, free_port, run_before_all_others

CORES = (0, 1)

CONFIGURATION = """\
[clock]
mode = "local"
[observability]
observation-path = ""
configuration-path = ""
[[server]]
listen = "127.0.0.1:{port}"
workers = {workers}
rate-limit = 1000000.0
rate-burst = 1000000
denylist = {{ filter = ["203.0.113.0/24", "198.51.100.0/24"] }}
"""


@contextmanager
def serving(folder: Path, port: int, workers: int) -> Iterator[list[int]]:
    """A daemon, each of whose workers has a core of its own; their processes."""
    (folder / "ntp.toml").write_text(CONFIGURATION.format(port=port, workers=workers))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "ntp_daemon", "-c", str(folder / "ntp.toml")], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 20
        while "serving on" not in (folder / "log").read_text():
            if process.poll() is not None or time.monotonic() > deadline:
                raise SilentError(f"the daemon does not serve:\n{(folder / 'log').read_text()[-2000:]}")
            time.sleep(0.1)
        found = family(process.pid)[1:]
        for worker, core in zip(found, CORES, strict=False):
            os.sched_setaffinity(worker, {core})
        yield found
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def measure(folder: Path, workers: int, seconds: float) -> tuple[float, float]:
    """Answers a second, and the servers' processor time for each, in us."""
    port = free_port()
    with serving(folder, port, workers) as pids:
        loads = []
        for worker, core in zip(pids, CORES, strict=False):
            command = [str(folder / "load"), "-p", str(port), "-P", str(worker), "-i", "-w", "128", "-c", "10000", "-s", str(seconds), "-u", "0.3"]
            loads.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
            os.sched_setaffinity(loads[-1].pid, {core})
        figures = [json.loads(load.communicate(timeout=seconds + 60)[0]) for load in loads]
    answered = sum(one["replies_per_s"] for one in figures)
    if not answered:
        raise SilentError("the daemon does not answer")
    busy_us = sum(one["server_cpu_us"] * one["replies_per_s"] for one in figures)
    return answered, busy_us / answered


def run(arguments: argparse.Namespace) -> None:
    ratios: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build(folder, "load")
        for number in range(1, arguments.rounds + 1):
            (one, one_us), (two, two_us) = (measure(folder, workers, arguments.seconds) for workers in (1, 2))
            ratios.append(two / one)
            print(
                f"{number}: one {one / 1000:.0f} thousand/s at {one_us:.2f} us, two {two / 1000:.0f} at {two_us:.2f} us, {ratios[-1]:.2f} times",
                flush=True,
            )
    print(f"two workers answer {statistics.median(ratios):.2f} times as much ({min(ratios):.2f} to {max(ratios):.2f})")


def main() -> int:
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="(default %(default)s)")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each load (default %(default)s)")
    parser.add_argument("--realtime", action="store_true", help="before everything else on this machine (SCHED_FIFO; as root)")
    arguments = parser.parse_args()
    if (os.cpu_count() or 1) < len(CORES):
        print("two cores are needed", file=sys.stderr)
        return MISSING
    try:
        if arguments.realtime:
            run_before_all_others()
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
