"""Where to listen: HOST:PORT read, and a TCP socket bound to it."""

from __future__ import annotations

import socket

__all__ = ["ListenError", "address_text", "open_listener"]

_BACKLOG = 64


class ListenError(Exception):
    """The address cannot be listened on; the text says why, one sentence for people."""


def open_listener(where: str, *, backlog: int = _BACKLOG) -> socket.socket:
    """A listening TCP socket.

    Args:
        where: "127.0.0.1:9975", "[::1]:9975", "localhost:9975"; port 0 is one that the system chooses.
        backlog: How many connections may wait to be accepted.

    Raises:
        ListenError: not such a text, or the system refuses.
    """
    host, port = _split(where)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ListenError(_sentence(where, error)) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        raise ListenError(_sentence(where, error)) from error
    return listener


def address_text(listener: socket.socket) -> str:
    """The address that a socket is bound to, as it stands in a URL."""
    host, port, *_ = listener.getsockname()
    return f"[{host}]:{port}" if listener.family == socket.AF_INET6 else f"{host}:{port}"


def _split(where: str) -> tuple[str, int]:
    host, colon, port = where.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) <= 65535) or (":" in host and not bracketed):
        raise ListenError(f"cannot listen on {where!r}: not an address such as 127.0.0.1:9975 or [::1]:9975")
    return (host[1:-1] if bracketed else host), int(port)


def _sentence(where: str, error: OSError) -> str:
    return f"cannot listen on {where}: {(error.strerror or str(error)).lower()}"
