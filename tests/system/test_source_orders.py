"""ntp-ctl sources and a running daemon: orders take effect at once, are shown, and hold over a reload."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ntp_proto.datagram import Address
from ntp_proto.observation import Observation, SourceStatus, SyncState
from support.clients import observe, source, wait_ready, write_config
from support.programs import Program, python, run, serving, wait_until
from support.wire import Tap


@pytest.fixture
def folder(daemon: Program, tmp_path: Path) -> Path:
    """The folder of a daemon that is synchronised to its only source."""
    daemon.wait_for("synchronized: following")
    wait_ready(tmp_path)
    return tmp_path


def ordered(folder: Path, *arguments: str) -> str:
    done = run(python("ntp_ctl", "-s", folder / "configure", *arguments))
    assert (done.process.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout.strip()


def refused(folder: Path, *arguments: str) -> str:
    done = run(python("ntp_ctl", "-s", folder / "configure", *arguments))
    assert (done.process.returncode, done.stdout) == (1, "")
    return done.stderr.strip()


def statuses(observation: Observation) -> dict[str, SourceStatus]:
    return {seen.address: seen.status for seen in observation.sources}


def test_a_source_is_added_shown_kept_over_a_reload_and_removed(daemon: Program, folder: Path, tap: Tap) -> None:
    with serving("rate_limit_server", "--interval", "0") as (_, other):
        assert ordered(folder, "sources", "add", str(other), "--poll", "0..0") == f"added server {other}"
        daemon.wait_for(f"added server {other}, as ordered")
        wait_until(lambda: statuses(observe(folder)) == {str(tap.address): SourceStatus.SELECTED, str(other): SourceStatus.SELECTED}, "both are used")
        assert "asked already" in refused(folder, "sources", "add", str(other))
        write_config(folder, source(tap.address, poll=-2) + source("127.0.0.9:9", poll=0))
        assert "1 source added, 0 removed" in ordered(folder, "reload")
        assert {str(tap.address), str(other), "127.0.0.9:9"} == set(statuses(observe(folder)))
        assert ordered(folder, "sources", "remove", str(other)) == f"removed server {other}; 2 sources left"
        assert str(other) not in statuses(observe(folder))
        assert "there is no source" in refused(folder, "sources", "remove", str(other))


def test_a_source_of_the_file_that_is_removed_stays_away_over_a_reload(folder: Path, tap: Tap) -> None:
    ordered(folder, "sources", "remove", str(tap.address))
    assert "nothing has changed" in ordered(folder, "reload")
    assert observe(folder).sources == ()
    assert observe(folder).system.state is SyncState.HOLDOVER


def test_offline_is_silent_on_the_wire_and_online_is_a_burst(folder: Path, tap: Tap) -> None:
    assert ordered(folder, "sources", "offline") == f"server {tap.address} offline"
    before = observe(folder)
    (seen,) = before.sources
    assert (seen.status, before.system.state) == (SourceStatus.OFFLINE, SyncState.HOLDOVER)
    assert seen.samples > 0
    assert "ntp-ctl sources online ends that" in seen.reason
    text = run(python("ntp_ctl", "-o", folder / "observe", "status")).stdout
    assert f"- offline  {tap.address}" in text
    assert ordered(folder, "sources", "online", str(tap.address)) == f"server {tap.address} online"
    wait_until(lambda: observe(folder).sources[0].samples > seen.samples, "it is asked again")
    after = observe(folder)
    assert after.system.state is SyncState.SYNCHRONIZED
    assert after.sources[0].id == seen.id, "the same association"


def test_a_burst_asks_at_once(tmp_path: Path, tap: Tap) -> None:
    write_config(tmp_path, source(tap.address, poll=10))
    with Program(python("ntp_daemon", "-c", tmp_path / "ntp.toml")) as daemon:
        daemon.wait_for("synchronized: following")
        wait_ready(tmp_path)
        before = observe(tmp_path).sources[0].requests
        assert ordered(tmp_path, "sources", "burst") == "asking 1 server in a burst"
        wait_until(lambda: observe(tmp_path).sources[0].requests > before, "another request has left")


def test_a_name_that_does_not_resolve_is_pending_and_can_be_removed(folder: Path) -> None:
    ordered(folder, "sources", "add", "name.invalid", "--pool")
    pending = [seen for seen in observe(folder).sources if seen.name == "name.invalid:123"]
    assert [seen.mode for seen in pending] == ["pool"]
    ordered(folder, "sources", "remove", "name.invalid")
    documents = json.loads(run(python("ntp_ctl", "-o", folder / "observe", "sources", "--json")).stdout)
    assert "name.invalid:123" not in [document["name"] for document in documents]


def test_where_no_source_is_asked_none_can_be_added(tmp_path: Path) -> None:
    config = write_config(tmp_path, "")
    config.write_text(config.read_text().replace('mode = "virtual"', 'mode = "local"'))
    address = Address("127.0.0.1", 9)
    with Program(python("ntp_daemon", "-c", config)):
        wait_ready(tmp_path)
        assert refused(tmp_path, "sources", "add", str(address)) == "in mode local no source is asked"
