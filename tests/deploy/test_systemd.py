"""The units: what systemd itself says of them, and what was decided about them."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from support.linters import lint, linter
from support.programs import Program, python
from support.serving import free_port

SYSTEMD = Path(__file__).parents[2] / "deploy" / "systemd"
UNITS = sorted(SYSTEMD.glob("*.service"))
EXPOSURE_LIMIT = 2.5
INSTALLED = "/opt/ntpd-py/bin"


def read(unit: Path) -> dict[str, dict[str, list[str]]]:
    """Section, then key, then the values in their order."""
    found: dict[str, dict[str, list[str]]] = {}
    section = ""
    for line in unit.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(section, {}).setdefault(key, []).append(value)
    return found


@pytest.mark.peer
@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_exposure_is_low(unit: Path) -> None:
    said = lint("systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={round(EXPOSURE_LIMIT * 10)}", unit)
    exposure = re.search(r"Overall exposure level for \S+: (\d+\.\d)", said)
    assert exposure
    assert float(exposure[1]) <= EXPOSURE_LIMIT


@pytest.mark.peer
@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_understands_all_of_it(unit: Path, tmp_path: Path) -> None:
    """With a program of that name in another place, since none is installed here."""
    for other in UNITS:
        text = other.read_text(encoding="utf-8")
        for name in re.findall(rf"{INSTALLED}/([\w-]+)", text):
            (tmp_path / name).write_text("#!/bin/sh\n")
            (tmp_path / name).chmod(0o755)
        (tmp_path / other.name).write_text(text.replace(INSTALLED, str(tmp_path)))
    assert lint("systemd-analyze", "verify", "--man=no", tmp_path / unit.name) == ""


def test_the_daemon_is_not_started_again_and_the_others_are() -> None:
    restart = {unit.stem: read(unit)["Service"].get("Restart", ["no"]) for unit in UNITS}
    assert restart.pop("ntp-daemon") == ["no"]
    assert restart.pop("ntp-wait-sync") == ["no"]
    assert set(map(tuple, restart.values())) == {("always",)}


def test_a_wrong_configuration_is_not_tried_again_and_again() -> None:
    for unit in UNITS:
        service = read(unit)["Service"]
        if service.get("Restart") == ["always"]:
            assert "2" in service["RestartPreventExitStatus"][0].split()


def test_only_the_daemon_may_set_the_clock() -> None:
    for unit in UNITS:
        service = read(unit)["Service"]
        may = "CAP_SYS_TIME" in " ".join(service["CapabilityBoundingSet"])
        assert may == (unit.stem == "ntp-daemon")
        assert service.get("ProtectClock", ["no"]) == (["no"] if may else ["yes"])


def test_nobody_is_root() -> None:
    for unit in UNITS:
        service = read(unit)["Service"]
        assert service.get("User") == ["ntpd-py"] or service.get("DynamicUser") == ["yes"]


def test_the_directories_are_those_of_the_defaults() -> None:
    from ntp_daemon.config.default_file import describe  # noqa: PLC0415

    service = read(SYSTEMD / "ntp-daemon.service")["Service"]
    defaults = {f"{key.table}.{key.name}": (key.default or "").strip('"') for key in describe()}
    assert defaults["synchronization.drift-file"].startswith(f"/var/lib/{service['StateDirectory'][0]}/")
    assert defaults["observability.observation-path"].startswith(f"/run/{service['RuntimeDirectory'][0]}/")
    assert defaults["observability.configuration-path"].startswith(f"/run/{service['RuntimeDirectory'][0]}/")


@cache
def _calls(group: str) -> frozenset[str]:
    """The system calls of a group such as @clock; of a single call, itself."""
    if not group.startswith("@"):
        return frozenset({group})
    listed = subprocess.run([linter("systemd-analyze"), "syscall-filter", "--no-pager", group], capture_output=True, text=True, check=True).stdout
    names = [line.strip() for line in listed.splitlines()[1:] if line.strip() and not line.strip().startswith("#")]
    assert names, listed
    return frozenset().union(*map(_calls, names))


def allowed(unit: Path) -> frozenset[str]:
    """What the filter lets through; what every filter does is in @default."""
    calls = frozenset[str]()
    for line in read(unit)["Service"]["SystemCallFilter"]:
        named = frozenset().union(*map(_calls, line.removeprefix("~").split()))
        calls = calls - named if line.startswith("~") else calls | named
    return calls | _calls("@default")


def test_the_filter_lets_the_clock_be_set() -> None:
    linter("systemd-analyze")
    assert {"clock_adjtime", "clock_settime", "adjtimex"} <= allowed(SYSTEMD / "ntp-daemon.service")
    assert not {"clock_settime", "mount", "ptrace", "bpf", "setresuid"} & allowed(SYSTEMD / "ntp-metrics-exporter.service")


DAEMON = """\
[[server]]
listen = "127.0.0.1:{port}"
workers = 1
[clock]
mode = "local"
[synchronization]
drift-file = "{folder}/drift"
[observability]
observation-path = "{folder}/observe"
configuration-path = "{folder}/configure"
"""
_AS_ROOT_ONLY = {"setgroups", "setresgid", "setresuid"}
"""With which workers become nobody; the unit's user is that already."""


def _ask(announcement: str) -> None:
    """A page of the program that has just said where it serves."""
    address = re.search(r"http://(\S+):(\d+)/", announcement)
    assert address
    connection = http.client.HTTPConnection(address[1], int(address[2]), timeout=30.0)
    connection.request("GET", "/healthz")
    assert connection.getresponse().status == 503, "there is no daemon"
    connection.close()


@pytest.mark.peer
@pytest.mark.skipif(sys.platform != "linux", reason="strace is Linux's")
@pytest.mark.parametrize("name", ["ntp-daemon", "ntp-serve", "ntp-metrics-exporter", "ntp-dashboard"])
def test_what_the_program_asks_of_the_kernel_is_let_through(name: str, tmp_path: Path) -> None:
    """System calls, and no memory that is writable and executable: all that the unit's filters would refuse."""
    linter("systemd-analyze")
    (tmp_path / "ntp.toml").write_text(DAEMON.format(folder=tmp_path, port=free_port()))
    command, ready = {
        "ntp-daemon": (python("ntp_daemon", "-c", tmp_path / "ntp.toml"), "serving on"),
        "ntp-serve": (python("ntp_daemon.serve_command", "-listen", "127.0.0.1:0", "--quiet"), "Waiting for"),
        "ntp-dashboard": (python("ntp_dashboard", "-l", "127.0.0.1:0", "-o", tmp_path / "observe"), "http://"),
        "ntp-metrics-exporter": (python("ntp_metrics_exporter", "-l", "127.0.0.1:0", "-o", tmp_path / "observe"), "serving http"),
    }[name]
    trace = tmp_path / "trace"
    with Program([linter("strace"), "-f", "-qq", "-I", "2", "-o", str(trace), *command]) as program:
        said = program.wait_for(ready, timeout_s=30.0)
        pid = int(trace.read_text().split(maxsplit=1)[0])
        try:
            if name == "ntp-dashboard":  # it says so before it listens for signals
                _ask(said.string)
            os.kill(pid, 15)
            assert program.wait(30.0) == 0
        finally:
            with contextlib.suppress(ProcessLookupError):  # it would outlive strace, and whoever reads what it says
                os.kill(pid, 9)
    lines = trace.read_text(errors="replace").splitlines()
    calls = {found[1] for line in lines if (found := re.match(r"\d+ +([a-z0-9_]+)\(", line))}
    assert {"socket", "bind", "execve"} <= calls, "the trace is not one of a program that listens"
    assert sorted(calls - allowed(SYSTEMD / f"{name}.service") - _AS_ROOT_ONLY) == []
    assert [
        line for line in lines if re.search(r" (mmap|mprotect)\(.*PROT_WRITE\|PROT_EXEC", line) or re.search(r" mprotect\(.*PROT_EXEC", line)
    ] == []


def _fragment_root(tmp_path: Path) -> Path:
    for name, kind in (("sysusers", "sysusers.d"), ("tmpfiles", "tmpfiles.d")):
        folder = tmp_path / "usr" / "lib" / kind
        folder.mkdir(parents=True)
        (folder / "ntpd-py.conf").write_text((SYSTEMD / f"ntpd-py.{name}").read_text(encoding="utf-8"))
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (tmp_path / "etc" / "group").write_text("root:x:0:\n")
    return tmp_path


@pytest.mark.peer
@pytest.mark.skipif(os.geteuid() != 0, reason="systemd-sysusers and systemd-tmpfiles change owners, which takes root")
def test_the_user_and_the_directories_are_made(tmp_path: Path) -> None:
    """In a root directory of its own."""
    root = _fragment_root(tmp_path)
    lint("systemd-sysusers", f"--root={root}", root / "usr/lib/sysusers.d/ntpd-py.conf")
    (line,) = [line for line in (root / "etc/passwd").read_text().splitlines() if line.startswith("ntpd-py:")]
    uid = int(line.split(":")[2])
    lint("systemd-tmpfiles", f"--root={root}", "--create", root / "usr/lib/tmpfiles.d/ntpd-py.conf")
    made = {name: (root / name).stat() for name in ("etc/ntpd-py", "run/ntpd-py", "var/lib/ntpd-py")}
    assert {name: (status.st_uid, status.st_mode & 0o777) for name, status in made.items()} == {
        "etc/ntpd-py": (0, 0o755),
        "run/ntpd-py": (uid, 0o755),
        "var/lib/ntpd-py": (uid, 0o750),
    }
