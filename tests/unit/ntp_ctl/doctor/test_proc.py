from __future__ import annotations

import ipaddress
import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_ctl.doctor.proc import CAP_NET_BIND_SERVICE, CAP_SYS_TIME, BoundPort, Proc, Process, Rights, _bound
from unit.ntp_ctl.doctor.likeness import add_process, add_udp


def test_processes_with_their_parents_and_arguments(tmp_path: Path) -> None:
    add_process(tmp_path, 7, "chronyd", "/usr/sbin/chronyd", "-F", "1", parent=1)
    add_process(tmp_path, 12, "kworker/0:1")
    (tmp_path / "99").mkdir()
    (tmp_path / "uptime").touch()
    assert Proc(tmp_path).processes() == [
        Process(7, 1, "chronyd", ("/usr/sbin/chronyd", "-F", "1")),
        Process(12, 0, "kworker/0:1", ()),
    ]


def test_rights_of_ourselves_and_of_others(tmp_path: Path) -> None:
    add_process(tmp_path, 7, "a", effective=1 << CAP_SYS_TIME, bounding=0xFFFFFFFF, user=101)
    (tmp_path / "self").symlink_to(tmp_path / "7")
    proc = Proc(tmp_path)
    rights = proc.rights(7)
    assert rights == proc.rights() == Rights(1 << CAP_SYS_TIME, 0xFFFFFFFF, 101)
    assert rights.has(CAP_SYS_TIME)
    assert not rights.has(CAP_NET_BIND_SERVICE)
    assert rights.could_have(CAP_NET_BIND_SERVICE)
    assert proc.rights(8) is None


@pytest.mark.skipif(os.sys.byteorder != "little", reason="the lines are those of such a machine")  # type: ignore[attr-defined]  # os has it
def test_bound_ports_of_both_families(tmp_path: Path) -> None:
    add_udp(tmp_path, "udp", "0100007F:007B", "00000000:04CF")
    add_udp(tmp_path, "udp6", "B80D0120000000000000000001000000:007B")
    assert Proc(tmp_path).bound_ports() == [
        BoundPort(ipaddress.ip_address("127.0.0.1"), 123),
        BoundPort(ipaddress.ip_address("0.0.0.0"), 1231),
        BoundPort(ipaddress.ip_address("2001:db8::1"), 123),
    ]


def test_a_proc_that_is_not_there_is_empty(tmp_path: Path) -> None:
    proc = Proc(tmp_path / "none")
    assert (proc.processes(), proc.bound_ports(), proc.rights(), proc.first_unprivileged_port()) == ([], [], None, 1024)


def test_the_first_unprivileged_port_is_the_kernels(tmp_path: Path) -> None:
    folder = tmp_path / "sys" / "net" / "ipv4"
    folder.mkdir(parents=True)
    (folder / "ip_unprivileged_port_start").write_text("0\n")
    assert Proc(tmp_path).first_unprivileged_port() == 0


def test_this_kernel_writes_what_is_read() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        assert BoundPort(ipaddress.ip_address("127.0.0.1"), bound.getsockname()[1]) in Proc().bound_ports()
    processes = {process.pid: process for process in Proc().processes()}
    assert processes[os.getpid()].parent == os.getppid()
    rights = Proc().rights()
    assert rights is not None
    assert rights.user == os.geteuid()


@given(st.text() | st.from_regex(r"\s*\d+: [0-9A-F]{0,40}:[0-9A-F]{0,6} .{0,20}"))
def test_any_line_is_a_port_or_none(line: str) -> None:
    _bound(line)
