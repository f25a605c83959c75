"""The demonstration's server; what is shown of it is tested as a process."""

from __future__ import annotations

import asyncio
import socket

import pytest

from ntp_daemon.demo import DemoServer
from ntp_proto.identifiers import Mode
from ntp_proto.packet import Header, Packet, client_request, response_to
from ntp_proto.time_types import NtpTimestamp, PollInterval

_OTHER = NtpTimestamp(0x0FED_CBA9_8765_4321)
_REQUEST = client_request(NtpTimestamp(0x1234_5678_9ABC_DEF0), PollInterval(0))


async def _ask(*questions: bytes) -> tuple[bytes, NtpTimestamp, NtpTimestamp]:
    """The first answer, and the server's clock before the questions and after it."""
    loop = asyncio.get_running_loop()
    server = DemoServer()
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.setblocking(False)
            client.connect((server.address.host, server.address.port))
            before = server.read()
            for question in questions:
                client.send(question)
            async with asyncio.timeout(5.0):
                answer = await loop.sock_recv(client, 100)
            return answer, before, server.read()
    finally:
        server.close()


def _header(data: bytes) -> Header:
    return Packet.parse(data).header


def test_an_answer_shows_the_servers_clock() -> None:
    data, before, after = asyncio.run(_ask(_REQUEST.to_bytes()))
    answer = _header(data)
    assert len(data) == 48
    assert (answer.mode, answer.version, answer.stratum) == (Mode.SERVER, 4, 1)
    assert answer.origin == _REQUEST.transmit
    assert answer.receive.is_before(answer.transmit)
    assert before.is_before(answer.transmit)
    assert answer.transmit.is_before(after)


@pytest.mark.parametrize(
    "other",
    [b"", bytes(48), _REQUEST.to_bytes()[:47], response_to(_REQUEST, receive=_OTHER, transmit=_OTHER).to_bytes()],
    ids=["empty", "mode 0", "short", "an answer"],
)
def test_only_requests_are_answered(other: bytes) -> None:
    data, _, _ = asyncio.run(_ask(other, _REQUEST.to_bytes()))
    assert _header(data).origin == _REQUEST.transmit, "the first answer is that to the request"
