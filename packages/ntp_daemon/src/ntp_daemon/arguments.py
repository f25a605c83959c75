"""The options of `ntp-daemon`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TypeVar

from ntp_daemon.config.model import LogFormat, LogLevel
from ntp_daemon.config.override import Overrides
from ntp_proto.states import ClockMode

__all__ = ["make_parser", "overrides"]

_Choice = TypeVar("_Choice", bound=Enum)

_EPILOG = """\
examples:
  ntp-daemon --demo                       see it work: no root, no network
  sudo ntp-daemon -p pool.ntp.org         keep this computer's clock right
  ntp-daemon -p 192.0.2.1 --clock virtual measure, but leave the system clock alone
  sudo ntp-daemon -p pool.ntp.org -s 0.0.0.0 -u ntp
                                          serve others too, and be root no longer than necessary
  ntp-ctl status                          how right the clock is, and why

exit status: 0 stopped in order, 1 failed, 2 wrong usage, 70 internal error, 77 no permission, 78 wrong configuration
"""


def make_parser() -> argparse.ArgumentParser:
    """What is understood on the command line."""
    parser = argparse.ArgumentParser(
        prog="ntp-daemon",
        description="Keeps this computer's clock right by NTP.",
        epilog=_EPILOG,
        formatter_class=partial(argparse.RawDescriptionHelpFormatter, width=80),
    )
    parser.add_argument(
        "-p",
        "--peer",
        metavar="HOST[:PORT]",
        action="append",
        default=[],
        help="follow this server; repeatable. A name with several addresses becomes a pool of up to 4. Replaces the sources of the file",
    )
    parser.add_argument(
        "-s",
        "--server",
        metavar="ADDRESS[:PORT]",
        action="append",
        default=[],
        help="answer clients on this address of this machine (0.0.0.0 and [::] are all); repeatable. Replaces the servers of the file",
    )
    parser.add_argument("-c", "--config", metavar="FILE", type=Path, help="configuration (else $NTP_DAEMON_CONFIG, else /etc/ntpd-py/ntp.toml)")
    parser.add_argument(
        "-l", "--log-level", type=_one_of(LogLevel), metavar="LEVEL", help="trace, debug, info, warn or error (default: $NTP_LOG, or info)"
    )
    parser.add_argument("--log-format", type=_one_of(LogFormat), metavar="text|json", help="default: $NTP_LOG_FORMAT, or text")
    parser.add_argument("-d", "--debug", action="store_true", help="the same as -l debug")
    parser.add_argument(
        "--clock",
        type=_one_of(ClockMode),
        metavar="steer|virtual|mirror|local",
        help="adjust the system clock; or leave it alone, and serve a corrected one, or it as it is with a source's header, or without sources",
    )
    parser.add_argument("-u", "--user", metavar="USER", help="become this user once everything is open; what remains is the right to set the clock")
    parser.add_argument("-r", "--root", metavar="DIR", type=Path, help="make this directory the root directory then")
    parser.add_argument("--observation-socket", metavar="PATH", help='where ntp-ctl finds the state ("" for nowhere)')
    parser.add_argument("--configuration-socket", metavar="PATH", help='where ntp-ctl gives commands ("" for nowhere)')
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check-config", action="store_true", help="check the configuration, say all that is wrong, and end")
    what.add_argument("--print-default-config", action="store_true", help="print a configuration with every key and its default, and end")
    what.add_argument("--write-default-config", metavar="FILE", type=Path, help="write that to a new file, and end")
    what.add_argument("--demo", action="store_true", help="a demonstration on this machine alone: no root, no network, the system clock untouched")
    what.add_argument("-V", "--version", action="store_true", help="print the version, and end")
    # argparse makes a formatter for each option, to check it. One that was not given a width asks `shutil`, which loads three compressors.
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    return parser


def overrides(arguments: argparse.Namespace, environment: Mapping[str, str]) -> Overrides:
    """What the command line and the environment say instead of the configuration; ends the program when the environment is wrong."""
    level = arguments.log_level or (LogLevel.DEBUG if arguments.debug else None) or _from_environment(environment, "NTP_LOG", LogLevel)
    return Overrides(
        peers=tuple(arguments.peer),
        servers=tuple(arguments.server),
        log_level=level,
        log_format=arguments.log_format or _from_environment(environment, "NTP_LOG_FORMAT", LogFormat),
        clock=arguments.clock,
        observation_path=arguments.observation_socket,
        configuration_path=arguments.configuration_socket,
    )


def _from_environment(environment: Mapping[str, str], name: str, kind: type[_Choice]) -> _Choice | None:
    text = environment.get(name)
    if not text:
        return None
    try:
        return _one_of(kind)(text)
    except argparse.ArgumentTypeError as error:
        make_parser().error(f"environment variable {name}: {error}")


def _one_of(kind: type[_Choice]) -> Callable[[str], _Choice]:
    """Reads a word, for argparse; what is wrong is answered with the words that are right."""

    def read(text: str) -> _Choice:
        try:
            return kind(text)
        except ValueError:
            *others, last = (str(choice.value) for choice in kind)
            raise argparse.ArgumentTypeError(f"{text!r} is not {', '.join(others)} or {last}") from None

    return read
