"""The file of the measurement log. What stands in it is `ntp_proto.measurement_log`'s; here it is kept from doing any harm.

A line is one write to a plain file, which the kernel takes into its cache: nothing waits for the disk. When that fails once (a full disk), the
log ends with one warning, and the daemon goes on.
"""

from __future__ import annotations

import contextlib
import logging
import os
import stat

__all__ = ["MeasurementFile"]

_log = logging.getLogger(__name__)


class MeasurementFile:
    """Takes lines until one cannot be written.

    Args:
        path: The file to append to; it is made when it is not there.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor: int | None = None
        try:
            self._descriptor = _open(path)
        except (OSError, ValueError) as error:
            self._complain(error)

    @property
    def is_open(self) -> bool:
        """Whether lines are still taken."""
        return self._descriptor is not None

    def write(self, line: bytes) -> None:
        """Append a line."""
        if self._descriptor is None:
            return
        try:
            written = os.write(self._descriptor, line)
        except OSError as error:
            self._complain(error)
            self.close()
            return
        if written < len(line):
            self._complain(OSError("there is no room for a whole line"))
            self.close()

    def close(self) -> None:
        """Take no more lines."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None

    def _complain(self, error: OSError | ValueError) -> None:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        _log.warning("measurement log %s: %s; measurements are not recorded any more", self._path, reason.lower())


def _open(path: str) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o640)  # without waiting: it may be a pipe
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ValueError("it is not a file")
    _finish_last_line(descriptor)
    return descriptor


def _finish_last_line(descriptor: int) -> None:
    """A full disk or a crash may have cut the last line off: it must not swallow the first of ours."""
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        os.write(descriptor, b"\n")
