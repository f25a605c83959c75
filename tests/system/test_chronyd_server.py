"""chronyd as a server: somebody else's implementation tells us the time."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from support.clients import source, start_chronyd, start_daemon, write_config
from support.programs import python, run


@pytest.mark.peer
def test_we_follow_chronyd_within_ten_seconds(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    theirs, ours = tmp_path / "chronyd", tmp_path / "ntp-daemon"
    theirs.mkdir()
    ours.mkdir()
    write_config(ours, source(f"127.0.0.1:{port}", poll=4))  # an interval as in use: the burst at the start is what is quick
    with start_chronyd(theirs, "local stratum 1", f"port {port}", "bindaddress 127.0.0.1", "allow 127.0.0.1") as chronyd:
        chronyd.wait_for("Disabled control of system clock")
        with start_daemon(ours) as daemon:
            waited = run(python("ntp_ctl", "-o", ours / "observe", "wait-sync", "--max-error", "100ms", "--timeout", "10s", "--json"))
            assert waited.process.returncode == 0, waited.stderr + daemon.stderr
            assert daemon.stop() == 0
    system = json.loads(waited.stdout)
    assert (system["state"], system["stratum"], system["reference"]) == ("synchronized", 2, f"127.0.0.1:{port}")
    assert abs(system["offset_s"]) < 1e-3, "both read the same system clock"
