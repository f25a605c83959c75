"""A tap on the wire: stands between a client and a server, hands every datagram on, and remembers it. What it saw is the evidence."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from types import TracebackType
from typing import Self

from ntp_proto.datagram import Address
from ntp_proto.packet import Header
from support.namespace import Namespace
from support.programs import DEADLINE_S

Forge = Callable[[bytes], list[bytes]]
"""From a request to datagrams that the client gets before the genuine answer: what an attacker off the path could send."""

_WAITING_MAXIMUM = 256


@dataclass(frozen=True, slots=True)
class Seen:
    """A datagram as it passed.

    Attributes:
        at: When, monotonic, s.
        data: All of it.
        client_port: Of the client from whom it came, or to whom it went.
        clock_ns: When, by this machine's clock, ns since 1970: before it went on to the server, after it came from there.
    """

    at: float
    data: bytes
    client_port: int
    clock_ns: int

    @property
    def header(self) -> Header:
        return Header.parse(self.data)


class Tap:
    """A transparent, recording UDP proxy for one server.

    Args:
        server: Where requests go; None: nowhere, they are only recorded.
        host: Address to listen on.
        port: 0 takes a free one.
        forge: Makes what is sent to the client in addition, before the answer.
        network: The network in which it listens; None: this machine's. The server is in this machine's in any case.
    """

    def __init__(
        self,
        server: Address | None,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        forge: Forge = lambda _request: [],
        network: Namespace | None = None,
    ) -> None:
        self._server = server
        self._forge = forge
        with network.entered() if network else contextlib.nullcontext():
            self._front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._front.bind((host, port))
        self._back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._back.bind(("127.0.0.1", 0))
        self._wake, self._woken = socket.socketpair()
        self._waiting: OrderedDict[bytes, tuple[str, int]] = OrderedDict()
        self._changed = threading.Condition()
        self._requests: list[Seen] = []
        self._answers: list[Seen] = []
        self.address = Address(*self._front.getsockname())
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._wake.send(b"x")
        self._thread.join()
        for sock in (self._front, self._back, self._wake, self._woken):
            sock.close()

    @property
    def requests(self) -> list[Seen]:
        with self._changed:
            return list(self._requests)

    @property
    def answers(self) -> list[Seen]:
        with self._changed:
            return list(self._answers)

    @property
    def gaps(self) -> list[float]:
        """Between one request and the next, s."""
        return [later.at - earlier.at for earlier, later in pairwise(self.requests)]

    def wait_requests(self, count: int, timeout_s: float = DEADLINE_S) -> None:
        """Wait until so many requests have passed since the beginning."""
        with self._changed:
            is_there = self._changed.wait_for(lambda: len(self._requests) >= count, timeout_s)
            assert is_there, f"{len(self._requests)} requests to {self.address} within {timeout_s:g} s, not {count}"

    def wait_more(self, count: int, timeout_s: float = DEADLINE_S) -> None:
        """Wait for so many requests from now on."""
        self.wait_requests(len(self.requests) + count, timeout_s)

    def _carry(self) -> None:
        with selectors.DefaultSelector() as selector:
            for sock in (self._front, self._back, self._woken):
                selector.register(sock, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if self._woken in ready:
                    return
                # A server that is gone makes the kernel report its ICMP message here; the client is to see no more of it than silence.
                with contextlib.suppress(ConnectionRefusedError):
                    if self._back in ready:
                        self._carry_answer()
                    if self._front in ready:
                        self._carry_request()

    def _carry_request(self) -> None:
        data, client = self._front.recvfrom(65536)
        with self._changed:
            self._requests.append(Seen(time.monotonic(), data, client[1], time.time_ns()))
            self._changed.notify_all()
        for forged in self._forge(data):
            self._front.sendto(forged, client)
        # The server copies the transmit timestamp to the origin timestamp of its answer; in interleaved mode (RFC 9769) the receive timestamp.
        for copied in {data[40:48], data[32:40]} - {bytes(8)}:
            self._waiting[copied] = client
        while len(self._waiting) > _WAITING_MAXIMUM:
            self._waiting.popitem(last=False)
        if self._server is not None:
            self._back.sendto(data, (self._server.host, self._server.port))

    def _carry_answer(self) -> None:
        data = self._back.recv(65536)
        clock_ns = time.time_ns()
        client = self._waiting.pop(data[24:32], None)
        if client is not None:
            with self._changed:
                self._answers.append(Seen(time.monotonic(), data, client[1], clock_ns))
                self._changed.notify_all()
            self._front.sendto(data, client)
