"""The server of other systems, tried on Linux: its answers here, and below that it needs nothing that only Linux has."""

from __future__ import annotations

import signal
import socket
import sys
from pathlib import Path

import pytest

from ntp_daemon.portable_serve import PortableServer
from ntp_proto.datagram import Address
from ntp_proto.identifiers import LeapIndicator, Mode
from ntp_proto.packet import Header, client_request
from ntp_proto.server import ClientLimits, Rate, RefusalAction, ServerPolicy
from ntp_proto.time_types import NtpTimestamp, PollInterval
from support.programs import Program, python, run
from support.serving import free_port

EVERYBODY = ServerPolicy()
REQUEST = client_request(NtpTimestamp(42), PollInterval(6)).to_bytes()
ELSEWHERE = """\
import asyncio, logging, pathlib, shutil, signal, socket, subprocess, sys, tempfile  # what the library loads by itself comes first
for name in ("fcntl", "grp", "pwd", "resource", "termios"):
    sys.modules[name] = None
for name in ("recvmsg", "recvmsg_into", "sendmsg"):
    setattr(socket.socket, name, property())  # reading it raises AttributeError
for name in dir(socket):
    if name.startswith(("SO_REUSEPORT", "SCM_", "SO_TIMESTAMP", "IP_PKTINFO", "IPV6_RECVPKTINFO", "AF_NETLINK", "AF_PACKET")):
        delattr(socket, name)
sys.platform = "elsewhere"
import runpy
sys.argv = ["ntp-serve", *sys.argv[1:]]
runpy.run_module("ntp_daemon.serve_command", run_name="__main__")
"""


def exchange(server: PortableServer, data: bytes) -> bytes | None:
    """What comes back for a datagram."""
    family = socket.AF_INET6 if ":" in server.address.host else socket.AF_INET
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(server.address.host, server.address.host)
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        client.settimeout(5.0)
        client.sendto(data, (host, server.address.port))
        event = server.serve_one()
        assert event is not None
        return client.recv(1024) if event.is_answered else None


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::1", "::"])
def test_it_tells_the_time(host: str) -> None:
    server = PortableServer(Address(host, 0), 3, EVERYBODY)
    data = exchange(server, REQUEST)
    server.close()
    assert data is not None
    answer = Header.parse(data)
    assert (answer.mode, answer.stratum, answer.first_byte >> 6) == (Mode.SERVER, 3, LeapIndicator.NO_WARNING)
    assert answer.origin_bits == 42
    assert 0 <= (NtpTimestamp(answer.transmit_bits) - NtpTimestamp(answer.receive_bits)).to_seconds() < 1.0
    assert -32 <= answer.precision < 0


@pytest.mark.parametrize("data", [b"", b"\x23", REQUEST[:47], b"\x24" + REQUEST[1:], bytes(48), b"\xff" * 2049])
def test_what_is_no_request_of_a_client_is_not_answered(data: bytes) -> None:
    server = PortableServer(Address("127.0.0.1", 0), 2, EVERYBODY)
    assert exchange(server, data) is None
    assert server.summary() == "requests=1 responses=0 errors=1 unique_clients=0 last_ip=127.0.0.1"
    server.close()


def test_limits_are_those_of_linux() -> None:
    policy = ServerPolicy(clients=ClientLimits(rate=Rate(0.001, 1), leak=0), limit_action=RefusalAction.DENY)
    server = PortableServer(Address("127.0.0.1", 0), 2, policy)
    first, second = exchange(server, REQUEST), exchange(server, REQUEST)
    assert first is not None
    assert second is not None
    assert Header.parse(first).stratum == 2
    assert Header.parse(second).stratum == 0
    assert server.summary() == "requests=2 responses=1 errors=1 unique_clients=1 last_ip=127.0.0.1"
    server.close()


def test_a_port_that_is_taken_is_an_error() -> None:
    server = PortableServer(Address("127.0.0.1", 0), 2, EVERYBODY)
    with pytest.raises(OSError, match="in use"):
        PortableServer(server.address, 2, EVERYBODY)
    server.close()


def test_silence_is_no_event() -> None:
    server = PortableServer(Address("127.0.0.1", 0), 2, EVERYBODY)
    assert server.serve_one() is None
    server.close()


def elsewhere(folder: Path, *arguments: str) -> list[str]:
    script = folder / "elsewhere.py"
    script.write_text(ELSEWHERE)
    return [sys.executable, "-P", str(script), *arguments]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_program_runs_without_anything_of_linux(tmp_path: Path, number: signal.Signals) -> None:
    port = free_port()
    with Program(elsewhere(tmp_path, "-listen", f"127.0.0.1:{port}")) as server:
        server.wait_for("Waiting for NTP requests", timeout_s=30.0)
        asked = run(python("ntp_ctl.query", "127.0.0.1", str(port)))
        assert asked.wait(30.0) == 0, asked.stderr
        server.wait_for("Sent NTP response to 127.0.0.1:")
        assert server.stop(number) == 0
    assert server.stdout.endswith("Shutting down NTP server...\nNTP Server stopped\n")
    assert server.stderr == ""


def test_what_elsewhere_cannot_do_is_said(tmp_path: Path) -> None:
    done = run(elsewhere(tmp_path, "--workers", "2"))
    assert done.wait(30.0) == 2
    assert done.stderr.rstrip().endswith("error: --workers needs Linux")
