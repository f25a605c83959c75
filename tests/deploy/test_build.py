"""`scripts/build.sh`: a source distribution and a wheel of it, with the version that was asked for."""

from __future__ import annotations

import os
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "build.sh"


def build(*arguments: str | Path, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SCRIPT, *arguments], env={**os.environ, **(environment or {})}, capture_output=True, text=True, timeout=110, check=False)


@pytest.mark.parametrize("arguments", [[], ["v1.2.3"], ["1"], ["1.2.3-rc1"], ["1.2.3", "x", "y"], ["1.2.3\n4"], ['1.2.3"']])
def test_what_is_no_version_is_refused(arguments: list[str]) -> None:
    done = build(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")


def test_sdist_and_wheel_have_the_version_and_the_checkout_keeps_its_own(tmp_path: Path) -> None:
    """Without extensions, which take most of the time; that they can be required is for the wheels to show."""
    before = (ROOT / "pyproject.toml").read_bytes()
    done = build("9.8.7rc1", tmp_path / "out", environment={"NTP_NO_EXT": "1", "SOURCE_DATE_EPOCH": "1700000000"})
    if "Could not find a version" in done.stderr or "NewConnectionError" in done.stderr:
        pytest.skip("no package index can be reached, from which the build backend comes")
    assert done.returncode == 0, done.stderr
    assert (ROOT / "pyproject.toml").read_bytes() == before
    sdist, wheel = tmp_path / "out" / "ntpd_py-9.8.7rc1.tar.gz", tmp_path / "out" / "ntpd_py-9.8.7rc1-py3-none-any.whl"
    assert sorted(done.stdout.split()) == sorted(map(str, (sdist, wheel)))
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read("ntpd_py-9.8.7rc1.dist-info/METADATA").decode()
    assert "\nVersion: 9.8.7rc1\n" in metadata
    assert {"ntp_daemon/__main__.py", "ntp_proto/py.typed", "ntpd_py-9.8.7rc1.data/data/share/man/man8/ntp-daemon.8"} <= set(names)
    with tarfile.open(sdist) as archive:
        inside = {name.removeprefix("ntpd_py-9.8.7rc1/") for name in archive.getnames()}
    assert {"pyproject.toml", "build_ext.py", "README.md", "tests/deploy/test_build.py", "deploy/README.md", "scripts/build.sh"} <= inside
    assert not any("__pycache__" in name or name.endswith((".so", "_abi.py")) or name.startswith((".venv", ".git/")) for name in inside)
