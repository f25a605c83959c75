from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ntp_ctl.doctor.finding import Finding, Verdict
from ntp_ctl.doctor.machine_checks import check_devices, check_files, check_ports, check_rights, check_rivals, check_sockets, check_stamps
from ntp_ctl.doctor.proc import CAP_NET_BIND_SERVICE, CAP_SYS_TIME, Proc, Process
from ntp_proto.server_address import ServerAddress
from unit.ntp_ctl.doctor.likeness import ALL, add_process, add_udp, be

SYS_TIME = 1 << CAP_SYS_TIME


def one(findings: list[Finding]) -> Finding:
    (finding,) = findings
    return finding


class TestRights:
    @pytest.mark.parametrize(
        ("daemon", "sets", "mode", "verdict", "words"),
        [
            (7, (SYS_TIME, ALL), "steer", Verdict.GOOD, "the daemon may set the clock"),
            (7, (0, ALL), "steer", Verdict.PROBLEM, "CAP_SYS_TIME is missing"),
            (7, (0, ALL & ~SYS_TIME), "steer", Verdict.PROBLEM, "in this container"),
            (7, (0, ALL & ~SYS_TIME), "virtual", Verdict.GOOD, "needs no right"),
            (None, (SYS_TIME, ALL), "steer", Verdict.GOOD, "the clock may be set"),
            (None, (0, ALL), "steer", Verdict.NOTE, "with sudo, or by systemd"),
            (8, (0, ALL), "steer", Verdict.NOTE, "cannot be read"),
        ],
    )
    def test_of_the_daemon_or_of_ourselves(
        self, tmp_path: Path, daemon: int | None, sets: tuple[int, int], mode: str, verdict: Verdict, words: str
    ) -> None:
        effective, bounding = sets
        add_process(tmp_path, 7, "x", effective=effective, bounding=bounding)
        be(tmp_path, 7)
        finding = one(check_rights(Proc(tmp_path), daemon, mode))
        assert finding.verdict is verdict
        assert words in finding.text


def process(name: str, *arguments: str, pid: int = 50, parent: int = 1) -> Process:
    return Process(pid, parent, name, arguments)


class TestRivals:
    @pytest.mark.parametrize(
        ("rival", "fix"),
        [
            (process("chronyd", "/usr/sbin/chronyd", "-F", "1"), "chrony"),
            (process("ntpd", "/usr/sbin/ntpd"), "ntp"),
            (process("systemd-timesyn", "/lib/systemd/systemd-timesyncd"), "timedatectl set-ntp false"),
            (process("phc2sys", "phc2sys"), "phc2sys"),
            (process("ntp-daemon", "/usr/bin/ntp-daemon"), "ntpd-rs"),
        ],
    )
    def test_whoever_sets_the_clock_too_is_named_with_the_way_out(self, rival: Process, fix: str) -> None:
        finding = one(check_rivals([process("bash", "bash"), rival], None, "steer"))
        assert finding.verdict is Verdict.PROBLEM
        assert "(pid 50) sets the clock too" in finding.text
        assert fix in finding.fix
        assert one(check_rivals([rival], None, "virtual")).verdict is Verdict.GOOD, "somebody has to keep the system clock"

    @pytest.mark.parametrize(
        "innocent",
        [
            process("chronyd", "chronyd", "-x"),
            process("ntp-daemon", "/usr/bin/python3", "/usr/bin/ntp-daemon"),
            process("ntp-daemon", "/usr/bin/ntp-daemon", pid=7),
            process("ntp-daemon", "/usr/bin/ntp-daemon", parent=7),
            process("ntpdig", "ntpdig"),
        ],
    )
    def test_whoever_leaves_it_alone_or_is_ourselves_is_not(self, innocent: Process) -> None:
        assert one(check_rivals([innocent], 7, "steer")).text == "no other time daemon runs"


@pytest.mark.skipif(sys.byteorder != "little", reason="the lines of /proc are those of such a machine")
class TestPorts:
    @pytest.fixture
    def proc(self, tmp_path: Path) -> Proc:
        add_process(tmp_path, 7, "x", effective=1 << CAP_NET_BIND_SERVICE)
        be(tmp_path, 7)
        add_udp(tmp_path, "udp", "0100007F:007B")
        add_udp(tmp_path, "udp6", "00000000000000000000000000000000:04CF")
        return Proc(tmp_path)

    @pytest.mark.parametrize(
        ("wanted", "is_taken"),
        [
            ("127.0.0.1:123", True),
            ("0.0.0.0:123", True),
            ("192.0.2.1:123", False),
            ("127.0.0.1:124", False),
            ("[::]:123", False),
            ("[2001:db8::1]:1231", True),
            ("host.example:123", False),
        ],
    )
    def test_a_port_is_taken_by_whoever_is_bound_to_the_same_address_or_to_all(self, proc: Proc, wanted: str, is_taken: bool) -> None:
        finding = one(check_ports(proc, [ServerAddress.parse(wanted)], is_running=False))
        assert (finding.verdict is Verdict.PROBLEM) == is_taken
        assert ("is taken" in finding.text) == is_taken
        if is_taken:
            assert f"sport = :{ServerAddress.parse(wanted).port}" in finding.fix

    def test_a_daemon_that_runs_has_its_ports(self, proc: Proc) -> None:
        assert "answers on 0.0.0.0:123" in one(check_ports(proc, [ServerAddress("0.0.0.0")], is_running=True)).text

    def test_who_serves_nobody_needs_none(self, proc: Proc) -> None:
        assert one(check_ports(proc, [], is_running=False)).verdict is Verdict.GOOD

    def test_a_low_port_needs_a_right(self, tmp_path: Path) -> None:
        add_process(tmp_path, 7, "x")
        be(tmp_path, 7)
        finding = one(check_ports(Proc(tmp_path), [ServerAddress("0.0.0.0")], is_running=False))
        assert (finding.verdict, "port 123 needs root" in finding.text) == (Verdict.NOTE, True)
        assert one(check_ports(Proc(tmp_path), [ServerAddress("0.0.0.0", 1123)], is_running=False)).verdict is Verdict.GOOD


class TestStamps:
    @pytest.mark.parametrize(
        ("missing", "verdict", "text"),
        [
            ([], Verdict.GOOD, "the kernel stamps departures and arrivals"),
            (["departures"], Verdict.WARNING, "the kernel does not stamp departures"),
            (["departures", "arrivals"], Verdict.WARNING, "the kernel does not stamp departures and arrivals"),
        ],
    )
    def test_what_is_missing_is_named(self, missing: list[str], verdict: Verdict, text: str) -> None:
        finding = one(check_stamps(lambda: missing))
        assert (finding.verdict, finding.text) == (verdict, text)

    def test_a_kernel_that_cannot(self) -> None:
        def probe() -> list[str]:
            raise OSError(92, "Protocol not available")

        assert one(check_stamps(probe)).text == "the kernel cannot stamp datagrams: protocol not available"


class TestSockets:
    def test_both_can_be_made(self, tmp_path: Path) -> None:
        assert one(check_sockets((tmp_path / "new" / "observe", tmp_path / "configure"), is_running=False)).verdict is Verdict.GOOD

    def test_a_file_in_the_way(self, tmp_path: Path) -> None:
        (tmp_path / "observe").touch()
        finding = one(check_sockets((tmp_path / "observe",), is_running=False))
        assert (finding.verdict, finding.fix) == (Verdict.PROBLEM, f"rm {tmp_path / 'observe'}, if nobody needs it")

    def test_a_directory_that_nobody_will_make(self, tmp_path: Path) -> None:
        finding = one(check_sockets((tmp_path / "a" / "b" / "observe",), is_running=False))
        assert (finding.verdict, f"{tmp_path / 'a'} is not there" in finding.text) == (Verdict.WARNING, True)

    def test_a_socket_that_is_switched_off(self) -> None:
        assert one(check_sockets((None,), is_running=True)).verdict is Verdict.NOTE

    def test_a_socket_that_we_may_not_use(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        import socket  # noqa: PLC0415 — beside its only use

        path = tmp_path / "configure"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            monkeypatch.setattr("os.access", lambda _path, _mode: False)  # root may everything
            assert "you may not use" in one(check_sockets((path,), is_running=True)).text


class TestFiles:
    @pytest.mark.parametrize(
        ("path", "verdict"),
        [
            (lambda _: None, Verdict.NOTE),
            (lambda folder: folder / "drift", Verdict.GOOD),
            (lambda folder: folder / "new" / "drift", Verdict.GOOD),
            (lambda folder: folder / "a" / "b" / "drift", Verdict.WARNING),
            (lambda folder: folder, Verdict.WARNING),
        ],
    )
    def test_where_the_frequency_is_kept(self, tmp_path: Path, path: Callable[[Path], Path | None], verdict: Verdict) -> None:
        assert one(check_files(path(tmp_path))).verdict is verdict


def test_reference_clocks_are_noted(tmp_path: Path) -> None:
    assert check_devices(tmp_path) == []
    for name in ("pps0", "ptp1", "pps", "ttyS0"):
        (tmp_path / name).touch()
    assert one(check_devices(tmp_path)).text == "pps0, ptp1: reference clocks are there, and not supported yet"
