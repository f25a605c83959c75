from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from ntp_ctl.notify import notify


@pytest.mark.parametrize("abstract", [False, True])
def test_the_state_arrives(abstract: bool, tmp_path: Path) -> None:
    name = f"@ntp-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name.replace("@", "\0", 1) if abstract else name)
        manager.settimeout(5.0)
        notify("READY=1", {"NOTIFY_SOCKET": name})
        assert manager.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", ["", "relative", "/nowhere/at/all", "/" + "x" * 300, "@"])
def test_without_a_manager_nothing_happens(address: str) -> None:
    notify("READY=1", {"NOTIFY_SOCKET": address})


def test_without_the_variable_nothing_happens() -> None:
    notify("READY=1", {})
