"""Clients of a server under test, in the test's own event loop."""

from __future__ import annotations

import asyncio
import itertools
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Self

from ntp_proto.datagram import Address
from ntp_proto.identifiers import LeapIndicator, ReferenceId
from ntp_proto.packet import Header
from ntp_proto.server import Snapshot
from ntp_proto.time_types import NtpTimestamp
from ntp_udp.addresses import family_of, to_socket

__all__ = ["DEADLINE_S", "Asker", "synchronized", "system_now", "until"]

DEADLINE_S = 10.0
_numbers = itertools.count(1)


def system_now() -> NtpTimestamp:
    return NtpTimestamp.from_unix_ns(time.clock_gettime_ns(time.CLOCK_REALTIME))


def synchronized(stratum: int = 2) -> Snapshot:
    """A clock that is right now."""
    base = Snapshot.unsynchronized(system_now(), reference_id=ReferenceId.from_ascii("TEST"))
    return replace(base, leap=LeapIndicator.NO_WARNING, stratum=stratum)


async def until(condition: Callable[[], bool], what: str) -> None:
    """Look until it holds."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 -- it is in another process
            await asyncio.sleep(0.01)
    assert condition(), what


class Asker:
    """A client's socket that asks with a different transmit timestamp each time.

    Args:
        server: Whom it asks.
        host: Its own address.
    """

    def __init__(self, server: Address, host: str | None = None) -> None:
        self._sock = socket.socket(family_of(server), socket.SOCK_DGRAM)
        self._sock.setblocking(False)
        if host is not None:
            self._sock.bind((host, 0))
        self._sock.connect(to_socket(server))
        self.asked: set[int] = set()
        self.replies: dict[int, Header] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._sock.close()

    def send(self, first_byte: int = 0x23) -> int:
        """Ask; returns the transmit timestamp by which the reply will be known."""
        number = next(_numbers)
        self._sock.send(bytes([first_byte]) + bytes(39) + number.to_bytes(8, "big"))
        self.asked.add(number)
        return number

    async def ask_interleaved(self, former: Header) -> tuple[bool, Header]:
        """Ask for the transmit timestamp of a former answer; whether that came, and the answer.

        Source: RFC 9769 §2.
        """
        transmit, receive = next(_numbers), next(_numbers)
        stamps = former.receive_bits, receive, transmit
        self._sock.send(b"\x23" + bytes(23) + b"".join(stamp.to_bytes(8, "big") for stamp in stamps))

        def is_there() -> bool:
            self.collect()
            return transmit in self.replies or receive in self.replies

        await until(is_there, "an answer")
        return (True, self.replies[receive]) if receive in self.replies else (False, self.replies[transmit])

    def collect(self) -> None:
        """Take what has come."""
        while True:
            try:
                data = self._sock.recv(1024)
            except BlockingIOError:
                return
            header = Header.parse(data)
            assert header.origin_bits not in self.replies, "answered twice"
            self.replies[header.origin_bits] = header

    async def wait_for(self, number: int) -> Header:
        """The reply to one request."""

        def is_there() -> bool:
            self.collect()
            return number in self.replies

        await until(is_there, "an answer")
        return self.replies[number]

    async def ask(self) -> Header:
        """One request and its reply."""
        return await self.wait_for(self.send())

    async def wait_all(self) -> None:
        """Until everything that was asked is answered."""
        for number in sorted(self.asked):
            await self.wait_for(number)
