"""What a measurement costs the discipline: the processor's time of each `Discipline.measure` in simulated runs.

    ./dev python benchmarks/daemon/measurement.py [--seeds 5]

The runs are of two hours of virtual time, with 1 to 8 servers on the Internet and the daemon's default poll intervals. A source that has 4, 8 or
16 samples looks back at all of them, and what all sources say is put together anew: these measurements are counted by themselves.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(path) for path in sorted(ROOT.glob("packages/*/src"))]

from ntp_proto.algorithm.discipline import Discipline, DisciplineUpdate  # noqa: E402 — the path has to be set first
from ntp_proto.association.measurement import Measurement  # noqa: E402 — the path has to be set first
from ntp_sim.scenario import read_scenario  # noqa: E402 — the path has to be set first
from ntp_sim.simulation import run  # noqa: E402 — the path has to be set first

SCENARIO = """\
[scenario]
duration = "2h"
[clock]
offset = "10ms"
frequency = "10ppm"
wander = 1e-9
[[server]]
count = {count}
there = {{ base = "10ms", queue = {{ kind = "exponential", mean = "1ms" }} }}
"""


@dataclass
class Times:
    """Of the measurements of some runs, s of the processor."""

    plain_s: list[float] = field(default_factory=list)
    looks_s: list[float] = field(default_factory=list)


@contextlib.contextmanager
def stopwatch() -> Iterator[Times]:
    """Take the times of all measurements in the block."""
    times = Times()
    original = Discipline.measure

    def measure(discipline: Discipline, source: int, measurement: Measurement, now: float) -> DisciplineUpdate:
        began = time.process_time()
        update = original(discipline, source, measurement, now)
        taken_s = time.process_time() - began
        estimator = discipline._sources[source].estimator  # noqa: SLF001 -- nothing else says that a source has looked back
        (times.looks_s if estimator is not None and estimator.has_looked_back else times.plain_s).append(taken_s)
        return update

    Discipline.measure = measure  # type: ignore[method-assign]  # for the block
    try:
        yield times
    finally:
        Discipline.measure = original  # type: ignore[method-assign]  # as it was


def take_times(count: int, seeds: int) -> Times:
    """Of so many runs with so many servers."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scenario.toml"
        path.write_text(SCENARIO.format(count=count), encoding="utf-8")
        scenario = read_scenario(path)
    with stopwatch() as times:
        for seed in range(1, seeds + 1):
            run(scenario, seed)
    return times


def row(count: int, times: Times) -> str:
    """Milliseconds."""
    plain = sorted(1e3 * taken for taken in times.plain_s)
    looks = sorted(1e3 * taken for taken in times.looks_s)
    most = plain[int(0.99 * (len(plain) - 1))]
    return (
        f"| {count} | {len(plain)} | {statistics.median(plain):.2f} | {most:.2f} | {len(looks)} | {statistics.median(looks):.0f} | {looks[-1]:.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="runs with each number of servers (default %(default)s)")
    seeds = parser.parse_args().seeds
    sys.stdout.write("| servers | measurements | CPU ms: median | 99 % | looks back | median | longest |\n|--:|--:|--:|--:|--:|--:|--:|\n")
    for count in (1, 2, 4, 8):
        sys.stdout.write(row(count, take_times(count, seeds)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
