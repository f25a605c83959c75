"""The command line of ntp-ctl."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import get_args

from ntp_ctl.style import ColorChoice
from ntp_ctl.units import parse_duration
from ntp_proto.control import LogFilter

__all__ = ["Arguments", "make_parser"]

_DESCRIPTION = "Ask and steer a running ntp-daemon."
_EPILOG = """\
exit status: 0 done, 1 failed or not synchronized in time, 2 wrong usage, 77 no permission, 78 wrong configuration

examples:
  ntp-ctl status                          is the clock right, and if not, why?
  ntp-ctl sources --json                  every number of every source
  ntp-ctl wait-sync --max-error 1ms       block until the clock is right
  ntp-ctl -o /tmp/observe status          ask a daemon with another socket
"""


class Arguments(argparse.Namespace):
    """What the command line says. Options that were not given keep these values."""

    command: str | None = None
    version: bool = False
    observation_socket: Path | None = None
    configuration_socket: Path | None = None
    config: Path | None = None
    color: ColorChoice = ColorChoice.AUTO
    json: bool = False
    log_filter: LogFilter | None = None
    panic_threshold: float | None = None
    max_error: float | None = None
    timeout: float = 60.0
    yes: bool = False


def _duration(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _finite_duration(text: str) -> float:
    value = _duration(text)
    if math.isinf(value):
        raise argparse.ArgumentTypeError("must be finite")
    return value


def _color(text: str) -> ColorChoice:
    try:
        return ColorChoice(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not one of auto, always, never") from None


def _common() -> argparse.ArgumentParser:
    """The options that may stand before and after the command."""
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("-o", "--observation-socket", type=Path, metavar="PATH", help="where the daemon shows its state")
    common.add_argument("-s", "--configuration-socket", type=Path, metavar="PATH", help="where the daemon takes requests")
    common.add_argument("-c", "--config", type=Path, metavar="FILE", help="configuration file of the daemon, which names its sockets")
    common.add_argument("--color", type=_color, metavar="WHEN", help="auto (on a terminal, unless NO_COLOR is set), always or never")
    return common


def make_parser() -> argparse.ArgumentParser:
    """The parser; its result is to be stored in `Arguments`."""
    common = _common()
    parser = argparse.ArgumentParser(
        prog="ntp-ctl",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[common],
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument("-V", "--version", action="store_true", help="show the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(
            name, help=text, description=text[0].upper() + text[1:] + ".", parents=[common], argument_default=argparse.SUPPRESS
        )

    _add_read_commands(command)
    _add_control_commands(command)
    return parser


def _add_read_commands(command: Callable[[str, str], argparse.ArgumentParser]) -> None:
    for name, text in (
        ("status", "the clock and its sources on one screen"),
        ("sources", "everything that is known of each source"),
        ("server", "what is served, and what became of the requests"),
        ("clients", "who asks most"),
        ("peers", "the sources as a JSON list"),
        ("system", "the clock as a JSON object"),
    ):
        command(name, text).add_argument("--json", action="store_true", help="JSON, as described by: ntp-ctl schema")
    command("prometheus", "the metrics in the OpenMetrics format")
    command("schema", "the JSON schema of the document that --json shows")
    wait = command("wait-sync", "wait until the clock is synchronized")
    wait.add_argument("--max-error", type=_duration, metavar="TIME", help="and its maximum error is at most TIME, such as 1ms")
    wait.add_argument("--timeout", type=_duration, metavar="TIME", help="give up after TIME, such as 60s (the default), or never: inf")
    wait.add_argument("--json", action="store_true", help="show the state of the clock at the end as a JSON object")


def _add_control_commands(command: Callable[[str, str], argparse.ArgumentParser]) -> None:
    config = command("config", "change a setting of the running daemon; the file stays as it is")
    config.add_argument("--log-filter", choices=get_args(LogFilter), help="the least severity that is logged")
    config.add_argument("--panic-threshold", type=_finite_duration, metavar="TIME", help="the largest correction that is allowed, such as 1000s")
    command("validate", "check the configuration file as the daemon does")
    command("reload", "let the daemon read its configuration file again")
    force = command("force-sync", "set the clock to the present estimate at once, whatever the offset is")
    force.add_argument("-y", "--yes", action="store_true", help="do not ask first")
