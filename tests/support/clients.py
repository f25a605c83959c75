"""NTP clients under test, each a process: our daemon and Debian's chronyd. Neither touches the clock of this machine."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ntp_ctl.client import fetch_observation
from ntp_proto.datagram import Address
from ntp_proto.observation import Observation
from support.peers import peer
from support.programs import Program, python, wait_until


@dataclass(frozen=True, slots=True)
class Server:
    """A server that a client is to follow.

    Attributes:
        address: Where.
        poll: Shortest and longest poll interval, log2 s.
        burst: Whether the client is to begin with a burst, where that can be chosen.
    """

    address: Address
    poll: int = 0
    burst: bool = False


class Client(Protocol):
    """A way to start a client."""

    name: str

    def start(self, folder: Path, servers: Sequence[Server]) -> Program:
        """Start it, with its files in `folder`."""
        ...


class OurDaemon:
    """ntp-daemon with a virtual clock."""

    name = "ntp-daemon"

    def start(self, folder: Path, servers: Sequence[Server]) -> Program:
        write_config(folder, "\n".join(map(_source, servers)))
        return start_daemon(folder)


class Chronyd:
    """chronyd without control of the clock (-x)."""

    name = "chronyd"

    def start(self, folder: Path, servers: Sequence[Server]) -> Program:
        lines = [
            f"server {server.address.host} port {server.address.port} minpoll {server.poll} maxpoll {server.poll}{' iburst' if server.burst else ''}"
            for server in servers
        ]
        return start_chronyd(folder, "port 0", *lines)


def write_config(folder: Path, sources: str, more: str = "") -> Path:
    """A configuration for our daemon that keeps all its files in `folder`."""
    path = folder / "ntp.toml"
    path.write_text(
        f"""{sources}
[synchronization]
drift-file = "{folder / "drift"}"
[observability]
observation-path = "{folder / "observe"}"
configuration-path = "{folder / "configure"}"
[clock]
mode = "virtual"
{more}"""
    )
    return path


def source(address: object, poll: int = 0) -> str:
    """A `[[source]]` table for one server."""
    return f'[[source]]\nmode = "server"\naddress = "{address}"\npoll-interval-limits = {{ min = {poll}, max = {poll} }}\n'


def start_daemon(folder: Path, *options: str) -> Program:
    """Our daemon with the configuration that `write_config` has written."""
    return Program(python("ntp_daemon", "-c", folder / "ntp.toml", *options))


def start_daemon_with_names(folder: Path, names: Mapping[str, Sequence[str]], *options: str) -> Program:
    """The same with a name service that knows these names, and no others."""
    launcher = Path(__file__).with_name("daemon_with_names.py")
    return Program([sys.executable, "-P", str(launcher), json.dumps(names), "-c", str(folder / "ntp.toml"), *options])


def wait_ready(folder: Path) -> None:
    """Until a daemon of `write_config` listens on both of its sockets. That their files are there is not enough: they appear a moment before."""
    for name in ("observe", "configure"):
        wait_until(lambda path=folder / name: _is_listening(path), f"{folder / name} takes connections")


def observe(folder: Path) -> Observation:
    """What such a daemon shows of itself."""
    wait_ready(folder)
    return fetch_observation(folder / "observe")


def _is_listening(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        return connection.connect_ex(str(path)) == 0


def start_chronyd(folder: Path, *lines: str) -> Program:
    """chronyd in the foreground, its files in `folder`; the test is skipped where there is none."""
    path = peer("chronyd")
    config = folder / "chrony.conf"
    config.write_text("\n".join([*lines, "cmdport 0", "bindcmdaddress /", f"pidfile {folder / 'chronyd.pid'}", ""]))
    return Program([path, "-x", "-d", "-f", str(config), "-u", _user()])


def _source(server: Server) -> str:
    return source(server.address, server.poll)


def _user() -> str:
    # Debian's chronyd would change to the user _chrony, who exists only where the package is installed.
    import pwd  # noqa: PLC0415 — here only

    return pwd.getpwuid(os.geteuid()).pw_name
