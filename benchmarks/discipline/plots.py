"""Pictures of clknetsim runs, of this tree's daemon and of chrony: `python plots.py FOLDER [--seed N]` writes the files that docs/accuracy.md shows.

error.png      the error of the clock over time in three scenarios
deviation.png  the Allan deviation of the steered clocks, and of the same oscillator when nobody steers it

Needs what run.py needs, and matplotlib (`pip install 'ntpd-py[plot]'`); exit status 3 where something is missing.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from clknetsim import RunError, Simulator, build_shim, give_up_the_clock
from daemons import OURS, Daemon, MissingError, find_daemons, find_tools
from figures import column
from scenarios import SCENARIOS, Scenario

from ntp_proto.allan import allan_deviation, octaves

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ERRORS = ("inet1-p6", "congest-p6", "freqstep")
_DEVIATION = "inet4-p6"
_CHRONY, _FREE = "chrony", "free-running"
_STYLES = {OURS: ("ntpd-py", "tab:blue", 2), _CHRONY: ("chrony", "tab:orange", 1), _FREE: ("free-running oscillator", "tab:gray", 0)}
_POINTS = 1000
_TITLE_COLUMNS = 105
_FAILED, _MISSING = 1, 3

Errors = dict[tuple[str, str], list[float]]
"""The error each second, s, by scenario and daemon."""


def _simulate(simulator: Simulator, daemons: Sequence[Daemon], seed: int) -> Errors:
    found: Errors = {}
    names = {daemon.name: daemon for daemon in daemons}
    steered = itertools.product(dict.fromkeys((*_ERRORS, _DEVIATION)), (_CHRONY, OURS))
    for name, daemon in (*steered, (_DEVIATION, _FREE)):
        print(f"{name}, {daemon}", file=sys.stderr, flush=True)
        found[name, daemon] = _errors(simulator, names[daemon], SCENARIOS[name], seed)
    return found


def _errors(simulator: Simulator, daemon: Daemon, scenario: Scenario, seed: int) -> list[float]:
    with tempfile.TemporaryDirectory(prefix="discipline.") as folder:
        simulator.simulate(daemon, scenario, seed, Path(folder))
        return column(Path(folder) / "offset", len(scenario.servers))


def _idle(chrony: Daemon) -> Daemon:
    """A chronyd without sources: it leaves the clock alone. Were it no server either, it would end at once."""
    return Daemon(_FREE, chrony.program, chrony.options, f"{chrony.template}allow\n", "", needs_shim=False)


def _draw_errors(figure: Figure, found: Errors, seed: int) -> None:
    rows: Iterable[Axes] = figure.subplots(len(_ERRORS), 1, squeeze=False)[:, 0]
    for name, axes in zip(_ERRORS, rows, strict=True):
        scenario, settled = SCENARIOS[name], [0.0]
        for daemon in (_CHRONY, OURS):
            errors = found[name, daemon]
            label, color, order = _STYLES[daemon]
            times, low, high = _envelope(errors)
            axes.fill_between(times, low, high, color=color, linewidth=0.6, label=label, zorder=order)
            settled += errors[scenario.settle_s :]
        axes.set_ylim(1.1e6 * min(settled), 1.1e6 * max(settled))  # the start is cut off, so that the rest can be seen
        axes.set_title(textwrap.fill(f"{name}: {scenario.summary}", _TITLE_COLUMNS), fontsize="medium")
        axes.set_ylabel("clock error, µs")
        axes.grid(visible=True, alpha=0.3)
        axes.legend(loc="upper right")
    axes.set_xlabel(f"true time, hours (seed {seed})")


def _envelope(errors: Sequence[float]) -> tuple[list[float], list[float], list[float]]:
    """Hours, and the least and the largest error in each of equal parts of the time, µs: nothing between two points is lost."""
    size = max(1, len(errors) // _POINTS)
    parts = [errors[start : start + size + 1] for start in range(0, len(errors), size)]  # each shares a point with the next
    return [number * size / 3600.0 for number in range(len(parts))], [1e6 * min(part) for part in parts], [1e6 * max(part) for part in parts]


def _draw_deviation(figure: Figure, found: Errors, seed: int) -> None:
    axes, settle = figure.subplots(), SCENARIOS[_DEVIATION].settle_s
    for daemon, (label, color, order) in _STYLES.items():
        errors = found[_DEVIATION, daemon][settle:]
        spacings = octaves(len(errors))
        axes.loglog(spacings, [allan_deviation(errors, spacing) for spacing in spacings], color=color, marker=".", label=label, zorder=order)
    axes.set_title(f"{_DEVIATION}: {SCENARIOS[_DEVIATION].summary} (seed {seed})", fontsize="medium")
    axes.set_xlabel("averaging time, s")
    axes.set_ylabel("Allan deviation")
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where the pictures are written")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the oscillator and the delays (default 1)")
    parser.add_argument("--patience", type=float, default=600.0, metavar="S", help="give up a run after so many real seconds (default 600)")
    return parser.parse_args()


def main() -> int:
    arguments = _arguments()
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 — an extra
    except ImportError:
        print("matplotlib is missing: pip install 'ntpd-py[plot]'.", file=sys.stderr)
        return _MISSING
    try:
        tools = find_tools()
        daemons, _ = find_daemons(tools.chronyd)
    except MissingError as error:
        print(*error.args, sep="\n", file=sys.stderr)
        return _MISSING
    try:
        give_up_the_clock()
        with tempfile.TemporaryDirectory(prefix="discipline.") as folder:
            simulator = Simulator(tools, build_shim(Path(folder)), arguments.patience)
            idle = _idle(next(daemon for daemon in daemons if daemon.name == _CHRONY))
            found = _simulate(simulator, [*daemons, idle], arguments.seed)
    except RunError as error:
        print(error, file=sys.stderr)
        return _FAILED
    for name, size, draw in (("error", (9.0, 8.5), _draw_errors), ("deviation", (7.0, 4.5), _draw_deviation)):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure, found, arguments.seed)
        figure.savefig(arguments.folder / f"{name}.png", dpi=90)
    return 0


if __name__ == "__main__":
    sys.exit(main())
