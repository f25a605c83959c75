"""What /proc says of processes, their rights and UDP ports. Whatever disappears or cannot be read meanwhile is as if it were not there."""

from __future__ import annotations

import ipaddress
import re
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CAP_NET_BIND_SERVICE", "CAP_SYS_TIME", "BoundPort", "Proc", "Process", "Rights"]

CAP_NET_BIND_SERVICE = 10
"""linux/capability.h, as the next."""
CAP_SYS_TIME = 25


@dataclass(frozen=True, slots=True)
class Process:
    """A running program.

    Attributes:
        pid: Its number.
        parent: That of who started it.
        name: What the kernel calls it, at most 15 characters.
        arguments: Its command line.
    """

    pid: int
    parent: int
    name: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rights:
    """The capabilities of a process, as bits.

    Attributes:
        effective: Those that it has.
        bounding: Those that it, and whatever it starts, can ever have.
        user: Its effective user id.
    """

    effective: int
    bounding: int
    user: int

    def has(self, capability: int) -> bool:
        """Whether it may."""
        return bool(self.effective >> capability & 1)

    def could_have(self, capability: int) -> bool:
        """Whether root could."""
        return bool(self.bounding >> capability & 1)


@dataclass(frozen=True, slots=True)
class BoundPort:
    """A UDP socket that is bound."""

    host: ipaddress.IPv4Address | ipaddress.IPv6Address
    port: int


class Proc:
    """Args are where it is mounted.

    Args:
        root: "/proc", or a likeness of it.
    """

    def __init__(self, root: Path = Path("/proc")) -> None:
        self._root = root

    def processes(self) -> list[Process]:
        """All that can be seen, by their numbers."""
        pids = sorted(int(path.name) for path in self._root.glob("[0-9]*") if path.name.isdigit())
        found = (self._process(pid) for pid in pids)
        return [process for process in found if process is not None]

    def rights(self, pid: int | None = None) -> Rights | None:
        """Of a process; None: our own. None when they cannot be read."""
        fields = self._status(pid)
        try:
            return Rights(int(fields["CapEff"], 16), int(fields["CapBnd"], 16), int(fields["Uid"].split()[1]))
        except (KeyError, ValueError, IndexError):
            return None

    def bound_ports(self) -> list[BoundPort]:
        """The UDP sockets of this network namespace that have an address."""
        return [bound for name in ("udp", "udp6") for line in self._text("net", name).splitlines()[1:] if (bound := _bound(line)) is not None]

    def first_unprivileged_port(self) -> int:
        """Below it a port needs CAP_NET_BIND_SERVICE."""
        text = self._text("sys", "net", "ipv4", "ip_unprivileged_port_start").strip()
        return int(text) if text.isdecimal() else 1024

    def _process(self, pid: int) -> Process | None:
        fields = self._status(pid)
        if "Name" not in fields:
            return None
        arguments = tuple(part for part in self._text(str(pid), "cmdline").split("\0") if part)
        parent = fields.get("PPid", "")
        return Process(pid, int(parent) if parent.isdecimal() else 0, fields["Name"], arguments)

    def _status(self, pid: int | None) -> dict[str, str]:
        lines = self._text("self" if pid is None else str(pid), "status").splitlines()
        return {key: value.strip() for key, colon, value in (line.partition(":") for line in lines) if colon}

    def _text(self, *parts: str) -> str:
        try:
            return self._root.joinpath(*parts).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""


_LINE = re.compile(r"\s*\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) ", re.ASCII)


def _bound(line: str) -> BoundPort | None:
    match = _LINE.match(line)
    if match is None:
        return None
    words = [bytes.fromhex(match[1][start : start + 8]) for start in range(0, len(match[1]), 8)]
    if sys.byteorder == "little":  # each 32-bit word is printed as a number of the machine
        words = [word[::-1] for word in words]
    return BoundPort(ipaddress.ip_address(b"".join(words)), int(match[2], 16))
