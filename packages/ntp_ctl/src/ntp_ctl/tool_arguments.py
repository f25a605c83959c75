"""The command line of the tools around the daemon: watch, plot, doctor, migrate and completion."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from ntp_ctl import argument_types

__all__ = ["PLOTS", "SHELLS", "Adder", "add_tools"]

Adder = Callable[[str, str], argparse.ArgumentParser]
"""Adds a command: its name, and what it does."""

PLOTS = ("offset", "frequency", "delay", "allan")
SHELLS = ("bash", "zsh", "fish")


def add_tools(command: Adder, apart: Adder) -> None:
    """Add the commands.

    Args:
        command: Adds a command with the options that all those share that speak to the daemon.
        apart: Adds one that does not speak to it.
    """
    watch = command("watch", "the status, live")
    watch.add_argument(
        "-i", "--interval", type=argument_types.positive_duration, metavar="TIME", help="between two looks, such as 500ms (default: 2s)"
    )
    watch.add_argument("-n", "--screens", type=argument_types.count, metavar="N", help="end after so many looks (default: go on until q is pressed)")
    watch.add_argument("--plain", action="store_true", help="one status after the other, as when the output is not a terminal")
    doctor = command("doctor", "look for what is in the way of the right time, and say what to do about it")
    doctor.add_argument("--json", action="store_true", help="the findings as a JSON list")
    doctor.add_argument("--no-network", dest="network", action="store_false", help="resolve no names and ask no servers")
    _add_plot(apart)
    migrate = apart("migrate", "make a configuration of a chrony.conf or an ntp.conf, and name what has no equivalent")
    migrate.add_argument("file", type=Path, metavar="FILE", help="the chrony.conf or ntp.conf; - is the standard input")
    migrate.add_argument("-o", "--output", type=Path, metavar="FILE", help="a new file to write (default: the standard output)")
    migrate.add_argument("--format", choices=("chrony", "ntp"), help="what FILE is (default: as its name and its words say)")
    completion = apart("completion", "a script that lets a shell complete the options of these programs")
    completion.add_argument("shell", choices=SHELLS, help="whose language it is in")
    completion.add_argument("--program", action="append", metavar="NAME", help="for this program; repeatable (default: for all of them)")


def _add_plot(apart: Adder) -> None:
    plot = apart("plot", "draw offset, frequency, delay and Allan deviation from a measurement log")
    plot.add_argument("file", type=Path, nargs="?", default=None, metavar="LOG", help="the log (default: measurement-log of the configuration file)")
    plot.add_argument("-c", "--config", type=Path, metavar="FILE", help="configuration file of the daemon")
    plot.add_argument("-o", "--output", type=Path, metavar="FILE", required=True, help="a picture to write: .png, .svg or .pdf")
    plot.add_argument("--only", action="append", choices=PLOTS, help="draw only this; repeatable (default: all four)")
    plot.add_argument("--source", action="append", metavar="NAME", help="only sources whose name or address contains this; repeatable")
    plot.add_argument("--run", type=int, metavar="N", help="which run of the daemon in the log: 1 is the first, -1 the last (default)")
