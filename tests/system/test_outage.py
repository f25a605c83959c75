"""A server that goes away and comes back, seen by the real daemon in short: the long forms are simulated."""

from __future__ import annotations

from pathlib import Path

from ntp_proto.observation import SourceStatus, SyncState
from support.clients import observe, source, start_daemon, write_config
from support.programs import serving, wait_until


def test_the_clock_runs_on_without_its_server_and_goes_on_with_it(tmp_path: Path) -> None:
    with serving("rate_limit_server", "--interval", "0") as (first, address):
        write_config(tmp_path, source(address, poll=-2))
        with start_daemon(tmp_path) as daemon:
            daemon.wait_for("synchronized: following")
            wait_until(lambda: observe(tmp_path).sources[0].samples >= 4, "four measurements")
            assert first.stop() == 0
            daemon.wait_for(rf"warn  {address}.*: it does not answer")
            gone = observe(tmp_path)
            assert gone.sources[0].status is SourceStatus.UNREACHABLE
            assert gone.system.state is SyncState.HOLDOVER
            assert "the clock runs on" in gone.system.reason

            with serving("rate_limit_server", "--interval", "0", listen=str(address)):
                wait_until(lambda: observe(tmp_path).system.state is SyncState.SYNCHRONIZED, "it is followed again")
                back = observe(tmp_path)
            assert back.system.step_count == gone.system.step_count, "no step"
            assert abs(back.system.frequency - gone.system.frequency) < 100e-6
            assert daemon.stop() == 0
