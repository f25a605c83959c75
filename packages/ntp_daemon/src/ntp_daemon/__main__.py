"""The command `ntp-daemon`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ntp_daemon.clocks import MachineClock, open_clock
from ntp_daemon.config.load import ConfigErrors, load_or_default
from ntp_daemon.config.model import Config, LogFormat, LogLevel
from ntp_daemon.config.override import Overrides, override
from ntp_proto.errors import ClockError
from ntp_proto.observation import ClockMode

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["main"]

_log = logging.getLogger("ntp_daemon")

EXIT_FAILED = 1
EXIT_SOFTWARE = 70
EXIT_PERMISSION = 77
EXIT_CONFIGURATION = 78

_EPILOG = """\
examples:
  ntp-daemon --demo                       see it work: no root, no network
  sudo ntp-daemon -p pool.ntp.org         keep this computer's clock right
  ntp-daemon -p 192.0.2.1 --clock virtual measure, but leave the system clock alone
  ntp-ctl status                          how right the clock is, and why

exit status: 0 stopped in order, 1 failed, 2 wrong usage, 70 internal error, 77 no permission, 78 wrong configuration
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ntp-daemon",
        description="Keeps this computer's clock right by NTP.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "-p",
        "--peer",
        metavar="HOST[:PORT]",
        action="append",
        default=[],
        help="follow this server; repeatable. A name with several addresses becomes a pool of up to 4. Replaces the sources of the file",
    )
    parser.add_argument("-c", "--config", metavar="FILE", type=Path, help="configuration (else $NTP_DAEMON_CONFIG, else /etc/ntpd-py/ntp.toml)")
    parser.add_argument("-l", "--log-level", type=LogLevel, metavar="LEVEL", help="trace, debug, info, warn or error (default: $NTP_LOG, or info)")
    parser.add_argument("--log-format", type=LogFormat, metavar="text|json", help="default: $NTP_LOG_FORMAT, or text")
    parser.add_argument("-d", "--debug", action="store_true", help="the same as -l debug")
    parser.add_argument("--clock", type=ClockMode, metavar="steer|virtual", help="adjust the system clock, or only a clock of the daemon's own")
    parser.add_argument("--observation-socket", metavar="PATH", help='where ntp-ctl finds the state ("" for nowhere)')
    parser.add_argument("--configuration-socket", metavar="PATH", help='where ntp-ctl gives commands ("" for nowhere)')
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check-config", action="store_true", help="check the configuration, say all that is wrong, and end")
    what.add_argument("--print-default-config", action="store_true", help="print a configuration with every key and its default, and end")
    what.add_argument("--write-default-config", metavar="FILE", type=Path, help="write that to a new file, and end")
    what.add_argument("--demo", action="store_true", help="a demonstration on this machine alone: no root, no network, the system clock untouched")
    what.add_argument("-V", "--version", action="store_true", help="print the version, and end")
    return parser


def main(argv: list[str] | None = None) -> int:  # noqa: PLR0911 — one return for each exit status
    """Run the command; returns its exit status."""
    arguments = _parser().parse_args(argv)
    if arguments.version:
        from ntp_daemon.version import version  # noqa: PLC0415 — not needed to keep time

        print(f"ntp-daemon {version()}")  # noqa: T201 — it was asked for
        return 0
    if arguments.print_default_config or arguments.write_default_config:
        return _default_config(arguments.write_default_config)
    try:
        return _demo() if arguments.demo else _run(arguments)
    except ConfigErrors as errors:
        for error in errors.errors:
            print(f"ntp-daemon: {error}", file=sys.stderr)  # noqa: T201 — the log is not set up without a configuration
        return EXIT_CONFIGURATION
    except ClockError as error:
        print(f"ntp-daemon: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_PERMISSION
    except KeyboardInterrupt:
        return 0
    except Exception:  # noqa: BLE001 — the last resort: a bug has an exit status of its own
        import traceback  # noqa: PLC0415

        traceback.print_exc()
        print("ntp-daemon: internal error; please report the lines above", file=sys.stderr)  # noqa: T201
        return EXIT_SOFTWARE


def _default_config(path: Path | None) -> int:
    from ntp_daemon.config.default_file import print_default  # noqa: PLC0415 — not needed to keep time

    if path is None:
        print(print_default(), end="")  # noqa: T201 — it was asked for
        return 0
    try:
        with path.open("x") as file:
            file.write(print_default())
    except OSError as error:
        print(f"ntp-daemon: cannot write {path}: {(error.strerror or str(error)).lower()}", file=sys.stderr)  # noqa: T201
        return EXIT_FAILED
    return 0


def _demo() -> int:
    from ntp_daemon.demo import run_demo  # noqa: PLC0415 — not needed to keep time

    return run_demo()


def _run(arguments: argparse.Namespace) -> int:
    from ntp_daemon import log  # noqa: PLC0415 — after the arguments are known to be good

    def read_again() -> Config:
        again = load_or_default(arguments.config, os.environ)
        for warning in again.warnings:
            _log.warning("%s", warning)
        return override(again.config, overrides)

    overrides = _overrides(arguments)
    loaded = load_or_default(arguments.config, os.environ)
    config = override(loaded.config, overrides)
    for warning in loaded.warnings:
        print(f"ntp-daemon: warning: {warning}", file=sys.stderr)  # noqa: T201
    if arguments.check_config:
        print(f"{loaded.path or 'the built-in configuration'} is valid", file=sys.stderr)  # noqa: T201
        return 0
    if not config.sources:
        where = loaded.path or "/etc/ntpd-py/ntp.toml"
        print(f"ntp-daemon: no time sources: give -p HOST (try -p pool.ntp.org), or a [[source]] in {where}", file=sys.stderr)  # noqa: T201
        return EXIT_CONFIGURATION
    log.set_up(config.observability.log_level, config.observability.log_format, os.environ)
    clock = open_clock(config.clock.mode)
    if clock.reason:
        _log.warning("%s; going on with a virtual clock: the system clock is not adjusted", clock.reason)
    _log.info("configuration: %s; %d sources, clock %s", loaded.path or "built in", len(config.sources), clock.mode.value)
    asyncio.run(_serve(config, read_again, clock))
    return 0


def _overrides(arguments: argparse.Namespace) -> Overrides:
    level, format_ = arguments.log_level, arguments.log_format
    environment = os.environ
    try:
        level = level or (LogLevel.DEBUG if arguments.debug else None) or (LogLevel(environment["NTP_LOG"]) if environment.get("NTP_LOG") else None)
        format_ = format_ or (LogFormat(environment["NTP_LOG_FORMAT"]) if environment.get("NTP_LOG_FORMAT") else None)
    except ValueError as error:
        _parser().error(f"environment: {error}")
    return Overrides(
        peers=tuple(arguments.peer),
        log_level=level,
        log_format=format_,
        clock=arguments.clock,
        observation_path=arguments.observation_socket,
        configuration_path=arguments.configuration_socket,
    )


async def _serve(config: Config, read_again: Callable[[], Config], clock: MachineClock) -> None:
    from ntp_daemon.daemon import Daemon  # noqa: PLC0415 — the options that end at once do not need it
    from ntp_daemon.notify import Notifier  # noqa: PLC0415

    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    daemon = Daemon(config, read_again, clock, Notifier(os.environ))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, daemon.request_reload)
    await daemon.run(stop)


if __name__ == "__main__":
    sys.exit(main())
