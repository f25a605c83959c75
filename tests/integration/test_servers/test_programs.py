"""The test servers as processes: what they answer, what they print, and how they end."""

from __future__ import annotations

import random
import signal
import socket
import time
from collections.abc import Iterator

import pytest

from ntp_proto.datagram import Address
from ntp_proto.identifiers import KissCode, LeapIndicator, Mode
from ntp_proto.packet import Header, client_request
from ntp_proto.time_types import NtpTimestamp, PollInterval
from support.programs import Program, python, run, serving

_NONCE = NtpTimestamp(0x0123456789ABCDEF)
_REQUEST = client_request(_NONCE, PollInterval(6)).to_bytes()


def _ask(server: Address, data: bytes = _REQUEST, host: str = "127.0.0.1") -> Header:
    """From a new port each time, as clients do."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(10.0)
        client.bind((host, 0))
        client.sendto(data, (server.host, server.port))
        reply, sender = client.recvfrom(100)
    assert sender == (server.host, server.port)
    assert len(reply) == 48
    return Header.parse(reply)


def _say(server: Address, *datagrams: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for datagram in datagrams:
            client.sendto(datagram, (server.host, server.port))


@pytest.fixture(scope="module")
def refusing() -> Iterator[tuple[Program, Address]]:
    with serving("demobilize_server") as server:
        yield server


@pytest.fixture
def limiting() -> Iterator[tuple[Program, Address]]:
    with serving("rate_limit_server") as server:
        yield server


def test_demobilize_server_answers_each_request_with_deny(refusing: tuple[Program, Address]) -> None:
    program, address = refusing
    for _ in range(2):
        answer = _ask(address)
        assert (answer.mode, answer.version, answer.stratum, answer.leap) == (Mode.SERVER, 4, 0, LeapIndicator.UNSYNCHRONIZED)
        assert (answer.reference_id.kiss_code, answer.origin) == (KissCode.DENY, _NONCE)
    program.wait_for(r"^48 bytes received from 127\.0\.0\.1:\d+$")
    program.wait_for(r"^DENY sent$")


def test_demobilize_server_can_restrict_instead() -> None:
    with serving("demobilize_server", "--kiss", "RSTR") as (program, address):
        assert _ask(address).reference_id.kiss_code is KissCode.RSTR
        program.wait_for(r"^RSTR sent$")


def test_a_version_3_request_gets_a_version_3_answer(refusing: tuple[Program, Address]) -> None:
    assert _ask(refusing[1], client_request(_NONCE, PollInterval(6), version=3).to_bytes()).version == 3


def test_rate_limit_server_tells_the_time_first_and_then_rate(limiting: tuple[Program, Address]) -> None:
    program, address = limiting
    before = NtpTimestamp.from_unix_ns(time.time_ns())
    answer = _ask(address)
    after = NtpTimestamp.from_unix_ns(time.time_ns())

    assert (answer.stratum, answer.leap, answer.reference_id.to_text(1), answer.origin) == (1, LeapIndicator.NO_WARNING, "XTST", _NONCE)
    assert not answer.receive.is_before(before)
    assert not answer.transmit.is_before(answer.receive)
    assert not after.is_before(answer.transmit)
    program.wait_for(r"^time sent$")

    again = _ask(address)
    assert (again.stratum, again.reference_id.kiss_code) == (0, KissCode.RATE)
    program.wait_for(r"^RATE sent$")


def test_rate_limit_server_tells_clients_apart_by_their_address(limiting: tuple[Program, Address]) -> None:
    assert _ask(limiting[1], host="127.0.0.1").stratum == 1
    assert _ask(limiting[1], host="127.0.0.2").stratum == 1
    assert _ask(limiting[1], host="127.0.0.1").stratum == 0


def test_rate_limit_server_can_be_another_server() -> None:
    with serving("rate_limit_server", "--interval", "0", "--stratum", "16", "--reference-id", "GPS") as (_, address):
        assert [_ask(address).stratum for _ in range(3)] == [16, 16, 16]
        assert _ask(address).reference_id.to_text(1) == "GPS"


def test_what_is_no_request_is_ignored(refusing: tuple[Program, Address]) -> None:
    program, address = refusing
    answer, rng = _ask(address), random.Random(4)
    for mode in set(Mode) - {Mode.CLIENT}:
        _say(address, Header.parse(_REQUEST)._replace(first_byte=4 << 3 | mode).to_bytes())
    _say(address, b"", b"\x23", _REQUEST[:-1], _REQUEST + b"x", _REQUEST + bytes(4000), answer.to_bytes(), *(rng.randbytes(200) for _ in range(50)))
    _say(address, Header.parse(_REQUEST)._replace(first_byte=2 << 3 | Mode.CLIENT).to_bytes())

    program.wait_for(r"^ignored: an NTP packet has at least 48 bytes, got 47$")
    program.wait_for(r"^ignored: mode 4 is not a client's$")
    program.wait_for(r"^ignored: version 2 is neither 3 nor 4$")
    assert _ask(address).reference_id.kiss_code is KissCode.DENY
    assert program.process.poll() is None
    received, sent = program.stdout.count(" bytes received"), program.stdout.count("DENY sent")
    assert received - sent == program.stdout.count("ignored: ") >= 60


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("module", ["demobilize_server", "rate_limit_server"])
def test_a_signal_ends_it_in_order(module: str, number: signal.Signals) -> None:
    with serving(module) as (program, _):
        assert program.stop(number) == 0
        assert program.stderr == ""


@pytest.mark.parametrize("module", ["demobilize_server", "rate_limit_server"])
def test_where_it_cannot_listen_it_says_so_and_ends(module: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        program = run(python(f"test_servers.{module}", "--listen", address))
    assert program.process.returncode == 1
    assert program.stderr == f"{module.replace('_', '-')}: cannot listen on {address}: address already in use\n"
    assert program.stdout == ""


def test_a_wrong_address_is_wrong_usage() -> None:
    program = run(python("test_servers.demobilize_server", "--listen", "localhost"))
    assert program.process.returncode == 2
    assert "'localhost' is not ADDRESS:PORT" in program.stderr
