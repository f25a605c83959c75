"""Our daemon as a server, in a process of its own, with its files in a folder."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

from ntp_proto.datagram import Address
from support.clients import start_daemon, wait_ready
from support.programs import Program

__all__ = ["free_port", "serving_daemon", "write_server_config"]


def free_port(host: str = "127.0.0.1") -> int:
    """A UDP port that nobody has at the moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind((host, 0))
        port: int = free.getsockname()[1]
        return port


def write_server_config(folder: Path, listen: Address, *, clock: str = 'mode = "local"', server: str = "", sources: str = "") -> None:
    """A configuration for a daemon that serves on `listen`.

    Args:
        folder: Where all its files are to be.
        listen: Where it answers.
        clock: The keys of `[clock]`.
        server: Further keys of `[[server]]`.
        sources: `[[source]]` tables.
    """
    (folder / "ntp.toml").write_text(
        f"""{sources}
[[server]]
listen = "{listen}"
{server}
[synchronization]
drift-file = "{folder / "drift"}"
[observability]
observation-path = "{folder / "observe"}"
configuration-path = "{folder / "configure"}"
[clock]
{clock}
"""
    )


@contextlib.contextmanager
def serving_daemon(folder: Path, *, clock: str = 'mode = "local"', server: str = "") -> Iterator[tuple[Program, Address]]:
    """A daemon that serves, and where; it answers when the block begins."""
    listen = Address("127.0.0.1", free_port())
    write_server_config(folder, listen, clock=clock, server=server)
    with start_daemon(folder) as daemon:
        wait_ready(folder)
        yield daemon, listen
