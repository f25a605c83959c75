"""`ntp-metrics-exporter`: shows the state of a running ntp-daemon to Prometheus."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from ntp_ctl.client import DaemonError, fetch_observation
from ntp_ctl.listen import ListenError, address_text, open_listener
from ntp_ctl.notify import notify
from ntp_ctl.settings import Settings, load_settings
from ntp_ctl.version import version
from ntp_metrics_exporter.http_message import Request, Response
from ntp_metrics_exporter.pages import respond
from ntp_metrics_exporter.server import HttpServer
from ntp_proto.errors import ConfigError
from ntp_proto.observation import Observation

__all__ = ["main", "make_parser"]

_DONE = 0
_FAILED = 1
_WRONG_CONFIGURATION = 78  # EX_CONFIG of sysexits.h
_FETCH_TIMEOUT_S = 4.0  # a scrape may take 10 s by Prometheus' default, less than our limits for arriving and leaving


class _Arguments(argparse.Namespace):
    config: Path | None = None
    observation_socket: Path | None = None
    listen: str | None = None
    version: bool = False


def make_parser() -> argparse.ArgumentParser:
    """The options of the program."""
    parser = argparse.ArgumentParser(
        prog="ntp-metrics-exporter",
        description="Show the state of a running ntp-daemon to Prometheus, at http://HOST:PORT/metrics.",
        epilog="exit status: 0 ended by a signal, 1 cannot listen, 2 wrong usage, 78 wrong configuration",
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument("-c", "--config", type=Path, metavar="FILE", help="configuration file of the daemon")
    parser.add_argument("-o", "--observation-socket", type=Path, metavar="PATH", help="where the daemon shows its state")
    parser.add_argument("-l", "--listen", metavar="HOST:PORT", help="where to listen; 127.0.0.1:9975 unless the configuration file has another")
    parser.add_argument("-V", "--version", action="store_true", help="show the version and exit")
    return parser


def _say(text: str) -> None:
    sys.stderr.write(f"ntp-metrics-exporter: {text}\n")
    sys.stderr.flush()


class _Daemon:
    """The daemon as seen from here. Says once when it goes away and once when it is back, not at every scrape."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._trouble = ""

    def fetch(self) -> Observation:
        """Its state; see `fetch_observation`."""
        try:
            observation = fetch_observation(self._path, timeout_s=_FETCH_TIMEOUT_S)
        except DaemonError as error:
            self._note(str(error))
            raise
        self._note("")
        return observation

    def _note(self, trouble: str) -> None:
        with self._lock:
            changed, self._trouble = trouble != self._trouble, trouble
        if changed:
            _say(trouble or "the daemon answers again")


def _settings(arguments: _Arguments) -> Settings:
    settings = load_settings(arguments.config, os.environ)
    if settings.note:
        _say(f"warning: the configuration is not used: {settings.note}")
    return settings


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until a signal comes.

    Returns:
        The exit status; wrong usage ends in `SystemExit` with 2, as argparse has it.
    """
    arguments = make_parser().parse_args(argv, namespace=_Arguments())
    if arguments.version:
        sys.stdout.write(f"ntp-metrics-exporter {version()}\n")
        return _DONE
    try:
        settings = _settings(arguments)
    except ConfigError as error:
        _say(str(error))
        return _WRONG_CONFIGURATION
    path = arguments.observation_socket or settings.observation_socket
    if path is None:
        _say("the configuration file switches the observation socket off, from which the metrics come; set observability.observation-path")
        return _WRONG_CONFIGURATION
    return _serve(arguments.listen or settings.metrics_listen, path)


def _serve(listen: str, path: Path) -> int:
    try:
        listener = open_listener(listen)
    except ListenError as error:
        _say(str(error))
        return _FAILED
    daemon = _Daemon(path)

    def answer(request: Request) -> Response:
        return respond(request, daemon.fetch)

    server = HttpServer(listener, answer)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: server.stop())
    _say(f"serving http://{address_text(listener)}/metrics from {path}")
    notify("READY=1", os.environ)
    server.serve()
    notify("STOPPING=1", os.environ)
    return _DONE


if __name__ == "__main__":
    sys.exit(main())
