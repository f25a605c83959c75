"""What a daemon has recorded is replayed by the simulator."""

from __future__ import annotations

import json
from pathlib import Path

from support.clients import source, start_daemon, write_config
from support.programs import python, run
from support.wire import Tap


def test_a_recorded_run_is_replayed_to_the_same_clock(tap: Tap, tmp_path: Path) -> None:
    log = tmp_path / "measurements.log"
    path = write_config(tmp_path, source(tap.address, poll=-2))
    path.write_text(path.read_text().replace("[observability]\n", f'[observability]\nmeasurement-log = "{log}"\n'))
    with start_daemon(tmp_path) as daemon:
        daemon.wait_for("synchronized: following")
        tap.wait_more(8)
        assert daemon.stop() == 0
    first = json.loads(log.read_bytes().splitlines()[0])
    assert first["type"] == "start"
    assert first["software"].startswith("ntp-daemon ")
    done = run(python("ntp_sim", "replay", log, "--json"))
    assert done.wait() == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert len(rows) >= 8
    # The daemon's timers ring a little late, the replay's do not: at most a slew of 0.5 % for some milliseconds lies between the two.
    assert max(abs(row["ahead_s"]) for row in rows) < 1e-3
    assert all(row["error_s"] is not None for row in rows[2:])


def test_a_log_that_cannot_be_written_is_no_reason_to_stop(tap: Tap, tmp_path: Path) -> None:
    path = write_config(tmp_path, source(tap.address, poll=-2))
    path.write_text(path.read_text().replace("[observability]\n", '[observability]\nmeasurement-log = "/dev/full"\n'))
    with start_daemon(tmp_path) as daemon:
        daemon.wait_for("measurement log /dev/full: it is not a file; measurements are not recorded any more")
        daemon.wait_for("synchronized: following")
        assert daemon.stop() == 0
