from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest

from ntp_ctl.__main__ import main
from ntp_proto.measurement_log import StartLine
from ntp_proto.time_types import NtpTimestamp
from unit.ntp_proto.test_measurement_runs import EPOCH, START, measurement

Capture = pytest.CaptureFixture[str]


def write(path: Path, *lines: object) -> Path:
    path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    return path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Two runs; in the second two sources, for ten minutes."""
    second = StartLine(at=1000.0, version=1, software="test 2", time=EPOCH.bits, frequency=1e-6, settings={})
    measured = [measurement(1000.0 + 16.0 * n, 1e-4 * (n % 3), 1 + n % 2) for n in range(40)]
    return write(tmp_path / "measurements.log", START, measurement(110.0, 0.1), second, *measured)


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)


@pytest.fixture
def with_matplotlib() -> None:
    pytest.importorskip("matplotlib", reason="the extra [plot] is not installed")


def complaint(capsys: Capture, *arguments: str | Path) -> str:
    assert main(["plot", *map(str, arguments)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    return err


def test_without_matplotlib_one_sentence_says_what_to_install(without: None, log: Path, tmp_path: Path, capsys: Capture) -> None:
    assert complaint(capsys, log, "-o", tmp_path / "x.png") == "ntp-ctl: plot needs matplotlib: pip install 'ntpd-py[plot]'\n"


def test_a_picture_that_cannot_be_made_is_refused_first(without: None, log: Path, tmp_path: Path, capsys: Capture) -> None:
    assert "the name must end in one of .png, .svg, .pdf" in complaint(capsys, log, "-o", tmp_path / "x.doc")
    assert "there is no such directory" in complaint(capsys, log, "-o", tmp_path / "none" / "x.png")


def test_without_an_output_it_is_wrong_usage(log: Path) -> None:
    with pytest.raises(SystemExit):
        main(["plot", str(log)])


@pytest.fixture
def any_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    """Something that can be imported under that name: for what goes wrong before anything is drawn."""
    import types  # noqa: PLC0415 — beside its only use

    for name in ("matplotlib", "matplotlib.figure"):
        if name not in sys.modules:
            monkeypatch.setitem(sys.modules, name, types.ModuleType(name))


class TestLogs:
    def test_a_file_that_is_none(self, any_matplotlib: None, tmp_path: Path, capsys: Capture) -> None:
        assert "cannot be read: no such file or directory" in complaint(capsys, tmp_path / "none", "-o", tmp_path / "x.png")
        (tmp_path / "text").write_text("hello\n")
        assert f"{tmp_path / 'text'}:1: not a line of a measurement log" in complaint(capsys, tmp_path / "text", "-o", tmp_path / "x.png")

    @pytest.mark.parametrize("number", ["0", "3", "-3"])
    def test_a_run_that_is_not_there(self, any_matplotlib: None, log: Path, tmp_path: Path, number: str, capsys: Capture) -> None:
        assert f"there is no run {number}: the log has 2" in complaint(capsys, log, "--run", number, "-o", tmp_path / "x.png")

    def test_a_source_that_is_not_there(self, any_matplotlib: None, log: Path, tmp_path: Path, capsys: Capture) -> None:
        assert "no source is called like that; there are server1, server2" in complaint(capsys, log, "--source", "x", "-o", tmp_path / "x.png")

    def test_a_run_without_measurements(self, any_matplotlib: None, tmp_path: Path, capsys: Capture) -> None:
        log = write(tmp_path / "log", START)
        assert "nothing was measured in this run" in complaint(capsys, log, "-o", tmp_path / "x.png")

    def test_the_log_is_that_of_the_configuration(self, any_matplotlib: None, log: Path, tmp_path: Path, capsys: Capture) -> None:
        config = tmp_path / "ntp.toml"
        config.write_text("")
        assert "the configuration names no measurement log (set measurement-log" in complaint(capsys, "-c", config, "-o", tmp_path / "x.png")
        config.write_text(f'[observability]\nmeasurement-log = "{log}"\n')
        assert "there is no run 9" in complaint(capsys, "-c", config, "--run", "9", "-o", tmp_path / "x.png")


@pytest.mark.parametrize(("ending", "magic"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_a_picture_in_each_format_and_the_same_again(with_matplotlib: None, log: Path, tmp_path: Path, ending: str, magic: bytes) -> None:
    first, second = (tmp_path / f"{name}.{ending}" for name in ("a", "b"))
    assert main(["plot", str(log), "-o", str(first)]) == main(["plot", str(log), "-o", str(second)]) == 0
    assert first.read_bytes().startswith(magic)
    assert first.read_bytes() == second.read_bytes()


def test_what_is_drawn_can_be_chosen(with_matplotlib: None, log: Path, tmp_path: Path) -> None:
    def words(*arguments: str) -> str:
        picture = tmp_path / "x.svg"
        import matplotlib as mpl  # noqa: PLC0415 — an extra

        with mpl.rc_context({"svg.fonttype": "none"}):  # text stays text
            assert main(["plot", str(log), "-o", str(picture), *arguments]) == 0
        return picture.read_text(encoding="utf-8")

    whole = words()
    titles = ("Measured offset of the clock", "Frequency that", "Round trip", "Allan deviation of")
    for text in (*titles, "server1 (192.0.2.1:123)", "server2", "test 2"):
        assert text in whole
    assert "from 2025-0" in whole
    delay = words("--only", "delay", "--source", "192.0.2.2")
    assert "Round trip" in delay
    assert "server2" in delay
    assert "Allan" not in delay
    assert "server1" not in delay
    assert "too few measurements" in words("--only", "allan", "--run", "1")


def test_a_run_with_steps_and_a_single_value(with_matplotlib: None, tmp_path: Path) -> None:
    from ntp_proto.measurement_log import ChangeLine  # noqa: PLC0415 — beside its only use

    start = StartLine(at=100.0, version=1, software="t", time=NtpTimestamp(0).bits, frequency=0.0, settings={})
    log = write(tmp_path / "log", start, ChangeLine(at=100.5, frequency=0.0, step_s=3.0), measurement(101.0, 0.0))
    assert main(["plot", str(log), "-o", str(tmp_path / "x.png")]) == 0
