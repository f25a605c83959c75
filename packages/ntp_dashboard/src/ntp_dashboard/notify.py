"""Tells systemd how far we are (sd_notify), when it asked for it.

Source: sd_notify(3), systemd.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping

__all__ = ["notify"]


def notify(state: str, environ: Mapping[str, str]) -> None:
    """Send a state such as "READY=1" to NOTIFY_SOCKET. Nothing happens without one, or when nobody listens: it is only news."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    name = "\0" + address[1:] if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(1.0)
            sender.sendto(state.encode(), name)
    except OSError:
        return
