"""`ntp-serve`: tells this computer's time to whoever asks, and says so line by line. Arguments in, an `NtpServer` and what it prints out.

It disciplines no clock and has no sources; `ntp-daemon` does that. Of all programs here it is the one that runs on other systems than Linux too: what
`NtpServer` needs is imported only where it is there, and `portable_serve` takes its place elsewhere.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ntp_daemon.serve_text import lines_of, summary_line
from ntp_daemon.serving.listen_address import listen_address
from ntp_daemon.version import version
from ntp_proto.errors import ConfigError, NtpError
from ntp_proto.server import ClientLimits, Rate, RefusalAction, ServerPolicy

if TYPE_CHECKING:
    from ntp_daemon.serving.event_hub import Subscription
    from ntp_daemon.serving.ntp_server import NtpServer, NtpServerConfig

__all__ = ["config_of", "main", "make_parser"]

_DONE = 0
_FAILED = 1
_BROKEN_PIPE = 141  # 128 + SIGPIPE, as shells have it

_DEFAULT_PORT = 1123
_DEFAULT_RATE = 100.0
_DEFAULT_BURST = 5
_SUMMARY_S = 10.0
_BUFFER = 1024
_EPILOG = """\
exit status: 0 stopped by Ctrl-C or SIGTERM, 1 cannot listen, 2 wrong usage

examples:
  ntp-serve                               on port 1123, which needs no privilege
  sudo ntp-serve 123 --quiet              on NTP's own port, with a line each 10 s
  ntp-query --text localhost 1123         ask it
"""


class Arguments(argparse.Namespace):
    """What the command line says."""

    port: int | None
    listen: str | None
    stratum: int
    rate: float
    burst: int
    workers: int
    quiet: bool
    version: bool


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        The exit status; wrong usage ends in `SystemExit` with 2, as argparse has it.
    """
    parser = make_parser()
    arguments = parser.parse_args(argv, namespace=Arguments())
    if arguments.version:
        sys.stdout.write(f"ntp-serve {version()}\n")
        return _DONE
    try:
        serve = _on_linux(arguments) if sys.platform == "linux" else _elsewhere(arguments)
    except (ConfigError, ValueError) as error:
        parser.error(str(error))
    try:
        serve()
    except BrokenPipeError:
        # The reader (head, less) has seen enough. Python would complain again when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except (NtpError, OSError) as error:
        sys.stderr.write(_failure(error, arguments))
        return _FAILED
    return _DONE


def make_parser() -> argparse.ArgumentParser:
    """The options; their result is to be stored in `Arguments`."""
    parser = argparse.ArgumentParser(
        prog="ntp-serve",
        description="Tell this computer's time to NTP clients. The clock is served as it is, and not set.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("port", nargs="?", type=_whole(0, 65535), metavar="PORT", help=f"UDP port, on all IPv4 addresses (default: {_DEFAULT_PORT})")
    parser.add_argument("-listen", "--listen", metavar="ADDRESS:PORT", help="listen here instead: a numeric address, IPv6 in brackets")
    parser.add_argument("-stratum", "--stratum", type=_whole(1, 15), default=2, metavar="1-15", help="the stratum to claim (default: 2)")
    rate = f"requests per second that one client may send in the long run, 0: any number (default: {_DEFAULT_RATE:g})"
    parser.add_argument("-rate", "--rate", type=_rate, default=_DEFAULT_RATE, metavar="NUMBER", help=rate)
    burst = f"how many of them at once after a pause (default: {_DEFAULT_BURST})"
    parser.add_argument("-burst", "--burst", type=_whole(1, 1_000_000), default=_DEFAULT_BURST, metavar="NUMBER", help=burst)
    parser.add_argument("--workers", type=_whole(0, 256), default=0, metavar="NUMBER", help="processes that answer; 0: this one does (default)")
    parser.add_argument("-quiet", "--quiet", action="store_true", help=f"no line for each request, but a summary every {_SUMMARY_S:g} s")
    parser.add_argument("-V", "--version", action="store_true", help="show the version and exit")
    return parser


def config_of(arguments: Arguments) -> NtpServerConfig:
    """The server that the arguments ask for.

    Raises:
        ConfigError: The address is no numeric address.
        ValueError: The port is given twice.
    """
    from ntp_daemon.serving.ntp_server import NtpServerConfig  # noqa: PLC0415 -- needs Linux

    return NtpServerConfig(
        listen=_listen(arguments),
        stratum=arguments.stratum,
        policy=_policy(arguments),
        workers=arguments.workers,
        history=1,  # for the last client of the summary
        event_buffer=_BUFFER,
    )


def _on_linux(arguments: Arguments) -> Callable[[], None]:
    from ntp_daemon.serving.ntp_server import NtpServer  # noqa: PLC0415 -- needs Linux

    server = NtpServer(config_of(arguments))
    return lambda: asyncio.run(_serve(server, quiet=arguments.quiet))


def _elsewhere(arguments: Arguments) -> Callable[[], None]:
    from ntp_daemon.portable_serve import PortableServer, run  # noqa: PLC0415 -- not needed on Linux

    if arguments.workers:
        raise ValueError("--workers needs Linux")
    listen = listen_address(_listen(arguments))

    def write(lines: Sequence[str]) -> None:
        _write("\n".join(lines) + "\n")

    return lambda: run(PortableServer(listen, arguments.stratum, _policy(arguments)), write, quiet=arguments.quiet)


def _listen(arguments: Arguments) -> str:
    if arguments.listen is not None and arguments.port is not None:
        raise ValueError("the port is given twice: PORT and -listen")
    return arguments.listen or f"0.0.0.0:{_DEFAULT_PORT if arguments.port is None else arguments.port}"


def _policy(arguments: Arguments) -> ServerPolicy:
    limits = ClientLimits(rate=Rate(arguments.rate, arguments.burst) if arguments.rate else None)
    return ServerPolicy(clients=limits, limit_action=RefusalAction.DENY)


def _whole(least: int, most: int) -> Callable[[str], int]:
    """Reads a whole number, for argparse."""

    def read(text: str) -> int:
        if text.isascii() and text.isdecimal() and least <= int(text) <= most:
            return int(text)
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")

    return read


def _rate(text: str) -> float:
    try:
        value = float(text)
        return Rate(value, 1).per_s if value else 0.0
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not 0, or a number above 0 and up to 1e9") from None


async def _serve(server: NtpServer, *, quiet: bool) -> None:
    """Until a signal says that it is enough."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with server:
        # Begun before anybody is told where to ask, so that the first request is shown too.
        reporting = loop.create_task(_summarise(server) if quiet else _report(server.subscribe()))
        await _say([f"NTP Server started on {server.address}", "Waiting for NTP requests... (Press Ctrl+C to stop)"])
        stopping = loop.create_task(stop.wait())
        await asyncio.wait((reporting, stopping), return_when=asyncio.FIRST_COMPLETED)
        for task in (reporting, stopping):
            task.cancel()
        (failure, _) = await asyncio.gather(reporting, stopping, return_exceptions=True)
        if isinstance(failure, Exception):
            raise failure
        await _say(["", "Shutting down NTP server..."])
    await _say(["NTP Server stopped"])


async def _report(events: Subscription) -> None:
    """Two lines for each request, as long as they are read as fast as they come."""
    lost = 0
    async for event in events:
        lines = lines_of(event)
        if events.lost != lost:
            lines.append(f"{events.lost - lost} more requests were not shown")
            lost = events.lost
        await _say(lines)


async def _summarise(server: NtpServer) -> None:
    while True:
        await asyncio.sleep(_SUMMARY_S)
        await _say([summary_line(await server.metrics())])


async def _say(lines: list[str]) -> None:
    """Write whole lines, in a thread: whoever reads them slowly must not hold up the answers."""
    await asyncio.to_thread(_write, "\n".join(lines) + "\n")


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _failure(error: Exception, arguments: Arguments) -> str:
    if isinstance(error, OSError) and error.errno == errno.EACCES:
        port = listen_address(_listen(arguments)).port
        return (
            f"Error: Permission denied. Port {port} requires root/administrator privileges.\n"
            f"Run it as root: sudo ntp-serve {port}\n"
            f"Or use a port above 1023: ntp-serve {_DEFAULT_PORT}\n"
        )
    return f"Error starting server: {error}\n"


if __name__ == "__main__":
    sys.exit(main())
