from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ntp_proto.algorithm import DisciplineConfig
from ntp_proto.association import AssociationConfig
from ntp_proto.measurement_log import ChangeLine, DisplacementLine, MeasurementLine, Recorder
from ntp_proto.time_types import PollInterval
from ntp_sim import Behaviour, Link, Machine, Oscillator, exponential
from ntp_sim.commands.replay import replay_log
from ntp_sim.replay import ReplayError, read_runs, replay
from ntp_sim.scenario import Scenario, ScenarioError
from ntp_sim.scenario.model import ClockPlan, ClockStep, EventPlan, Outage, ServerPlan
from ntp_sim.simulation import Simulation

FAST = AssociationConfig(poll_minimum=PollInterval(4), poll_maximum=PollInterval(6), poll_initial=PollInterval(4))


def link() -> Link:
    return Link(5e-3, exponential(5e-4))


def _ahead(now: float) -> float:
    return 0.3


def scenario(**changes: object) -> Scenario:
    server = ServerPlan(make_there=link, make_back=link, association=FAST)
    liar = ServerPlan(make_there=link, make_back=link, association=FAST, behaviour=Behaviour(ahead_s=_ahead))
    plain = Scenario(
        name="replayed",
        description="",
        duration_s=1000.0,
        settle_s=0.0,
        clock=ClockPlan(oscillator=Oscillator(20e-6, wander=1e-8), offset_s=-0.2),
        make_machine=Machine,
        servers=(server, server, server, liar),
        events=(EventPlan(at_s=150.0, servers=(0,), happening=Outage(500.0)), EventPlan(at_s=800.0, happening=ClockStep(0.7))),
    )
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]  # names and values are those of the tests below


def record(path: Path, scenes: list[Scenario]) -> list[Simulation]:
    simulations = []
    with path.open("wb") as file:
        for seed, scene in enumerate(scenes, start=1):
            simulations.append(Simulation(scene, seed, Recorder(file.write)))
            simulations[-1].run()
    return simulations


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("replay") / "measurements.log"
    record(path, [scenario()])
    return path


def test_the_same_settings_steer_the_clock_in_the_same_way(log: Path) -> None:
    """Through a step at the start, slews, an unreachable source, a liar, and another hand on the clock."""
    (run,) = read_runs(log)
    changes = [line for line in run if isinstance(line, ChangeLine)]
    assert any(change.step_s for change in changes)
    assert len(changes) > 50
    assert sum(isinstance(line, DisplacementLine) for line in run) == 1
    rows = replay(run)
    assert len(rows) == sum(isinstance(line, MeasurementLine) for line in run) > 150
    assert max(abs(row.ahead_s) for row in rows) < 1e-8
    assert rows[-1].steps == sum(bool(change.step_s) for change in changes)


def test_other_settings_make_another_clock_of_the_same_measurements(log: Path) -> None:
    """Without steps the offset of 0.2 s is slewed at 1e-4: after 700 s the replayed clock still lacks more than half of it, as its estimate says."""
    (run,) = read_runs(log)
    rows = replay(run, DisciplineConfig(step_updates=0, slew_maximum_frequency=1e-4))
    half = next(row for row in rows if row.at_s > 700.0)
    assert rows[-1].steps == 0
    assert half.ahead_s == pytest.approx(-0.13, rel=0.1)
    assert half.estimate_s == pytest.approx(0.0, abs=2e-3), "what the recorded clock lacks does not depend on how the replayed one is steered"


def test_the_estimate_is_that_of_the_recorded_clock(log: Path, tmp_path: Path) -> None:
    (simulation,) = record(tmp_path / "again.log", [scenario()])
    (run,) = read_runs(log)
    for row in replay(run)[50::50]:
        truth_s = -simulation.log.errors_s[round(row.at_s)]
        assert row.estimate_s == pytest.approx(truth_s, abs=1e-3)


def test_a_file_holds_runs_and_the_last_line_of_each_may_be_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "measurements.log"
    short = scenario(duration_s=60.0, events=())
    record(path, [short, short])
    whole = path.read_bytes()
    second = whole.index(b'{"type":"start"', 1)
    path.write_bytes(whole[: second - 20] + b"\n" + whole[second:-20])
    runs = read_runs(path)
    assert len(runs) == 2
    assert all(replay(run) for run in runs)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b"", "holds no measurements"),
        (b"mood\n", ":1: not a line of a measurement log"),
        (b'{"type":"removed","at":1,"source":1}\n', ":1: a measurement log begins with a line of type start"),
    ],
)
def test_what_is_no_log_is_refused(tmp_path: Path, text: bytes, complaint: str) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(text)
    with pytest.raises(ReplayError, match=complaint):
        read_runs(path)


def test_lines_that_do_not_fit_together_are_refused(log: Path) -> None:
    (run,) = read_runs(log)
    without_sources = [line for line in run if type(line).__name__ != "SourceLine"]
    with pytest.raises(ReplayError, match="do not fit together"):
        replay(without_sources)


def test_the_command_prints_rows_and_figures(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replay_log(log, ["step-updates=0", "slew-maximum-frequency-offset=100ppm"], run=None, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("recorded by ntp-sim; run 1 of 1, ")
    assert lines[1].split()[:3] == ["time", "source", "measured"]
    assert lines[-1].startswith("RMS of the replayed clock against the recorded one: ")


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [("mood=1", "mood: unknown key"), ("step-threshold", "must be KEY=VALUE"), ("step-threshold=fast", "step-threshold: must be a time in seconds")],
)
def test_a_setting_that_is_wrong_is_refused(log: Path, setting: str, complaint: str) -> None:
    with pytest.raises(ScenarioError, match=complaint):
        replay_log(log, [setting], run=None, as_json=False)
