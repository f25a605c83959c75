"""ntp-ctl doctor on this machine, in front of a daemon and without one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.clients import observe, source, start_daemon, wait_ready, write_config
from support.programs import Program, python, run, serving
from support.wire import Tap


def findings(folder: Path, *arguments: str) -> tuple[int, dict[str, list[tuple[str, str]]]]:
    """The exit status, and for each check its verdicts with their texts."""
    done = run(python("ntp_ctl", "-c", folder / "ntp.toml", "doctor", "--json", *arguments))
    assert done.stderr == ""
    found: dict[str, list[tuple[str, str]]] = {}
    for finding in json.loads(done.stdout):
        assert set(finding) == {"check", "verdict", "text", "fix"}
        found.setdefault(finding["check"], []).append((finding["verdict"], finding["text"]))
    return done.process.returncode, found


def test_a_daemon_in_good_health(tmp_path: Path) -> None:
    with serving("rate_limit_server", "--interval", "0") as (_, address), Tap(address) as tap:
        write_config(tmp_path, source(tap.address, poll=-2))
        with start_daemon(tmp_path) as daemon:
            daemon.wait_for("synchronized: following")
            wait_ready(tmp_path)
            status, found = findings(tmp_path)
            assert status == 0, found
            assert found["configuration"] == [("good", f"{tmp_path / 'ntp.toml'} is valid")]
            assert found["daemon"][0][0] == found["clock"][0][0] == "good"
            assert found["clock"][0][1].startswith("synchronized: following")
            assert "servers" not in found, "it has asked them itself"
            stamped = observe(tmp_path).sources[0]
            is_kernel = (stamped.transmit_stamps, stamped.receive_stamps) == ("kernel", "kernel")
            assert ("good" in dict(found["stamps"])) == is_kernel, "the probe sees what the daemon sees"
            text = run(python("ntp_ctl", "-c", tmp_path / "ntp.toml", "doctor")).stdout
            assert text.splitlines()[-1] == "nothing is in the way"


def test_before_the_daemon_is_started_its_servers_are_asked(tmp_path: Path) -> None:
    with serving("rate_limit_server", "--interval", "0") as (_, good), serving("demobilize_server") as (_, bad):
        write_config(tmp_path, source(good) + source(bad))
        status, found = findings(tmp_path)
    assert status == 1
    assert [verdict for verdict, _ in found["daemon"]] == ["problem"]
    assert sorted(verdict for verdict, _ in found["servers"]) == ["good", "warning"]
    assert any(text.startswith(f"{bad}: ") for _, text in found["servers"])
    status, found = findings(tmp_path, "--no-network")
    assert "servers" not in found
    assert "names" not in found


def test_a_file_with_mistakes(tmp_path: Path) -> None:
    write_config(tmp_path, '[[source]]\nmode = "server"\naddress = "name.invalid"\n', "mood = 1\n")
    status, found = findings(tmp_path)
    assert status == 1
    assert [verdict for verdict, _ in found["configuration"]] == ["problem"]
    assert "clock.mood" in found["configuration"][0][1]
    assert [verdict for verdict, _ in found["names"]] == ["problem"], "the rest is looked at all the same"


def test_nothing_is_started_or_changed(tmp_path: Path) -> None:
    write_config(tmp_path, source("192.0.2.1"))
    before = sorted(path.name for path in tmp_path.iterdir())
    findings(tmp_path, "--no-network")
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_plot_of_what_a_daemon_has_measured(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra [plot] is not installed")
    with serving("rate_limit_server", "--interval", "0") as (_, address):
        config = write_config(tmp_path, source(address, poll=-4))
        config.write_text(config.read_text().replace("[observability]\n", f'[observability]\nmeasurement-log = "{tmp_path / "log"}"\n'))
        with Program(python("ntp_daemon", "-c", config)) as daemon:
            daemon.wait_for("synchronized: following")
            daemon.stop()
    done = run(python("ntp_ctl", "plot", "-c", config, "-o", tmp_path / "x.png"))
    assert (done.process.returncode, done.stderr) == (0, "")
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
