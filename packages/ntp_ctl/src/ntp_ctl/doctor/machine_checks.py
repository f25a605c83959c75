"""Findings about the machine: the right to set the clock, other hands on it, ports, time stamps, files and devices."""

from __future__ import annotations

import ipaddress
import os
import stat
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ntp_ctl.doctor.finding import Finding, good, note, problem, warning
from ntp_ctl.doctor.proc import CAP_NET_BIND_SERVICE, CAP_SYS_TIME, Proc, Process
from ntp_proto.server_address import ServerAddress

__all__ = ["check_devices", "check_files", "check_ports", "check_rights", "check_rivals", "check_sockets", "check_stamps"]

_DISABLE = "if it is not wanted: sudo systemctl disable --now"
_RIVALS = {
    "chronyd": f"{_DISABLE} chrony (on Fedora and its like: chronyd)",
    "ntpd": f"{_DISABLE} ntp (or ntpd, ntpsec, openntpd: as the system calls it)",
    "openntpd": f"{_DISABLE} openntpd",
    "systemd-timesyn": "sudo timedatectl set-ntp false",  # the kernel cuts names at 15 characters
    "phc2sys": f"{_DISABLE} phc2sys, or let it serve the clock and not set it",
    "timemaster": f"{_DISABLE} timemaster",
    "VBoxService": "run it with --disable-timesync",
}


def check_rights(proc: Proc, daemon: int | None, mode: str) -> list[Finding]:
    """May the system clock be set?

    Args:
        proc: The processes.
        daemon: The process id of the running daemon; None: it does not run, so what it could have is looked at.
        mode: Of the clock.
    """
    if mode != "steer":
        return [good("rights", f"clock mode {mode} needs no right to set the clock")]
    rights = proc.rights(daemon)
    if rights is None:
        return [note("rights", "cannot be read from /proc")]
    if not rights.could_have(CAP_SYS_TIME):
        fix = 'give the container CAP_SYS_TIME (docker run --cap-add SYS_TIME), or say mode = "virtual" in [clock]'
        return [problem("rights", "nobody in this container may set the clock: CAP_SYS_TIME is out of bounds", fix)]
    if rights.has(CAP_SYS_TIME):
        return [good("rights", "the clock may be set" if daemon is None else "the daemon may set the clock")]
    if daemon is None:
        return [note("rights", "you may not set the clock yourself; the daemon has to be started with sudo, or by systemd")]
    fix = "start it with sudo, or with AmbientCapabilities=CAP_SYS_TIME"
    return [problem("rights", "the daemon may not set the clock: CAP_SYS_TIME is missing", fix)]


def check_rivals(processes: Sequence[Process], daemon: int | None, mode: str) -> list[Finding]:
    """Does anything else set the clock?"""
    rivals = [(process, fix) for process in processes if (fix := _fix_of(process, daemon)) and not _leaves_clock(process)]
    if not rivals:
        return [good("rivals", "no other time daemon runs")]
    names = [
        (f"{process.arguments[0].rsplit('/', 1)[-1] if process.arguments else process.name} (pid {process.pid})", fix) for process, fix in rivals
    ]
    if mode != "steer":
        return [good("rivals", f"{name} keeps the system clock, which clock mode {mode} leaves alone") for name, _ in names]
    return [problem("rivals", f"{name} sets the clock too", fix) for name, fix in names]


def _fix_of(process: Process, daemon: int | None) -> str:
    """What to do about a process, "" when it is no rival."""
    if process.name == "ntp-daemon" and daemon not in (process.pid, process.parent) and not _is_ours(process):
        return f"{_DISABLE} ntpd-rs"
    return _RIVALS.get(process.name, "")


def _is_ours(process: Process) -> bool:
    """Ours is a program in Python; the other one of that name is not."""
    return any("python" in argument for argument in process.arguments[:1])


def _leaves_clock(process: Process) -> bool:
    return process.name == "chronyd" and "-x" in process.arguments


def check_ports(proc: Proc, listen: Iterable[ServerAddress], *, is_running: bool) -> list[Finding]:
    """Can the daemon answer where it is told to? When it runs, it does: a port that is taken would have ended it."""
    wanted = list(listen)
    if not wanted:
        return [good("ports", "nobody is served, so no port is needed")]
    if is_running:
        return [good("ports", f"the daemon answers on {', '.join(map(str, wanted))}")]
    taken = [address for address in wanted if any(_clashes(address, bound.host, bound.port) for bound in proc.bound_ports())]
    findings = [
        problem("ports", f"{address} is taken", f"sudo ss -ulpn 'sport = :{address.port}' says by whom; end that, or choose another port")
        for address in taken
    ]
    rights = proc.rights()
    low = [address for address in wanted if address.port < proc.first_unprivileged_port()]
    if low and rights is not None and not rights.has(CAP_NET_BIND_SERVICE):
        findings.append(
            note(
                "ports",
                f"port {low[0].port} needs root or CAP_NET_BIND_SERVICE",
                "start the daemon with sudo; -u USER gives root up once the port is open",
            )
        )
    return findings or [good("ports", f"{', '.join(map(str, wanted))} can be had")]


def _clashes(wanted: ServerAddress, host: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> bool:
    numeric = wanted.numeric()
    if numeric is None or wanted.port != port:
        return False
    ours = ipaddress.ip_address(numeric.host.partition("%")[0])
    if ours.version != host.version:
        return False
    return ours == host or ours.is_unspecified or host.is_unspecified


def check_stamps(probe: Callable[[], list[str]]) -> list[Finding]:
    """Does the kernel stamp datagrams?"""
    fix = "the daemon stamps them itself, late by its waking up: some ten microseconds of noise; a sandbox (gVisor) may be why"
    try:
        missing = probe()
    except OSError as error:
        return [warning("stamps", f"the kernel cannot stamp datagrams: {(error.strerror or str(error)).lower()}", fix)]
    if missing:
        return [warning("stamps", f"the kernel does not stamp {' and '.join(missing)}", fix)]
    return [good("stamps", "the kernel stamps departures and arrivals")]


def check_sockets(paths: Iterable[Path | None], *, is_running: bool) -> list[Finding]:
    """Is the way to the daemon's sockets free? While it runs, they are there."""
    findings = []
    for path in paths:
        if path is None:
            findings.append(
                note("sockets", "the configuration switches one of the two sockets off", "give it a path in [observability], for ntp-ctl to use")
            )
        elif path.exists() and not path.is_socket():
            findings.append(problem("sockets", f"{path} is there and is no socket: the daemon does not replace it", f"rm {path}, if nobody needs it"))
        elif not is_running and not _can_be_made(path):
            findings.append(warning("sockets", f"{path} cannot be made: {_first_missing(path)} is not there", f"sudo mkdir -p {path.parent}"))
        elif is_running and path.exists() and not os.access(path, os.W_OK):
            findings.append(note("sockets", f"you may not use {path}", "use sudo, or become a member of the group of the socket"))
    return findings or [good("sockets", "both can be used")]


def _can_be_made(path: Path) -> bool:
    """The daemon makes the last directory itself."""
    return path.parent.is_dir() or path.parent.parent.is_dir()


def _first_missing(path: Path) -> Path:
    return next(parent for parent in reversed(path.parents) if not parent.is_dir())


def check_files(drift_file: Path | None) -> list[Finding]:
    """Will the frequency be kept over a restart?"""
    if drift_file is None:
        return [note("files", "no drift file: each start measures the frequency anew", "set drift-file in [synchronization]")]
    if not _can_be_made(drift_file):
        return [
            warning(
                "files",
                f"the drift file {drift_file} cannot be written: {_first_missing(drift_file)} is not there",
                f"sudo mkdir -p {drift_file.parent}",
            )
        ]
    try:
        is_file = not drift_file.exists() or stat.S_ISREG(drift_file.stat().st_mode)
    except OSError:
        return [note("files", f"{drift_file} cannot be looked at; run this with sudo")]
    if not is_file:
        return [warning("files", f"the drift file {drift_file} is no file", "move it away, or set another drift-file in [synchronization]")]
    return [good("files", f"the frequency is kept in {drift_file}")]


def check_devices(root: Path = Path("/dev")) -> list[Finding]:
    """Is there better hardware than the network?"""
    found = sorted(path.name for pattern in ("pps[0-9]*", "ptp[0-9]*") for path in root.glob(pattern))
    if not found:
        return []
    return [note("devices", f"{', '.join(found)}: reference clocks are there, and not supported yet")]
