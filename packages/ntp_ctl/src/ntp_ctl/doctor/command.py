"""`ntp-ctl doctor`: gathers what there is to know, lets the checks judge it, and shows what they have found."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ntp_ctl.arguments import Arguments
from ntp_ctl.client import DaemonError, Failure, fetch_observation
from ntp_ctl.doctor.daemon_checks import Asked, Judgement, check_configuration, check_daemon, check_names, check_servers
from ntp_ctl.doctor.finding import Finding, is_healthy, render
from ntp_ctl.doctor.machine_checks import (
    check_devices,
    check_files,
    check_ports,
    check_rights,
    check_rivals,
    check_sockets,
    check_stamps,
)
from ntp_ctl.doctor.plan import Plan, load_plan
from ntp_ctl.doctor.proc import Proc
from ntp_ctl.doctor.stamps import stamps_missing
from ntp_ctl.exit_status import DONE, FAILED
from ntp_ctl.output import write_json
from ntp_ctl.settings import CONFIG_VARIABLE, DEFAULT_CONFIG, Settings, load_settings
from ntp_ctl.style import Style
from ntp_proto.errors import ConfigError
from ntp_proto.observation import Observation
from ntp_proto.server_address import ServerAddress

__all__ = ["doctor"]

_MOST_ASKED = 8
_PATIENCE_S = 2.0


def doctor(arguments: Arguments) -> int:
    """Look, and say what was found.

    Returns:
        The exit status: 0 when nothing is in the way.
    """
    findings = list(_examine(arguments))
    if arguments.json:
        write_json(findings)
    else:
        sys.stdout.write(render(findings, Style.of(sys.stdout, arguments.color)))
    return DONE if is_healthy(findings) else FAILED


def _examine(arguments: Arguments) -> Iterator[Finding]:
    file = arguments.config or Path(os.environ.get(CONFIG_VARIABLE) or DEFAULT_CONFIG)
    plan, settings = load_plan(file), _settings(arguments)
    seen = _look_at(settings.observation_socket)
    daemon = seen.program.pid if isinstance(seen, Observation) else None
    mode = seen.program.clock.value if isinstance(seen, Observation) and not seen.program.clock_reason else plan.mode
    listen = [ServerAddress.parse(server.address) for server in seen.servers] if isinstance(seen, Observation) else plan.listen
    proc = Proc()
    yield from check_configuration(_judge(arguments.config))
    yield from check_daemon(seen)
    yield from check_rights(proc, daemon, mode)
    yield from check_rivals(proc.processes(), daemon, mode)
    yield from check_ports(proc, listen, is_running=daemon is not None)
    if arguments.network:
        yield from _check_network(plan, is_running=daemon is not None)
    yield from check_stamps(stamps_missing)
    yield from check_sockets((settings.observation_socket, settings.configuration_socket), is_running=daemon is not None)
    yield from check_files(plan.drift_file)
    yield from check_devices()


def _check_network(plan: Plan, *, is_running: bool) -> Iterator[Finding]:
    """A daemon that runs has asked its servers itself, and says so."""
    yield from check_names(plan.sources, _resolve)
    if not is_running:
        yield from check_servers(_ask(plan.sources[:_MOST_ASKED]))


def _settings(arguments: Arguments) -> Settings:
    try:
        settings = load_settings(arguments.config, os.environ)
    except ConfigError:
        settings = Settings()  # that the file is wrong is a finding of its own
    return Settings(
        observation_socket=arguments.observation_socket or settings.observation_socket,
        configuration_socket=arguments.configuration_socket or settings.configuration_socket,
    )


def _look_at(path: Path | None) -> Observation | DaemonError:
    if path is None:
        return DaemonError(
            Failure.NOT_RUNNING, "the configuration file switches the observation socket off, so nobody can tell whether the daemon runs"
        )
    try:
        return fetch_observation(path, timeout_s=_PATIENCE_S)
    except DaemonError as error:
        return error


def _judge(config: Path | None) -> Judgement:
    """The daemon's own words, from a process of its own."""
    command = [sys.executable, "-P", "-m", "ntp_daemon", "--check-config", *(["-c", str(config)] if config is not None else [])]
    done = subprocess.run(command, check=False, capture_output=True, text=True, errors="replace")  # noqa: S603 - our own interpreter, and a file name after -c
    return Judgement(done.returncode, tuple(done.stderr.splitlines()))


def _resolve(name: str) -> str:
    try:
        socket.getaddrinfo(name, 123, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        return (getattr(error, "strerror", None) or str(error)).lower()
    return ""


def _ask(servers: Iterable[ServerAddress]) -> list[Asked]:
    """Each once, all at the same time, by ntp-query in processes of their own."""
    servers = list(servers)
    with ThreadPoolExecutor(max_workers=max(1, len(servers))) as pool:
        return list(pool.map(_ask_one, servers))


def _ask_one(server: ServerAddress) -> Asked:
    command = [sys.executable, "-P", "-m", "ntp_ctl.query", "--server", str(server), "--timeout", f"{_PATIENCE_S:g}s", "--json"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, errors="replace")  # noqa: S603 - our own interpreter, and an address after --server
    words = done.stderr.strip().splitlines()
    return Asked(
        server, "" if done.returncode == 0 else (words[-1].removeprefix("ntp-query: ") if words else f"ntp-query ended with {done.returncode}")
    )
