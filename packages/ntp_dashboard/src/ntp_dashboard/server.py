"""The process: listens, serves until a signal comes, ends every stream and then itself."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
import signal
import socket
from collections.abc import Callable, Iterator

import uvicorn

from ntp_dashboard.api import Api
from ntp_dashboard.connections import HEAD_BYTES, IDLE_S, MAXIMUM_CONNECTIONS, LimitedProtocol
from ntp_dashboard.settings import Settings

__all__ = ["BACKLOG", "serve"]

BACKLOG = 1024
_FILES_BESIDE = 64
"""File descriptors for everything but connections."""
_END_S = 2


class _Server(uvicorn.Server):
    """Leaves the signals to us: it would end the process by the signal, and without closing what streams."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


async def serve(listener: socket.socket, settings: Settings, announce: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        listener: Bound and listening; closed at the end.
        settings: Of this run.
        announce: Called when a signal ends it in order.
    """
    _raise_file_limit()
    api = Api(settings)
    config = uvicorn.Config(
        api.app,
        http=LimitedProtocol,
        loop="asyncio",
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=_END_S,
        backlog=BACKLOG,
        h11_max_incomplete_event_size=HEAD_BYTES,
    )
    # Of every request that makes no sense it would tell the log: a stranger must not be able to fill that.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    server = _Server(config)

    def stop() -> None:
        api.close()
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    announce()
    await server.serve(sockets=[listener])


def _raise_file_limit() -> None:
    """Room for every connection that we take; where there is less, accept fails now and then and is tried again."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAXIMUM_CONNECTIONS + _FILES_BESIDE
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
