"""The command line of ntp-ctl."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from ntp_ctl import argument_types
from ntp_ctl.style import ColorChoice
from ntp_ctl.tool_arguments import Adder, add_tools
from ntp_proto.control import LogFilter

__all__ = ["Arguments", "make_parser"]

_DESCRIPTION = "Ask and steer a running ntp-daemon."
_EPILOG = """\
exit status: 0 done, 1 failed or not synchronized in time, 2 wrong usage, 77 no permission, 78 wrong configuration

examples:
  ntp-ctl status                          is the clock right, and if not, why?
  ntp-ctl sources --json                  every number of every source
  ntp-ctl wait-sync --max-error 1ms       block until the clock is right
  ntp-ctl watch                           the same as status, live
  ntp-ctl doctor                          what is in the way of the right time, and what to do about it
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
    action: str | None = None
    address: str | None = None
    pool: bool = False
    count: int | None = None
    poll: tuple[int, int] | None = None
    interval: float = 2.0
    screens: int | None = None
    plain: bool = False
    network: bool = True
    file: Path | None = None
    output: Path | None = None
    only: list[str] | None = None
    source: list[str] | None = None
    run: int = -1
    format: str | None = None
    shell: str = ""
    program: list[str] | None = None


def _common() -> argparse.ArgumentParser:
    """The options that may stand before and after the command."""
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("-o", "--observation-socket", type=Path, metavar="PATH", help="where the daemon shows its state")
    common.add_argument("-s", "--configuration-socket", type=Path, metavar="PATH", help="where the daemon takes requests")
    common.add_argument("-c", "--config", type=Path, metavar="FILE", help="configuration file of the daemon, which names its sockets")
    common.add_argument("--color", type=argument_types.color, metavar="WHEN", help="auto (on a terminal, unless NO_COLOR is set), always or never")
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
    command = _adder(commands, common)
    _add_read_commands(command)
    _add_sources(command, common)
    _add_control_commands(command)
    without_sockets = argparse.ArgumentParser(add_help=False)
    add_tools(command, _adder(commands, without_sockets))
    return parser


def _adder(commands: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser) -> Adder:
    def add(name: str, text: str) -> argparse.ArgumentParser:
        description = text[0].upper() + text[1:] + "."
        return commands.add_parser(name, help=text, description=description, parents=[common], argument_default=argparse.SUPPRESS)

    return add


def _add_sources(command: Adder, common: argparse.ArgumentParser) -> None:
    sources = command("sources", "everything that is known of each source; with an ACTION, change them")
    sources.add_argument("--json", action="store_true", help="JSON, as described by: ntp-ctl schema")
    action = _adder(sources.add_subparsers(dest="action", metavar="ACTION", title="actions"), common)
    add = action("add", "follow one more server, or pool, until the daemon's end")
    add.add_argument("address", type=argument_types.address, metavar="HOST[:PORT]", help="its name or numeric address")
    add.add_argument("--pool", action="store_true", help="the name stands for many servers")
    add.add_argument("--count", type=int, metavar="N", help="how many servers of the pool are used at a time (default: 4)")
    add.add_argument("--poll", type=argument_types.poll_limits, metavar="MIN..MAX", help="limits of the poll interval, log2 s, such as 6..10")
    remove = action("remove", "forget a source")
    remove.add_argument("address", type=argument_types.address, metavar="HOST[:PORT]", help="as the status shows it")
    for name, text in (
        ("online", "ask a source again, with a burst"),
        ("offline", "do not ask a source any more, and keep what is known of it"),
        ("burst", "ask a source several times in a row, now"),
    ):
        action(name, text).add_argument(
            "address", type=argument_types.address, nargs="?", default=None, metavar="HOST[:PORT]", help="which (default: all)"
        )


def _add_read_commands(command: Adder) -> None:
    for name, text in (
        ("status", "the clock and its sources on one screen"),
        ("server", "what is served, and what became of the requests"),
        ("clients", "who asks most"),
        ("peers", "the sources as a JSON list"),
        ("system", "the clock as a JSON object"),
    ):
        command(name, text).add_argument("--json", action="store_true", help="JSON, as described by: ntp-ctl schema")
    command("prometheus", "the metrics in the OpenMetrics format")
    command("schema", "the JSON schema of the document that --json shows")
    wait = command("wait-sync", "wait until the clock is synchronized")
    wait.add_argument("--max-error", type=argument_types.duration, metavar="TIME", help="and its maximum error is at most TIME, such as 1ms")
    wait.add_argument("--timeout", type=argument_types.duration, metavar="TIME", help="give up after TIME, such as 60s (the default), or never: inf")
    wait.add_argument("--json", action="store_true", help="show the state of the clock at the end as a JSON object")


def _add_control_commands(command: Adder) -> None:
    config = command("config", "change a setting of the running daemon; the file stays as it is")
    config.add_argument("--log-filter", choices=get_args(LogFilter), help="the least severity that is logged")
    config.add_argument(
        "--panic-threshold", type=argument_types.finite_duration, metavar="TIME", help="the largest correction that is allowed, such as 1000s"
    )
    command("validate", "check the configuration file as the daemon does")
    command("reload", "let the daemon read its configuration file again")
    force = command("force-sync", "set the clock to the present estimate at once, whatever the offset is")
    force.add_argument("-y", "--yes", action="store_true", help="do not ask first")
