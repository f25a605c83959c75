"""Telling systemd how the daemon is doing: the sd_notify protocol, one datagram for each message.

Nothing here may fail: without systemd, or with a socket that does not answer, every message goes nowhere.

Source: sd_notify(3), systemd.service(5) (Type=notify-reload asks for MONOTONIC_USEC with RELOADING).
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Mapping

__all__ = ["Notifier"]


class Notifier:
    """Sends state to the service manager, if there is one.

    Args:
        environment: Holds NOTIFY_SOCKET when a service manager listens: a path, or a name in the abstract namespace that begins with "@".
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        name = environment.get("NOTIFY_SOCKET", "")
        # Other kinds of address (vsock) are for virtual machines as a whole.
        self._address = "\0" + name[1:] if name.startswith("@") else name if name.startswith("/") else ""
        self._held: socket.socket | None = None

    def hold_on(self) -> None:
        """Keep the way to the service manager open from now on: a change of the root directory may hide its socket. `close` lets go."""
        sender = _sender()
        try:
            sender.connect(self._address)
        except OSError:
            sender.close()
        else:
            self._held = sender

    def close(self) -> None:
        """Let go of what `hold_on` has kept. Closing twice does nothing."""
        if self._held is not None:
            self._held.close()
            self._held = None

    def ready(self, status: str = "") -> None:
        """The start, or a reload, is complete."""
        self._send("READY=1", status)

    def status(self, status: str) -> None:
        """One line about the present state, shown by `systemctl status`."""
        self._send(status=status)

    def reloading(self) -> None:
        """A reload has begun; `ready` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self, status: str = "") -> None:
        """The end has begun."""
        self._send("STOPPING=1", status)

    def _send(self, state: str = "", status: str = "") -> None:
        if not self._address:
            return
        lines = [state] if state else []
        if status:
            lines.append("STATUS=" + " ".join(status.split()))
        message = "\n".join(lines).encode("utf-8", errors="replace")
        with contextlib.suppress(OSError):
            if self._held is not None:
                self._held.send(message)
                return
            with _sender() as sender:
                sender.sendto(message, self._address)


def _sender() -> socket.socket:
    """A service manager that does not read its socket must not stop the daemon."""
    return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
