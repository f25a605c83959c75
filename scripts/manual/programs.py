"""The programs that have a manual page, and where each keeps its option parser."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from importlib import import_module

__all__ = ["PROGRAMS", "Program"]


@dataclass(frozen=True, slots=True)
class Program:
    """A program with a page.

    Attributes:
        name: As it is called.
        section: Of the manual: 1 for everybody, 8 for whoever looks after the machine.
        module: Its function `make_parser` makes the parser.
    """

    name: str
    section: int
    module: str

    @property
    def page(self) -> str:
        """The name of its page, without the ending of the format."""
        return f"{self.name}.{self.section}"

    def parser(self) -> argparse.ArgumentParser:
        """Its option parser."""
        made: argparse.ArgumentParser = import_module(self.module).make_parser()
        return made


PROGRAMS = (
    Program("ntp-daemon", 8, "ntp_daemon.arguments"),
    Program("ntp-ctl", 8, "ntp_ctl.arguments"),
    Program("ntp-query", 1, "ntp_ctl.query.__main__"),
    Program("ntp-serve", 8, "ntp_daemon.serve_command"),
    Program("ntp-mirror", 8, "ntp_daemon.mirror_command"),
    Program("ntp-metrics-exporter", 8, "ntp_metrics_exporter.__main__"),
    Program("ntp-dashboard", 8, "ntp_dashboard.arguments"),
    Program("ntp-sim", 1, "ntp_sim.__main__"),
    Program("demobilize-server", 8, "test_servers.demobilize_server"),
    Program("rate-limit-server", 8, "test_servers.rate_limit_server"),
)
