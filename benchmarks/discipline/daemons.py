"""The daemons that are compared: how each is started and configured for a run."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["OURS", "Daemon", "MissingError", "Tools", "find_daemons", "find_tools"]

OURS = "ours"

_CHRONY = """\
pidfile {folder}/client.pid
cmdport 0
bindcmdaddress /
makestep 1 3
maxupdateskew 100.0
{sources}
"""
_NTPSEC = """\
pidfile {folder}/client.pid
tos maxclock 11
tos minclock 4 minsane {agree}
{sources}
"""
_NTPDRS = """\
[observability]
log-level = "warn"

[synchronization]
minimum-agreeing-sources = {agree}

[source-defaults]
poll-interval-limits = {{ min = {shortest}, max = {longest} }}
initial-poll-interval = {shortest}

{sources}
"""
_OURS = """\
[source-defaults]
poll-interval-limits = {{ min = {shortest}, max = {longest} }}

[synchronization]
drift-file = ""

[observability]
log-level = "info"
observation-path = ""
configuration-path = ""

{sources}
"""
_SERVER_LINE = "server {address} iburst minpoll {shortest} maxpoll {longest}"
_SOURCE_TABLE = '[[source]]\nmode = "server"\naddress = "{address}:123"\n'


class MissingError(Exception):
    """Programs that are not at hand; each argument is a sentence that says which and what to do."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What every run needs: the folder of a built clknetsim, and the chronyd that plays the servers."""

    clknetsim: Path
    chronyd: str


@dataclass(frozen=True, slots=True)
class Daemon:
    """A program under test.

    It is started as `program`, `options` and the configuration's path. `needs_shim`: it uses what clknetsim's library lacks (see simshim.c).
    `attempts`: a program with threads can lose the race for the simulator's connection at the start.
    """

    name: str
    program: tuple[str, ...]
    options: tuple[str, ...]
    template: str
    source: str
    needs_shim: bool = True
    environment: tuple[tuple[str, str], ...] = ()
    attempts: int = 1

    def configuration(self, *, folder: Path, addresses: list[str], poll: tuple[int, int]) -> str:
        """The configuration file's text for these servers and these limits of the poll interval (log2 s)."""
        shortest, longest = poll
        sources = "\n".join(self.source.format(address=address, shortest=shortest, longest=longest) for address in addresses)
        return self.template.format(folder=folder, agree=min(3, len(addresses)), shortest=shortest, longest=longest, sources=sources)

    def version(self) -> str:
        """The first line that the program prints for --version."""
        done = subprocess.run([*self.program, "--version"], capture_output=True, text=True, check=False, timeout=10)
        return (done.stdout or done.stderr).strip().partition("\n")[0]


def _executable(variable: str) -> str | None:
    """The program that an environment variable names.

    Raises:
        MissingError: it names something that cannot be run.
    """
    value = os.environ.get(variable)
    if value and not os.access(value, os.X_OK):
        raise MissingError(f"{variable} names {value}, which is not a program that can be run.")
    return value or None


def _clknetsim() -> Path:
    value = os.environ.get("CLKNETSIM")
    if not value:
        raise MissingError("CLKNETSIM is not set: let it name the folder of a built clknetsim (https://github.com/mlichvar/clknetsim).")
    folder = Path(value).resolve()
    if not os.access(folder / "clknetsim", os.X_OK) or not (folder / "clknetsim.so").is_file():
        raise MissingError(f"CLKNETSIM names {value}, which lacks clknetsim or clknetsim.so: run make there.")
    return folder


def _chronyd() -> str:
    found = _executable("CHRONYD") or shutil.which("chronyd") or shutil.which("chronyd", path="/usr/local/sbin:/usr/sbin")
    if not found:
        raise MissingError("There is no chronyd, which plays the servers: install chrony, or let CHRONYD name its daemon.")
    return str(Path(found).resolve())


def find_tools() -> Tools:
    """Look for what every run needs.

    Raises:
        MissingError: with one sentence for each thing that is not there.
    """
    sentences: list[str] = []
    found: list[str] = []
    for find in (_clknetsim, _chronyd):
        try:
            found.append(str(find()))
        except MissingError as error:
            sentences += error.args
    if not shutil.which("cc"):
        sentences.append("There is no C compiler: install one that is called cc; it builds simshim.c.")
    if importlib.util.find_spec("ntp_daemon") is None:
        sentences.append(f"{sys.executable} cannot import ntp_daemon: run this with the interpreter of the checkout's environment.")
    if sentences:
        raise MissingError(*sentences)
    return Tools(Path(found[0]), found[1])


def find_daemons(chronyd: str) -> tuple[list[Daemon], list[str]]:
    """The daemons at hand, and one sentence for each optional one that is not.

    Raises:
        MissingError: a variable names something that cannot be run.
    """
    daemons = [
        Daemon("chrony", (chronyd,), ("-d", "-f"), _CHRONY, _SERVER_LINE, needs_shim=False),
        Daemon(OURS, (sys.executable, "-m", "ntp_daemon"), ("-c",), _OURS, _SOURCE_TABLE),
    ]
    absent = []
    if ntpsec := _executable("NTPSEC"):
        daemons.append(Daemon("ntpsec", (ntpsec,), ("-n", "-c"), _NTPSEC, _SERVER_LINE))
    else:
        absent.append("NTPsec is left out: let NTPSEC name its ntpd to include it.")
    if ntpdrs := _executable("NTPDRS"):
        one_thread = (("TOKIO_WORKER_THREADS", "1"),)
        daemons.append(Daemon("ntpd-rs", (ntpdrs,), ("-c",), _NTPDRS, _SOURCE_TABLE, environment=one_thread, attempts=3))
    else:
        absent.append("ntpd-rs is left out: let NTPDRS name its ntp-daemon to include it.")
    return daemons, absent
