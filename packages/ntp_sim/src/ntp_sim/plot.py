"""Pictures of runs, with matplotlib, which is an extra: `pip install 'ntpd-py[plot]'`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ntp_proto.allan import allan_deviation, octaves
from ntp_proto.errors import NtpError
from ntp_sim.scenario import Scenario
from ntp_sim.sim_clock import SimClock
from ntp_sim.simulation import Simulation
from ntp_sim.world import World

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["PlotError", "check_plot", "draw", "free_errors"]

_MOST_POINTS = 4000
_FORMATS = (".png", ".svg", ".pdf")


class PlotError(NtpError):
    """A plot cannot be drawn. The text says why and what to do."""


def check_plot(path: Path) -> None:
    """See that a plot can be drawn, before any time is spent on runs.

    Raises:
        PlotError: it cannot.
    """
    if path.suffix not in _FORMATS:
        raise PlotError(f"--plot {path}: the name must end in one of {', '.join(_FORMATS)}")
    if not path.absolute().parent.is_dir():
        raise PlotError(f"--plot {path}: there is no such directory")
    try:
        import matplotlib.figure  # noqa: F401, PLC0415 — an extra, and slow to load
    except ImportError as error:
        raise PlotError("--plot needs matplotlib: pip install 'ntpd-py[plot]'") from error


def draw(path: Path, scenarios: Sequence[Scenario], seed: int) -> None:
    """Run each scenario with one seed; draw its error with the published bounds, and the Allan deviation, one row for each.

    Raises:
        PlotError: the file cannot be written.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 — an extra, and slow to load

    figure = Figure(figsize=(14.0, 4.0 * len(scenarios)), layout="constrained")
    rows = figure.subplots(len(scenarios), 2, squeeze=False)
    for scenario, (left, right) in zip(scenarios, rows, strict=True):
        simulation = Simulation(scenario, seed)
        simulation.run()
        _draw_error(left, simulation, f"{scenario.name}, seed {seed}")
        _draw_deviation(right, simulation, seed)
    try:
        figure.savefig(path, dpi=100)
    except OSError as error:
        raise PlotError(f"--plot {path}: cannot be written: {(error.strerror or str(error)).lower()}") from error


def _draw_error(axes: Axes, simulation: Simulation, title: str) -> None:
    errors_s, bounds = simulation.log.errors_s, simulation.bounds.bounds
    thinned = range(0, len(errors_s), max(1, len(errors_s) // _MOST_POINTS))
    settled = simulation.log.largest_s(int(simulation.scenario.settle_s))
    times = [bound.at for bound in bounds]
    probable = [1e6 * bound.probable_s for bound in bounds]
    hard = [1e6 * bound.maximum_s for bound in bounds]
    axes.fill_between(times, [-value for value in probable], probable, color="tab:blue", alpha=0.2, label="99.9 % bound")
    axes.plot(times, hard, color="tab:gray", linewidth=0.8, label="hard bound")
    axes.plot(times, [-value for value in hard], color="tab:gray", linewidth=0.8)
    axes.plot(list(thinned), [1e6 * errors_s[second] for second in thinned], color="black", linewidth=0.8, label="error")
    axes.set_ylim(-3e6 * settled, 3e6 * settled)  # the start and a wide hard bound are cut off, so that the rest can be seen
    axes.set_xlabel("true time, s")
    axes.set_ylabel("clock error, µs")
    axes.set_title(title)
    axes.legend(loc="upper right")


def _draw_deviation(axes: Axes, simulation: Simulation, seed: int) -> None:
    settle = int(simulation.scenario.settle_s)
    for label, errors_s in (("disciplined", simulation.log.errors_s), ("free-running", free_errors(simulation.scenario, seed))):
        part = errors_s[settle:]
        spacings = octaves(len(part))
        deviations = [allan_deviation(part, spacing) for spacing in spacings]
        if any(deviations):  # a perfect clock has none
            axes.loglog(spacings, deviations, marker=".", label=label)
    axes.set_xlabel("averaging time, s")
    axes.set_ylabel("Allan deviation")
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend()


def free_errors(scenario: Scenario, seed: int) -> list[float]:
    """The error that a clock with the client's oscillator has, each second, s, when nobody corrects it. Its noise is not the client's own."""
    world = World(seed)
    clock = SimClock(world, "free", scenario.clock.oscillator)
    errors_s = []
    for second in range(int(scenario.duration_s) + 1):
        world.run(float(second))
        errors_s.append(clock.ahead_s)
    return errors_s
