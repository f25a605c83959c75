"""Asks the server: names, sockets and time limits around an `Inquiry`."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ntp_ctl.query.errors import NoAnswerError, QueryError, UnknownServerError, UnreachableError
from ntp_ctl.query.inquiry import Answer, Inquiry
from ntp_ctl.query.result import QueryResult
from ntp_proto.association import Departure, Rejection
from ntp_proto.datagram import Address
from ntp_proto.errors import UsageError
from ntp_proto.identifiers import KissCode
from ntp_proto.server_address import NTP_PORT, ServerAddress
from ntp_udp import SocketError, StampHold, UdpSocket
from ntp_udp.resolver import ResolveError, Resolver

__all__ = ["DEFAULT_TIMEOUT_S", "query", "query_sync"]

DEFAULT_TIMEOUT_S = 5.0
_DEFAULT_INTERVAL_S = 2.0


async def query(
    host: str,
    port: int = NTP_PORT,
    *,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    samples: int = 1,
    interval_s: float = _DEFAULT_INTERVAL_S,
    version: int = 4,
) -> QueryResult:
    """Ask a server for the time.

    Args:
        host: A name or numeric address; it may carry a port of its own ("ntp.example.net:1123", "[::1]:123").
        port: The UDP port otherwise, 1 to 65535.
        timeout_s: How long to look up the name and wait for the first answer, and then for each further one, s, above 0. A name with several
            addresses has each of them asked in turn, until one answers, for an equal part of the time that is left.
        samples: How many requests to send, 1 or more; the further ones to the address that has answered. A kiss of death ends them.
        interval_s: Between two of them, s, 0 or more; servers may refuse whoever asks more often than each 2 s.
        version: Of the requests, 3 or 4.

    Returns:
        What the server says, and the offset of its clock if it has told one.

    Raises:
        UnknownServerError: No such name.
        UnreachableError: Nothing can be sent there, or nobody listens.
        NoAnswerError: Nobody has answered in time.
        UsageError: A parameter is outside its range.
    """
    options = _Options(timeout_s, samples, interval_s, version)
    server = _server(host, port)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    with contextlib.closing(StampHold()):
        addresses = await _addresses(server, timeout_s)
        address, first = await _first_answer(addresses, deadline, version)
        answers = [first, *await _further_answers(address, first, options)]
    return QueryResult.of(str(server), address, answers)


def query_sync(
    host: str,
    port: int = NTP_PORT,
    *,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    samples: int = 1,
    interval_s: float = _DEFAULT_INTERVAL_S,
    version: int = 4,
) -> QueryResult:
    """`query` for programs without an event loop: waits until it is done.

    Raises:
        RuntimeError: It was called in a running event loop, which it would stop.
    """
    return asyncio.run(query(host, port, timeout_s=timeout_s, samples=samples, interval_s=interval_s, version=version))


@dataclass(frozen=True, slots=True)
class _Options:
    timeout_s: float
    samples: int
    interval_s: float
    version: int

    def __post_init__(self) -> None:
        if not 0.0 < self.timeout_s < math.inf:
            raise UsageError(f"timeout_s is above 0 and finite, got {self.timeout_s}")
        if self.samples < 1:
            raise UsageError(f"samples is 1 or more, got {self.samples}")
        if not 0.0 <= self.interval_s < math.inf:
            raise UsageError(f"interval_s is not negative and finite, got {self.interval_s}")
        if self.version not in (3, 4):
            raise UsageError(f"version is 3 or 4, got {self.version}")


def _server(host: str, port: int) -> ServerAddress:
    if not 1 <= port <= 65535:
        raise UsageError(f"port is from 1 to 65535, got {port}")
    try:
        return ServerAddress.parse(host, default_port=port)
    except ValueError as error:
        raise UnknownServerError(str(error)) from error


async def _addresses(server: ServerAddress, timeout_s: float) -> list[Address]:
    try:
        return await Resolver().resolve(server, timeout_s=timeout_s)
    except ResolveError as error:
        raise UnknownServerError(str(error)) from error


async def _first_answer(addresses: Sequence[Address], deadline: float, version: int) -> tuple[Address, Answer]:
    """From the first address that answers; what is raised when none does is said of the last one."""
    loop = asyncio.get_running_loop()
    last: QueryError | None = None
    for index, address in enumerate(addresses):
        share_s = (deadline - loop.time()) / (len(addresses) - index)
        if share_s <= 0.0:
            break
        try:
            return address, await _exchange(address, share_s, version)
        except QueryError as error:
            last = error
    raise last or NoAnswerError("the time was up when the name was found", Counter())


async def _further_answers(address: Address, first: Answer, options: _Options) -> list[Answer]:
    answers: list[Answer] = []
    last: Answer | None = first
    for _ in range(options.samples - 1):
        if last is not None and isinstance(last.verdict, KissCode):
            break
        await asyncio.sleep(options.interval_s)
        last = None
        with contextlib.suppress(QueryError):  # there is an answer already
            last = await _exchange(address, options.timeout_s, options.version)
            answers.append(last)
    return answers


async def _exchange(remote: Address, timeout_s: float, version: int) -> Answer:
    """One request from a fresh socket, and its answer."""
    loop = asyncio.get_running_loop()
    inquiry = Inquiry(remote, random.SystemRandom(), loop.time(), timeout_s, version)
    try:
        with contextlib.closing(UdpSocket.connect(remote)) as socket:
            socket.send(inquiry.request)
            async with asyncio.timeout(timeout_s):
                return await _answer(socket, inquiry)
    except SocketError as error:
        raise UnreachableError(str(error)) from error
    except TimeoutError:
        raise NoAnswerError(_silence(remote, timeout_s, inquiry.rejections), inquiry.rejections) from None


async def _answer(socket: UdpSocket, inquiry: Inquiry) -> Answer:
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(socket.fileno(), readable.set)
    try:
        while True:
            await readable.wait()
            readable.clear()
            datagram = socket.receive()
            # Anybody can forge what the network says here; a person who waits is better served by it than by the time limit.
            if datagram is None and socket.unreachable:
                raise UnreachableError(f"nobody answers on {socket.remote}: the network says that it cannot be reached")
            if datagram is None:
                continue
            answer = inquiry.handle_datagram(datagram, Departure(*socket.sent_stamp()), loop.time())
            if answer is not None:
                return answer
    finally:
        loop.remove_reader(socket.fileno())


def _silence(remote: Address, timeout_s: float, rejections: Counter[Rejection]) -> str:
    text = f"no answer from {remote} within {timeout_s:.2g} s"
    if rejections:
        text += "; not answers: " + ", ".join(
            f"{count} {reason.value}" for reason, count in sorted(rejections.items(), key=lambda item: item[0].value)
        )
    return text
