"""One daemon through one scenario under clknetsim.

clknetsim is a simulator of clocks and networks: a process that keeps the time,
and a library that is loaded in front of libc into each daemon and asks that
process for the time and for packets.  The servers are chronyds whose clocks
are right (or wrong by a known amount); the daemon under test is the last node.
Nobody waits in real time: a day takes seconds.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from daemons import Daemon, Tools
from figures import Figures, evaluate
from scenarios import Scenario

__all__ = ["RunError", "Simulator", "build_shim", "give_up_the_clock"]

_CAP_SYS_TIME = 25
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_START_DATE = "1767225600"  # 2026: after the daemons' build dates, since NTPsec takes an earlier date for the next NTP era
# Nothing else: the random numbers that an interpreter draws under the simulator vary with its environment, and with them the last digit of a result.
_INHERITED = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH")
_STOP_S = 2.0


class RunError(Exception):
    """The simulation did not come to its end; says why."""


def give_up_the_clock() -> None:
    """Make it impossible for this process's children to touch the real clock, even for one that escapes the simulator.

    Without CAP_SETPCAP the bounding set stays as it is, but then no_new_privs keeps a program from gaining what this process lacks.

    Raises:
        RunError: a child would still have CAP_SYS_TIME.
    """
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_CAPBSET_DROP, _CAP_SYS_TIME, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    status = subprocess.run(["cat", "/proc/self/status"], capture_output=True, text=True, check=True).stdout
    permitted = next(line for line in status.splitlines() if line.startswith("CapPrm:"))
    if int(permitted.split()[1], 16) >> _CAP_SYS_TIME & 1:
        raise RunError("CAP_SYS_TIME cannot be dropped: run this as root or without the capability")


def build_shim(folder: Path) -> Path:
    """Compile simshim.c into `folder`.

    Raises:
        RunError: the compiler refuses it; with its words.
    """
    library = folder / "simshim.so"
    source = Path(__file__).with_name("simshim.c")
    done = subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, source, "-ldl"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RunError(f"cc cannot compile {source.name}: {done.stderr.strip()}")
    return library


def _tail(path: Path) -> str:
    text = path.read_text(errors="replace") if path.exists() else ""
    return " ".join(text[-300:].split()) or "nothing"


@dataclass
class _Processes:
    """The programs of one run, ended together, the simulator last."""

    folder: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, command: list[str], log: str, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        with (self.folder / log).open("wb") as output:
            process = subprocess.Popen(command, env=environment, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        self.running.append(process)
        return process

    def stop(self) -> None:
        for process in self.running[1:]:
            process.terminate()
        deadline = time.monotonic() + _STOP_S
        for process in reversed(self.running):
            try:
                process.wait(max(0.01, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@dataclass(frozen=True, slots=True)
class Simulator:
    """Runs scenarios with these tools; gives up on a run after `patience_s` of real time."""

    tools: Tools
    shim: Path
    patience_s: float

    def run(self, daemon: Daemon, scenario: Scenario, seed: int) -> Figures:
        """Run one simulation.

        Raises:
            RunError: it did not come to its end.
        """
        with tempfile.TemporaryDirectory(prefix="discipline.") as name:
            folder = Path(name)
            self.simulate(daemon, scenario, seed, folder)
            return evaluate(folder, scenario)

    def simulate(self, daemon: Daemon, scenario: Scenario, seed: int, folder: Path) -> None:
        """Run one simulation and leave its files in an empty folder: the simulator's (see `figures.evaluate`) and the programs' words.

        Raises:
            RunError: it did not come to its end.
        """
        with contextlib.ExitStack() as stack:
            processes = _Processes(folder)
            stack.callback(processes.stop)
            environment = self._environment(folder, seed)
            simulation = self._start_simulation(processes, scenario, environment)
            self._start_servers(processes, scenario, environment)
            client = self._start_client(processes, daemon, scenario, environment)
            try:
                status = simulation.wait(self.patience_s)
            except subprocess.TimeoutExpired:
                raise RunError(
                    f"no end after {self.patience_s:.0f} s of real time; the daemon's last words: {_tail(folder / 'client.log')}"
                ) from None
            if status:
                raise RunError(f"the simulator ended with {status}: {_tail(folder / 'stats')}; the daemon: {_tail(folder / 'client.log')}")
            # The simulator ends all programs with SIGTERM. It goes on without one that has failed, and then nobody steers.
            with contextlib.suppress(subprocess.TimeoutExpired):
                if (ended := client.wait(_STOP_S)) not in {0, -signal.SIGTERM}:
                    raise RunError(f"the daemon ended with {ended}: {_tail(folder / 'client.log')}")

    def _environment(self, folder: Path, seed: int) -> dict[str, str]:
        kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        return kept | {
            "CLKNETSIM_SOCKET": str(folder / "sock"),
            "CLKNETSIM_RANDOM_SEED": str(seed),
            "CLKNETSIM_CONNECT_TIMEOUT": "15",
            "CLKNETSIM_START_DATE": _START_DATE,
            "TZ": "UTC",
        }

    def _start_simulation(self, processes: _Processes, scenario: Scenario, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        client = len(scenario.servers) + 1
        lines = [f"node{client}_offset = {scenario.offset_s}", f"node{client}_freq = {scenario.frequency}"]
        for node, server in enumerate(scenario.servers, 1):
            lines += [f"node{client}_delay{node} = {server.up}", f"node{node}_delay{client} = {server.down}"]
            if server.offset_s:
                lines.append(f"node{node}_offset = {server.offset_s}")
            if server.frequency:
                lines.append(f"node{node}_freq = {server.frequency}")
        (processes.folder / "network.conf").write_text("\n".join(lines) + "\n")
        options = ["-s", "sock", "-l", str(scenario.length_s), "-o", "offset", "-f", "freq", "-p", "packets"]
        return processes.start([str(self.tools.clknetsim / "clknetsim"), *options, "network.conf", str(client)], "stats", environment)

    def _start_servers(self, processes: _Processes, scenario: Scenario, environment: dict[str, str]) -> None:
        preload = {"LD_PRELOAD": str(self.tools.clknetsim / "clknetsim.so")}
        for node in range(1, len(scenario.servers) + 1):
            configuration = processes.folder / f"server{node}.conf"
            pidfile = processes.folder / f"server{node}.pid"
            configuration.write_text(f"pidfile {pidfile}\nlocal stratum 1\nallow\ncmdport 0\nbindcmdaddress /\n")
            command = [self.tools.chronyd, "-d", "-f", str(configuration)]
            processes.start(command, f"server{node}.log", environment | preload | {"CLKNETSIM_NODE": str(node)})

    def _start_client(self, processes: _Processes, daemon: Daemon, scenario: Scenario, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        nodes = range(1, len(scenario.servers) + 1)
        addresses = [f"192.168.123.{node}" for node in nodes]  # clknetsim's own numbering
        configuration = processes.folder / "client.conf"
        configuration.write_text(daemon.configuration(folder=processes.folder, addresses=addresses, poll=scenario.poll))
        library = str(self.tools.clknetsim / "clknetsim.so")
        own = dict(daemon.environment) | {
            "LD_PRELOAD": f"{self.shim}:{library}" if daemon.needs_shim else library,
            "CLKNETSIM_NODE": str(len(addresses) + 1),
        }
        return processes.start([*daemon.program, *daemon.options, str(configuration)], "client.log", environment | own)
