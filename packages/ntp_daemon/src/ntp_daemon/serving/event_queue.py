"""Events on their way from a worker to the daemon: gathered, limited in rate, and lost rather than waited for."""

from __future__ import annotations

import socket
import time

from ntp_daemon.serving.messages import MESSAGE_MAXIMUM, Report, pack_event
from ntp_daemon.serving.request_events import RequestEvent
from ntp_proto.server import Bucket, Rate

__all__ = ["EventQueue"]

_RATE = Rate(2000.0, 2000)
"""Events that the daemon is asked to look at: each costs it some microseconds, and it keeps a clock."""
_MESSAGE = MESSAGE_MAXIMUM - 1


class EventQueue:
    """A worker's end.

    Args:
        control: The socket pair's end; what it does not take at once is lost.

    Attributes:
        lost: Events that did not go out.
    """

    def __init__(self, control: socket.socket) -> None:
        self.lost = 0
        self._control = control
        self._bucket = Bucket(_RATE)
        self._events: list[bytes] = []
        self._size = 0

    def put(self, event: RequestEvent) -> None:
        """Take an event; it goes out with the next `flush`, or when there are enough of them."""
        if not self._bucket.take(time.monotonic()):
            self.lost += 1
            return
        packed = pack_event(event)
        if self._size + len(packed) > _MESSAGE:
            self.flush()
        self._events.append(packed)
        self._size += len(packed)

    def flush(self) -> None:
        """Send what has been gathered."""
        if self._events:
            if not self.send(Report.EVENTS.value + b"".join(self._events)):
                self.lost += len(self._events)
            self._events, self._size = [], 0

    def send(self, message: bytes) -> bool:
        """Send a message if there is room for it; whether there was.

        Raises:
            OSError: The daemon has gone.
        """
        try:
            self._control.send(message, socket.MSG_DONTWAIT)
        except (BlockingIOError, InterruptedError):
            return False
        return True
