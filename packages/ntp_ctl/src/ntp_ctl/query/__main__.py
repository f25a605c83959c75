"""`ntp-query`: asks an NTP server for the time and shows what it says. It sets no clock."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence

from ntp_ctl.query.asking import DEFAULT_TIMEOUT_S, query_sync
from ntp_ctl.query.errors import NoAnswerError, QueryError
from ntp_ctl.query.render import explain, render_json, render_text
from ntp_ctl.query.result import QueryResult
from ntp_ctl.units import parse_duration
from ntp_ctl.version import version
from ntp_proto.association import Rejection
from ntp_proto.server_address import NTP_PORT, ServerAddress

__all__ = ["main", "make_parser"]

_DONE = 0
_FAILED = 1
_NO_TIME = 3
_INTERRUPTED = 130  # 128 + SIGINT, as shells have it
_BROKEN_PIPE = 141  # 128 + SIGPIPE

_DEFAULT_SERVER = ServerAddress("localhost", 1123)
"""Where `ntp-serve` listens unless told otherwise."""
_SERVER_HAS_NO_TIME = frozenset({Rejection.KISS, Rejection.UNSYNCHRONIZED, Rejection.ROOT_DISTANCE})
_LONGEST_TIMEOUT_S = 3600.0

_EPILOG = """\
exit status: 0 good, 1 no usable answer, 2 wrong usage, 3 the server refuses (kiss of death) or is not synchronized

examples:
  ntp-query time.example.net              as JSON
  ntp-query --text localhost 1123         in words
  ntp-query -server [::1]:1123 -timeout 500ms
"""


class _Arguments(argparse.Namespace):
    server: ServerAddress | None
    host: str | None
    port: int | None
    timeout: float
    text: bool
    version: bool


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        The exit status; wrong usage ends in `SystemExit` with 2, as argparse has it.
    """
    parser = make_parser()
    arguments = parser.parse_args(argv, namespace=_Arguments())
    if arguments.version:
        sys.stdout.write(f"ntp-query {version()}\n")
        return _DONE
    try:
        server = _server(arguments)
    except ValueError as error:
        parser.error(str(error))
    try:
        status = (_in_words if arguments.text else _as_json)(server, arguments.timeout)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (head, less) has seen enough. Python would complain again when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except KeyboardInterrupt:
        return _INTERRUPTED
    return status


def make_parser() -> argparse.ArgumentParser:
    """The options of the program."""
    parser = argparse.ArgumentParser(
        prog="ntp-query",
        description="Ask an NTP server for the time, and show what it says. No clock is set.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("host", nargs="?", metavar="HOST", help=f"the server, a name or an address (default: {_DEFAULT_SERVER})")
    parser.add_argument("port", nargs="?", type=_port, metavar="PORT", help=f"its UDP port (default: {NTP_PORT})")
    parser.add_argument("-server", "--server", type=_address, metavar="HOST:PORT", help="the same in one word; without a port, 123")
    timeout = f"how long to wait, such as 500ms or 2s (default: {DEFAULT_TIMEOUT_S:g}s)"
    parser.add_argument("-timeout", "--timeout", type=_timeout, default=DEFAULT_TIMEOUT_S, metavar="TIME", help=timeout)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--text", action="store_true", help="show the time and the offset in words")
    how.add_argument("--json", action="store_true", help="show everything as JSON, which is the default")
    parser.add_argument("-V", "--version", action="store_true", help="show the version and exit")
    return parser


def _port(text: str) -> int:
    if text.isascii() and text.isdecimal() and 1 <= int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a port: a port is a number from 1 to 65535")


def _address(text: str) -> ServerAddress:
    try:
        return ServerAddress.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _timeout(text: str) -> float:
    try:
        value = parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if not 0.0 < value <= _LONGEST_TIMEOUT_S:
        raise argparse.ArgumentTypeError(f"{text!r} is not above 0 and up to an hour")
    return value


def _server(arguments: _Arguments) -> ServerAddress:
    """Whom to ask; raises `ValueError` for what the types of the arguments do not show."""
    if arguments.host is None:
        return arguments.server or _DEFAULT_SERVER
    if arguments.server is not None:
        raise ValueError("the server is given twice: HOST and -server")
    server = ServerAddress.parse(arguments.host, default_port=arguments.port or NTP_PORT)
    if arguments.port not in (None, server.port):
        raise ValueError(f"the port is given twice: {server.port} and {arguments.port}")
    return server


def _ask(server: ServerAddress, timeout_s: float) -> QueryResult:
    return query_sync(server.host, server.port, timeout_s=timeout_s)


def _as_json(server: ServerAddress, timeout_s: float) -> int:
    try:
        result = _ask(server, timeout_s)
    except QueryError as error:
        sys.stderr.write(f"ntp-query: {error}\n")
        return _FAILED
    sys.stdout.write(render_json(result, time.time_ns()))
    if result.rejection is not None:
        sys.stderr.write(f"ntp-query: {explain(result)}\n")
    return _status(result)


def _in_words(server: ServerAddress, timeout_s: float) -> int:
    sys.stdout.write(f"NTP Client Test\n===============\nQuerying NTP server at {server}...\n\n")
    sys.stdout.flush()
    try:
        result = _ask(server, timeout_s)
    except QueryError as error:
        sys.stdout.write(_failure(error) + "\n")
        return _FAILED
    sys.stdout.write(render_text(result, time.time_ns()))
    return _status(result)


def _failure(error: QueryError) -> str:
    if not isinstance(error, NoAnswerError):
        return f"Error: {error}"
    return "Received invalid response" if error.rejections else "Request timed out"


def _status(result: QueryResult) -> int:
    if result.rejection is None:
        return _DONE
    return _NO_TIME if result.rejection in _SERVER_HAS_NO_TIME else _FAILED


if __name__ == "__main__":
    sys.exit(main())
