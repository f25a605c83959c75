from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from ntp_ctl.__main__ import main
from ntp_daemon.__main__ import main as daemon_main

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    path = tmp_path / "chrony.conf"
    path.write_text("server 192.0.2.1 iburst\nrtcsync\nlogbanner 3\n")
    return path


def test_the_new_file_passes_the_daemons_own_check(conf: Path, tmp_path: Path, capsys: Capture) -> None:
    new = tmp_path / "ntp.toml"
    assert main(["migrate", str(conf), "-o", str(new)]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        f"{conf}:2: rtcsync: nothing to be done: the kernel is told that the clock is synchronized, and sets the real-time clock",
        f"{conf}:3: logbanner: no equivalent",
        f"ntp-ctl: 1 source, 0 servers, 2 notes; look it through, then: ntp-ctl -c {new} validate",
    ]
    assert daemon_main(["--check-config", "-c", str(new)]) == 0
    assert f"#   {conf}:3: logbanner: no equivalent" in new.read_text()


def test_a_file_that_is_there_is_not_overwritten(conf: Path, tmp_path: Path, capsys: Capture) -> None:
    new = tmp_path / "ntp.toml"
    new.write_text("precious")
    assert main(["migrate", str(conf), "-o", str(new)]) == 1
    assert capsys.readouterr().err == f"ntp-ctl: {new}: cannot be written: file exists\n"
    assert new.read_text() == "precious"


def test_without_a_name_it_goes_to_the_standard_output(conf: Path, capsys: Capture) -> None:
    assert main(["migrate", str(conf)]) == 0
    assert 'address = "192.0.2.1"' in capsys.readouterr().out


def test_what_cannot_be_read_or_told_apart_is_said(tmp_path: Path, capsys: Capture) -> None:
    assert main(["migrate", str(tmp_path / "none.conf")]) == 1
    assert "cannot be read: no such file or directory" in capsys.readouterr().err
    (tmp_path / "x").write_text("server 192.0.2.1\n")
    assert main(["migrate", str(tmp_path / "x")]) == 1
    assert "Give --format chrony or --format ntp" in capsys.readouterr().err
    assert main(["migrate", "--format", "ntp", str(tmp_path / "x")]) == 0


def test_from_the_standard_input(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"makestep 1 3\nconfdir /etc\n\xff")))
    assert main(["migrate", "-"]) == 0
    out, err = capsys.readouterr()
    assert "step-updates = 3  # standard input:1" in out
    assert "standard input:2: confdir: no equivalent" in err, "what a stranger hands over does not make us read files"


def test_directories_and_patterns_are_read(tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "conf.d"
    folder.mkdir()
    (folder / "b.conf").write_text("server 192.0.2.2\n")
    (folder / "a.conf").write_text("server 192.0.2.1\n")
    (folder / "c.txt").write_text("server 192.0.2.3\n")
    (folder / "d.sources").write_text("server 192.0.2.4\n")
    conf = tmp_path / "chrony.conf"
    conf.write_text(f"confdir {folder}\nsourcedir {folder}\ninclude {folder}/*.txt\ninclude /nowhere/x.conf\ninclude relative.conf\n")
    assert main(["migrate", str(conf)]) == 0
    out, err = capsys.readouterr()
    addresses = [line.split('"')[1] for line in out.splitlines() if line.startswith("address")]
    assert addresses == ["192.0.2.1", "192.0.2.2", "192.0.2.4", "192.0.2.3"]
    assert f"[[source]]  # {folder}/a.conf:1" in out
    assert "include /nowhere/x.conf: there is no such file" in err
    assert "include relative.conf: not read: it is no absolute path" in err


def test_nothing_in_a_file_steers_the_terminal(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "ntp.conf").write_text("fro\x1b[2Jb a\n")
    assert main(["migrate", str(tmp_path / "ntp.conf")]) == 0
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err
