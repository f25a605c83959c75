"""Ring two of the sockets: the C extension, which stamps arrivals and departures by the kernel.

Departure stamps come back on the socket's error queue, with the number of the datagram. An entry that is left there makes the socket
"ready" for ever, so the queue is emptied; but it is read only when an entry can be there, because a simulator may take a read of
an empty error queue for a read of the socket.
"""

from __future__ import annotations

import errno
import os
import socket

from ntp_proto.datagram import StampSource
from ntp_udp._socket import ffi, lib
from ntp_udp.addresses import from_packed
from ntp_udp.datagram_io import DATAGRAM_MAX, Arrival

__all__ = ["TimestampingIo"]


class TimestampingIo:
    """A socket through the extension.

    Args:
        sock: Non-blocking; stays the caller's to close.
        departures: Whether the kernel shall stamp what is sent.
    """

    __slots__ = ("_buffer", "_departures", "_expected", "_fd", "_sent", "_stamp")

    def __init__(self, sock: socket.socket, *, departures: bool) -> None:
        self._fd = sock.fileno()
        self._buffer = ffi.new("struct ntp_datagram *")
        self._stamp = ffi.new("int64_t *")
        self._departures = lib.ntp_enable_stamps(self._fd, departures) == 2
        self._sent = 0
        self._expected = 0  # entries of the error queue that are still to come

    def send(self, data: bytes) -> int:
        """Send to the connected remote; CLOCK_REALTIME just before, ns."""
        _check(lib.ntp_send(self._fd, data, len(data), self._stamp))
        if self._departures:
            self._sent += 1
            self._expected += 1
        return self._stamp[0]

    def receive(self) -> Arrival | None:
        """One datagram, or None."""
        result = lib.ntp_receive(self._fd, self._buffer)
        if result == -errno.EAGAIN:
            self._empty_error_queue()
            return None
        _check(result)
        datagram = self._buffer
        return Arrival(
            data=bytes(ffi.buffer(datagram.data, min(datagram.length, DATAGRAM_MAX))),
            remote=from_packed(bytes(ffi.buffer(datagram.address, datagram.address_length)), datagram.port, datagram.scope_id),
            system_ns=datagram.stamp_ns,
            source=StampSource.KERNEL if datagram.kernel_stamp else StampSource.DAEMON,
            truncated=bool(datagram.truncated),
        )

    def departure(self) -> int | None:
        """When the kernel saw the last datagram, ns; None when it has not said so, or said it before."""
        while self._expected:
            result = lib.ntp_departure(self._fd, self._sent - 1, self._stamp)
            if result < 0:
                return None
            self._expected -= 1
            if result:
                return self._stamp[0]
        return None

    def _empty_error_queue(self) -> None:
        """Drop what nobody expects: a stack of virtual interfaces could stamp one datagram twice."""
        if self._departures and not self._expected:
            while lib.ntp_departure(self._fd, self._sent, self._stamp) >= 0:
                pass


def _check(result: int) -> None:
    if result < 0:
        raise OSError(-result, os.strerror(-result))
