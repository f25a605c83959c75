"""The way from the command line to the daemon: which socket, one exchange, and its words on the screen."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from ntp_ctl.arguments import Arguments
from ntp_ctl.client import DaemonError, Failure, fetch_observation, send_control
from ntp_ctl.exit_status import DONE, FAILED
from ntp_ctl.settings import Settings, load_settings
from ntp_ctl.style import Style
from ntp_proto.control import Request
from ntp_proto.observation import Observation

__all__ = ["ask", "observation_socket", "observe"]


def _socket(given: Path | None, of_settings: Callable[[Settings], Path | None], arguments: Arguments) -> tuple[Path, str]:
    """The path of a socket, and what to add when nothing is there."""
    if given is not None:
        return given, ""
    settings = load_settings(arguments.config, os.environ)
    path = of_settings(settings)
    if path is None:
        raise DaemonError(Failure.NOT_RUNNING, "the configuration file switches this socket off")
    return path, f" (the configuration was not used: {settings.note})" if settings.note else ""


def observation_socket(arguments: Arguments) -> tuple[Path, str]:
    """Where the daemon shows its state, and what to add to an error when nothing is there.

    Raises:
        ConfigError: the configuration file that was named cannot be used.
        DaemonError: it switches this socket off.
    """
    return _socket(arguments.observation_socket, lambda settings: settings.observation_socket, arguments)


def observe(arguments: Arguments) -> Observation:
    """What the daemon shows of itself now.

    Raises:
        ConfigError: as `observation_socket`.
        DaemonError: no document was had.
    """
    path, note = observation_socket(arguments)
    try:
        return fetch_observation(path)
    except DaemonError as error:
        raise DaemonError(error.failure, f"{error}{note}") from error


def ask(arguments: Arguments, request: Request) -> int:
    """Send a request, and show the reply.

    Returns:
        The exit status.

    Raises:
        ConfigError: as `observation_socket`.
        DaemonError: there was no reply.
    """
    path, note = _socket(arguments.configuration_socket, lambda settings: settings.configuration_socket, arguments)
    try:
        reply = send_control(path, request)
    except DaemonError as error:
        raise DaemonError(error.failure, f"{error}{note}") from error
    style = Style.of(sys.stdout, arguments.color)
    lines = [reply.message, *(f"  {detail}" for detail in reply.details)]
    (sys.stdout if reply.accepted else sys.stderr).write("".join(f"{style.text(line)}\n" for line in lines))
    return DONE if reply.accepted else FAILED
