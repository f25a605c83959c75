"""Names to addresses, without ever stopping the event loop or the program's end.

`getaddrinfo` blocks for as long as the name servers let it, and cannot be cancelled. So each look-up has a daemon thread of its own: the
default executor of asyncio would hold up the shutdown until the last look-up is done. A numeric address needs no look-up and starts no
thread, so that a daemon with numeric sources stays single-threaded.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable

from ntp_proto.datagram import Address
from ntp_proto.errors import NtpError
from ntp_proto.server_address import ServerAddress

__all__ = ["Lookup", "ResolveError", "Resolver", "look_up", "preload"]

DEFAULT_TIMEOUT_S = 10.0

Lookup = Callable[[ServerAddress], list[Address]]
"""Blocks until the addresses of a name are known; raises `OSError`."""


class ResolveError(NtpError):
    """A name could not be resolved. The text says which, why, and what to look at."""


def look_up(address: ServerAddress) -> list[Address]:
    """The addresses of a name, best first as the system sorts them (RFC 6724), each once. Blocks.

    Raises:
        OSError: there are none, or nobody could be asked.
    """
    # As bytes: for text, Python would load its IDNA codec, and the name is ASCII already.
    answers = socket.getaddrinfo(address.host.encode("ascii"), address.port, type=socket.SOCK_DGRAM)
    hosts = [str(place[0]) for _, _, _, _, place in answers]
    return [Address(host, address.port) for host in dict.fromkeys(hosts)]


def preload() -> None:
    """Load what resolving may load later on, while the interpreter's files can still be read: before privileges are dropped."""
    import encodings.idna  # noqa: F401, PLC0415 — for addresses in other scripts, in a file that is reloaded


class Resolver:
    """Resolves names for one event loop. Two who ask for the same name at the same time share one look-up.

    Args:
        lookup: What blocks; replaced in tests.
    """

    def __init__(self, lookup: Lookup = look_up) -> None:
        self._lookup = lookup
        self._pending: dict[ServerAddress, asyncio.Future[list[Address]]] = {}

    async def resolve(self, address: ServerAddress, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> list[Address]:
        """The numeric addresses of a server, best first; at least one.

        A look-up that takes too long goes on in the background: who asks for the name again waits for the same one, so a name server that
        does not answer costs one thread for each name and no more.

        Raises:
            ResolveError: the name has no address, or none was had within `timeout_s`.
        """
        numeric = address.numeric()
        if numeric is not None:
            return [numeric]
        future = self._pending.get(address) or self._start(address)
        # Unlike wait_for, wait leaves the future alone when time is up or the caller is cancelled: others may wait for it too.
        done, _ = await asyncio.wait((future,), timeout=timeout_s)
        if not done:
            raise ResolveError(f"cannot resolve {address.host}: no answer within {timeout_s:g} s; are the name servers reachable?")
        error = future.exception()
        if error is not None:
            raise ResolveError(_sentence(address.host, error)) from error
        addresses = future.result()
        if not addresses:
            raise ResolveError(f"cannot resolve {address.host}: the name has no IP address")
        return list(addresses)

    def _start(self, address: ServerAddress) -> asyncio.Future[list[Address]]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Address]] = loop.create_future()

        def settle(outcome: list[Address] | OSError) -> None:
            self._pending.pop(address, None)
            if isinstance(outcome, OSError):
                future.set_exception(outcome)
                future.exception()  # nobody may be waiting any more; that is no reason to complain
            else:
                future.set_result(outcome)

        def run() -> None:
            outcome: list[Address] | OSError
            try:
                outcome = self._lookup(address)
            except OSError as error:
                outcome = error
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody wants to know
                loop.call_soon_threadsafe(settle, outcome)

        try:
            threading.Thread(target=run, name=f"resolve {address.host}", daemon=True).start()
        except RuntimeError as error:  # the system allows no more threads
            raise ResolveError(f"cannot resolve {address.host}: {error}") from error
        self._pending[address] = future
        return future


def _sentence(host: str, error: BaseException) -> str:
    if isinstance(error, socket.gaierror):
        if error.errno in (socket.EAI_NONAME, socket.EAI_NODATA):
            return f"cannot resolve {host}: there is no such name; check how it is written"
        if error.errno == socket.EAI_AGAIN:
            return f"cannot resolve {host}: the name servers do not answer; check the network and /etc/resolv.conf"
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"cannot resolve {host}: {reason}"
