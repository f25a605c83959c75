"""Two of our servers that are pointed at each other by one forged packet: the first answers at most once, the second never.

The small servers that answer everything, answers too, would go on for ever.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable

import pytest

from ntp_daemon import NtpServer, NtpServerConfig
from ntp_daemon.serving.counters import ServingCounters
from ntp_proto.datagram import Address
from ntp_proto.identifiers import Mode
from ntp_proto.server import DropReason, ServerPolicy
from support.asking import DEADLINE_S, Asker

Forge = Callable[[Address, Address, bytes], None]
"""Sends a datagram that seems to come from the first address to the second."""

NONCE = b"12345678"


def packet(version: int, mode: Mode) -> bytes:
    return bytes([version << 3 | mode]) + bytes(39) + NONCE


def from_its_own_port(source: Address, to: Address, data: bytes) -> None:
    """The ports of our servers can be shared by programs of the same user: for the moment of sending, before anybody has read anything."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((source.host, source.port))
        sock.sendto(data, (to.host, to.port))


def by_raw_socket(source: Address, to: Address, data: bytes) -> None:
    """As an attacker on another machine would do it; takes CAP_NET_RAW."""
    udp = struct.pack(">HHHH", source.port, to.port, 8 + len(data), 0) + data
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, socket.IPPROTO_UDP, 0, *map(socket.inet_aton, (source.host, to.host)))
    try:
        sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    except PermissionError:
        pytest.skip("nothing can be forged here, which takes CAP_NET_RAW")
    with sock:
        sock.sendto(ip + udp, (to.host, 0))


async def counters(server: NtpServer) -> ServingCounters:
    return (await server.metrics()).counters


async def heard(server: NtpServer) -> ServingCounters:
    """Its counters, as soon as it has got a datagram."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            done = await counters(server)
            if done.totals.received:
                return done
            await asyncio.sleep(0.01)


async def provoke(workers: int, data: bytes, forge: Forge, *, legacy: bool) -> tuple[ServingCounters, ServingCounters]:
    """What the seeming sender and the addressee have done in the end."""
    config = NtpServerConfig(listen="127.0.0.1:0", workers=workers, policy=ServerPolicy(serves_legacy=legacy))
    async with NtpServer(config) as victim, NtpServer(config) as reflector:
        forge(victim.address, reflector.address, data)
        if (await heard(reflector)).totals.accepted:
            await heard(victim)
        # A genuine question comes after whatever they may have had to say to each other.
        for server in (victim, reflector):
            with Asker(server.address) as client:
                await client.ask()
        return await counters(victim), await counters(reflector)


@pytest.mark.asyncio
@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize(
    ("version", "mode", "is_answered"),
    [
        (4, Mode.CLIENT, True),
        (3, Mode.CLIENT, True),
        (4, Mode.SYMMETRIC_ACTIVE, None),
        (1, Mode.RESERVED, None),
        (4, Mode.SYMMETRIC_PASSIVE, False),
        (4, Mode.SERVER, False),
        (4, Mode.BROADCAST, False),
        (2, Mode.CONTROL, False),
        (2, Mode.PRIVATE, False),
    ],
)
async def test_they_fall_silent_at_once(version: int, mode: Mode, is_answered: bool | None, legacy: bool) -> None:
    answers = int(legacy if is_answered is None else is_answered)
    victim, reflector = await provoke(0, packet(version, mode), from_its_own_port, legacy=legacy)
    assert (reflector.totals.received, reflector.totals.accepted) == (2, 1 + answers), "the forged packet and the genuine question"
    assert (victim.totals.received, victim.totals.accepted) == (1 + answers, 1), "the answer to the forged packet and the genuine question"
    assert victim.tally.refused_for(DropReason.BAD_MODE) == answers


@pytest.mark.asyncio
@pytest.mark.parametrize("workers", [0, 1])
async def test_workers_do_so_too_whoever_forges(workers: int) -> None:
    victim, reflector = await provoke(workers, packet(4, Mode.CLIENT), by_raw_socket, legacy=True)
    assert (victim.totals.received, reflector.totals.received) == (2, 2)
    assert victim.tally.refused_for(DropReason.BAD_MODE) == 1


@pytest.mark.asyncio
async def test_a_server_is_not_made_to_talk_to_itself() -> None:
    """The source is the very address that the packet goes to."""
    config = NtpServerConfig(listen="127.0.0.1:0")
    async with NtpServer(config) as server:
        by_raw_socket(server.address, server.address, packet(4, Mode.CLIENT))
        await heard(server)
        with Asker(server.address) as client:
            await client.ask()
        done = await counters(server)
    assert (done.totals.received, done.totals.accepted) == (2, 1)
    assert done.tally.refused_for(DropReason.OWN_ADDRESS) == 1
