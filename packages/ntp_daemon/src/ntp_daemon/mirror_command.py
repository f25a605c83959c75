"""`ntp-mirror`: serves the system clock with the state of a daemon that keeps it, which need not be able to serve many clients itself.

The letters and long names are those of rsntp, which does the same. Arguments in, a configuration for the daemon in mode mirror out: the
sources are asked, judged and given up as any daemon's, but nothing disciplines a clock.
"""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from ntp_daemon import log
from ntp_daemon.command import serve, surrender_of
from ntp_daemon.config.model import (
    ClockConfig,
    Config,
    LogLevel,
    ObservabilityConfig,
    PollLimits,
    ServerSource,
    SourceDefaults,
    SynchronizationConfig,
)
from ntp_daemon.config.server import ServerConfig
from ntp_daemon.version import version
from ntp_proto.errors import NtpError
from ntp_proto.server_address import ServerAddress
from ntp_proto.states import ClockMode
from ntp_udp import SocketError

__all__ = ["Arguments", "config_of", "main", "make_parser", "sources_of"]

_DONE = 0
_FAILED = 1

_DEFAULT_IPV4 = ServerAddress("0.0.0.0")  # noqa: S104 — a server is there for all
_DEFAULT_IPV6 = ServerAddress("::")
_DEFAULT_SOURCE = ServerAddress("127.0.0.1", 11123)
_INTERVAL_LOG2_S = 2
"""Each source is asked every 4 s, all of them side by side."""
_RESPONSE_TIMEOUT_S = 1.0
_MOST_WORKERS = 256

_EPILOG = """\
exit status: 0 stopped in order, 1 failed, 2 wrong usage

example, with a daemon that keeps the clock and answers on a port of its own:
  chronyd 'port 11123' 'allow 127.0.0.1' 'pool pool.ntp.org iburst'
  sudo ntp-mirror -4 2 -6 2 -u nobody
"""


class Arguments(argparse.Namespace):
    """What the command line says."""

    ipv4_threads: int
    ipv6_threads: int
    ipv4_address: ServerAddress
    ipv6_address: ServerAddress
    server_address: list[str]
    user: str | None
    root: Path | None
    debug: bool
    observation_socket: str
    version: bool


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        The exit status; wrong usage ends in `SystemExit` with 2, as argparse has it.
    """
    parser = make_parser()
    arguments = parser.parse_args(argv, namespace=Arguments())
    if arguments.version:
        sys.stdout.write(f"ntp-mirror {version()}\n")
        return _DONE
    if not arguments.ipv4_threads and not arguments.ipv6_threads:
        parser.error("nobody is served: -4 and -6 are both 0")
    sources, warnings = sources_of(arguments.server_address)
    for warning in warnings:
        sys.stderr.write(f"ntp-mirror: warning: {warning}\n")
    if not sources:
        parser.error("no server address is left to be asked")
    config = config_of(arguments, sources)
    try:
        surrender = surrender_of(arguments.user, arguments.root)
        log.set_up(config.observability.log_level, config.observability.log_format, os.environ)
        asyncio.run(serve(config, lambda: config, "the command line", surrender))
    except (NtpError, SocketError) as error:
        sys.stderr.write(f"ntp-mirror: {error}\n")
        return _FAILED
    return _DONE


def make_parser() -> argparse.ArgumentParser:
    """The options; their result is to be stored in `Arguments`."""
    parser = argparse.ArgumentParser(
        prog="ntp-mirror",
        description="Serve the system clock with the state (stratum, leap seconds, error bounds) of the first server that answers. No clock is set.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for family, default in ((4, _DEFAULT_IPV4), (6, _DEFAULT_IPV6)):
        count = f"processes that answer over IPv{family}, 0: none (default: 1)"
        parser.add_argument(f"-{family}", f"--ipv{family}-threads", type=_count, default=1, metavar="NUM", help=count)
        where = f"where they listen (default: {default})"
        letter, read = ("-a", _ipv4) if family == 4 else ("-b", _ipv6)
        parser.add_argument(letter, f"--ipv{family}-address", type=read, default=default, metavar="ADDR:PORT", help=where)
    servers = f"a server to be asked, repeatable; the first one that answers counts (default: {_DEFAULT_SOURCE})"
    parser.add_argument("-s", "--server-address", action="append", default=[], metavar="ADDR:PORT", help=servers)
    parser.add_argument("-u", "--user", metavar="USER", help="become this user once the ports are open")
    parser.add_argument("-r", "--root", type=Path, metavar="DIR", help="make this directory the root directory then")
    parser.add_argument("-d", "--debug", action="store_true", help="log what is done in detail")
    parser.add_argument("--observation-socket", default="", metavar="PATH", help="where ntp-ctl -o finds the state (default: nowhere)")
    parser.add_argument("-V", "--version", action="store_true", help="show the version and exit")
    return parser


def sources_of(texts: Iterable[str]) -> tuple[list[ServerAddress], list[str]]:
    """Whom to ask, in their order, each once; and what is wrong with those who cannot be: one bad address does not spoil the rest."""
    sources: list[ServerAddress] = []
    warnings: list[str] = []
    for text in texts:
        try:
            address = ServerAddress.parse(text)
        except ValueError as error:
            warnings.append(f"{error}; it is not asked")
            continue
        if address in sources:
            warnings.append(f"{address} is given twice; it is asked once")
        else:
            sources.append(address)
    return sources or ([] if warnings else [_DEFAULT_SOURCE]), warnings


def config_of(arguments: Arguments, sources: Iterable[ServerAddress]) -> Config:
    """The configuration that the arguments ask for."""
    listening = ((arguments.ipv4_threads, arguments.ipv4_address), (arguments.ipv6_threads, arguments.ipv6_address))
    return Config(
        sources=tuple(ServerSource(address=address) for address in sources),
        servers=tuple(ServerConfig(listen=address, workers=count, legacy_versions=True) for count, address in listening if count),
        source_defaults=SourceDefaults(
            poll_interval_limits=PollLimits(min=_INTERVAL_LOG2_S, max=_INTERVAL_LOG2_S), response_timeout=_RESPONSE_TIMEOUT_S
        ),
        synchronization=SynchronizationConfig(drift_file=""),
        observability=ObservabilityConfig(
            log_level=LogLevel.DEBUG if arguments.debug else LogLevel.INFO,
            observation_path=arguments.observation_socket,
            configuration_path="",
        ),
        clock=ClockConfig(mode=ClockMode.MIRROR),
    )


def _count(text: str) -> int:
    if text.isascii() and text.isdecimal() and int(text) <= _MOST_WORKERS:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to {_MOST_WORKERS}")


def _ipv4(text: str) -> ServerAddress:
    return _numeric(text, 4, "192.0.2.1:123")


def _ipv6(text: str) -> ServerAddress:
    return _numeric(text, 6, "[2001:db8::1]:123")


def _numeric(text: str, family: int, example: str) -> ServerAddress:
    try:
        address = ServerAddress.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    numeric = address.numeric()
    if numeric is None or ipaddress.ip_address(numeric.host).version != family:
        raise argparse.ArgumentTypeError(f"{text!r} is not an IPv{family} address such as {example}")
    return address


if __name__ == "__main__":
    sys.exit(main())
