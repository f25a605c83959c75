"""ntp-ctl and ntp-metrics-exporter in front of a running daemon."""

from __future__ import annotations

import http.client
import json
import re
from pathlib import Path

import pytest

from support.clients import source, wait_ready, write_config
from support.programs import CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, Program, python, run, wait_until, without
from support.wire import Tap


@pytest.fixture
def folder(daemon: Program, tmp_path: Path) -> Path:
    """The folder of a daemon that is synchronised."""
    daemon.wait_for("synchronized: following")
    wait_ready(tmp_path)
    return tmp_path


def _ctl(folder: Path, *arguments: str) -> Program:
    return run(python("ntp_ctl", "-o", folder / "observe", "-s", folder / "configure", *arguments))


def _done(program: Program) -> str:
    assert program.process.returncode == 0, program.stderr
    assert program.stderr == ""
    return program.stdout


def test_status_is_one_screen_that_says_whether_and_why(folder: Path, tap: Tap) -> None:
    text = _done(_ctl(folder, "status"))
    assert re.search(r"synchronized", text, re.IGNORECASE)
    assert f"following {tap.address}" in text
    assert re.search(rf"selected +{re.escape(str(tap.address))} .* kernel$", text, re.MULTILINE)
    assert text.count("\n") <= 24


def test_sources_say_everything_of_each(folder: Path, tap: Tap) -> None:
    assert str(tap.address) in _done(_ctl(folder, "sources"))
    (document,) = json.loads(_done(_ctl(folder, "sources", "--json")))
    assert document["address"] == str(tap.address)
    assert (document["status"], document["stratum"], document["reference_id"]) == ("selected", 1, "XTST")
    assert document["reach"] & 1
    assert document["samples"] >= 1
    assert 0.0 < document["delay_s"] < 0.1
    assert document["receive_stamps"] == "kernel"


def test_the_documents_agree(folder: Path) -> None:
    system = json.loads(_done(_ctl(folder, "system")))
    whole = json.loads(_done(_ctl(folder, "status", "--json")))
    assert system["state"] == whole["system"]["state"] == "synchronized"
    assert system["stratum"] == 2
    assert system["reference_id"] == "127.0.0.1"
    assert system.keys() == whole["system"].keys()
    assert len(json.loads(_done(_ctl(folder, "peers")))) == len(whole["sources"]) == 1
    assert "ntp_system_" in _done(_ctl(folder, "prometheus"))


def test_wait_sync_ends_at_once_when_the_clock_is_right(folder: Path) -> None:
    assert _done(_ctl(folder, "wait-sync", "--max-error", "1s", "--timeout", "5s")) == ""


def test_wait_sync_gives_up_and_says_what_is_missing(folder: Path) -> None:
    program = _ctl(folder, "wait-sync", "--max-error", "1ns", "--timeout", "0.5s")
    assert program.process.returncode == 1
    assert re.fullmatch(r"ntp-ctl: gave up after 0\.5 s: synchronized, but the maximum error is .*\n", program.stderr)


def test_wait_sync_waits_for_a_daemon_that_is_still_to_start(tap: Tap, tmp_path: Path) -> None:
    path = write_config(tmp_path, source(tap.address, poll=-2))
    with (
        Program(python("ntp_ctl", "-o", tmp_path / "observe", "wait-sync", "--timeout", "20s")) as waiting,
        Program(python("ntp_daemon", "-c", path)),
    ):
        assert waiting.wait(20.0) == 0


def test_config_changes_the_running_daemon_and_not_its_file(daemon: Program, folder: Path) -> None:
    before = (folder / "ntp.toml").read_text()
    assert _done(_ctl(folder, "config", "--panic-threshold", "5s")) == "set single-step-panic-threshold 5 s\n"
    daemon.wait_for("set single-step-panic-threshold 5 s, as ordered")
    assert _done(_ctl(folder, "config", "--log-filter", "error")) == "set log level error\n"
    assert _done(_ctl(folder, "force-sync", "--yes")) != ""
    assert "set the clock" not in daemon.stderr, "a warning, and those are not wanted any more"
    assert (folder / "ntp.toml").read_text() == before


def test_reload_answers_with_what_it_did(folder: Path, tap: Tap) -> None:
    assert "nothing has changed" in _done(_ctl(folder, "reload"))
    path = write_config(folder, source(tap.address, poll=-2), more="mood = 1\n")
    program = _ctl(folder, "reload")
    assert program.process.returncode == 1
    assert "the configuration is invalid; nothing was changed" in program.stderr
    assert re.search(rf"{re.escape(str(path))}:\d+: clock\.mood", program.stderr)


def test_force_sync_sets_the_clock_and_says_by_how_much(daemon: Program, folder: Path) -> None:
    assert "set the clock by" in _done(_ctl(folder, "force-sync", "--yes"))
    daemon.wait_for(r"warn  set the clock by .*, as ordered")


def test_force_sync_asks_first_and_there_is_nobody_to_ask(daemon: Program, folder: Path) -> None:
    program = _ctl(folder, "force-sync")
    assert program.process.returncode == 2
    assert program.stderr == "ntp-ctl: force-sync asks before it sets the clock, and there is no terminal to ask on; give --yes\n"
    assert "as ordered" not in daemon.stderr


def test_validate_is_the_daemons_own_judgement(tmp_path: Path) -> None:
    path = write_config(tmp_path, source("192.0.2.1"))
    assert run(python("ntp_ctl", "-c", path, "validate")).process.returncode == 0
    path = write_config(tmp_path, source("192.0.2.1"), more="mood = 1\n")
    program = run(python("ntp_ctl", "-c", path, "validate"))
    assert program.process.returncode == 78
    assert f"{path}:" in program.stderr


def test_a_daemon_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    program = _ctl(tmp_path, "status")
    assert program.process.returncode == 1
    assert program.stderr == f"ntp-ctl: the daemon is not running: no socket at {tmp_path / 'observe'}; start it with: sudo ntp-daemon\n"


def test_who_may_not_command_is_told_how(folder: Path) -> None:
    (folder / "configure").chmod(0)
    command = python("ntp_ctl", "-s", folder / "configure", "reload")
    program = run(without(command, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH))
    assert program.process.returncode == 77
    assert program.stderr == f"ntp-ctl: permission denied on {folder / 'configure'}: run it with sudo\n"


def test_the_exporter_shows_a_running_daemon_and_says_when_it_is_gone(daemon: Program, folder: Path, tap: Tap) -> None:
    with Program(python("ntp_metrics_exporter", "-o", folder / "observe", "-l", "127.0.0.1:0")) as exporter:
        host, port = exporter.wait_for(r"serving http://([\d.]+):(\d+)/metrics").groups()

        def get(path: str) -> tuple[int, str]:
            connection = http.client.HTTPConnection(host, int(port), timeout=10.0)
            connection.request("GET", path, headers={"Accept": "application/openmetrics-text; version=1.0.0"})
            response = connection.getresponse()
            text = response.read().decode()
            connection.close()
            return response.status, text

        status, text = get("/metrics")
        assert status == 200
        assert re.search(rf"^ntp_source_\w+{{.*{re.escape(str(tap.address))}.*}} ", text, re.MULTILINE)
        assert text.endswith("# EOF\n")
        assert get("/")[0] == 302
        assert get("/other")[0] == 404

        assert daemon.stop() == 0
        wait_until(lambda: get("/metrics")[0] == 503, "the daemon's end is noticed")
        exporter.wait_for("the daemon is not running")
        assert exporter.stop() == 0
