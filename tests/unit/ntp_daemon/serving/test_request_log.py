"""The request log: what is written, what is lost, what is kept."""

import gzip
import logging
import os
import threading
from pathlib import Path

import pytest

from ntp_daemon.serving.request_log import QUEUE_LINES, RequestLog
from ntp_daemon.serving.settings import RequestLogConfig


def written(config: RequestLogConfig, lines: list[str]) -> RequestLog:
    """Line by line, each of them on the disk before the next: rotation does not depend on how the threads run."""
    log = RequestLog(config)
    for line in lines:
        log.write(line)
        while log._queue.qsize():
            os.sched_yield()
    log.close()
    return log


def text(path: Path) -> str:
    return gzip.open(path, "rt").read() if path.suffix == ".gz" else path.read_text()


def test_every_line_is_there_after_close(tmp_path: Path) -> None:
    path = tmp_path / "requests.log"
    log = RequestLog(RequestLogConfig(path))
    assert all(log.write(f"line {number}") for number in range(QUEUE_LINES // 2))
    log.close()
    log.close()
    assert path.read_text() == "".join(f"line {number}\n" for number in range(QUEUE_LINES // 2))
    assert path.stat().st_mode & 0o007 == 0
    assert log.lost == 0


def test_it_goes_on_where_it_ended(tmp_path: Path) -> None:
    path = tmp_path / "requests.log"
    written(RequestLogConfig(path), ["one"])
    written(RequestLogConfig(path), ["two"])
    assert path.read_text() == "one\ntwo\n"


def test_a_full_queue_loses_lines_and_the_log_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, go = tmp_path / "requests.log", threading.Event()
    original = RequestLog._write

    def held(self: RequestLog, lines: list[str]) -> None:
        go.wait()
        original(self, lines)

    monkeypatch.setattr(RequestLog, "_write", held)
    log = RequestLog(RequestLogConfig(path))
    accepted = sum(log.write("x") for _ in range(3 * QUEUE_LINES))
    lost = 3 * QUEUE_LINES - accepted
    assert QUEUE_LINES <= accepted <= 2 * QUEUE_LINES  # the thread may hold some already
    assert log.lost == lost
    go.set()
    log.close()
    lines = path.read_text().splitlines()
    assert lines.count("x") == accepted
    assert f"# {lost} requests were not logged" in lines


@pytest.mark.parametrize("compress", [False, True])
def test_rotation_keeps_the_newest(tmp_path: Path, compress: bool) -> None:
    path = tmp_path / "requests.log"
    suffix = ".gz" if compress else ""
    written(RequestLogConfig(path, max_size=10, backups=2, compress=compress), [f"line {number}" for number in range(5)])
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["requests.log", f"requests.log.1{suffix}", f"requests.log.2{suffix}"]
    assert path.read_text() == "line 4\n"
    assert text(Path(f"{path}.1{suffix}")) == "line 3\n"
    assert text(Path(f"{path}.2{suffix}")) == "line 2\n"


def test_zero_means_zero(tmp_path: Path) -> None:
    path = tmp_path / "requests.log"
    written(RequestLogConfig(path, max_size=10, backups=0), [f"line {number}" for number in range(3)])
    assert [entry.name for entry in tmp_path.iterdir()] == ["requests.log"]
    written(RequestLogConfig(path, max_size=0), ["a line longer than ten bytes"])
    assert path.read_text() == "line 2\na line longer than ten bytes\n"


def test_old_files_go(tmp_path: Path) -> None:
    path = tmp_path / "requests.log"
    for number in (1, 2):
        old = tmp_path / f"requests.log.{number}"
        old.write_text("old\n")
        os.utime(old, (0, 0))
    written(RequestLogConfig(path, max_size=10, backups=5, max_age_days=1), ["line 0", "line 1"])
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["requests.log", "requests.log.1"]


def test_a_file_that_cannot_be_opened_is_an_error_at_once(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="link"):
        RequestLog(RequestLogConfig(tmp_path / "link"))
    with pytest.raises(FileNotFoundError):
        RequestLog(RequestLogConfig(tmp_path / "missing" / "requests.log"))


def test_a_full_disk_is_said_once_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        log = written(RequestLogConfig(Path("/dev/full")), ["one", "two", "three"])
    assert log.lost == 3
    assert [record.getMessage().partition(";")[0] for record in caplog.records] == ["cannot write the request log /dev/full: No space left on device"]
