"""Compare NTP servers by the CPU time of a request, side by side: one command.

    python benchmarks/server/run.py [--rounds N] [NAME@PORT=COMMAND]...

Compared are an echo in C (what sockets can do on this machine), our daemon with lists and limits switched on, and chronyd with the same
where it is found ($CHRONYD, or PATH); and what is named besides. Each is started on core 0, loaded from core 1, and ended, in turn, for
every round, so that all of them see the same machine. Loopback only; no clock is touched. See README.md for what the rows mean.

Exit status: 0 done; 1 a server did not answer; 2 wrong usage; 3 something needed is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from processes import MISSING, MissingError, SilentError, build, family, free_port, memory_mib, run_before_all_others

SERVER_CORE, LOAD_CORE = 0, 1

LOADS = {
    "saturated": ["-w", "128", "-n", "16", "-s", "0.65", "-u", "0.15"],
    "10 000 clients": ["-w", "128", "-c", "10000", "-s", "0.65", "-u", "0.15"],
    "error": ["-w", "128", "-n", "16", "-b", "1", "-t", "-s", "0.6", "-u", "0.1"],
}
ATTEMPTS = 3
STEADY = ["-n", "16", "-r", "100000", "-s", "10", "-u", "0.5"]

Figures = dict[str, dict[str, float]]

OUR_CONFIGURATION = """\
[clock]
mode = "local"
[observability]
observation-path = ""
configuration-path = ""
[[server]]
listen = "127.0.0.1:{port}"
workers = 1
rate-limit = 1000000.0
rate-burst = 1000000
global-rate-limit = 10000000.0
global-rate-burst = 1000000
denylist = {{ filter = ["203.0.113.0/24", "198.51.100.0/24"] }}
allowlist = {{ filter = ["127.0.0.0/8", "10.0.0.0/8"] }}
"""

CHRONY_CONFIGURATION = """\
local stratum 2
port {port}
bindaddress 127.0.0.1
cmdport 0
bindcmdaddress /
pidfile {folder}/chronyd.pid
allow 127.0.0.0/8
allow 10.0.0.0/8
deny 203.0.113.0/24
deny 198.51.100.0/24
ratelimit interval -19 burst 32 leak 2
user root
"""
"""The same policy; a limit that nobody meets, since a request that is refused costs less than one that is answered."""


@dataclass(frozen=True)
class Server:
    """A program to measure."""

    name: str
    port: int
    command: list[str]

    @property
    def is_echo(self) -> bool:
        return self.name == "echo"


def find_servers(folder: Path, *, with_slow_path: bool) -> list[Server]:
    ports = [free_port() for _ in range(4)]
    found = [Server("echo", ports[0], [str(folder / "echo"), str(ports[0])])]
    chronyd = os.environ.get("CHRONYD") or shutil.which("chronyd")
    if chronyd:
        (folder / "chrony.conf").write_text(CHRONY_CONFIGURATION.format(port=ports[1], folder=folder))
        found.append(Server("chrony", ports[1], [chronyd, "-x", "-d", "-f", str(folder / "chrony.conf")]))
    else:
        print("chronyd was not found ($CHRONYD, PATH): without it there is nothing to beat", file=sys.stderr)
    (folder / "ntp.toml").write_text(OUR_CONFIGURATION.format(port=ports[2]))
    found.append(Server("ntp-daemon", ports[2], [sys.executable, "-m", "ntp_daemon", "-c", str(folder / "ntp.toml")]))
    if with_slow_path:
        (folder / "slow.toml").write_text(OUR_CONFIGURATION.format(port=ports[3]))
        command = ["env", "NTP_NO_EXT=1", sys.executable, "-m", "ntp_daemon", "-c", str(folder / "slow.toml")]
        found.append(Server("ntp-daemon without C", ports[3], command))
    return found


def named_server(text: str) -> Server:
    name, _, command = text.partition("=")
    name, _, port = name.partition("@")
    if not (name and port.isdecimal() and command):
        raise argparse.ArgumentTypeError(f"NAME@PORT=COMMAND, got {text!r}")
    return Server(name, int(port), ["sh", "-c", f"exec {command}"])


def load(folder: Path, server: Server, options: list[str], pids: list[int]) -> dict[str, float]:
    command = [str(folder / "load"), "-p", str(server.port), "-P", ",".join(map(str, pids)), *options, *(["-e"] if server.is_echo else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        os.sched_setaffinity(process.pid, {LOAD_CORE})
        output, _ = process.communicate(timeout=60)
    figures: dict[str, float] = json.loads(output)
    return figures


def answered_load(folder: Path, server: Server, options: list[str], pids: list[int]) -> dict[str, float]:
    """Load it until it answers: a load that goes before everything else may starve the kernel's own threads, and nothing comes through."""
    for _ in range(ATTEMPTS):
        figures = load(folder, server, options, pids)
        if figures["answered"]:
            return figures
        print(f"{server.name} answered nothing under {' '.join(options)}; measured again", file=sys.stderr)
    raise SilentError(f"{server.name} answered nothing in {ATTEMPTS} attempts")


def measure(folder: Path, server: Server, loads: dict[str, list[str]]) -> Figures:
    """Start it, load it, end it."""
    with (folder / f"{server.name}.log").open("wb") as log:
        process = subprocess.Popen(server.command, stdout=log, stderr=log, start_new_session=True)
    os.sched_setaffinity(process.pid, {SERVER_CORE})  # before it has had the time to start anything
    try:
        deadline = time.monotonic() + 20
        while not load(folder, server, ["-w", "1", "-n", "1", "-s", "0.02", "-u", "0"], [])["answered"]:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SilentError(f"{server.name} does not answer on port {server.port}:\n{(folder / f'{server.name}.log').read_text()[-2000:]}")
        time.sleep(0.5)
        figures = {name: answered_load(folder, server, options, family(process.pid)) for name, options in loads.items()}
        figures["memory"] = {"mib": memory_mib(family(process.pid))}
        return figures
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def table(results: dict[str, list[Figures]], baseline: str) -> str:
    """Medians with their range; the ratio is of figures of the same round."""
    rows = [
        "| server | CPU µs/request | 10 000 clients | thousand/s | offset error µs, p50 | p99 | invalid | RSS MiB | CPU ratio to " + baseline + " |"
    ]
    rows.append("|---|---|---|---|---|---|---|---|---|")
    for name, rounds in results.items():
        cpu = [one["saturated"]["server_cpu_us"] for one in rounds]
        ratios = [one / other["saturated"]["server_cpu_us"] for one, other in zip(cpu, results[baseline], strict=True)]
        cells = [
            name,
            spread(cpu),
            spread([one["10 000 clients"]["server_cpu_us"] for one in rounds]),
            f"{statistics.median(one['saturated']['replies_per_s'] for one in rounds) / 1000:.0f}",
            "" if name == "echo" else spread([one["error"]["offset_error_us_p50"] for one in rounds]),
            "" if name == "echo" else spread([one["error"]["offset_error_us_p99"] for one in rounds]),
            f"{sum(one[mode]['invalid'] for one in rounds for mode in LOADS):.0f}",
            f"{max(one['memory']['mib'] for one in rounds):.0f}",
            spread(ratios),
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def run(arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build(folder, "load", "echo")
        servers = [*find_servers(folder, with_slow_path=arguments.slow), *arguments.server]
        results: dict[str, list[Figures]] = {server.name: [] for server in servers}
        for number in range(arguments.rounds):
            for server in servers:
                results[server.name].append(measure(folder, server, LOADS))
            print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
        print(table(results, "chrony" if "chrony" in results else "echo"))
        if arguments.steady:
            print("\n100 000 requests/s for 10 s:")
            for server in servers:
                figures = measure(folder, server, {"steady": STEADY})["steady"]
                print(f"  {server.name}: {figures['sent']:.0f} sent, {figures['lost']:.0f} without an answer, {figures['invalid']:.0f} invalid")


def main() -> int:
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("server", nargs="*", type=named_server, metavar="NAME@PORT=COMMAND", help="another server, listening on 127.0.0.1:PORT")
    parser.add_argument("--rounds", type=int, default=5, help="(default %(default)s)")
    parser.add_argument("--steady", action="store_true", help="also 100 000 requests a second for 10 s, and what is lost of them")
    parser.add_argument("--slow", action="store_true", help="also our daemon without its C extensions, where all takes the slow path")
    parser.add_argument("--realtime", action="store_true", help="before everything else on this machine (SCHED_FIFO; as root)")
    arguments = parser.parse_args()
    if (os.cpu_count() or 1) < 2:
        print("two cores are needed: one for the server, one for the load", file=sys.stderr)
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
