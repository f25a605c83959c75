import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_daemon.drift_file import Drift, DriftFileError, LoadedDrift, load, save

LIMIT = 500e-6


def loaded(path: Path) -> LoadedDrift:
    return load(path, maximum_frequency=LIMIT)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "drift"


def test_what_is_saved_is_loaded(file: Path) -> None:
    save(file, Drift(-12.345678e-6, 0.012e-6))
    result = loaded(file)
    assert result.warning == ""
    assert result.drift is not None
    assert result.drift.frequency == pytest.approx(-12.345678e-6, abs=1e-15)
    assert result.drift.uncertainty == pytest.approx(0.012e-6, abs=1e-15)


def test_the_file_is_for_people_too(file: Path) -> None:
    save(file, Drift(-12.345678e-6, 0.012e-6))
    comment, numbers = file.read_text().splitlines()
    assert comment.startswith("# ntp-daemon: correction")
    assert numbers == "-12.345678 0.012000"


@pytest.mark.parametrize("text", ["-12.5\n", "-12.5 0.25\n", "# written by hand\n\n  -12.5\t0.25", "-12.5\n0.25\n"])
def test_files_of_other_daemons_and_of_people_are_understood(file: Path, text: str) -> None:
    file.write_text(text)
    drift = loaded(file).drift
    assert drift is not None
    assert drift.frequency == pytest.approx(-12.5e-6)
    assert drift.uncertainty == (pytest.approx(0.25e-6) if "0.25" in text else None)


def test_an_unknown_uncertainty_is_kept_unknown(file: Path) -> None:
    save(file, Drift(1e-6, None))
    assert loaded(file).drift == Drift(pytest.approx(1e-6), None)


def test_no_file_is_no_drift_and_no_warning(file: Path) -> None:
    assert loaded(file) == LoadedDrift(None, "")


@pytest.mark.parametrize("text", ["", "# nothing\n", "fast\n", "nan 0\n", "inf\n", "1 nan\n", "1 -1\n", "1 2 3\n", "1,5\n", "\0\xff", "0x10\n"])
def test_a_useless_file_is_a_warning(file: Path, text: str) -> None:
    file.write_text(text, encoding="latin-1")
    result = loaded(file)
    assert result.drift is None
    assert result.warning == f"drift file {file} is not used: it should hold a frequency and its error in ppm, like -12.345678 0.012000"


def test_an_absurd_frequency_is_refused(file: Path) -> None:
    file.write_text("500.1\n")
    assert loaded(file) == LoadedDrift(None, f"drift file {file} is not used: 500.1 ppm is more than the limit of 500 ppm")
    file.write_text("-499.9\n")
    assert loaded(file).drift is not None


@given(st.binary(max_size=200))
def test_no_content_is_an_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "drift-of-any-content"
    file.write_bytes(data)
    result = loaded(file)
    assert (result.drift is None) == bool(result.warning)
    assert result.drift is None or abs(result.drift.frequency) <= LIMIT


def test_what_is_no_file_is_a_warning_and_does_not_block(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert loaded(pipe).warning == f"drift file {pipe} is not used: it is not a file"
    assert loaded(tmp_path).warning == f"drift file {tmp_path} is not used: it is not a file"


def test_a_huge_file_is_a_warning(file: Path) -> None:
    file.write_text("1.0 " * 2000)
    assert "larger than 4096 bytes" in loaded(file).warning


def test_the_file_belongs_to_the_daemon_alone(file: Path) -> None:
    file.touch(mode=0o666)
    save(file, Drift(1e-6, 1e-9))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_saving_replaces_the_file_and_leaves_nothing_behind(file: Path) -> None:
    save(file, Drift(1e-6, 1e-9))
    with file.open() as reader:
        save(file, Drift(2e-6, 1e-9))
        assert "1.000000 0.001000" in reader.read()  # who has opened the old file still sees all of it
    assert "2.000000 0.001000" in file.read_text()
    assert list(file.parent.iterdir()) == [file]


def test_a_missing_directory_is_made(tmp_path: Path) -> None:
    file = tmp_path / "ntpd-py" / "drift"
    save(file, Drift(1e-6, 1e-9))
    assert loaded(file).drift is not None


def test_a_temporary_file_of_a_dead_process_is_no_obstacle(file: Path) -> None:
    file.with_name(f".drift.{os.getpid()}.tmp").write_text("half")
    save(file, Drift(1e-6, 1e-9))
    assert list(file.parent.iterdir()) == [file]


def test_when_the_disk_refuses_the_old_file_stays(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(file, Drift(1e-6, 1e-9))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DriftFileError, match=f"cannot write drift file {file}: No space left on device"):
        save(file, Drift(2e-6, 1e-9))
    assert "1.000000" in file.read_text()
    assert list(file.parent.iterdir()) == [file]


def test_a_directory_far_away_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(DriftFileError, match="No such file or directory"):
        save(tmp_path / "a" / "b" / "drift", Drift(1e-6, 1e-9))


def test_nothing_but_a_file_is_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(DriftFileError, match="it exists and is not a file"):
        save(pipe, Drift(1e-6, 1e-9))
    assert stat.S_ISFIFO(pipe.stat().st_mode)
