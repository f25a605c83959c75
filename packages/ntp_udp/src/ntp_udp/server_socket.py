"""The sockets of a server: bound so that no stranger can share the port, and answering from the address that was asked.

**Binding.** The first socket is bound alone, which fails when anybody else has the port, sharing or not; then it is opened for sharing and
the sockets of the other workers join it. From then on the kernel lets in only sockets of the same user who say SO_REUSEPORT too. So there
is no moment in which the port is shared with somebody who was there before, and none in which it is free.

**Wildcard addresses.** A reply must leave from the address that the client asked, or the client drops it. A socket that is bound to one
address does that by itself. On 0.0.0.0 and :: the kernel tells with each datagram which address was asked (IP_PKTINFO), and the reply names
it as its source. One socket per address of the machine would save that work, some per cent of a request's, but would miss every address
that comes later (DHCP, hot-plugged interfaces, keepalived), so whoever wants the speed names the addresses.

**What the kernel dropped** because the receive buffer was full is read from the socket when somebody wants to know (SO_MEMINFO). It is the
number that SO_RXQ_OVFL would attach to later datagrams, without the control message and without the need for a later datagram.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass

from ntp_proto.datagram import Address
from ntp_proto.errors import UsageError
from ntp_proto.server.request import MAPPED_PREFIX, Endpoint, Request, pack_address
from ntp_proto.time_types import NtpTimestamp
from ntp_udp.addresses import SocketAddress, family_of, from_socket, to_socket
from ntp_udp.datagram_io import CONTROL_ROOM, DATAGRAM_MAX
from ntp_udp.departures import DEPARTURE_MESSAGE, report_departures, take_departures
from ntp_udp.port_holder import find_port_holder
from ntp_udp.portable import enable_receive_stamps, stamp_of
from ntp_udp.reuseport_steering import attach_steering, steering_program
from ntp_udp.socket import SocketError

__all__ = ["Buffers", "Incoming", "ServerSocket", "bind_sockets", "steer"]

# asm-generic/socket.h, linux/in.h, linux/in6.h; Python has no names for them
_SO_SNDBUFFORCE = 32
_SO_RCVBUFFORCE = 33
_SO_MEMINFO = 55
_IP_PKTINFO = 8
_IP_MTU_DISCOVER = 10
_IPV6_MTU_DISCOVER = 23
_PMTUDISC_OMIT = 5  # let routers fragment, and do not believe what ICMP says of the path

_MEMINFO = struct.Struct("@9I")
_MEMINFO_DROPS = 8
_IPV4_PKTINFO = struct.Struct("@i4s4s")  # interface, the local address that would answer, the destination in the IP header
_IPV6_PKTINFO = struct.Struct("@16sI")
_ALL_HOSTS = b"\xff\xff\xff\xff"
_PRIVILEGED_PORTS = 1024


@dataclass(frozen=True, slots=True)
class Buffers:
    """What the kernel may hold for a socket, bytes of its own accounting: a small datagram counts about 768.

    Attributes:
        receive: 4 MiB carry 5000 requests, a burst of 50 ms at 100 000 a second; 0: as the system has it.
        send: Replies that the interface has not taken yet; 0: as the system has it.
    """

    receive: int = 4 << 20
    send: int = 0


_DEFAULT_BUFFERS = Buffers()


@dataclass(frozen=True, slots=True)
class Incoming:
    """A datagram, with the way back.

    Attributes:
        request: What the responder judges. Sent to a broadcast address of a network, it names the limited broadcast address
            255.255.255.255 as its destination: only the kernel knows the masks of its networks.
        sender: The client as the kernel names it, an IPv6 zone included.
        zone: Index of the interface for a link-local destination, else 0.
    """

    request: Request
    sender: SocketAddress
    zone: int = 0


class ServerSocket:
    """One bound socket. Not connected, never blocking.

    Args:
        sock: Bound by `bind_sockets`, perhaps in another process; from here on this object's to close.
    """

    __slots__ = ("_reports", "_sock", "endpoint", "is_wildcard", "local")

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._reports: bool | None = None  # of departures; None: nobody has wanted one yet
        self.local = from_socket(sock.getsockname())
        self.endpoint = Endpoint(pack_address(self.local.host), self.local.port)
        self.is_wildcard = not any(self.endpoint.address.removeprefix(MAPPED_PREFIX))
        """Whether it takes what is sent to any address of the machine."""

    @classmethod
    def adopt(cls, descriptor: int) -> ServerSocket:
        """Take over a descriptor that another process has bound and handed over."""
        return cls(socket.socket(fileno=descriptor))

    def fileno(self) -> int:
        """The file descriptor, to wait for or to hand over."""
        return self._sock.fileno()

    @property
    def is_ipv6(self) -> bool:
        """Whether its clients are IPv6; it never takes IPv4 as well."""
        return self._sock.family == socket.AF_INET6

    @property
    def receive_buffer(self) -> int:
        """What the kernel granted, bytes."""
        return self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2  # it reports twice what it was asked for, socket(7)

    @property
    def kernel_drops(self) -> int:
        """Datagrams that the kernel dropped since the socket exists, modulo 2^32: the buffer was full, or a checksum was wrong."""
        try:
            report = self._sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
        except OSError:  # Linux before 4.12
            return 0
        return int(_MEMINFO.unpack(report)[_MEMINFO_DROPS])

    def receive(self) -> Incoming | None:
        """One datagram; None when there is none. Those longer than 2048 bytes are cut off behind them, and so judged by their form."""
        try:
            data, control, _, sender = self._sock.recvmsg(DATAGRAM_MAX + 1, CONTROL_ROOM)
        except (BlockingIOError, InterruptedError):
            return None
        read_ns = time.clock_gettime_ns(time.CLOCK_REALTIME)
        kernel_ns = stamp_of(control)
        local, zone = self._destination(control)
        stamp = NtpTimestamp.from_unix_ns(read_ns if kernel_ns is None else kernel_ns)
        client = Endpoint(pack_address(sender[0]), sender[1])
        return Incoming(Request(data, client, local, stamp), sender, zone)

    def answer(self, incoming: Incoming, data: bytes, *, is_reported: bool = False) -> bool:
        """Send a reply from the address that was asked; whether the kernel took it.

        A refusal is no error: the other side, or its address, may cause it.

        Args:
            incoming: What is answered.
            data: The reply.
            is_reported: Whether `departures` shall tell when it has left.
        """
        control = self._source_message(incoming.request.local.address, incoming.zone) if self.is_wildcard else []
        if is_reported and self._has_reports():
            control = [*control, DEPARTURE_MESSAGE]
        try:
            self._sock.sendmsg([data], control, 0, incoming.sender)
        except OSError:
            return False
        return True

    def departures(self, *, is_woken_by_nothing: bool = False) -> list[tuple[bytes, NtpTimestamp]]:
        """The replies whose departure the kernel has reported since the last call, and when it was, on the kernel's clock.

        Args:
            is_woken_by_nothing: The socket was ready, and there was no datagram. It may be a report that another process has asked for, which
                would wake this one for ever.
        """
        return take_departures(self._sock) if self._reports or is_woken_by_nothing else []

    def resize(self, buffers: Buffers) -> None:
        """Change what the kernel may hold; as much as the process may ask for by now."""
        _enlarge(self._sock, _SO_RCVBUFFORCE, socket.SO_RCVBUF, buffers.receive)
        _enlarge(self._sock, _SO_SNDBUFFORCE, socket.SO_SNDBUF, buffers.send)

    def close(self) -> None:
        """Close it; closing twice does nothing."""
        self._sock.close()

    def _has_reports(self) -> bool:
        if self._reports is None:
            self._reports = report_departures(self._sock)
        return self._reports

    def _destination(self, control: list[tuple[int, int, bytes]]) -> tuple[Endpoint, int]:
        """The address that was asked, and its zone."""
        for level, kind, value in control if self.is_wildcard else ():
            if (level, kind) == (socket.IPPROTO_IP, _IP_PKTINFO):
                _, local, destination = _IPV4_PKTINFO.unpack(value)
                return Endpoint(MAPPED_PREFIX + (destination if local == destination else _ALL_HOSTS), self.local.port), 0
            if (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO):
                packed, index = _IPV6_PKTINFO.unpack(value)
                return Endpoint(packed, self.local.port), index if ipaddress.IPv6Address(packed).is_link_local else 0
        return self.endpoint, 0

    def _source_message(self, address: bytes, zone: int) -> Sequence[tuple[int, int, bytes]]:
        """The control message that sets the source. It names no interface (but a zone's), so that the reply takes the route of its destination."""
        if self.is_ipv6:
            return [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, _IPV6_PKTINFO.pack(address, zone))]
        return [(socket.IPPROTO_IP, _IP_PKTINFO, _IPV4_PKTINFO.pack(0, address[12:], bytes(4)))]


def bind_sockets(address: Address, count: int = 1, *, buffers: Buffers = _DEFAULT_BUFFERS, group: ServerSocket | None = None) -> list[ServerSocket]:
    """Bind that many sockets, one for each worker, on one address.

    Args:
        address: Numeric; port 0 takes a free one (see `ServerSocket.local`). "::" takes IPv6 only.
        count: 1 or more.
        buffers: Forced where the process may (CAP_NET_ADMIN), otherwise within the kernel's limit (net.core.rmem_max).
        group: A socket of ours that is bound there already: the new ones join it.

    Raises:
        SocketError: "cannot listen on ...", with the reason and, where it can be known, the program that has the port.
        UsageError: The host is a name, or a multicast address, which nobody can answer from.
    """
    family_of(address)  # raises for a name
    if ipaddress.ip_address(address.host).is_multicast:
        raise UsageError(f"nobody can answer from a multicast address, got {address}")
    with contextlib.ExitStack() as undo:
        made: list[ServerSocket] = []
        target = address if group is None else group.local
        for _ in range(count):
            first = group is None and not made
            sock = undo.enter_context(_bound(target, buffers, shared=not first))
            made.append(ServerSocket(sock))
            target = made[0].local
        undo.pop_all()
        return made


def steer(sockets: Sequence[ServerSocket], *, ipv4_prefix: int = 32, ipv6_prefix: int = 64) -> str | None:
    """Let each client always meet the same socket of the group, so that limits per client are exact.

    Args:
        sockets: All sockets of one address, in the order in which they were bound.
        ipv4_prefix: Bits of an IPv4 address that make a client.
        ipv6_prefix: Bits of an IPv6 address that make a client.

    Returns:
        None, or why the kernel refused: it then goes on with its own choice.
    """
    first = sockets[0]
    family, prefix = (socket.AF_INET6, ipv6_prefix) if first.is_ipv6 else (socket.AF_INET, ipv4_prefix)
    try:
        attach_steering(first._sock, steering_program(family, len(sockets), prefix, int.from_bytes(os.urandom(4), "little")))  # noqa: SLF001 -- same module
    except OSError as error:
        return error.strerror or str(error)
    return None


def _bound(address: Address, buffers: Buffers, *, shared: bool) -> socket.socket:
    family = family_of(address)
    try:
        with contextlib.ExitStack() as undo:
            sock = undo.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            _prepare(sock, buffers, wildcard=ipaddress.ip_address(address.host).is_unspecified)
            if shared:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.bind(to_socket(address))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # after a bind that would not have shared
            undo.pop_all()
            return sock
    except OSError as error:
        raise _explained(error, address) from error


def _prepare(sock: socket.socket, buffers: Buffers, *, wildcard: bool) -> None:
    """Everything before bind: nothing may arrive unstamped or without its destination."""
    sock.setblocking(False)
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, wildcard)
        discover = socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, wildcard)
        discover = socket.IPPROTO_IP, _IP_MTU_DISCOVER
    with contextlib.suppress(OSError):  # an older kernel without the choice is no reason to fail
        sock.setsockopt(*discover, _PMTUDISC_OMIT)
    enable_receive_stamps(sock)
    _enlarge(sock, _SO_RCVBUFFORCE, socket.SO_RCVBUF, buffers.receive)
    _enlarge(sock, _SO_SNDBUFFORCE, socket.SO_SNDBUF, buffers.send)


def _enlarge(sock: socket.socket, force: int, ask: int, size: int) -> None:
    if not size:
        return
    try:
        sock.setsockopt(socket.SOL_SOCKET, force, size)
    except OSError:  # without CAP_NET_ADMIN: as much as the kernel's limit allows
        sock.setsockopt(socket.SOL_SOCKET, ask, size)


def _explained(error: OSError, address: Address) -> SocketError:
    number = error.errno or 0
    match number:
        case errno.EADDRINUSE:
            holder = find_port_holder(address)
            reason = f"{holder} already listens there" if holder else "another program already listens there (`ss -ulpn` as root shows which)"
        case errno.EACCES | errno.EPERM if 0 < address.port < _PRIVILEGED_PORTS:
            reason = "permission denied; a port below 1024 needs root or CAP_NET_BIND_SERVICE"
        case errno.EADDRNOTAVAIL:
            reason = "this machine does not have that address"
        case _:
            reason = error.strerror or str(error)
    return SocketError(number, f"cannot listen on {address}: {reason}")
