"""Pictures of a run, with matplotlib, which is an extra: `pip install 'ntpd-py[plot]'`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ntp_proto.allan import allan_deviation, octaves
from ntp_proto.errors import NtpError
from ntp_proto.measurement_runs import Run, SourceSeries, evenly
from ntp_proto.time_types import NtpTimestamp

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FORMATS", "PlotError", "check_plot", "draw"]

FORMATS = (".png", ".svg", ".pdf")
_WIDTH, _HEIGHT = 12.0, 3.6
_TIMES = ((2.0 * 86400.0, 86400.0, "days"), (2.0 * 3600.0, 3600.0, "hours"), (120.0, 60.0, "minutes"), (0.0, 1.0, "seconds"))
_LENGTHS = ((1.0, 1.0, "s"), (1e-3, 1e-3, "ms"), (1e-6, 1e-6, "µs"), (0.0, 1e-9, "ns"))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEAR_NS = 1_800_000_000 * 10**9  # in 2027: timestamps are read as those of the era around it
_OUTSIDE = 0.01
"""The part of the values at each end that may lie outside of the picture: the start would make everything else a line."""


class PlotError(NtpError):
    """A plot cannot be drawn. The text says why and what to do."""


def check_plot(path: Path) -> None:
    """See that a plot can be drawn, before any time is spent on it.

    Raises:
        PlotError: it cannot.
    """
    if path.suffix not in FORMATS:
        raise PlotError(f"{path}: the name must end in one of {', '.join(FORMATS)}")
    if not path.absolute().parent.is_dir():
        raise PlotError(f"{path}: there is no such directory")
    try:
        import matplotlib.figure  # noqa: F401, PLC0415 — an extra, and slow to load
    except ImportError as error:
        raise PlotError("plot needs matplotlib: pip install 'ntpd-py[plot]'") from error


def draw(path: Path, run: Run, sources: Sequence[SourceSeries], only: Sequence[str]) -> None:
    """Draw a run, one row for each kind of picture.

    Args:
        path: The picture; its ending says in which format.
        run: What to draw.
        sources: Those of its sources that are wanted.
        only: Which pictures, of "offset", "frequency", "delay" and "allan".

    Raises:
        PlotError: the file cannot be written.
    """
    import matplotlib as mpl  # noqa: PLC0415 — an extra, and slow to load
    from matplotlib.figure import Figure  # noqa: PLC0415

    kinds: dict[str, Callable[[Axes], None]] = {
        "offset": lambda axes: _draw_offset(axes, run, sources),
        "frequency": lambda axes: _draw_frequency(axes, run),
        "delay": lambda axes: _draw_delay(axes, run, sources),
        "allan": lambda axes: _draw_allan(axes, sources),
    }
    wanted = [kind for kind in kinds if kind in only]
    with mpl.rc_context({"svg.hashsalt": "ntpd-py", "font.size": 9.0}):
        figure = Figure(figsize=(_WIDTH, _HEIGHT * len(wanted)), layout="constrained")
        for kind, axes in zip(wanted, figure.subplots(len(wanted), 1, squeeze=False)[:, 0], strict=True):
            kinds[kind](axes)
        figure.suptitle(f"{run.software}, from {_start_text(run)}")
        try:
            figure.savefig(path, dpi=110, metadata=_metadata(path))
        except OSError as error:
            raise PlotError(f"{path}: cannot be written: {(error.strerror or str(error)).lower()}") from error


def _metadata(path: Path) -> dict[str, None]:
    """No date of the making: the same log makes the same file."""
    return {} if path.suffix == ".png" else {"Date" if path.suffix == ".svg" else "CreationDate": None}


def _start_text(run: Run) -> str:
    ns = NtpTimestamp(run.time).to_unix_ns(_NEAR_NS)
    return f"{_EPOCH + timedelta(microseconds=ns // 1000):%Y-%m-%d %H:%M:%S} UTC"


def _draw_offset(axes: Axes, run: Run, sources: Sequence[SourceSeries]) -> None:
    values = [sample.offset_s for series in sources for sample in series.samples]
    scale, unit = _length_unit(values)
    _draw_series(axes, run, sources, lambda series: [sample.offset_s / scale for sample in series.samples])
    axes.axhline(0.0, color="black", linewidth=0.6)
    _limit(axes, [(value / scale, 1.0) for value in values])
    axes.set_ylabel(f"offset, {unit}")
    axes.set_title("Measured offset of the clock; above zero: it was behind", loc="left")


def _draw_delay(axes: Axes, run: Run, sources: Sequence[SourceSeries]) -> None:
    values = [sample.delay_s for series in sources for sample in series.samples]
    scale, unit = _length_unit(values)
    _draw_series(axes, run, sources, lambda series: [sample.delay_s / scale for sample in series.samples])
    _limit(axes, [(value / scale, 1.0) for value in values])
    axes.set_ylabel(f"delay, {unit}")
    axes.set_title("Round trip", loc="left")


def _draw_series(axes: Axes, run: Run, sources: Sequence[SourceSeries], values: Callable[[SourceSeries], list[float]]) -> None:
    scale, unit = _time_unit(run)
    for series in sources:
        axes.plot([sample.at_s / scale for sample in series.samples], values(series), ".", markersize=3.0, label=_label(series))
    _mark_steps(axes, run)
    axes.set_xlabel(f"time since the start, {unit}")
    axes.legend(loc="upper right", fontsize="small")
    axes.grid(visible=True, alpha=0.3)


def _draw_frequency(axes: Axes, run: Run) -> None:
    scale, unit = _time_unit(run)
    times = [at / scale for at, _ in run.frequency] + [run.end_s / scale]
    ppm = [1e6 * frequency for _, frequency in run.frequency]
    axes.step(times, [*ppm, ppm[-1]], where="post", linewidth=1.0, color="tab:blue")
    _limit(axes, [(value, later - at) for value, at, later in zip(ppm, times, times[1:], strict=False)])
    _mark_steps(axes, run)
    axes.set_xlabel(f"time since the start, {unit}")
    axes.set_ylabel("frequency, ppm")
    axes.set_title("Frequency that the clock was run at, slews included; above zero: faster", loc="left")
    axes.grid(visible=True, alpha=0.3)


def _draw_allan(axes: Axes, sources: Sequence[SourceSeries]) -> None:
    for number, series in enumerate(sources):
        color = f"C{number % 10}"
        bare = _deviations([(sample.at_s, sample.phase_s) for sample in series.samples])
        steered = _deviations([(sample.at_s, sample.offset_s) for sample in series.samples])
        if bare:
            axes.loglog(*zip(*bare, strict=True), marker=".", color=color, label=f"{_label(series)}: uncorrected")
        if steered:
            axes.loglog(*zip(*steered, strict=True), marker=".", color=color, linestyle="--", label="as it was steered")
    axes.set_xlabel("averaging time, s")
    axes.set_ylabel("Allan deviation")
    axes.set_title("Allan deviation of the clock against each source, the noise of the path included", loc="left")
    axes.grid(visible=True, which="both", alpha=0.3)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize="small")
    else:
        axes.text(0.5, 0.5, "too few measurements", ha="center", va="center", transform=axes.transAxes)


def _deviations(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Averaging times, s, and deviations that are not zero."""
    interval_s, values = evenly(points)
    pairs = [(spacing * interval_s, allan_deviation(values, spacing, interval_s)) for spacing in octaves(len(values))]
    return [(time_s, deviation) for time_s, deviation in pairs if deviation > 0.0]


def _mark_steps(axes: Axes, run: Run) -> None:
    scale, _ = _time_unit(run)
    for number, (at, _) in enumerate(run.steps):
        axes.axvline(at / scale, color="tab:red", linestyle=":", linewidth=1.0, label="the clock was set" if number == 0 else None)


def _limit(axes: Axes, values: Sequence[tuple[float, float]]) -> None:
    """Show all values, each of which has a weight, but the few most extreme ones."""
    ordered = sorted(values)
    spare = _OUTSIDE * sum(weight for _, weight in ordered)
    low, high = _within(ordered, spare), _within(ordered[::-1], spare)
    margin = 0.08 * (high - low) or 0.08 * abs(high) or 1.0
    axes.set_ylim(low - margin, high + margin)


def _within(ordered: Sequence[tuple[float, float]], spare: float) -> float:
    """The first value after those that weigh `spare` together."""
    for value, weight in ordered:
        spare -= weight
        if spare < 0.0:
            return value
    return ordered[-1][0]


def _label(series: SourceSeries) -> str:
    return series.name if series.name == series.address else f"{series.name} ({series.address})"


def _time_unit(run: Run) -> tuple[float, str]:
    return next((scale, unit) for least_s, scale, unit in _TIMES if run.end_s >= least_s)


def _length_unit(values: Sequence[float]) -> tuple[float, str]:
    """The unit in which a typical value has one to three digits."""
    typical_s = sorted(abs(value) for value in values)[int(0.9 * len(values))]
    return next((scale, unit) for least_s, scale, unit in _LENGTHS if typical_s >= least_s)
