"""Linters of what is no Python, where they are installed or fetched; a test that needs one is skipped without it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

__all__ = ["lint", "linter"]


def linter(name: str) -> str:
    """The path of the command: in the directory that NTP_LINTERS names, else the one that is installed."""
    path = shutil.which(name, path=os.pathsep.join([os.environ.get("NTP_LINTERS", ""), os.environ.get("PATH", os.defpath)]))
    if path is None:
        pytest.skip(f"no {name}: NTP_LINTERS=$(.ci/linters.sh) fetches it")
    return path


def lint(name: str, *arguments: str | Path, cwd: Path | None = None) -> str:
    """Run it, and fail unless it is content; returns what it has printed."""
    done = subprocess.run([linter(name), *arguments], cwd=cwd, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{name} {' '.join(map(str, arguments))}:\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr
