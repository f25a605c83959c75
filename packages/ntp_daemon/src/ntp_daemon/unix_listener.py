"""A listening Unix socket: made without a moment of wrong permissions, never in the place of anything but a dead socket, removed at the end."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from dataclasses import dataclass
from pathlib import Path

__all__ = ["LocalSocketError", "UnixListener", "open_listener"]

_BACKLOG = 64


class LocalSocketError(OSError):
    """A socket of the daemon could not be opened. The text says which, why, and what to do about it."""


@dataclass(frozen=True, slots=True)
class UnixListener:
    """A socket that listens.

    Attributes:
        socket: Non-blocking.
        path: Where it is.
        device: With `inode`, the identity of the socket's file.
        inode: See `device`.
    """

    socket: socket.socket
    path: Path
    device: int
    inode: int

    def close(self) -> None:
        """Stop listening and remove the file, unless another daemon has put its own there meanwhile."""
        self.socket.close()
        with contextlib.suppress(OSError):
            found = self.path.lstat()
            if (found.st_dev, found.st_ino) == (self.device, self.inode):
                self.path.unlink()


def open_listener(path: Path, permissions: int) -> UnixListener:
    """Listen on a Unix socket. The directory is made when only that is missing; a socket that a dead daemon has left is replaced.

    Args:
        path: Where, at most 107 bytes.
        permissions: Of the socket's file: who may write may connect.

    Raises:
        LocalSocketError: it cannot be opened, is in use, or is not a socket.
    """
    try:
        with contextlib.suppress(FileExistsError):
            path.parent.mkdir(mode=0o755)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    except OSError as error:
        raise _refused(path, error) from error
    try:
        _remove_dead_socket(path)
        _bind(listener, path, permissions)
        listener.listen(_BACKLOG)
        found = path.lstat()
    except LocalSocketError:
        listener.close()
        raise
    except OSError as error:
        listener.close()
        raise _refused(path, error) from error
    return UnixListener(listener, path, found.st_dev, found.st_ino)


def _bind(listener: socket.socket, path: Path, permissions: int) -> None:
    # The file that bind makes takes its mode from the socket's own (less the umask), so nobody can connect in between; unix(7) leaves
    # this to the implementation, Linux does it. chmod then gives back what the umask has taken.
    os.fchmod(listener.fileno(), permissions)
    listener.bind(str(path))
    path.chmod(permissions)


def _remove_dead_socket(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise LocalSocketError(f"cannot listen on {path}: it exists and is not a socket; remove it, or choose another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()  # nobody listens: its daemon is dead
            return
        except FileNotFoundError:
            return
        except BlockingIOError:
            pass  # so busy that it cannot take another connection: alive
    raise LocalSocketError(f"cannot listen on {path}: it is in use by a running daemon; stop that one, or choose another path")


def _refused(path: Path, error: OSError) -> LocalSocketError:
    return LocalSocketError(f"cannot listen on {path}: {(error.strerror or str(error)).lower()}{_advice(path, error)}")


def _advice(path: Path, error: OSError) -> str:
    match error:
        case FileNotFoundError():
            return f"; make the directory {path.parent}"
        case PermissionError():
            return f"; make {path.parent} writable for the daemon, run it as root, or choose another path"
        case _:
            return ""
