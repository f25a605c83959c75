from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_ctl.doctor.plan import DEFAULT_DRIFT_FILE, Plan, load_plan
from ntp_daemon.config.model import SynchronizationConfig
from ntp_proto.server_address import ServerAddress


def plan(folder: Path, text: str) -> Plan:
    path = folder / "ntp.toml"
    path.write_text(text, encoding="utf-8")
    return load_plan(path)


def test_what_is_needed_of_a_file(tmp_path: Path) -> None:
    text = """
[[source]]
mode = "server"
address = "a.example"
[[source]]
mode = "server"
address = "not an address"
[[server]]
listen = "0.0.0.0:1123"
[synchronization]
drift-file = "/x/drift"
[clock]
mode = "virtual"
"""
    assert plan(tmp_path, text) == Plan((ServerAddress("a.example"),), (ServerAddress("0.0.0.0", 1123),), "virtual", Path("/x/drift"))


@pytest.mark.parametrize(
    "text",
    ["", "source = 1", "server = [1]", "clock = 1", "clock.mode = 1", "not toml", "[[source]]", "synchronization.drift-file = 1", "source = [[]]"],
)
def test_whatever_is_wrong_is_as_by_default(tmp_path: Path, text: str) -> None:
    assert plan(tmp_path, text) == Plan()
    assert load_plan(tmp_path / "none") == Plan()


@given(st.text())
def test_any_text_is_a_plan(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    plan(tmp_path_factory.mktemp("plan"), text)


def test_an_empty_name_is_no_drift_file(tmp_path: Path) -> None:
    assert plan(tmp_path, 'synchronization.drift-file = ""').drift_file is None


def test_the_default_is_the_daemons() -> None:
    assert str(DEFAULT_DRIFT_FILE) == SynchronizationConfig().drift_file
