"""The comparison of disciplines: what it says where a program is missing, and the tables that it makes."""

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[3] / "benchmarks" / "discipline"
MISSING = 3
NOWHERE = "ours=/nonexistent/daemon"  # so that nothing could start even if a check were gone


def call(script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"CLKNETSIM", "CHRONYD", "NTPSEC", "NTPDRS"}}
    return subprocess.run([sys.executable, FOLDER / script, *arguments], env=kept | environment, capture_output=True, text=True, check=False)


@pytest.fixture
def program(tmp_path: Path) -> str:
    path = tmp_path / "chronyd"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def test_what_happens_in_a_scenario_happens_after_it_has_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error before the event is what the one after it is compared with."""
    monkeypatch.syspath_prepend(str(FOLDER))
    scenarios = importlib.import_module("scenarios").SCENARIOS.values()
    assert len(scenarios) > 20
    for scenario in scenarios:
        assert scenario.settle_s < (scenario.event_s or scenario.length_s) <= scenario.length_s, scenario.name


@pytest.mark.parametrize("script", ["run.py", "plots.py", "realclock/compare.py"])
def test_help(script: str) -> None:
    done = call(script, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith("usage: ")


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_without_clknetsim_one_sentence_says_so(program: str) -> None:
    done = call("run.py", CHRONYD=program)
    assert done.returncode == MISSING
    assert done.stderr == "CLKNETSIM is not set: let it name the folder of a built clknetsim (https://github.com/mlichvar/clknetsim).\n"


def test_each_missing_program_has_its_sentence(tmp_path: Path) -> None:
    done = call("run.py", CLKNETSIM=str(tmp_path), CHRONYD=str(tmp_path / "none"))
    assert done.returncode == MISSING
    first, second = done.stderr.splitlines()[:2]
    assert first == f"CLKNETSIM names {tmp_path}, which lacks clknetsim or clknetsim.so: run make there."
    assert second == f"CHRONYD names {tmp_path / 'none'}, which is not a program that can be run."


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_a_peer_that_was_asked_for_must_be_there(tmp_path: Path, program: str) -> None:
    for name in ("clknetsim", "clknetsim.so"):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o755)
    done = call("run.py", "--daemon", "ntpsec", CLKNETSIM=str(tmp_path), CHRONYD=program)
    assert done.returncode == MISSING
    assert done.stderr == "ntpsec was asked for, but NTPSEC is not set.\n"


def test_a_choice_without_scenarios_is_wrong_usage() -> None:
    done = call("run.py", "--scenario", "lan-p4", "--only", "free")
    assert done.returncode == 2
    assert "none of these scenarios is --only free" in done.stderr


def run_line(daemon: str, scenario: str, seed: int, **changes: object) -> str:
    figures = {
        "rms_s": 1e-6, "worst_s": 5e-6, "p99_s": 3e-6, "mean_s": 0.0, "mean_absolute_s": 8e-7, "rms_frequency": 1e-9, "sent": 100, "interval_s": 16.0,
        "settled_s": [6.0, None], "start_worst_s": 0.01, "after_event_s": None, "recovered_s": None,
    }  # fmt: skip
    return json.dumps({"scenario": scenario, "daemon": daemon, "seed": seed, "attempts": 1, "figures": figures | changes, "error": None})


def test_tables_compare_with_the_best_peer(tmp_path: Path) -> None:
    lines = [
        run_line("chrony", "lan-p4", 1, rms_s=3e-6),
        run_line("chrony", "lan-p4", 2, rms_s=5e-6),  # together sqrt((9 + 25) / 2) = 4.123
        run_line("ntpsec", "lan-p4", 1, rms_s=8e-6),
        run_line("ours", "lan-p4", 1),
        run_line("chrony", "lan", 1, rms_s=4e-6, sent=200),
        run_line("ours", "lan", 1),
    ]
    (tmp_path / "runs").write_text("\n".join(lines))
    done = call("tables.py", str(tmp_path / "runs"))
    assert "| lan-p4 | 4.12 µs | 8 µs | 1 µs | 0.24 |" in done.stdout
    assert "| lan | 4 µs · 200 · 6 s | - | 1 µs · 100 · 6 s | 0.25 | 0.50 |" in done.stdout
    assert "| lan-p4 | chrony | 2/2 | 3 µs … 5 µs |" in done.stdout
    assert "never" in done.stdout


def test_a_failed_run_is_named_and_counted(tmp_path: Path) -> None:
    failed = {"scenario": "lan-p4", "daemon": "ours", "seed": 2, "attempts": 1, "figures": None, "error": "no end"}
    (tmp_path / "runs").write_text(run_line("ours", "lan-p4", 1) + "\n" + json.dumps(failed) + "\n")
    done = call("tables.py", str(tmp_path / "runs"))
    assert "| lan-p4 | ours | 1/2 |" in done.stdout
    assert "- lan-p4, ours, seed 2: failed: no end" in done.stdout


OTHER = json.dumps({"servers": [1, 2], "round": 1})


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param(OTHER, "line 1: is not a run that run.py wrote: 'scenario' is missing", id="a file of another program"),
        pytest.param(run_line("ours", "lan-p4", 1)[:-20], "line 1: is not JSON: ", id="cut off"),
        pytest.param("[1, 2]", "line 1: is not a run that run.py wrote: it is not an object", id="not an object"),
        pytest.param(run_line("ours", "lan-p4", 1) + "\n" + run_line("ours", "lan-p4", 2, rms_s="1"), "line 2: ", id="a text for a number"),
        pytest.param(
            run_line("ours", "lan-p4", 1, kind="x"), "line 1: is not a run that run.py wrote: 'figures.kind' is unknown", id="an unknown figure"
        ),
        pytest.param(run_line("ours", "lan-p4", 1, settled_s=[1.0]), "line 1: ", id="a list of another length"),
        pytest.param(run_line("ours", "moon", 1), "line 1: there is no scenario 'moon'", id="an unknown scenario"),
        pytest.param("", "there is no run in it", id="empty"),
        pytest.param("\udcff", "is not UTF-8 text", id="not text"),
    ],
)
def test_a_foreign_or_broken_file_is_one_sentence(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "runs"
    path.write_bytes(text.encode(errors="surrogateescape"))
    done = call("tables.py", str(path))
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"tables.py: {path}: {complaint}")


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    done = call("tables.py", str(tmp_path / "none"))
    assert done.returncode == 2
    assert done.stderr == f"tables.py: {tmp_path / 'none'}: cannot be read: no such file or directory\n"


def test_the_real_clock_is_not_touched_unasked() -> None:
    done = call("realclock/compare.py", NOWHERE)
    assert done.returncode == MISSING
    assert "--yes-steer-this-clock" in done.stderr


@pytest.mark.parametrize("limit", [("--offset", "0.051"), ("--drift", "501"), ("--offset", "nan")])
def test_the_real_clock_is_moved_by_no_more_than_its_limits(limit: tuple[str, str]) -> None:
    done = call("realclock/compare.py", *limit, NOWHERE)
    assert done.returncode == 2
    assert "must be within" in done.stderr
