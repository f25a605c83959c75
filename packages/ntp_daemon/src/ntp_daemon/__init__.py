"""The daemon: asyncio, files, signals and sockets around the client of `ntp_proto`.

For other programs it has a server to embed: `NtpServer`, and `NtpServerThread` for those without an event loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ntp_daemon.serving.event_hub import Subscription
    from ntp_daemon.serving.ntp_server import NtpServer, NtpServerConfig, ServerMetrics
    from ntp_daemon.serving.ntp_server_thread import NtpServerThread
    from ntp_daemon.serving.request_events import RequestEvent

__all__ = ["NtpServer", "NtpServerConfig", "NtpServerThread", "RequestEvent", "ServerMetrics", "Subscription"]

_HOMES = {
    "NtpServer": "ntp_server",
    "NtpServerConfig": "ntp_server",
    "NtpServerThread": "ntp_server_thread",
    "RequestEvent": "request_events",
    "ServerMetrics": "ntp_server",
    "Subscription": "event_hub",
}


def __getattr__(name: str) -> object:
    """What is embedded is loaded when it is first asked for: the daemon imports this package too, and may serve nobody."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 -- the daemon does without

    return getattr(import_module(f"{__name__}.serving.{home}"), name)
