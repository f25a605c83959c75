"""A listening Unix socket: made without a moment of wrong permissions, never in the place of anything but a dead socket, removed at the end.

It is made under a temporary name beside its own, and gets its own when it listens: whoever finds the socket can connect to it. Otherwise a
client that comes between bind and listen would be refused, and would take the daemon for dead; so would a second daemon, and remove it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from dataclasses import dataclass
from pathlib import Path

__all__ = ["LocalSocketError", "UnixListener", "open_listener"]

_BACKLOG = 64
_LONGEST_PATH = 107
"""Bytes, unix(7): sun_path has 108, with a zero at the end."""


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
        path: Where, at most 107 bytes, with at least 7 for the last part of it where it comes close to that.
        permissions: Of the socket's file: who may write may connect.

    Raises:
        LocalSocketError: it cannot be opened, is in use, or is not a socket.
    """
    temporary = path.parent / f".{os.urandom(3).hex()}"  # not by `secrets`, which would load OpenSSL
    with contextlib.ExitStack() as undo:
        try:
            _check_length(path)
            with contextlib.suppress(FileExistsError):
                path.parent.mkdir(mode=0o755)
            listener = undo.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC))
            # The file that bind makes takes its mode from the socket's own (less the umask), so nobody can connect in between; unix(7)
            # leaves this to the implementation, Linux does it. chmod then gives back what the umask has taken.
            os.fchmod(listener.fileno(), permissions)
            listener.bind(str(temporary))
            undo.callback(temporary.unlink, missing_ok=True)
            temporary.chmod(permissions)
            listener.listen(_BACKLOG)
            found = temporary.lstat()
            # Two daemons that do this in the same microseconds both find the path free. The later one has it then, and the other one's
            # `close` leaves it alone.
            _check_free(path)
            temporary.replace(path)
        except LocalSocketError:
            raise
        except OSError as error:
            raise _refused(path, error) from error
        undo.pop_all()
        return UnixListener(listener, path, found.st_dev, found.st_ino)


def _check_length(path: Path) -> None:
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise OSError(errno.ENAMETOOLONG, f"path too long, more than {_LONGEST_PATH} bytes")


def _check_free(path: Path) -> None:
    """Raises `LocalSocketError` when there is anything but a socket on which nobody listens: that of a dead daemon."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise LocalSocketError(f"cannot listen on {path}: it exists and is not a socket; remove it, or choose another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC) as probe:
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
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
