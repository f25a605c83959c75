"""Under a flood the daemon keeps its clock: what `benchmarks/server/flood.py` measures, for a few seconds and with bounds for a busy machine."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.programs import environment

FLOOD = Path(__file__).resolve().parents[2] / "benchmarks/server/flood.py"


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler, which makes the flood")
def test_a_flood_costs_neither_the_clock_nor_the_status_nor_the_log_nor_memory() -> None:
    command = [sys.executable, str(FLOOD), "--rounds", "1", "--settle", "3", "--seconds", "5", "--floods", "1", "--json"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    seen = json.loads(done.stdout)
    quiet, flood = seen["quiet"], seen["flood"]

    handled = flood["taken"]
    assert handled > 5_000
    assert 0.3 * handled < flood["denied"] < 0.6 * handled
    assert 0.07 * handled < flood["malformed"] < 0.13 * handled
    assert 0.2 * handled < flood["answered"] < 0.6 * handled

    assert flood["measured"] >= 0.5 * quiet["measured"] > 0, "measurements arrive on time"
    assert flood["rms_error_s"] <= 2.0 * quiet["rms_error_s"] + 20e-6, "and are as good"
    assert flood["status_s_p50"] <= 0.1
    assert flood["log_lines"] == 0
    assert flood["memory_mib_after"] <= flood["memory_mib_before"] + 4.0
