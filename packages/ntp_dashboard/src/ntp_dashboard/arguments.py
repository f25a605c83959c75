"""The command line of `ntp-dashboard`."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["Arguments", "make_parser"]


class Arguments(argparse.Namespace):
    """What was given; None is what was not."""

    config: Path | None = None
    observation_socket: Path | None = None
    configuration_socket: Path | None = None
    listen: str | None = None
    version: bool = False


def make_parser() -> argparse.ArgumentParser:
    """The parser, from which the manual page and the completion are made as well."""
    parser = argparse.ArgumentParser(
        prog="ntp-dashboard",
        description="Show a running ntp-daemon as a live page and as a JSON API, at http://HOST:PORT/.",
        epilog="The token of the API comes from [api] in the configuration file or from NTP_API_TOKEN. "
        "exit status: 0 ended by a signal, 1 cannot listen, 2 wrong usage, 78 wrong configuration",
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument("-c", "--config", type=Path, metavar="FILE", help="configuration file of the daemon")
    parser.add_argument("-o", "--observation-socket", type=Path, metavar="PATH", help="where the daemon shows its state")
    parser.add_argument("-s", "--configuration-socket", type=Path, metavar="PATH", help="where the daemon takes commands")
    parser.add_argument("-l", "--listen", metavar="HOST:PORT", help="where to listen; 127.0.0.1:8080 unless the configuration file has another")
    parser.add_argument("-V", "--version", action="store_true", help="show the version and exit")
    return parser
