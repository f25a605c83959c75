"""How long the daemon takes from its start to its first request, and what it has in memory then.

python benchmarks/start/run.py [NAME=COMMAND ...]
"""

from __future__ import annotations

import argparse
import os
import shlex
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

PATIENCE_S = 10.0
SETTLED_S = 0.5
"""After the first request, until the memory is looked at: what is loaded after it has come as well."""


@dataclass(frozen=True)
class Start:
    """From `exec` to the request's arrival, by the clock on the wall and by the scheduler's account; and the memory of the process soon after."""

    wall_ms: float
    cpu_ms: float
    memory_mib: float


def start(command: list[str], folder: str) -> Start:
    """Start a daemon, wait for its first request, and end it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(PATIENCE_S)
        peer = f"127.0.0.1:{server.getsockname()[1]}"
        sockets = ["--observation-socket", f"{folder}/observe", "--configuration-socket", f"{folder}/configure"]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        began = time.monotonic_ns()
        with subprocess.Popen([*command, "-p", peer, "--clock", "virtual", *sockets], stderr=subprocess.DEVNULL, env=environment) as daemon:
            try:
                server.recv(2048)
                wall_ns, cpu_ns = time.monotonic_ns() - began, cpu_so_far_ns(daemon.pid)
                time.sleep(SETTLED_S)
                return Start(wall_ns / 1e6, cpu_ns / 1e6, memory_mib(daemon.pid))
            finally:
                daemon.terminate()


def cpu_so_far_ns(pid: int) -> int:
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])


def memory_mib(pid: int) -> float:
    [line] = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def shown(values: list[float]) -> str:
    """The median, and between what most of them lie."""
    tenths = statistics.quantiles(values, n=10, method="inclusive")
    return f"{statistics.median(values):6.1f} ({tenths[0]:.1f} to {tenths[-1]:.1f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "command", nargs="*", metavar="NAME=COMMAND", help="a program that takes the options of ntp-daemon; by default the one of this tree"
    )
    parser.add_argument("--rounds", type=int, default=50, help="in each of which every program is started once")
    arguments = parser.parse_args()
    named = arguments.command or [f"ntp-daemon={Path(sys.executable).with_name('ntp-daemon')}"]
    commands = {name: shlex.split(command) for name, _, command in (text.partition("=") for text in named)}
    starts: dict[str, list[Start]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as folder:
        for command in commands.values():  # which compiles what is to be compiled, and brings it into memory
            start(command, folder)
        for _ in range(arguments.rounds):
            for name, command in commands.items():
                starts[name].append(start(command, folder))
    print(f"median of {arguments.rounds} (first to last tenth)")
    for name, measured in starts.items():
        wall, cpu, memory = ([getattr(one, what) for one in measured] for what in ("wall_ms", "cpu_ms", "memory_mib"))
        print(f"{name}: {shown(wall)} ms to the first request, {shown(cpu)} ms of them on a processor, {shown(memory)} MiB")


if __name__ == "__main__":
    main()
