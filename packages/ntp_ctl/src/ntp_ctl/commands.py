"""What each command of ntp-ctl does: from the command line to text on the standard output, and the exit status."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

from ntp_ctl.access import ask, observation_socket, observe
from ntp_ctl.arguments import Arguments
from ntp_ctl.client import fetch_observation
from ntp_ctl.exit_status import DONE, FAILED, WRONG_USAGE
from ntp_ctl.output import say, write_json, write_utf8
from ntp_ctl.render import render_status
from ntp_ctl.render_server import render_clients, render_server
from ntp_ctl.render_sources import render_sources
from ntp_ctl.style import ColorChoice, Style
from ntp_ctl.units import UNKNOWN, duration, duration_with_error
from ntp_ctl.wait import wait_for_synchronization
from ntp_proto.control import ConfigRequest, ForceSyncRequest, ReloadRequest
from ntp_proto.observation import Observation, json_schema

__all__ = ["COMMANDS"]


def _status(arguments: Arguments) -> int:
    observation = observe(arguments)
    if arguments.json:
        write_json(observation)
    else:
        sys.stdout.write(render_status(observation, Style.of(sys.stdout, arguments.color)))
    return DONE


def _sources(arguments: Arguments) -> int:
    if arguments.action is not None:
        from ntp_ctl.source_commands import change_sources  # noqa: PLC0415 - deferred: most want to see them

        return change_sources(arguments.action, arguments)
    observation = observe(arguments)
    if arguments.json:
        write_json(observation.sources)
    else:
        sys.stdout.write(render_sources(observation, Style.of(sys.stdout, arguments.color)))
    return DONE


def _watch(arguments: Arguments) -> int:
    from ntp_ctl.watch.command import watch  # noqa: PLC0415 - deferred, as are all the tools: each has modules of its own

    return watch(arguments)


def _plot(arguments: Arguments) -> int:
    from ntp_ctl.plot.command import plot  # noqa: PLC0415

    return plot(arguments)


def _doctor(arguments: Arguments) -> int:
    from ntp_ctl.doctor.command import doctor  # noqa: PLC0415

    return doctor(arguments)


def _migrate(arguments: Arguments) -> int:
    from ntp_ctl.migrate.command import migrate  # noqa: PLC0415

    return migrate(arguments)


def _completion(arguments: Arguments) -> int:
    from ntp_ctl.completion.command import completion  # noqa: PLC0415

    return completion(arguments)


def _server(arguments: Arguments) -> int:
    observation = observe(arguments)
    if arguments.json:
        write_json(observation.servers)
    else:
        sys.stdout.write(render_server(observation, Style.of(sys.stdout, arguments.color)))
    return DONE


def _clients(arguments: Arguments) -> int:
    observation = observe(arguments)
    if arguments.json:
        write_json(observation.clients)
    else:
        sys.stdout.write(render_clients(observation, Style.of(sys.stdout, arguments.color)))
    return DONE


def _peers(arguments: Arguments) -> int:
    write_json(observe(arguments).sources)
    return DONE


def _system(arguments: Arguments) -> int:
    write_json(observe(arguments).system)
    return DONE


def _prometheus(arguments: Arguments) -> int:
    observation = observe(arguments)
    from ntp_ctl.openmetrics import render_metrics  # noqa: PLC0415 - deferred: prometheus-client takes 40 ms, and no other command needs it

    text, _ = render_metrics(observation)
    write_utf8(text)
    return DONE


def _schema(_arguments: Arguments) -> int:
    write_utf8(json_schema() + b"\n")
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
    path, note = observation_socket(arguments)
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
        write_json(waited.observation.system)
    if not waited.missing:
        return DONE
    say(f"gave up after {arguments.timeout:g} s: {waited.missing}{note if waited.observation is None else ''}")
    return FAILED


def _config(arguments: Arguments) -> int:
    if arguments.log_filter is None and arguments.panic_threshold is None:
        say("config: give --log-filter or --panic-threshold")
        return WRONG_USAGE
    return ask(arguments, ConfigRequest(log_filter=arguments.log_filter, panic_threshold=arguments.panic_threshold))


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
    return ask(arguments, ReloadRequest())


def _force_sync(arguments: Arguments) -> int:
    if not arguments.yes:
        if not sys.stdin.isatty():
            say("force-sync asks before it sets the clock, and there is no terminal to ask on; give --yes")
            return WRONG_USAGE
        if not _confirmed(observe(arguments)):
            say("nothing was done")
            return FAILED
    return ask(arguments, ForceSyncRequest())


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
    "watch": _watch,
    "doctor": _doctor,
    "plot": _plot,
    "migrate": _migrate,
    "completion": _completion,
}
