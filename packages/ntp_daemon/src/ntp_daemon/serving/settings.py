"""What one server is told: where it listens, whom it serves and how."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from ntp_proto.datagram import Address
from ntp_proto.server import ServerPolicy
from ntp_udp.server_socket import Buffers

__all__ = ["DnsPolicyConfig", "RequestLogConfig", "ServerSettings", "default_workers"]


@dataclass(frozen=True, slots=True)
class DnsPolicyConfig:
    """Who is served by the name of his address. See `ntp_daemon.serving.dns_policy`.

    Attributes:
        deny_suffixes: A client with a name under one of these is refused: `example.com` is `example.com` and `a.example.com`.
        allow_suffixes: Where there are any, a client needs a name under one of them.
        nameservers: Numeric addresses, with a port where it is not 53 (`host:port`, `[host]:port`), asked in turn; none: the system's.
        timeout_s: The longest look-up, s.
        cache_ttl_s: How long an answer or a failure holds, s.
        fail_open: Whether a client whose name cannot be had, or is not known yet, is let through.
    """

    deny_suffixes: tuple[str, ...] = ()
    allow_suffixes: tuple[str, ...] = ()
    nameservers: tuple[str, ...] = ()
    timeout_s: float = 0.4
    cache_ttl_s: float = 300.0
    fail_open: bool = True


@dataclass(frozen=True, slots=True)
class RequestLogConfig:
    """Where a line for each request goes, and how much of them is kept. See `ntp_daemon.serving.request_log`.

    Attributes:
        path: The file.
        max_size: It is rotated before it grows past this, bytes; 0: never.
        backups: How many rotated files are kept; 0: none.
        max_age_days: Rotated files older than this are removed, days; 0: kept whatever their age.
        compress: Whether rotated files are compressed (gzip).
    """

    path: Path
    max_size: int = 100_000_000
    backups: int = 10
    max_age_days: int = 30
    compress: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """One server.

    Attributes:
        listen: A numeric address of this machine; port 0 takes a free one.
        policy: Whom it serves.
        workers: Processes that answer; 0: the one that asks, in its event loop.
        buffers: What the kernel may hold for each socket.
        dns_policy: Whom it serves by name; None: names do not matter.
        request_log: The request log; None: none.
    """

    listen: Address
    policy: ServerPolicy
    workers: int
    buffers: Buffers = field(default_factory=Buffers)
    dns_policy: DnsPolicyConfig | None = None
    request_log: RequestLogConfig | None = None


def default_workers() -> int:
    """One for each core that this process may use."""
    return len(os.sched_getaffinity(0))
