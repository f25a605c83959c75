"""Who is at the other end of a Unix socket, as the kernel says, and whether he may write to a file.

Source: unix(7), SO_PEERCRED; socket(7), SO_PEERGROUPS; path_resolution(7) for what permissions mean.
"""

from __future__ import annotations

import array
import socket
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

__all__ = ["UnixPeer", "peer_of"]

_CREDENTIALS = struct.Struct("3i")  # struct ucred: process, user, group
_SO_PEERGROUPS = getattr(socket, "SO_PEERGROUPS", 59)  # since Linux 4.13; this Python does not name it
_MOST_GROUPS = 65_536


class _HasOptions(Protocol):
    """A socket, or what asyncio shows of one."""

    def getsockopt(self, level: int, optname: int, buflen: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class UnixPeer:
    """As of the moment in which he connected.

    Attributes:
        user: His effective user id.
        groups: His group ids.
    """

    user: int
    groups: frozenset[int]

    def may_write(self, path: Path) -> bool:
        """Whether the permissions of a file let him write it; nobody may write what is not there, or a directory."""
        try:
            found = path.stat()
        except OSError:
            return False
        if stat.S_ISDIR(found.st_mode):  # "" is the working directory
            return False
        if self.user == 0:
            return True
        if self.user == found.st_uid:
            return bool(found.st_mode & stat.S_IWUSR)
        if found.st_gid in self.groups:
            return bool(found.st_mode & stat.S_IWGRP)
        return bool(found.st_mode & stat.S_IWOTH)


def peer_of(connection: _HasOptions) -> UnixPeer:
    """Who has connected.

    Raises:
        OSError: The kernel does not say.
    """
    _, user, group = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    groups = {group}
    try:
        more = array.array("I", connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, 4 * _MOST_GROUPS))
    except OSError:  # an older kernel: his main group is known at least
        return UnixPeer(user, frozenset(groups))
    return UnixPeer(user, frozenset(groups | set(more)))
