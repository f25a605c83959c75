"""`ntp-serve` as a process: its lines, its answers, its end."""

from __future__ import annotations

import contextlib
import re
import shlex
import signal
import socket
from collections.abc import Iterator

import pytest

from ntp_ctl.query import QueryError, query_sync
from ntp_proto.datagram import Address
from ntp_proto.identifiers import LeapIndicator
from support.programs import Program, python, run, without
from support.serving import free_port

CAP_NET_BIND_SERVICE = 10  # linux/capability.h


@contextlib.contextmanager
def ntp_serve(*arguments: str) -> Iterator[tuple[Program, Address]]:
    with Program(python("ntp_daemon.serve_command", *arguments)) as server:
        host, port = server.wait_for(r"^NTP Server started on (\S+):(\d+)$").groups()
        yield server, Address("127.0.0.1" if host == "0.0.0.0" else host.strip("[]"), int(port))


def datagram(to: Address, data: bytes) -> Address:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(data, (to.host, to.port))
        return Address("127.0.0.1", sock.getsockname()[1])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_what_the_small_server_of_old_said(number: signal.Signals) -> None:
    with ntp_serve("0") as (server, address):
        result = query_sync(str(address))
        server.wait_for("^Sent NTP response to 127.0.0.1:")
        stranger = datagram(address, b"hello")
        server.wait_for("^Received invalid packet")
        assert server.stop(number) == 0
    assert re.fullmatch(
        rf"NTP Server started on 0\.0\.0\.0:{address.port}\n"
        r"Waiting for NTP requests\.\.\. \(Press Ctrl\+C to stop\)\n"
        r"Received NTP request from (127\.0\.0\.1:\d+)\n"
        r"Sent NTP response to \1\n"
        rf"Received invalid packet from {stranger} \(size: 5 bytes\)\n"
        r"\nShutting down NTP server\.\.\.\nNTP Server stopped\n",
        server.stdout,
    ), server.stdout
    assert server.stderr == ""
    assert (result.stratum, result.leap, result.reference_id.to_text(1)) == (2, LeapIndicator.NO_WARNING, "LOCL")
    assert result.offset is not None
    assert abs(result.offset.to_seconds()) < 0.1


def test_what_is_no_request_of_a_client_is_not_answered() -> None:
    with ntp_serve("-listen", "127.0.0.1:0") as (server, address):
        stranger = datagram(address, b"\x24" + bytes(47))
        server.wait_for(f"^Ignored request from {stranger}: bad-mode$")
        assert server.stop() == 0


def test_it_serves_ipv6() -> None:
    with ntp_serve("-listen", "[::1]:0") as (server, address):
        result = query_sync(str(address))
        server.wait_for(r"^Sent NTP response to \[::1\]:\d+$")
    assert (result.address, result.rejection) == (address, None)


def test_quiet_says_nothing_of_requests() -> None:
    with ntp_serve("-listen", "127.0.0.1:0", "-stratum", "9", "--quiet") as (server, address):
        assert query_sync(str(address)).stratum == 9
        assert server.stop() == 0
    assert "request from" not in server.stdout
    assert server.stdout.endswith("NTP Server stopped\n")


def test_who_asks_too_often_is_told_so() -> None:
    with ntp_serve("-listen", "127.0.0.1:0", "-rate", "0.001", "-burst", "2", "--workers", "1") as (_, address):
        # Some of what is too much is answered all the same, by chance: one in four.
        kisses = [query_sync(str(address)).kiss_code for _ in range(22)]
    assert kisses[:2] == [None, None]
    assert kisses.count("RATE") >= 5


def test_a_port_that_is_taken_is_an_error() -> None:
    with ntp_serve("-listen", "127.0.0.1:0") as (_, address):
        done = run(python("ntp_daemon.serve_command", "-listen", str(address)))
    assert done.process.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(f"Error starting server: cannot listen on {address}: ")


def test_an_address_of_another_machine_is_an_error() -> None:
    done = run(python("ntp_daemon.serve_command", "-listen", f"192.0.2.1:{free_port()}"))
    assert (done.process.returncode, done.stdout) == (1, "")
    assert "this machine does not have that address" in done.stderr


def test_a_reader_that_has_seen_enough_ends_it() -> None:
    port = free_port()
    command = shlex.join(python("ntp_daemon.serve_command", str(port)))
    with Program(["sh", "-c", f"{{ {command}; echo $? >&2; }} | head -1"]) as piped:
        piped.wait_for("^NTP Server started")
        for _ in range(2):  # the first line that cannot be written is the last
            with contextlib.suppress(QueryError):
                query_sync("127.0.0.1", port)
        assert piped.wait() == 0
    assert piped.stderr == "141\n"


def test_a_port_that_needs_root_is_explained() -> None:
    command = without(python("ntp_daemon.serve_command", "-listen", "127.0.0.1:123"), CAP_NET_BIND_SERVICE)
    done = run(command)
    if done.stdout.startswith("NTP Server started"):
        pytest.skip("every port may be opened here: net.ipv4.ip_unprivileged_port_start is low")
    assert done.process.returncode == 1
    first, *hints = done.stderr.splitlines()
    assert first == "Error: Permission denied. Port 123 requires root/administrator privileges."
    assert len(hints) == 2


def test_the_version_is_shown() -> None:
    done = run(python("ntp_daemon.serve_command", "--version"))
    assert done.process.returncode == 0
    assert re.fullmatch(r"ntp-serve \S+\n", done.stdout)
