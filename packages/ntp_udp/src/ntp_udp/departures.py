"""When an answer of a server has really left, from the kernel: asked for one datagram at a time, for clients that use interleaved mode.

The kernel gives the datagram back with the instant, on the socket's error queue. So the datagram says itself which answer it is, and nothing is
mistaken when two processes serve one socket during a reload. Whoever waits for the socket is woken by what lies there, so it must be read, even if
it was another process that had asked for it.

The fast path does the same in C.
"""

from __future__ import annotations

import socket
import struct

from ntp_proto.time_types import NtpTimestamp
from ntp_udp.datagram_io import CONTROL_ROOM

__all__ = ["DEPARTURE_MESSAGE", "report_departures", "take_departures"]

# asm-generic/socket.h and linux/net_tstamp.h; Python has no names for them
_SO_TIMESTAMPING = 37  # the control message has the same number
_TX_SOFTWARE = 1 << 1
_SOFTWARE = 1 << 4
_ONLY_WHAT_WAS_ASKED_FOR = 1 << 17  # Linux 6.12; without it each arrival is told twice
_INSTANTS = struct.Struct("@6l")  # software, unused, hardware; each in seconds and nanoseconds
_NS_PER_S = 1_000_000_000
_FRAME_ROOM = 256
_ANSWER_LENGTH = 48
_AT_ONCE = 512

DEPARTURE_MESSAGE = (socket.SOL_SOCKET, _SO_TIMESTAMPING, struct.pack("@I", _TX_SOFTWARE))
"""The control message that asks for the departure of the datagram that is sent with it."""


def report_departures(sock: socket.socket) -> bool:
    """Let the kernel report on this socket what is asked for by `DEPARTURE_MESSAGE`; whether it does."""
    for flags in (_SOFTWARE | _ONLY_WHAT_WAS_ASKED_FOR, _SOFTWARE):
        try:
            sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPING, flags)
        except OSError:
            continue
        return True
    return False


def take_departures(sock: socket.socket) -> list[tuple[bytes, NtpTimestamp]]:
    """Empty the error queue: answers of 48 octets, and when each has left, on the kernel's clock."""
    found: list[tuple[bytes, NtpTimestamp]] = []
    for _ in range(_AT_ONCE):
        try:
            frame, control, flags, _ = sock.recvmsg(_FRAME_ROOM, CONTROL_ROOM, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)
        except OSError:  # it is empty
            break
        stamp = _stamp_of(control)
        if stamp is not None and len(frame) >= _ANSWER_LENGTH and not flags & socket.MSG_TRUNC:
            found.append((frame[-_ANSWER_LENGTH:], stamp))  # behind the headers of its way
    return found


def _stamp_of(control: list[tuple[int, int, bytes]]) -> NtpTimestamp | None:
    for level, kind, value in control:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPING) and len(value) >= _INSTANTS.size:
            seconds, nanoseconds = _INSTANTS.unpack_from(value)[:2]
            return NtpTimestamp.from_unix_ns(seconds * _NS_PER_S + nanoseconds) if seconds else None
    return None
