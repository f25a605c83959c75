"""What each command of ntp-ctl does: from the command line to text on the standard output, and the exit status."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from ntp_ctl.arguments import Arguments
from ntp_ctl.client import DaemonError, Failure, fetch_observation, send_control
from ntp_ctl.render import render_status
from ntp_ctl.render_server import render_clients, render_server
from ntp_ctl.render_sources import render_sources
from ntp_ctl.settings import Settings, load_settings
from ntp_ctl.style import ColorChoice, Style
from ntp_ctl.units import UNKNOWN, duration, duration_with_error
from ntp_ctl.wait import wait_for_synchronization
from ntp_proto.control import ConfigRequest, ForceSyncRequest, ReloadRequest, Request
from ntp_proto.observation import (
    ClientObservation,
    Observation,
    ServerObservation,
    SourceObservation,
    SystemObservation,
    json_schema,
)

__all__ = ["COMMANDS", "DONE", "FAILED", "WRONG_USAGE"]

DONE = 0
FAILED = 1
WRONG_USAGE = 2

_Document = Observation | SystemObservation | tuple[SourceObservation, ...] | tuple[ServerObservation, ...] | tuple[ClientObservation, ...]


def _say(text: str) -> None:
    sys.stderr.write(f"ntp-ctl: {text}\n")


def _write_utf8(data: bytes) -> None:
    """JSON and metrics are UTF-8 by definition, whatever the terminal's encoding is."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)


def _write_json(document: _Document) -> None:
    _write_utf8(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")


def _socket(given: Path | None, of_settings: Callable[[Settings], Path | None], arguments: Arguments) -> tuple[Path, str]:
    """The path of a socket, and what to add when nothing is there."""
    if given is not None:
        return given, ""
    settings = load_settings(arguments.config, os.environ)
    path = of_settings(settings)
    if path is None:
        raise DaemonError(Failure.NOT_RUNNING, "the configuration file switches this socket off")
    return path, f" (the configuration was not used: {settings.note})" if settings.note else ""


def _observation_socket(arguments: Arguments) -> tuple[Path, str]:
    return _socket(arguments.observation_socket, lambda settings: settings.observation_socket, arguments)


def _observe(arguments: Arguments) -> Observation:
    path, note = _observation_socket(arguments)
    try:
        return fetch_observation(path)
    except DaemonError as error:
        raise DaemonError(error.failure, f"{error}{note}") from error


def _ask(arguments: Arguments, request: Request) -> int:
    path, note = _socket(arguments.configuration_socket, lambda settings: settings.configuration_socket, arguments)
    try:
        reply = send_control(path, request)
    except DaemonError as error:
        raise DaemonError(error.failure, f"{error}{note}") from error
    style = Style.of(sys.stdout, arguments.color)
    lines = [reply.message, *(f"  {detail}" for detail in reply.details)]
    (sys.stdout if reply.accepted else sys.stderr).write("".join(f"{style.text(line)}\n" for line in lines))
    return DONE if reply.accepted else FAILED


def _status(arguments: Arguments) -> int:
    observation = _observe(arguments)
    if arguments.json:
        _write_json(observation)
    else:
        sys.stdout.write(render_status(observation, Style.of(sys.stdout, arguments.color)))
    return DONE


def _sources(arguments: Arguments) -> int:
    observation = _observe(arguments)
    if arguments.json:
        _write_json(observation.sources)
    else:
        sys.stdout.write(render_sources(observation, Style.of(sys.stdout, arguments.color)))
    return DONE


def _server(arguments: Arguments) -> int:
    observation = _observe(arguments)
    if arguments.json:
        _write_json(observation.servers)
    else:
        sys.stdout.write(render_server(observation, Style.of(sys.stdout, arguments.color)))
    return DONE


def _clients(arguments: Arguments) -> int:
    observation = _observe(arguments)
    if arguments.json:
        _write_json(observation.clients)
    else:
        sys.stdout.write(render_clients(observation, Style.of(sys.stdout, arguments.color)))
    return DONE


def _peers(arguments: Arguments) -> int:
    _write_json(_observe(arguments).sources)
    return DONE


def _system(arguments: Arguments) -> int:
    _write_json(_observe(arguments).system)
    return DONE


def _prometheus(arguments: Arguments) -> int:
    observation = _observe(arguments)
    from ntp_ctl.openmetrics import render_metrics  # noqa: PLC0415 - deferred: prometheus-client takes 40 ms, and no other command needs it

    text, _ = render_metrics(observation)
    _write_utf8(text)
    return DONE


def _schema(_arguments: Arguments) -> int:
    _write_utf8(json_schema() + b"\n")
    return DONE


class _RealTimer:
    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def _show_progress(missing: str) -> None:
    """One line that is written over again and again, on a terminal only."""
    if sys.stderr.isatty():
        style = Style.of(sys.stderr, ColorChoice.NEVER)
        sys.stderr.write(f"\r\x1b[K{style.text('waiting: ' + missing)[: style.width - 1]}")
        sys.stderr.flush()


def _wait_sync(arguments: Arguments) -> int:
    path, note = _observation_socket(arguments)
    try:
        waited = wait_for_synchronization(
            lambda timeout_s: fetch_observation(path, timeout_s=timeout_s),
            _RealTimer(),
            _show_progress,
            maximum_error_s=arguments.max_error,
            timeout_s=arguments.timeout,
        )
    finally:
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
    if arguments.json and waited.observation is not None:
        _write_json(waited.observation.system)
    if not waited.missing:
        return DONE
    _say(f"gave up after {arguments.timeout:g} s: {waited.missing}{note if waited.observation is None else ''}")
    return FAILED


def _config(arguments: Arguments) -> int:
    if arguments.log_filter is None and arguments.panic_threshold is None:
        _say("config: give --log-filter or --panic-threshold")
        return WRONG_USAGE
    return _ask(arguments, ConfigRequest(log_filter=arguments.log_filter, panic_threshold=arguments.panic_threshold))


def _validate(arguments: Arguments) -> int:
    """The daemon's own code judges, in a process of its own: what it accepts here it will accept when it starts."""
    # -P: a directory `ntp_daemon` where the operator happens to stand must not be run, perhaps as root.
    command = [sys.executable, "-P", "-m", "ntp_daemon", "--check-config"]
    if arguments.config is not None:
        command += ["-c", str(arguments.config)]
    sys.stdout.flush()
    status = subprocess.run(command, check=False).returncode  # noqa: S603 - our own interpreter; the one foreign word is a file name after -c
    return status if status >= 0 else 128 - status


def _reload(arguments: Arguments) -> int:
    return _ask(arguments, ReloadRequest())


def _force_sync(arguments: Arguments) -> int:
    if not arguments.yes:
        if not sys.stdin.isatty():
            _say("force-sync asks before it sets the clock, and there is no terminal to ask on; give --yes")
            return WRONG_USAGE
        if not _confirmed(_observe(arguments)):
            _say("nothing was done")
            return FAILED
    return _ask(arguments, ForceSyncRequest())


def _confirmed(observation: Observation) -> bool:
    system = observation.system
    offset = duration_with_error(system.offset_s, system.offset_error_s)
    style = Style.of(sys.stderr, ColorChoice.NEVER)
    if offset == UNKNOWN:
        question = "The clock's offset is not known yet."
    else:
        question = f"The clock is {duration(abs(system.offset_s))} {'behind' if system.offset_s > 0 else 'ahead'} (offset {offset})."
    sys.stderr.write(style.text(f"{question} Correct it now, whatever the offset? [y/N] "))
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


COMMANDS: dict[str, Callable[[Arguments], int]] = {
    "status": _status,
    "sources": _sources,
    "server": _server,
    "clients": _clients,
    "peers": _peers,
    "system": _system,
    "prometheus": _prometheus,
    "schema": _schema,
    "wait-sync": _wait_sync,
    "config": _config,
    "validate": _validate,
    "reload": _reload,
    "force-sync": _force_sync,
}
