"""What ntp-daemon takes of the machine: memory, the processor when idle, and for each measurement.

    ./dev python benchmarks/daemon/resources.py [--minutes 10]

A daemon with a virtual clock follows four servers on loopback, without serving anybody: first at the default interval of 64 s, where it is idle; then
four times a second each, where the measurements are what counts. After that it serves, with one worker, whom 80 000 clients ask. The kernel's account
of the time is in nanoseconds; a C compiler is needed for the load.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [
    str(ROOT / "tests"),
    str(ROOT / "benchmarks" / "server"),
    str(ROOT / "test_servers" / "src"),
    *map(str, sorted(ROOT.glob("packages/*/src"))),
]

from processes import build, family  # noqa: E402 — the path has to be set first

from ntp_ctl.client import fetch_observation  # noqa: E402 — the path has to be set first
from support.clients import source, start_daemon, wait_ready, write_config  # noqa: E402 — the path has to be set first
from support.dashboards import free_port, honest_servers  # noqa: E402 — the path has to be set first

SERVERS = 4
STARTED_S = 30.0
"""After so long the first samples are behind it, and all modules are loaded."""
QUESTIONS = 100
CLIENTS = 80_000


def memory_mib(pid: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
    assert found
    return int(found[1]) / 1024


def cpu_s(pid: int) -> float:
    return sum(int(file.read_text(encoding="ascii").split()[0]) for file in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def measurements(folder: Path) -> int:
    return sum(one.samples for one in fetch_observation(folder / "observe").sources)


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def idle(folder: Path, servers: list[str], seconds: float) -> None:
    """Memory, and the processor while hardly anything happens."""
    write_config(folder, "\n".join(source(server, 6) for server in servers))
    with start_daemon(folder) as daemon:
        pid = daemon.process.pid
        wait_ready(folder)
        say(f"memory at the start: {memory_mib(pid):.1f} MiB")
        time.sleep(STARTED_S)
        used_s = cpu_s(pid)
        time.sleep(seconds)
        used_s = cpu_s(pid) - used_s
        say(f"idle with {len(servers)} sources, {seconds:.0f} s: {100 * used_s / seconds:.3f} % of a core, {memory_mib(pid):.1f} MiB")
        for _ in range(QUESTIONS):
            fetch_observation(folder / "observe")
        say(f"after {QUESTIONS} questions: {memory_mib(pid):.1f} MiB")


def busy(folder: Path, servers: list[str], seconds: float = 60.0) -> None:
    """What a measurement costs with all that belongs to it: request, answer, discipline, clock."""
    write_config(folder, "\n".join(source(server, -2) for server in servers))
    with start_daemon(folder) as daemon:
        pid = daemon.process.pid
        wait_ready(folder)
        time.sleep(STARTED_S)
        made, used_s = measurements(folder), cpu_s(pid)
        time.sleep(seconds)
        used_s = cpu_s(pid) - used_s
        made = measurements(folder) - made
        say(f"{len(servers)} sources, {made / seconds:.1f} measurements a second: {1e3 * used_s / made:.2f} ms of CPU each")


def serve(folder: Path, servers: list[str], table: int) -> None:
    """Memory of the daemon and of a worker with a table for so many clients."""
    port = free_port()
    server = f'[[server]]\nlisten = "127.0.0.1:{port}"\nworkers = 1\nrate-limit = 1000\nrate-limiting-cache-size = {table}\n'
    write_config(folder, "\n".join(source(one, 6) for one in servers), server)
    with start_daemon(folder) as daemon:
        wait_ready(folder)
        load = [str(folder / "load"), "-p", str(port), "-w", "128", "-c", str(CLIENTS), "-s", "3", "-u", "0.2"]
        subprocess.run(load, check=True, stdout=subprocess.DEVNULL)
        ours, *workers = [memory_mib(pid) for pid in family(daemon.process.pid)]
        met = ", ".join(f"{one:.1f} MiB" for one in workers)
        say(f"with a worker: {ours:.1f} MiB; the worker, a table for {table} clients, after {CLIENTS} have asked: {met}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="how long it is idle (default %(default)s)")
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory() as name, honest_servers(SERVERS) as servers:
        idle(Path(name), servers, 60 * minutes)
        for count in (1, SERVERS):
            busy(Path(name), servers[:count])
        build(Path(name), "load")
        for table in (16384, 131072):
            serve(Path(name), servers, table)


if __name__ == "__main__":
    main()
