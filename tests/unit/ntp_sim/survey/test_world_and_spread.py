"""One world's figures, and many worlds in a few lines."""

from __future__ import annotations

import pytest

from ntp_sim.scenario import scenario_from
from ntp_sim.survey import WorldFigures, describe, draw_world, measure_world, run_world, spreads

QUIET: dict[str, object] = {
    "scenario": {"duration": 12_000, "settle": 6000},
    "clock": {"offset": 0.02, "frequency": 1e-5, "wander": 1e-9},
    "server": [{"there": {"base": 0.001, "queue": {"kind": "exponential", "mean": 1e-4}}}],
}


def figures(seed: int, **changes: object) -> WorldFigures:
    values: dict[str, object] = {
        "seed": seed, "reference_s": 1e-5, "rms_s": 1e-5, "rms": 1.0, "late": 3.0, "early": 4.0, "start_s": 0.1,
        "coverage": 1.0, "probable_coverage": 0.999, "packets": 100, "steps": 1,
    }  # fmt: skip
    return WorldFigures(**values | changes)  # type: ignore[arg-type]  # as they stand above


def test_the_client_is_held_against_the_reference() -> None:
    found = measure_world(scenario_from(QUIET, "quiet"), 1)
    assert 0.2 < found.rms < 2.0
    assert found.rms_s == pytest.approx(found.rms * found.reference_s, rel=0.3)
    assert found.rms <= found.late < 6.0
    assert found.coverage == 1.0
    assert found.steps == 1
    assert found.start_s >= 0.01
    assert (found.event, found.peak_s, found.recovered_s) == ("", None, None)


def test_an_event_is_judged_by_its_peak_and_by_the_time_that_it_takes() -> None:
    document = QUIET | {"event": [{"at": 6000, "kind": "clock-step", "by": 0.05}]}
    found = measure_world(scenario_from(document, "disturbed"), 1)
    assert found.event == "ClockStep"
    assert found.peak_s == pytest.approx(0.05, rel=0.01)
    assert found.recovered_s is not None
    assert 0 < found.recovered_s < 1500
    assert found.late < 6.0, "it ends before the event"


def test_the_same_seed_gives_the_same_figures() -> None:
    assert run_world(22) == run_world(22)


def test_spreads_name_the_worst_worlds() -> None:
    worlds = [figures(seed, rms=float(seed), probable_coverage=1.0 - seed / 1000.0) for seed in range(1, 11)]
    rms, late, _, probable, hard, packets = spreads(worlds)
    assert (rms.median, rms.p90, rms.worst) == (6.0, 9.0, 10.0)
    assert rms.worst_seeds == (10, 9, 8, 7, 6)
    assert late.median == late.worst == 3.0
    assert (probable.median, probable.worst) == (0.994, 0.99), "the less the worse"
    assert probable.worst_seeds[0] == 10
    assert (hard.worst, packets.worst) == (1.0, 100)


def test_never_is_the_worst() -> None:
    worlds = [figures(1, event="Outage", peak_s=1e-3, recovered_s=20), figures(2, event="Outage", peak_s=1e-4, recovered_s=None), figures(3)]
    *_, peak, recovered = spreads(worlds)
    assert (peak.worst, peak.worst_seeds) == (1e-3, (1, 2))
    assert (recovered.worst, recovered.worst_seeds) == (None, (2, 1))


def test_a_world_in_words() -> None:
    text = describe(figures(5, event="Outage", peak_s=1e-3, recovered_s=20), draw_world(5, has_event=True))
    lines = text.splitlines()
    assert lines[0].startswith("world 5: RMS 1.00, late 3.0, early 4.0 standard errors of 10.0 µs")
    assert lines[1].startswith("  clock: 372 µs ahead, +13.8 ppm")
    assert lines[2].startswith("  server 1: ")
    assert lines[-1].endswith("peak 1.00 ms, recovered after 20 s")
