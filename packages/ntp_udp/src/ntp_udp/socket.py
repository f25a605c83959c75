"""UDP sockets that tell when their datagrams came and went.

All stamps are readings of CLOCK_REALTIME, by the kernel where it can and otherwise by the program, in whole nanoseconds. Whoever
disciplines another clock than the system's passes `convert`, and every stamp goes through it while it is fresh.

A client opens a socket for each request: the kernel then chooses a random source port each time, which an attacker off the path has to
guess (RFC 9109). It is connected, so that the kernel drops what comes from anybody else.

No ICMP message stops a socket: anybody can forge one. It is reported as a value (`unreachable`), and polling goes on.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from ntp_proto.datagram import Address, Datagram, StampSource
from ntp_proto.errors import UsageError
from ntp_proto.time_types import NtpTimestamp
from ntp_udp.addresses import family_of, from_socket, to_socket
from ntp_udp.datagram_io import Arrival, DatagramIo
from ntp_udp.portable import PortableIo, enable_receive_stamps

if TYPE_CHECKING:
    from ntp_udp.timestamping import TimestampingIo

__all__ = ["Convert", "SocketError", "StampHold", "UdpServerSocket", "UdpSocket"]

Convert: TypeAlias = Callable[[NtpTimestamp], NtpTimestamp]
"""From the system clock to the clock that is being disciplined."""

_MOST_AT_ONCE = 16
"""Datagrams and errors that are skipped in one call: a flood cannot hold the program."""

# linux/in.h, linux/in6.h; Python has no names for them
_IP_MTU_DISCOVER = 10
_IPV6_MTU_DISCOVER = 23
_PMTUDISC_PROBE = 3  # never fragment, and do not believe what ICMP says of the path
_PMTUDISC_OMIT = 5  # let routers fragment, and do not believe what ICMP says of the path

_FROM_THE_NETWORK = frozenset({
    errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENONET, errno.ENOPROTOOPT, errno.EOPNOTSUPP,
    errno.EPROTO, errno.EMSGSIZE, errno.EACCES, errno.ENETDOWN,
})  # fmt: skip
"""What ICMP messages turn into (net/ipv4/icmp.c, net/ipv6/icmp.c of Linux)."""


class SocketError(OSError):
    """A socket could not be opened or used; the text says which and what to do."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(number, message)
        self.message = message

    def __str__(self) -> str:
        return self.message


class _Sent(NamedTuple):
    stamp: NtpTimestamp
    source: StampSource


class UdpSocket:
    """A client's socket: one remote, a random local port, never blocking. Made by `connect`."""

    def __init__(self, sock: socket.socket, io: DatagramIo, remote: Address, convert: Convert | None) -> None:
        self._sock = sock
        self._io = io
        self._convert = convert
        self._sent: _Sent | None = None
        self._unreachable = False
        self.remote = remote
        self.local = from_socket(sock.getsockname())

    @classmethod
    def connect(cls, remote: Address, convert: Convert | None = None) -> UdpSocket:
        """Open a socket to a numeric address, with an IPv6 zone where it needs one.

        Raises:
            SocketError: There is no route, no such zone, or no more file descriptors.
            UsageError: The host is a name.
        """
        family = family_of(remote)
        try:
            with contextlib.ExitStack() as undo:
                sock = undo.enter_context(_open(family, _PMTUDISC_PROBE))
                io = _make_io(sock, departures=True)  # before connect: nothing may arrive unstamped
                sock.connect(to_socket(remote))
                made = cls(sock, io, remote, convert)
                undo.pop_all()
                return made
        except OSError as error:
            raise _explained(error, f"cannot open a socket to {remote}") from error

    def fileno(self) -> int:
        """The file descriptor, to wait for."""
        return self._sock.fileno()

    def send(self, data: bytes) -> None:
        """Send one datagram; `sent_stamp` then tells when it left.

        Raises:
            SocketError: The kernel refused: no route, a firewall, no memory.
        """
        self._io.departure()  # a stamp of an earlier datagram is of no use any more
        self._unreachable = False
        try:
            system_ns = self._io.send(data)
        except OSError as error:
            raise _explained(error, f"cannot send to {self.remote}") from error
        self._sent = _Sent(_stamp(system_ns, self._convert), StampSource.DAEMON)
        self._collect_departure()  # most drivers stamp before `send` returns

    def sent_stamp(self) -> tuple[NtpTimestamp, StampSource]:
        """When the last datagram left: by the kernel once it has told, before that the clock just before it was sent.

        To be asked again when the answer arrives: some drivers tell late.

        Raises:
            UsageError: Nothing has been sent.
        """
        self._collect_departure()
        if self._sent is None:
            raise UsageError("sent_stamp() before send()")
        return self._sent.stamp, self._sent.source

    def receive(self) -> Datagram | None:
        """One datagram from the remote; None when there is none.

        To be called once each time the socket is readable: if more is there, it becomes readable again.
        """
        self._collect_departure()
        for _ in range(_MOST_AT_ONCE):
            try:
                arrival = self._io.receive()
            except OSError as error:
                if error.errno not in _FROM_THE_NETWORK:
                    raise
                self._unreachable = True
                continue
            if arrival is None:
                return None
            if not arrival.truncated:
                return _datagram(arrival, self.local, self._convert)
        return None

    @property
    def unreachable(self) -> bool:
        """Whether the network said since the last `send` that nobody is there. Anybody can forge that: a hint, never a reason to stop."""
        return self._unreachable

    def close(self) -> None:
        """Close it; closing twice does nothing."""
        self._sock.close()

    def _collect_departure(self) -> None:
        system_ns = self._io.departure()
        if system_ns is not None:
            self._sent = _Sent(_stamp(system_ns, self._convert), StampSource.KERNEL)


class UdpServerSocket:
    """A server's socket: anybody may send to it. Made by `bind`.

    It is bound to one address. On the wildcard address the kernel chooses the source of the replies, which is the wrong one on a machine
    with several addresses: bind one socket per address there.
    """

    def __init__(self, sock: socket.socket, io: DatagramIo, convert: Convert | None) -> None:
        self._sock = sock
        self._io = io
        self._convert = convert
        self.local = from_socket(sock.getsockname())

    @classmethod
    def bind(cls, address: Address, convert: Convert | None = None) -> UdpServerSocket:
        """Listen on a numeric address; port 0 takes a free one (see `local`). "::" listens on IPv6 only.

        Raises:
            SocketError: "cannot listen on ...", with the reason.
            UsageError: The host is a name.
        """
        family = family_of(address)
        try:
            with contextlib.ExitStack() as undo:
                sock = undo.enter_context(_open(family, _PMTUDISC_OMIT))
                if family == socket.AF_INET6:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                io = _make_io(sock, departures=False)
                sock.bind(to_socket(address))
                made = cls(sock, io, convert)
                undo.pop_all()
                return made
        except OSError as error:
            raise _explained(error, f"cannot listen on {address}", _LISTENING) from error

    def fileno(self) -> int:
        """The file descriptor, to wait for."""
        return self._sock.fileno()

    def receive(self) -> Datagram | None:
        """One datagram; None when there is none. Those longer than 2048 bytes are dropped."""
        for _ in range(_MOST_AT_ONCE):
            arrival = self._io.receive()
            if arrival is None:
                return None
            if not arrival.truncated:
                return _datagram(arrival, self.local, self._convert)
        return None

    def send(self, data: bytes, to: Address) -> bool:
        """Send a reply; whether the kernel took it. A refusal is no error: the other side, or its address, may cause it."""
        try:
            self._sock.sendto(data, to_socket(to))
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Close it; closing twice does nothing."""
        self._sock.close()


class StampHold:
    """Keeps the kernel's receive stamps switched on for the whole machine while it exists.

    Linux stamps arriving packets only while some socket wants it, and takes a moment to begin. A client that opens a socket for each
    request would miss the stamp of a quick answer. One idle socket that wants stamps avoids that.
    """

    def __init__(self) -> None:
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        enable_receive_stamps(self._sock)

    def close(self) -> None:
        """Let go; closing twice does nothing."""
        self._sock.close()


def _open(family: socket.AddressFamily, path_mtu: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setblocking(False)
    level, option = (socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER) if family == socket.AF_INET6 else (socket.IPPROTO_IP, _IP_MTU_DISCOVER)
    with contextlib.suppress(OSError):  # an older kernel without the choice is no reason to fail
        sock.setsockopt(level, option, path_mtu)
    return sock


def _load_extension() -> type[TimestampingIo] | None:
    try:
        from ntp_udp.timestamping import TimestampingIo  # noqa: PLC0415 -- it may not have been compiled
    except ImportError:
        return None
    return TimestampingIo


_EXTENSION = _load_extension()  # at import: after a change of user the file may be out of reach


def _make_io(sock: socket.socket, *, departures: bool) -> DatagramIo:
    """The best way there is; NTP_NO_EXT asks for the one without the extension."""
    if _EXTENSION is None or os.environ.get("NTP_NO_EXT"):
        return PortableIo(sock)
    return _EXTENSION(sock, departures=departures)


def _stamp(system_ns: int, convert: Convert | None) -> NtpTimestamp:
    stamp = NtpTimestamp.from_unix_ns(system_ns)
    return stamp if convert is None else convert(stamp)


def _datagram(arrival: Arrival, local: Address, convert: Convert | None) -> Datagram:
    return Datagram(arrival.data, arrival.remote, local, _stamp(arrival.system_ns, convert), arrival.source)


_LISTENING = {
    errno.EADDRINUSE: "another program already listens there (`ss -ulpn` shows which)",
    errno.EACCES: "permission denied; a port below 1024 needs root or CAP_NET_BIND_SERVICE",
    errno.EADDRNOTAVAIL: "this machine does not have that address",
}


def _explained(error: OSError, what: str, advice: Mapping[int, str] | None = None) -> SocketError:
    number = error.errno or 0
    return SocketError(number, f"{what}: {(advice or {}).get(number) or error.strerror or error}")
