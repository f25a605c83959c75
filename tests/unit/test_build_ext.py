"""How the extensions are built, on a copy of their sources."""

import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TIMEX = Path("packages/ntp_os_clock/src/ntp_os_clock")
SOCKET = Path("packages/ntp_udp/src/ntp_udp")
Build = Callable[..., subprocess.CompletedProcess[str]]

needs_compiler = pytest.mark.skipif(shutil.which(os.environ.get("CC", "cc")) is None, reason="there is no C compiler")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for package in (TIMEX, SOCKET):
        shutil.copytree(ROOT / package / "_ffi", tmp_path / package / "_ffi", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "build_ext.py", tmp_path)
    return tmp_path


@pytest.fixture
def build(checkout: Path) -> Build:
    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("NTP_")}
        command = [sys.executable, "build_ext.py", *arguments]
        return subprocess.run(command, cwd=checkout, env=kept | environment, capture_output=True, text=True, check=False)

    return run


def products(checkout: Path) -> set[str]:
    return {path.name.partition(".")[0] for package in (TIMEX, SOCKET) for path in (checkout / package).iterdir() if path.is_file()}


@needs_compiler
def test_it_builds_next_to_the_packages(checkout: Path, build: Build) -> None:
    done = build()
    assert (done.returncode, done.stderr) == (0, "")
    assert products(checkout) == {"_timex", "_timex_abi", "_socket", "_fast_server"}


def test_without_a_compiler_there_is_a_fallback_and_a_warning_that_helps(checkout: Path, build: Build) -> None:
    done = build(CC="/nowhere/cc")
    assert done.returncode == 0
    assert done.stderr.count("there is no C compiler ('/nowhere/cc'); on Debian and Ubuntu: apt install gcc python3-dev") == 3
    assert products(checkout) == {"_timex_abi"}


def test_a_required_extension_that_cannot_be_built_is_an_error(checkout: Path, build: Build) -> None:
    done = build(CC="/nowhere/cc", NTP_REQUIRE_EXT="1")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ntp_os_clock._timex was not compiled: there is no C compiler")


@needs_compiler
def test_an_extension_that_no_longer_compiles_is_taken_away(checkout: Path, build: Build) -> None:
    build()
    with (checkout / SOCKET / "_ffi/socket.c").open("a") as source:
        source.write("\nthis is not C\n")
    done = build()
    assert "ntp_udp._socket was not compiled" in done.stderr
    assert "this is not C" in done.stderr, "what the compiler said"
    assert products(checkout) == {"_timex", "_timex_abi", "_fast_server"}


@needs_compiler
def test_the_fallback_can_be_forced(checkout: Path, build: Build) -> None:
    build()
    assert build(NTP_NO_EXT="1").returncode == 0
    assert products(checkout) == {"_timex_abi"}


@needs_compiler
def test_strict_passes_and_builds_nothing(checkout: Path, build: Build) -> None:
    done = build("--strict")
    modules = ("ntp_os_clock._timex", "ntp_udp._socket", "ntp_udp._fast_server")
    assert (done.returncode, done.stdout) == (0, "".join(f"{module}: no warnings\n" for module in modules))
    assert products(checkout) == set()


@needs_compiler
def test_strict_refuses_a_warning(checkout: Path, build: Build) -> None:
    with (checkout / SOCKET / "_ffi/socket.c").open("a") as source:
        source.write("\nint32_t ntp_odd(int32_t unused) { return 0; }\n")
    done = build("--strict")
    assert done.returncode == 1
    assert "unused parameter" in done.stderr


@needs_compiler
def test_only_what_is_stale_is_built_again(checkout: Path, build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NTP_NO_EXT", raising=False)
    build()
    timex, sockets = checkout / TIMEX / "_timex.abi3.so", checkout / SOCKET / "_socket.abi3.so"
    rebuild_stale = runpy.run_path(str(checkout / "build_ext.py"))["rebuild_stale"]
    before = timex.stat().st_ino, sockets.stat().st_ino
    rebuild_stale()
    assert (timex.stat().st_ino, sockets.stat().st_ino) == before
    newer = sockets.stat().st_mtime + 10
    os.utime(checkout / SOCKET / "_ffi/socket.cdef.h", (newer, newer))
    rebuild_stale()
    assert timex.stat().st_ino == before[0]
    assert sockets.stat().st_ino != before[1]
