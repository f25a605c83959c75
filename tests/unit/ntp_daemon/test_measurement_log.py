from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ntp_daemon.measurement_log import MeasurementFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "measurements.log"


def test_lines_are_appended_and_are_there_at_once(path: Path) -> None:
    path.write_bytes(b"of an earlier run\n")
    file = MeasurementFile(str(path))
    file.write(b"one\n")
    assert path.read_bytes() == b"of an earlier run\none\n"
    file.write(b"two\n")
    file.close()
    file.write(b"three\n")
    assert path.read_bytes() == b"of an earlier run\none\ntwo\n"


def test_a_line_that_was_cut_off_does_not_swallow_the_next(path: Path) -> None:
    path.write_bytes(b"one\ntw")
    file = MeasurementFile(str(path))
    file.write(b"three\n")
    file.close()
    assert path.read_bytes() == b"one\ntw\nthree\n"


def test_a_new_file_is_not_for_everybody(path: Path) -> None:
    MeasurementFile(str(path)).close()
    assert stat.S_IMODE(path.stat().st_mode) & 0o007 == 0


ON_A_FULL_DISK = """
import resource, sys
from ntp_daemon.measurement_log import MeasurementFile
path, length = sys.argv[1], int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
file = MeasurementFile(path)
for _ in range(3):
    file.write(b"x" * (length - 1) + b"\\n")
assert not file.is_open
"""
"""What a full disk does, done by a limit of the file size; in a process of its own, since it holds for every file that is open there."""


@pytest.mark.parametrize("length", [50, 40])
def test_a_full_disk_ends_the_log_with_one_warning(path: Path, length: int) -> None:
    """The third line has no room, or not enough."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", ON_A_FULL_DISK, path, str(length)], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    (warning,) = done.stderr.splitlines()
    assert str(path) in warning
    assert "not recorded any more" in warning
    assert path.stat().st_size == 100


@pytest.mark.parametrize("kind", ["pipe", "directory", "nowhere"])
def test_what_is_no_file_is_not_written(path: Path, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """A pipe that nobody reads would stop the daemon."""
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    file = MeasurementFile(str(path / "nowhere" / "log" if kind == "nowhere" else path))
    assert not file.is_open
    file.write(b"one\n")
    assert len(caplog.messages) == 1
