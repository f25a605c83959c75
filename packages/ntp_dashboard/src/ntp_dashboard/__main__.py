"""`ntp-dashboard`: a running ntp-daemon as a live page and a JSON API."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Sequence

from ntp_ctl.listen import ListenError, address_text, open_listener
from ntp_ctl.notify import notify
from ntp_ctl.version import version
from ntp_dashboard.arguments import Arguments, make_parser
from ntp_dashboard.settings import Settings, load
from ntp_proto.errors import ConfigError

__all__ = ["main"]

_DONE = 0
_FAILED = 1
_WRONG_CONFIGURATION = 78  # EX_CONFIG of sysexits.h


def _say(text: str) -> None:
    sys.stderr.write(f"ntp-dashboard: {text}\n")
    sys.stderr.flush()


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until a signal comes.

    Returns:
        The exit status; wrong usage ends in `SystemExit` with 2, as argparse has it.
    """
    arguments = make_parser().parse_args(argv, namespace=Arguments())
    if arguments.version:
        sys.stdout.write(f"ntp-dashboard {version()}\n")
        return _DONE
    try:
        settings = load(arguments, os.environ)
    except ConfigError as error:
        _say(str(error))
        return _WRONG_CONFIGURATION
    return _run(settings)


def _run(settings: Settings) -> int:
    try:
        from ntp_dashboard.server import BACKLOG, serve  # noqa: PLC0415 -- what was wrong before needs none of it
    except ModuleNotFoundError as error:
        _say(f"{error.name} is missing; install it with: pip install 'ntpd-py[dashboard]'")
        return _FAILED
    logging.basicConfig(level=logging.INFO, format="ntp-dashboard: %(message)s", stream=sys.stderr)
    for warning in settings.warnings:
        _say(f"warning: {warning}")
    try:
        listener = open_listener(settings.listen, backlog=BACKLOG)
    except ListenError as error:
        _say(str(error))
        return _FAILED

    def announce() -> None:
        _say(f"serving http://{address_text(listener)}/ from {settings.observation_socket}")
        notify("READY=1", os.environ)

    asyncio.run(serve(listener, settings, announce))
    notify("STOPPING=1", os.environ)
    return _DONE


if __name__ == "__main__":
    sys.exit(main())
