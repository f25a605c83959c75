"""Whether this kernel stamps datagrams: one is sent to ourselves, and the stamps of its departure and its arrival are asked for.

The numbers are those of linux/net_tstamp.h and asm-generic/socket.h, which Python has no names for.
"""

from __future__ import annotations

import select
import socket
import time

__all__ = ["stamps_missing"]

_SO_TIMESTAMPING = 37
_TX_SOFTWARE, _RX_SOFTWARE, _SOFTWARE = 1 << 1, 1 << 3, 1 << 4
_TRIES = 50
_PAUSE_S = 0.01


def stamps_missing() -> list[str]:
    """Which of "departures" and "arrivals" the kernel does not stamp. Tries for a while: the kernel begins to stamp a moment after it is asked to.

    Raises:
        OSError: it does not know how to, or there is no loopback.
    """
    missing = ["departures", "arrivals"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        receiver.bind(("127.0.0.1", 0))
        receiver.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPING, _RX_SOFTWARE | _SOFTWARE)
        sender.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPING, _TX_SOFTWARE | _SOFTWARE)
        sender.connect(receiver.getsockname())
        for _ in range(_TRIES):
            sender.send(b"stamp")
            select.select([receiver], [], [], _PAUSE_S)
            stamped = (("departures", _is_stamped(sender, socket.MSG_ERRQUEUE)), ("arrivals", _is_stamped(receiver, 0)))
            missing = [what for what, is_there in stamped if not is_there and what in missing]
            if not missing:
                break
            time.sleep(_PAUSE_S)
    return missing


def _is_stamped(of: socket.socket, flags: int) -> bool:
    try:
        _, ancillary, _, _ = of.recvmsg(512, 512, flags | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    return any(level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPING for level, kind, _ in ancillary)
