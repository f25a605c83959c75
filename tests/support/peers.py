"""Programs that we did not write, where they are installed or named; a test that needs one is skipped without it."""

from __future__ import annotations

import os
import shutil

import pytest

__all__ = ["peer"]

_PLACES = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])


def peer(name: str) -> str:
    """The path of the program: what the variable of its name in capitals says, else the one that is installed."""
    variable = name.upper()
    path = os.environ.get(variable) or shutil.which(name, path=_PLACES)
    if path is None:
        pytest.skip(f"no {name}: install one, or name it in {variable} (.ci/peers.sh {name} fetches Debian's)")
    return path
