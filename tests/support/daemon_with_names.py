"""ntp-daemon with a name service of its own: `python daemon_with_names.py '{"pool.example": ["127.0.0.2", "127.0.0.3"]}' OPTIONS`.

Only the C library's look-up is replaced; everything above it is the daemon's. A name that is not in the table does not exist.
"""

from __future__ import annotations

import json
import socket
import sys

from ntp_daemon.__main__ import main

_NAMES: dict[str, list[str]] = json.loads(sys.argv[1])


def _getaddrinfo(host: bytes, port: int, **_hints: int) -> list[tuple[int, int, int, str, tuple[str, int]]]:
    hosts = _NAMES.get(host.decode("ascii"))
    if hosts is None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return [(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_UDP, "", (numeric, port)) for numeric in hosts]


setattr(socket, "getaddrinfo", _getaddrinfo)  # noqa: B010 — as an attribute it would not type-check: our table knows fewer arguments
sys.exit(main(sys.argv[2:]))
