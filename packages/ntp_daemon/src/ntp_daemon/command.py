"""What `ntp-daemon` does, option by option, and its exit status."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ntp_daemon.arguments import make_parser, overrides
from ntp_daemon.clocks import open_clock
from ntp_daemon.config.load import ConfigErrors, load_or_default
from ntp_daemon.config.model import Config
from ntp_daemon.config.override import override
from ntp_proto.errors import ClockError, ConfigError, NtpError, PrivilegeError
from ntp_proto.explain import sources_text
from ntp_proto.states import ClockMode
from ntp_udp import SocketError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ntp_daemon.privileges import Surrender

__all__ = ["run", "serve", "surrender_of"]

_log = logging.getLogger("ntp_daemon")

EXIT_FAILED = 1
EXIT_SOFTWARE = 70
EXIT_PERMISSION = 77
EXIT_CONFIGURATION = 78


def run(argv: list[str] | None = None) -> int:
    """Carry out the command; returns its exit status."""
    arguments = make_parser().parse_args(argv)
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
    except (NtpError, SocketError) as error:
        print(f"ntp-daemon: {error}", file=sys.stderr)  # noqa: T201
        return _status(error)
    except Exception:  # noqa: BLE001 — the last resort: a bug has an exit status of its own
        import traceback  # noqa: PLC0415

        traceback.print_exc()
        print("ntp-daemon: internal error; please report the lines above", file=sys.stderr)  # noqa: T201
        return EXIT_SOFTWARE


def _status(error: NtpError | SocketError) -> int:
    match error:
        case ConfigError():
            return EXIT_CONFIGURATION
        case ClockError() | PrivilegeError():
            return EXIT_PERMISSION
        case _:
            return EXIT_FAILED


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
        return override(again.config, instead)

    instead = overrides(arguments, os.environ)
    loaded = load_or_default(arguments.config, os.environ)
    config = override(loaded.config, instead)
    for warning in loaded.warnings:
        print(f"ntp-daemon: warning: {warning}", file=sys.stderr)  # noqa: T201
    if arguments.server and loaded.config.servers:
        print("ntp-daemon: warning: with -s the [[server]] tables of the file do not count, their lists and limits included", file=sys.stderr)  # noqa: T201
    where = loaded.path or "/etc/ntpd-py/ntp.toml"
    if arguments.check_config:
        if not config.sources and config.clock.mode is not ClockMode.LOCAL:
            print(f"ntp-daemon: warning: no time sources: the daemon will need -p HOST, or a [[source]] in {where}", file=sys.stderr)  # noqa: T201
        print(f"{loaded.path or 'the built-in configuration'} is valid", file=sys.stderr)  # noqa: T201
        return 0
    if not config.sources and config.clock.mode is not ClockMode.LOCAL:
        alone = ", or --clock local to serve this machine's clock as it is" if config.servers else ""
        print(f"ntp-daemon: no time sources: give -p HOST (try -p pool.ntp.org), or a [[source]] in {where}{alone}", file=sys.stderr)  # noqa: T201
        return EXIT_CONFIGURATION
    surrender = surrender_of(arguments.user, arguments.root)
    log.set_up(config.observability.log_level, config.observability.log_format, os.environ)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the configuration has just been read
    asyncio.run(serve(config, read_again, str(loaded.path or "built in"), surrender))
    return 0


def surrender_of(user: str | None, root: Path | None) -> Surrender | None:
    """What `-u` and `-r` ask for; looked up now, so that a mistake is said before anything is touched.

    Raises:
        PrivilegeError: There is no such user, or no such directory.
    """
    if user is None and root is None:
        return None
    from ntp_daemon.privileges import Surrender, find_account  # noqa: PLC0415 — only who asks for it needs it

    if root is not None and not root.is_dir():
        raise PrivilegeError(f"there is no directory {str(root)!r} to become the root directory")
    return Surrender(None if user is None else find_account(user), root)


async def serve(config: Config, read_again: Callable[[], Config], origin: str, surrender: Surrender | None) -> None:
    """Be the daemon until a signal says that it is enough.

    Signals first: from the moment when the clock is ours, nothing may end the program without giving it back.

    Args:
        config: The configuration to begin with.
        read_again: Reads it again, for a reload.
        origin: Where it comes from, for the log.
        surrender: What is given up once everything is open.

    Raises:
        ClockError: The system clock cannot be read.
        SocketError: An address to serve on cannot be had.
        NtpError: Clients cannot be served for another reason, or what was to be given up is still there.
    """
    from ntp_daemon.daemon import Daemon  # noqa: PLC0415 — the options that end at once do not need it
    from ntp_daemon.notify import Notifier  # noqa: PLC0415

    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    clock = open_clock(config.clock.mode, config.clock.select)
    if clock.reason:
        _log.warning("%s; going on with a virtual clock: the system clock is not adjusted", clock.reason)
    if clock.mode in (ClockMode.MIRROR, ClockMode.LOCAL) and not config.servers:
        _log.warning("clock mode %s, but nobody is served: there is no [[server]] and no -s", clock.mode.value)
    _log.info("configuration: %s; %s, clock %s", origin, sources_text(len(config.sources)), clock.mode.value)
    daemon = Daemon(config, read_again, clock, Notifier(os.environ), surrender)
    loop.add_signal_handler(signal.SIGHUP, daemon.request_reload)
    await daemon.run(stop)
