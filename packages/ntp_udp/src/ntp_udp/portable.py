"""The sockets without the C extension: arrivals are stamped by the kernel, departures by the program."""

from __future__ import annotations

import contextlib
import socket
import struct
import time

from ntp_proto.datagram import StampSource
from ntp_udp.addresses import SocketAddress, from_socket
from ntp_udp.datagram_io import CONTROL_ROOM, DATAGRAM_MAX, Arrival

__all__ = ["PortableIo", "enable_receive_stamps", "stamp_of"]

_SO_TIMESTAMPNS = 35  # asm-generic/socket.h; Python does not name it. The control message has the same number
_TIMESPEC = struct.Struct("@ll")
_NS_PER_S = 1_000_000_000


def enable_receive_stamps(sock: socket.socket) -> None:
    """Ask the kernel to stamp what arrives; where it refuses, the program's own reading takes over."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)


class PortableIo:
    """A socket through Python's own module.

    Args:
        sock: Non-blocking; stays the caller's to close.
    """

    __slots__ = ("_sock",)

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        enable_receive_stamps(sock)

    def send(self, data: bytes) -> int:
        """Send to the connected remote; CLOCK_REALTIME just before, ns."""
        self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # drops what an ICMP message has left there
        before_ns = time.clock_gettime_ns(time.CLOCK_REALTIME)
        self._sock.send(data)
        return before_ns

    def receive(self) -> Arrival | None:
        """One datagram, or None."""
        remote: SocketAddress
        try:
            data, control, flags, remote = self._sock.recvmsg(DATAGRAM_MAX, CONTROL_ROOM)
        except (BlockingIOError, InterruptedError):
            return None
        read_ns = time.clock_gettime_ns(time.CLOCK_REALTIME)
        stamp_ns = stamp_of(control)
        return Arrival(
            data=data,
            remote=from_socket(remote),
            system_ns=read_ns if stamp_ns is None else stamp_ns,
            source=StampSource.DAEMON if stamp_ns is None else StampSource.KERNEL,
            truncated=bool(flags & socket.MSG_TRUNC),
        )

    def departure(self) -> int | None:
        """None: the error queue's constants and layouts are the C header's."""
        return None


def stamp_of(control: list[tuple[int, int, bytes]]) -> int | None:
    """The kernel's stamp among the control messages, CLOCK_REALTIME in ns since 1970; None when there is none."""
    for level, kind, value in control:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS) and len(value) >= _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack_from(value)
            return int(seconds) * _NS_PER_S + int(nanoseconds)
    return None
