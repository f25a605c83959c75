"""The program as a process: what it prints, what it answers, how it ends."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ntp_ctl.openmetrics import render_metrics
from ntp_ctl.settings import CONFIG_VARIABLE
from ntp_metrics_exporter.__main__ import main
from unit.ntp_ctl.documents import synchronized
from unit.ntp_ctl.fake_daemon import FakeDaemon, shows


class Exporter:
    """The running program."""

    def __init__(self, *argv: str, **environment: str) -> None:
        clean = {key: value for key, value in os.environ.items() if key not in (CONFIG_VARIABLE, "NOTIFY_SOCKET")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ntp_metrics_exporter", *argv],
            stderr=subprocess.PIPE,
            text=True,
            env={**clean, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        )

    def line(self) -> str:
        """The next line it writes."""
        assert self.process.stderr is not None
        return self.process.stderr.readline().rstrip("\n")

    def get(self, host: str, port: int) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(host, port, timeout=5.0)
        connection.request("GET", "/metrics")
        response = connection.getresponse()
        try:
            return response.status, response.read()
        finally:
            connection.close()


@contextlib.contextmanager
def running(*argv: str, **environment: str) -> Iterator[tuple[Exporter, int]]:
    exporter = Exporter(*argv, **environment)
    try:
        match = re.fullmatch(r"ntp-metrics-exporter: serving http://127\.0\.0\.1:(\d+)/metrics from .*", exporter.line())
        assert match is not None
        yield exporter, int(match[1])
    finally:
        exporter.process.kill()
        exporter.process.wait(5.0)
        assert exporter.process.stderr is not None
        exporter.process.stderr.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "observe"


def test_it_serves_what_the_daemon_shows_and_ends_on_sigterm(path: Path, tmp_path: Path) -> None:
    notify = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(notify))
        manager.settimeout(5.0)
        with running("-o", str(path), "-l", "127.0.0.1:0", NOTIFY_SOCKET=str(notify)) as (exporter, port):
            assert manager.recv(100) == b"READY=1"
            with FakeDaemon(path, shows(synchronized())):
                assert exporter.get("127.0.0.1", port) == (200, render_metrics(synchronized(), "")[0])
            assert exporter.get("127.0.0.1", port)[0] == 503
            exporter.process.send_signal(signal.SIGTERM)
            assert exporter.process.wait(5.0) == 0
            assert manager.recv(100) == b"STOPPING=1"


def test_it_says_once_that_the_daemon_is_away_and_once_that_it_is_back(path: Path) -> None:
    with running("-o", str(path), "-l", "127.0.0.1:0") as (exporter, port):
        for _ in range(3):
            assert exporter.get("127.0.0.1", port)[0] == 503
        with FakeDaemon(path, shows(synchronized())):
            for _ in range(3):
                assert exporter.get("127.0.0.1", port)[0] == 200
        exporter.process.send_signal(signal.SIGINT)
        assert exporter.line().startswith("ntp-metrics-exporter: the daemon is not running: no socket at")
        assert exporter.line() == "ntp-metrics-exporter: the daemon answers again"
        assert exporter.line() == ""
        assert exporter.process.wait(5.0) == 0


def test_the_addresses_come_from_the_configuration_file(path: Path, tmp_path: Path) -> None:
    file = tmp_path / "ntp.toml"
    file.write_text(f'[observability]\nobservation-path = "{path}"\nmetrics-exporter-listen = "127.0.0.1:0"\n')
    with FakeDaemon(path, shows(synchronized())), running("-c", str(file)) as (exporter, port):
        assert exporter.get("127.0.0.1", port)[0] == 200


def test_an_address_in_use_is_one_sentence(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        where = f"127.0.0.1:{other.getsockname()[1]}"
        assert main(["-l", where, "-o", str(path)]) == 1
    assert capsys.readouterr().err == f"ntp-metrics-exporter: cannot listen on {where}: address already in use\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [("x = = 1\n", "FILE:1: "), ('[observability]\nobservation-path = ""\n', "the configuration file switches the observation socket off")],
)
def test_a_wrong_configuration_is_78(text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "ntp.toml"
    file.write_text(text)
    assert main(["-c", str(file)]) == 78
    err = capsys.readouterr().err
    assert err.replace(str(file), "FILE").startswith(f"ntp-metrics-exporter: {message}")
    assert err.count("\n") == 1


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("ntp-metrics-exporter ")


def test_wrong_usage_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--nonsense"])
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("usage: ntp-metrics-exporter")
