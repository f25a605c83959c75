"""`ntp-mirror` as a process: whose state it serves, and what it does when that one goes away."""

from __future__ import annotations

import contextlib
import os
import pwd
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ntp_ctl.query import QueryResult, query_sync
from ntp_proto.datagram import Address
from ntp_proto.identifiers import LeapIndicator
from ntp_proto.packet import Header
from support.programs import Program, python, run, serving, wait_until
from support.serving import free_port
from support.wire import Tap

_TAKEOVER_S = 4.0 * 1.02 + 1.0 + 0.5
"""Until a silent source is noticed: the interval, the time limit, and a moment."""


@contextlib.contextmanager
def ntp_mirror(*options: str) -> Iterator[tuple[Program, Address]]:
    address = Address("127.0.0.1", free_port())
    with Program(python("ntp_daemon.mirror_command", "-a", str(address), "-6", "0", *options)) as mirror:
        mirror.wait_for("serving on ")
        yield mirror, address


@contextlib.contextmanager
def upstream(stratum: int, port: int = 0) -> Iterator[Address]:
    with serving("rate_limit_server", "--interval", "0", "--stratum", str(stratum), listen=f"127.0.0.1:{port}") as (_, address):
        yield address


def wait_stratum(address: Address, stratum: int) -> QueryResult:
    wait_until(lambda: query_sync(str(address)).stratum == stratum, f"stratum {stratum}", timeout_s=_TAKEOVER_S)
    return query_sync(str(address))


def test_the_first_source_that_answers_is_passed_on_and_the_next_one_takes_over() -> None:
    port = free_port()
    with upstream(4) as second, ntp_mirror("-s", f"127.0.0.1:{port}", "-s", str(second)) as (mirror, address):
        wait_stratum(address, 4)
        with upstream(3, port):
            result = wait_stratum(address, 3)
            assert result.rejection is None, "unchanged: not one stratum below"
        wait_stratum(address, 4)
        assert mirror.stop() == 0


def test_before_any_source_has_answered_there_is_no_time() -> None:
    with Tap(None) as silent, ntp_mirror("-s", str(silent.address)) as (mirror, address):
        result = query_sync(str(address))
        assert (result.leap, result.stratum, result.kiss_code) == (LeapIndicator.UNSYNCHRONIZED, 16, None)
        assert mirror.stop() == 0


def test_sources_are_asked_side_by_side() -> None:
    with Tap(None) as one, Tap(None) as other, ntp_mirror("-s", str(one.address), "-s", str(other.address)):
        one.wait_requests(1)
        other.wait_requests(1)
        assert abs(one.requests[0].at - other.requests[0].at) < 0.9, "no waiting for the first one's time limit of 1 s"


def test_one_bad_address_is_a_warning() -> None:
    with upstream(2) as good, ntp_mirror("-s", "a..b", "-s", str(good)) as (mirror, address):
        wait_stratum(address, 2)
    assert "ntp-mirror: warning: 'a..b' is not a host name" in mirror.stderr


def test_version_1_is_answered_too() -> None:
    """Mode 0 in a packet of version 1 is a client's request (RFC 1059); the answer is of version 1."""
    with upstream(2) as good, ntp_mirror("-s", str(good)) as (_, address):
        wait_stratum(address, 2)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(5.0)
            sock.sendto(b"\x08" + bytes(39) + b"12345678", (address.host, address.port))
            answer = Header.parse(sock.recv(512))
    assert (answer.version, answer.stratum, answer.origin_bits) == (1, 2, int.from_bytes(b"12345678", "big"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_it_becomes_an_ordinary_user_in_a_directory(tmp_path: Path) -> None:
    with upstream(2) as good, ntp_mirror("-s", str(good), "-u", "nobody", "-r", str(tmp_path)) as (mirror, address):
        mirror.wait_for("going on as user nobody")
        wait_stratum(address, 2)
        status = Path(f"/proc/{mirror.process.pid}/status").read_text()
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        nobody = pwd.getpwnam("nobody")
        assert fields["Uid"].split() == [str(nobody.pw_uid)] * 4
        assert fields["Gid"].split() == [str(nobody.pw_gid)] * 4
        assert fields["Groups"].strip() == ""
        assert int(fields["CapPrm"], 16) == 0, "it sets no clock"
        assert Path(f"/proc/{mirror.process.pid}/root").readlink() == tmp_path
        assert mirror.stop() == 0


def test_a_port_that_is_taken_is_an_error() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        done = run(python("ntp_daemon.mirror_command", "-a", f"127.0.0.1:{taken.getsockname()[1]}", "-6", "0"))
    assert done.process.returncode == 1
    assert "ntp-mirror: cannot listen on 127.0.0.1:" in done.stderr


@pytest.mark.parametrize(
    ("option", "value", "complaint"),
    [
        ("-u", "nobody-of-this-name", "there is no user 'nobody-of-this-name'"),
        ("-r", "/no/such/root", "there is no directory '/no/such/root' to become the root directory"),
        ("-r", "/dev/null", "there is no directory '/dev/null' to become the root directory"),
    ],
)
def test_what_cannot_become_of_it_is_an_error_before_anything_is_opened(option: str, value: str, complaint: str) -> None:
    done = run(python("ntp_daemon.mirror_command", "-a", f"127.0.0.1:{free_port()}", "-6", "0", option, value))
    assert (done.process.returncode, done.stderr) == (1, f"ntp-mirror: {complaint}\n")
