"""The socket of a test server: one address, blocking, with the kernel's receive stamps.

Plain Python on purpose: a client is tested against servers that share nothing with it but the packet format.
"""

from __future__ import annotations

import argparse
import contextlib
import ipaddress
import socket
import struct
import time
from dataclasses import dataclass

from ntp_proto.datagram import Address
from ntp_proto.time_types import NtpTimestamp

__all__ = ["Arrival", "Listener", "listen_address", "system_time"]

_SO_TIMESTAMPNS = 35  # asm-generic/socket.h; Python does not name it. The control message has the same number
_TIMESPEC = struct.Struct("@ll")
_LONGEST = 2048
_CONTROL_ROOM = 64


@dataclass(frozen=True, slots=True)
class Arrival:
    """One datagram from `client`, with the system clock's time at its arrival."""

    data: bytes
    client: Address
    received_at: NtpTimestamp


class Listener:
    """A UDP socket that listens on a numeric address; port 0 takes a free one.

    Raises:
        OSError: it cannot listen there.
    """

    def __init__(self, address: Address) -> None:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        with contextlib.suppress(OSError):  # without it the program's own reading has to do
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        try:
            self._socket.bind((address.host, address.port))
        except OSError:
            self._socket.close()
            raise
        host, port, *_ = self._socket.getsockname()
        self.address = Address(host, port)

    def receive(self) -> Arrival:
        """Wait for a datagram; what is longer than 2048 bytes is cut off there."""
        data, control, _, (host, port, *_) = self._socket.recvmsg(_LONGEST, _CONTROL_ROOM)
        return Arrival(data, Address(host, port), _kernel_stamp(control) or system_time())

    def send(self, data: bytes, to: Address) -> bool:
        """Send a datagram; whether the kernel took it. A refusal may be the client's doing, so it is no error."""
        try:
            self._socket.sendto(data, (to.host, to.port))
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()


def system_time() -> NtpTimestamp:
    """The system clock now."""
    return NtpTimestamp.from_unix_ns(time.clock_gettime_ns(time.CLOCK_REALTIME))


def listen_address(text: str) -> Address:
    """Read ADDRESS:PORT, for argparse: numeric, IPv6 in brackets."""
    host, _, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    with contextlib.suppress(ValueError):
        if port.isascii() and port.isdecimal() and int(port) <= 65535:
            return Address(str(ipaddress.ip_address(host)), int(port))
    raise argparse.ArgumentTypeError(f"{text!r} is not ADDRESS:PORT with a numeric address, such as 127.0.0.1:8080 or [::1]:8080")


def _kernel_stamp(control: list[tuple[int, int, bytes]]) -> NtpTimestamp | None:
    for level, kind, value in control:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS) and len(value) >= _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack_from(value)
            return NtpTimestamp.from_unix_ns(int(seconds) * 1_000_000_000 + int(nanoseconds))
    return None
