"""Memory that the daemon and its workers share: nameless files, sealed so that neither side can be hurt through them.

What one process may write is nobody else's to write: the region of the snapshot is sealed against every mapping but the daemon's, and no
region can be made smaller, which would kill whoever reads it.

Source: memfd_create(2), fcntl(2) ("File Sealing").
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os

__all__ = ["SharedRegion"]

_F_SEAL_FUTURE_WRITE = 0x10  # linux/fcntl.h since Linux 5.1; Python 3.11 has no name for it


class SharedRegion:
    """A mapped region. Made by `create` in the process that owns it, by `attach` in the others.

    Attributes:
        fd: To be inherited by another process; closed by `close`.
        words: The region as unsigned 64-bit words of the machine: one aligned word is read and written whole.
    """

    __slots__ = ("_bytes", "_map", "fd", "words")

    def __init__(self, fd: int, mapped: mmap.mmap) -> None:
        self.fd = fd
        self._map = mapped
        self._bytes = memoryview(mapped)
        self.words = self._bytes.cast("Q")

    @classmethod
    def create(cls, name: str, words: int, *, writable_by_others: bool) -> SharedRegion:
        """A region of zeros.

        Args:
            name: For /proc/PID/maps.
            words: Its size, in words of 8 bytes.
            writable_by_others: Whether those who attach may write too.

        Raises:
            OSError: No memory, no descriptors.
        """
        fd = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(fd, 8 * words)
            mapped = mmap.mmap(fd, 8 * words)
        except BaseException:
            os.close(fd)
            raise
        size = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW
        if writable_by_others:
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, size | fcntl.F_SEAL_SEAL)
        else:
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, size)
            with contextlib.suppress(OSError):  # before Linux 5.1 the workers are trusted not to write
                fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _F_SEAL_FUTURE_WRITE)
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SEAL)
        return cls(fd, mapped)

    @classmethod
    def attach(cls, fd: int, *, writable: bool) -> SharedRegion:
        """The region of another process, through an inherited descriptor.

        Raises:
            OSError: The descriptor is no such region, or it may not be written.
        """
        access = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
        return cls(fd, mmap.mmap(fd, os.fstat(fd).st_size, prot=access))

    def copy(self, first: int, count: int) -> bytes:
        """The bytes of some words, as they are at this moment."""
        return bytes(self._bytes[8 * first : 8 * (first + count)])

    def fill(self, first: int, data: bytes) -> None:
        """Write bytes from the beginning of a word on."""
        self._bytes[8 * first : 8 * first + len(data)] = data

    def close(self) -> None:
        """Unmap it; closing twice does nothing."""
        if self.fd < 0:
            return
        os.close(self.fd)
        self.fd = -1
        self.words.release()
        self._bytes.release()
        self._map.close()
