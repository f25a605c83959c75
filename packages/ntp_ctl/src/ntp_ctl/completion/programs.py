"""The programs, and where each has its option parser.

They are found by name when a script is made, as entry points are, and not imported: this package may know neither the daemon nor the simulator.
"""

from __future__ import annotations

import argparse
import importlib

from ntp_ctl.completion.outline import Command, outline

__all__ = ["PROGRAMS", "load"]

PROGRAMS = {
    "ntp-daemon": "ntp_daemon.arguments:make_parser",
    "ntp-ctl": "ntp_ctl.arguments:make_parser",
    "ntp-query": "ntp_ctl.query.__main__:make_parser",
    "ntp-serve": "ntp_daemon.serve_command:make_parser",
    "ntp-mirror": "ntp_daemon.mirror_command:make_parser",
    "ntp-metrics-exporter": "ntp_metrics_exporter.__main__:make_parser",
    "ntp-dashboard": "ntp_dashboard.arguments:make_parser",
    "ntp-sim": "ntp_sim.__main__:make_parser",
    "demobilize-server": "test_servers.demobilize_server:make_parser",
    "rate-limit-server": "test_servers.rate_limit_server:make_parser",
}
"""Each names a module, and a function in it that makes the parser."""


def load(program: str) -> Command:
    """The outline of a program.

    Raises:
        KeyError: there is no such program.
        ImportError: what it needs is not installed.
    """
    module, _, maker = PROGRAMS[program].partition(":")
    parser: object = getattr(importlib.import_module(module), maker)()
    assert isinstance(parser, argparse.ArgumentParser), "that is what it makes"
    return outline(parser, program)
