"""A network of its own, with a loopback interface and nothing else: there port 123 is free, and nobody outside hears what is said.

Some clients can ask no other port.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

NETWORK = "192.0.2"
"""The first three bytes of the addresses there, beside 127.0.0.0/8: ntpd follows no server with a loopback address."""

_CLONE_NEWNET = 0x40000000  # linux/sched.h

_HOLD = f"""\
import ctypes, fcntl, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
if libc.unshare({_CLONE_NEWNET}):
    sys.exit(f"unshare: errno {{ctypes.get_errno()}}")
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    fcntl.ioctl(sock, 0x8914, struct.pack("16sh22x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP
    network = struct.pack("16sHH4s16x", b"lo:1", socket.AF_INET, 0, socket.inet_aton("{NETWORK}.1"))
    fcntl.ioctl(sock, 0x8916, network)  # SIOCSIFADDR
print("up", flush=True)
sys.stdin.read()
"""

_ENTER = f"""\
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
if libc.setns(os.open(sys.argv[1], os.O_RDONLY | os.O_CLOEXEC), {_CLONE_NEWNET}):
    sys.exit(f"setns: errno {{ctypes.get_errno()}}")
os.execv(sys.argv[2], sys.argv[2:])
"""


class Namespace:
    """A network namespace, held by a process that does nothing else."""

    def __init__(self, holder: subprocess.Popen[str]) -> None:
        self._path = Path(f"/proc/{holder.pid}/ns/net")

    def command(self, command: Sequence[str]) -> list[str]:
        """The command, run in this network."""
        return [sys.executable, "-c", _ENTER, str(self._path), *command]

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Sockets that this thread opens meanwhile are in this network, and stay there."""
        with Path("/proc/thread-self/ns/net").open("rb") as before, self._path.open("rb") as inside:
            _setns(inside.fileno())
            try:
                yield
            finally:
                _setns(before.fileno())


@contextlib.contextmanager
def namespace() -> Iterator[Namespace]:
    """A new network; the test is skipped where none can be made."""
    holder = subprocess.Popen([sys.executable, "-c", _HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with holder:
        assert holder.stdout is not None
        assert holder.stderr is not None
        if holder.stdout.readline() != "up\n":
            pytest.skip(f"no network namespace can be made here, which takes root: {holder.stderr.read().strip()}")
        yield Namespace(holder)
        holder.communicate()


def _setns(descriptor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
