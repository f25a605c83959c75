"""`ntp-ctl plot`: from a file to a picture."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ntp_ctl.arguments import Arguments
from ntp_ctl.exit_status import DONE, FAILED
from ntp_ctl.output import say
from ntp_ctl.plot.draw import PlotError, check_plot, draw
from ntp_ctl.settings import load_settings
from ntp_ctl.tool_arguments import PLOTS
from ntp_proto.measurement_runs import Run, SourceSeries, read_run, split_runs

__all__ = ["plot"]


def plot(arguments: Arguments) -> int:
    """Draw what the command line asks for.

    Returns:
        The exit status.

    Raises:
        ConfigError: the configuration file is needed and cannot be used.
    """
    assert arguments.output is not None, "the parser demands it"
    try:
        check_plot(arguments.output)
        log = _log_of(arguments)
        run = _run_of(log, arguments.run)
        draw(arguments.output, run, _wanted(run, arguments.source or [], log), arguments.only or PLOTS)
    except PlotError as error:
        say(str(error))
        return FAILED
    return DONE


def _log_of(arguments: Arguments) -> Path:
    if arguments.file is not None:
        return arguments.file
    settings = load_settings(arguments.config, os.environ)
    if settings.measurement_log is None:
        why = settings.note or "set measurement-log in [observability], restart the daemon, and let it measure for a while"
        raise PlotError(f"the configuration names no measurement log ({why}); or name the LOG")
    return settings.measurement_log


def _run_of(log: Path, number: int) -> Run:
    try:
        runs = split_runs(log.read_bytes(), str(log))
        if not 1 <= abs(number) <= len(runs):
            raise PlotError(f"{log}: there is no run {number}: the log has {len(runs)}; 1 is the first, -1 the last")
        return read_run(runs[number - 1 if number > 0 else number])
    except OSError as error:
        raise PlotError(f"{log}: cannot be read: {(error.strerror or str(error)).lower()}") from error
    except ValueError as error:
        raise PlotError(str(error)) from error


def _wanted(run: Run, parts: Sequence[str], log: Path) -> list[SourceSeries]:
    if not run.sources:
        raise PlotError(f"{log}: nothing was measured in this run")
    wanted = [series for series in run.sources if not parts or any(part in series.name or part in series.address for part in parts)]
    if not wanted:
        raise PlotError(f"{log}: no source is called like that; there are {', '.join(series.name for series in run.sources)}")
    return wanted
