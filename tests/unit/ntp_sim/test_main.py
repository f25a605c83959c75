"""The command: what it prints, and its exit status."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from ntp_sim.__main__ import main
from ntp_sim.progress import ProgressBar
from ntp_sim.words import seconds, share, table

SCENE = """
[scenario]
description = "a quiet server"
duration = 900
settle = 600
[clock]
offset = "20ms"
frequency = "10ppm"
[[server]]
there = { base = "1ms", queue = { kind = "exponential", mean = "50us" } }
[limits]
rms = "1ms"
steps = 1
"""
IMPOSSIBLE = SCENE.replace('rms = "1ms"', 'rms = "1ns"')


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    path = tmp_path / "quiet.toml"
    path.write_text(SCENE)
    return path


def test_a_table_with_a_line_for_each_scenario(scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "other.toml").write_text(SCENE.replace("[scenario]", '[scenario]\nname = "named"'))
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    assert main(["run", str(tmp_path), "--seeds", "2"]) == 0
    out, err = capsys.readouterr()
    head, *rows = out.splitlines()
    assert head.split()[:3] == ["scenario", "seeds", "RMS"]
    assert [row.split()[:2] for row in rows] == [["named", "2"], ["quiet", "2"]]
    assert all(row.endswith("kept") for row in rows)
    assert err == "", "no bar where there is no terminal"


def test_a_broken_limit_is_said_and_is_the_exit_status(scene: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene.write_text(IMPOSSIBLE)
    assert main(["run", str(scene), "--first-seed", "5", "--seeds", "2"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].endswith("broken in 2")
    assert lines[2].startswith("quiet, seed 5: RMS is ")
    assert lines[3].startswith("quiet, seed 6: RMS is ")


def test_json_has_each_run_and_does_not_depend_on_the_number_of_processes(scene: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = []
    for jobs in ("1", "2"):
        assert main(["run", str(scene), "--seeds", "3", "--json", "--jobs", jobs]) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]
    (document,) = json.loads(texts[0])
    assert [run["seed"] for run in document["runs"]] == [1, 2, 3]
    assert len({run["rms_s"] for run in document["runs"]}) == 3
    assert document["summary"]["most_rms_s"] == max(run["rms_s"] for run in document["runs"])


def test_settings_are_compared_on_the_same_seeds(scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    same, slow = tmp_path / "same.cfg", tmp_path / "slow.cfg"
    same.write_text("[discipline]\n")
    slow.write_text('[discipline]\nstep-updates = 0\nslew-maximum-frequency-offset = "10ppm"\n')
    assert main(["compare", str(scene), str(same), str(slow), "--seeds", "2", "--json"]) == 0
    own, unchanged, slower = json.loads(capsys.readouterr().out)
    assert own["ratio"] == unchanged["ratio"] == 1.0
    assert unchanged["summary"] == own["summary"]
    assert slower["ratio"] > 100.0
    assert slower["better"] == 0
    assert main(["compare", str(scene), str(slow)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["settings", "as in the scenario", str(slow)]


def test_list(scene: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", str(scene.parent)]) == 0
    assert capsys.readouterr().out == f"{scene}      900 s  a quiet server\n"
    assert main(["list", str(scene), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"file": str(scene), "name": "quiet", "duration_s": 900.0, "description": "a quiet server"}]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["run", "{scene}", "nowhere.toml"], "nowhere.toml: cannot be read"),
        (["run", "{folder}/empty"], "there is no scenario below this directory"),
        (["compare", "{scene}", "{scene}"], "unknown key"),
        (["replay", "nowhere.log"], "nowhere.log: cannot be read"),
        (["run", "{scene}", "--plot", "{folder}/x.doc"], "the name must end in one of .png, .svg, .pdf"),
        (["run", "{scene}", "--plot", "{folder}/nowhere/x.png"], "there is no such directory"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_status_2(scene: Path, arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    (scene.parent / "empty").mkdir()
    assert main([argument.format(scene=scene, folder=scene.parent) for argument in arguments]) == 2
    out, err = capsys.readouterr()
    assert out == "", "nothing was run"
    assert err.startswith("ntp-sim: ")
    assert complaint in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["run"], ["run", "x.toml", "--seeds", "0"], ["dance"]])
def test_wrong_usage_is_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


def test_without_a_command_it_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "exit status: 0 good" in capsys.readouterr().out
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("ntp-sim ")


def test_a_plot_without_matplotlib_is_refused_before_anything_is_run(
    scene: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["run", str(scene), "--plot", str(scene.with_suffix(".png"))]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "ntp-sim: --plot needs matplotlib: pip install 'ntpd-py[plot]'\n"


def test_a_plot(scene: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra [plot] is not installed")
    plot = scene.with_suffix(".png")
    assert main(["run", str(scene), "--plot", str(plot)]) == 0
    assert plot.read_bytes().startswith(b"\x89PNG")


class Terminal:
    def __init__(self, *, is_terminal: bool) -> None:
        self.text = ""
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        """It is a string."""


def test_the_bar_grows_and_goes_away() -> None:
    terminal = Terminal(is_terminal=True)
    bar = ProgressBar(2, terminal)  # type: ignore[arg-type]  # as much of a stream as a bar needs
    bar.show(0.5, "first")
    bar.show(0.5001, "first")
    bar.finish_job("first")
    bar.finish_job("second")
    bar.clear()
    drawn = terminal.text.split("\r")[1:]
    assert [line.partition("]")[0].count("#") for line in drawn] == [10, 20, 40, 0]
    assert "25% first" in drawn[0]
    assert drawn[-1] == "\x1b[K"


def test_there_is_no_bar_without_a_terminal() -> None:
    terminal = Terminal(is_terminal=False)
    bar = ProgressBar(1, terminal)  # type: ignore[arg-type]  # as above
    bar.show(0.5, "first")
    bar.clear()
    assert terminal.text == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0.0, "0 s"),
        (1.0, "1.00 s"),
        (-12.34, "-12.3 s"),
        (5400.0, "5400 s"),
        (0.0123456, "12.3 ms"),
        (0.9999e-3, "1.00 ms"),
        (1.234e-5, "12.3 µs"),
        (4e-10, "0.400 ns"),
    ],
)
def test_times_have_three_digits_and_a_unit(value: float | None, text: str) -> None:
    assert seconds(value) == text


def test_shares_and_tables() -> None:
    assert (share(0.9987), share(None)) == ("99.87 %", "-")
    assert table(("a", "long"), [("wide", "1"), ("b", "22")]).splitlines() == ["a     long", "wide     1", "b       22"]


def test_a_survey_names_its_worst_worlds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["survey", "--count", "2", "--seed", "22"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0].split()[:2] == ["median", "90"]
    assert lines[1].startswith("RMS error / standard error")
    assert set(lines[1].split()[-2:]) == {"22", "23"}
    assert any(line.startswith("world 22: ") for line in lines)
    assert err == ""


def test_a_survey_in_json_does_not_depend_on_the_number_of_processes(capsys: pytest.CaptureFixture[str]) -> None:
    texts = []
    for jobs in ("1", "2"):
        assert main(["survey", "--count", "2", "--seed", "22", "--json", "--jobs", jobs]) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]
    document = json.loads(texts[0])
    assert [world["seed"] for world in document["worlds"]] == [22, 23]
    assert document["spreads"][0]["worst"] == max(world["rms"] for world in document["worlds"])


def test_a_written_world_can_be_run_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "world.toml"
    assert main(["survey", "--seed", "22", "--write", str(path)]) == 0
    assert "ntp-sim run world.toml --first-seed 22" in path.read_text()
    assert main(["survey", "--seed", "22", "--count", "1", "--json"]) == 0
    (world,) = json.loads(capsys.readouterr().out)["worlds"]
    assert main(["run", str(path), "--first-seed", "22", "--json"]) == 0
    (document,) = json.loads(capsys.readouterr().out)
    assert document["runs"][0]["rms_s"] == world["rms_s"]
    assert document["runs"][0]["packets"] == world["packets"]


def test_a_world_that_cannot_be_written_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["survey", "--write", str(tmp_path / "none" / "world.toml")]) == 2
    assert capsys.readouterr().err == f"ntp-sim: {tmp_path}/none/world.toml: cannot be written: no such file or directory\n"
