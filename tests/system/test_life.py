"""The daemon as a process: its start, its signals, its end."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path

import pytest

from ntp_proto.datagram import Address
from support.clients import source, start_daemon, wait_ready, write_config
from support.programs import CAP_SYS_TIME, Program, python, without
from support.wire import Tap


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_asks_at_once_and_ends_at_once(daemon: Program, tap: Tap, tmp_path: Path, number: signal.Signals) -> None:
    tap.wait_requests(1)
    wait_ready(tmp_path)
    before = time.monotonic()
    assert daemon.stop(number) == 0
    assert time.monotonic() - before < 2.0
    assert "stopped; the virtual clock ends with a correction of" in daemon.stderr
    assert "runs on" not in daemon.stderr, "nothing of it remains"
    assert not (tmp_path / "observe").exists()
    assert not (tmp_path / "configure").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("module", ["ntp_daemon.clocks", "ntp_daemon.daemon"])
def test_a_signal_while_it_is_still_being_imported_ends_it_in_order(tmp_path: Path, module: str, number: signal.Signals) -> None:
    write_config(tmp_path, source("127.0.0.1:9"))
    start, *command = python("ntp_daemon", "-c", tmp_path / "ntp.toml")
    with Program([start, "-X", "importtime", *command]) as daemon:
        daemon.wait_for(rf"\| +{re.escape(module)}$")
        assert daemon.stop(number) == 0


def test_what_was_learned_is_kept_for_the_next_start(daemon: Program, tap: Tap, tmp_path: Path) -> None:
    daemon.wait_for("synchronized: following")
    tap.wait_more(2)  # a frequency needs more than one measurement
    daemon.stop()
    drift = (tmp_path / "drift").read_text()
    assert re.search(r"\d", drift)
    assert (tmp_path / "drift").stat().st_mode & 0o777 == 0o600

    with start_daemon(tmp_path) as again:
        again.wait_for("synchronized: following")
        assert again.stop() == 0
    assert "drift" not in again.stderr, "read without a complaint"


def test_sighup_applies_a_valid_file(daemon: Program, tap: Tap, time_server: Address, tmp_path: Path) -> None:
    daemon.wait_for("synchronized: following")
    with Tap(time_server) as other:
        write_config(tmp_path, source(other.address, poll=-2))
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("reloaded: 1 source added, 1 removed")
        other.wait_requests(1)
        asked = len(tap.requests)
        other.wait_more(4)
        assert len(tap.requests) == asked, "the one that was removed is not asked any more"
        assert daemon.stop() == 0
    assert "holdover" not in daemon.stderr, "one was to be exchanged for the other, not lost"


def test_sighup_with_an_invalid_file_changes_nothing_and_says_where_it_is_wrong(daemon: Program, tap: Tap, tmp_path: Path) -> None:
    tap.wait_requests(1)
    path = write_config(tmp_path, source("192.0.2.1"), more='mood = "good"\n')
    line = path.read_text().splitlines().index('mood = "good"') + 1
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_for(rf"error {re.escape(str(path))}:{line}: clock\.mood: ")
    tap.wait_more(2)
    assert daemon.stop() == 0
    assert "192.0.2.1" not in daemon.stderr


def test_sighup_without_a_change_says_so_and_asks_on(daemon: Program, tap: Tap) -> None:
    tap.wait_requests(1)
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_for("nothing has changed")
    tap.wait_more(2)


def test_without_the_right_to_set_the_clock_it_says_so_and_goes_on_with_a_virtual_one(tap: Tap, tmp_path: Path) -> None:
    path = write_config(tmp_path, source(tap.address, poll=-2))
    with Program(without(python("ntp_daemon", "-c", path, "--clock", "steer"), CAP_SYS_TIME)) as daemon:
        daemon.wait_for("synchronized: following")
        assert daemon.stop() == 0
    said = [line for line in daemon.stderr.splitlines() if "CAP_SYS_TIME" in line]
    assert len(said) == 1
    assert said[0].endswith(
        "cannot set the clock: CAP_SYS_TIME missing; run with sudo, or use --clock virtual;"
        " going on with a virtual clock: the system clock is not adjusted"
    )


def test_a_second_daemon_leaves_the_sockets_of_the_first_alone(daemon: Program, tmp_path: Path) -> None:
    wait_ready(tmp_path)
    with start_daemon(tmp_path) as second:
        for name in ("observe", "configure"):
            second.wait_for(rf"warn  cannot listen on {re.escape(str(tmp_path / name))}: it is in use by a running daemon; stop that one")
        assert second.stop() == 0
    assert (tmp_path / "observe").is_socket()
