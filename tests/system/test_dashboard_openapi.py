"""The OpenAPI document of ntp-dashboard and what it answers are the same thing: schemathesis asks everything that the document allows, and more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from support.dashboards import TOKEN, free_port, honest_servers, start_dashboard, start_scene, write_scene
from support.programs import environment


def test_every_answer_is_as_described(tmp_path: Path) -> None:
    with honest_servers(1) as servers:
        write_scene(tmp_path, servers, port=free_port())
        with start_scene(tmp_path), start_dashboard(tmp_path) as dashboard:
            # A process of its own: it brings its own settings of hypothesis, and its own warnings.
            done = subprocess.run(
                [
                    *(sys.executable, "-m", "schemathesis.cli", "run", f"{dashboard.url}/openapi.json", "--no-color"),
                    *("--header", f"Authorization: Bearer {TOKEN}"),
                    *("--exclude-path-regex", "stream|sse"),  # they have no end
                    *("--phases", "coverage,fuzzing", "--max-examples", "15", "--seed", "1", "--generation-database", "none"),
                ],
                capture_output=True,
                text=True,
                env=environment({"HOME": str(tmp_path)}),
                cwd=tmp_path,
                timeout=100,
                check=False,
            )
            assert done.returncode == 0, done.stdout[-4000:] + done.stderr
            assert "Tested: 14" in done.stdout
