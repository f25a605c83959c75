"""The request log: one line for each request, in a file of its own, off unless it is asked for.

Theory of operation. Who serves only puts a line into a queue of 1000, and loses it when the queue is full: writing, rotating and compressing
are a thread's. Lost lines are counted, and the count is written into the log itself once there is room again, so that a gap explains itself.

A file that is full becomes FILE.1, what was FILE.1 becomes FILE.2, and so on; the oldest go. They are compressed beside the writing.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from ntp_daemon.serving.settings import RequestLogConfig

__all__ = ["RequestLog"]

_log = logging.getLogger(__name__)

QUEUE_LINES = 1000
_SECONDS_PER_DAY = 86_400
_END_S = 1.0
"""How long `close` waits, twice at most, for what is queued: a disk that hangs must not hold up the end."""
_RETRY_S = 10.0
"""After an error, lines are dropped for this long before the file is tried again."""


class RequestLog:
    """Takes lines and never waits. `close` writes what is queued.

    Args:
        config: The file.
        now_ns: The system clock, ns since 1970, by which files grow old.

    Raises:
        OSError: The file cannot be opened; the text names it.
    """

    def __init__(self, config: RequestLogConfig, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._config = config
        self._now_ns = now_ns
        self._queue: queue.Queue[str | None] = queue.Queue(QUEUE_LINES)
        self._lost = 0
        self._told = 0
        self._retry_at = 0.0
        self._compressing: threading.Thread | None = None
        self._file: IO[bytes] | None = self._open()
        self._thread = threading.Thread(target=self._run, name="request log", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> int:
        """Lines that were not written: the queue was full, or the file could not be written."""
        return self._lost

    def write(self, line: str) -> bool:
        """Queue a line without its end; whether there was room."""
        try:
            self._queue.put_nowait(line)
        except queue.Full:
            self._lost += 1
            return False
        return True

    def close(self) -> None:
        """Write what is queued, for two seconds at most; closing twice does nothing."""
        if self._thread.is_alive():
            with contextlib.suppress(queue.Full):
                self._queue.put(None, timeout=_END_S)
            self._thread.join(_END_S)

    def _run(self) -> None:
        while (line := self._queue.get()) is not None:
            lines = [line]
            end = self._take_more(lines)
            self._write(lines)
            if end:
                break
        if self._compressing is not None:
            self._compressing.join()
        if self._file is not None:
            self._file.close()

    def _take_more(self, lines: list[str]) -> bool:
        """Everything that is queued by now, so that it is one write; whether the end has come."""
        with contextlib.suppress(queue.Empty):
            while len(lines) < QUEUE_LINES:
                line = self._queue.get_nowait()
                if line is None:
                    return True
                lines.append(line)
        return False

    def _write(self, lines: list[str]) -> None:
        if self._file is None and time.monotonic() < self._retry_at:
            self._lost += len(lines)
            return
        gap = self._lost - self._told
        if gap:
            lines = [f"# {gap} requests were not logged", *lines]
        data = "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")
        try:
            self._write_out(data)
        except OSError as error:
            self._lost += len(lines) - bool(gap)
            self._give_up(error)
        else:
            self._told += gap

    def _write_out(self, data: bytes) -> None:
        if self._file is None:
            self._file = self._open()
        size = os.fstat(self._file.fileno()).st_size
        if self._config.max_size and size and size + len(data) > self._config.max_size:
            self._file.close()
            self._file = None
            self._rotate()
            self._file = self._open()
        self._file.write(data)

    def _give_up(self, error: OSError) -> None:
        """Said each time, but tried only now and then."""
        _log.warning("cannot write the request log %s: %s; trying again in %g s", self._config.path, error.strerror or error, _RETRY_S)
        self._retry_at = time.monotonic() + _RETRY_S
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

    def _open(self) -> IO[bytes]:
        descriptor = os.open(self._config.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
        return open(descriptor, "ab", buffering=0)  # noqa: PTH123 -- a descriptor, not a path

    def _rotate(self) -> None:
        if self._compressing is not None:
            self._compressing.join()
            self._compressing = None
        config = self._config
        for number in range(config.backups, 0, -1):
            source = self._backup(number - 1)
            for suffix in (".gz", "") if number > 1 else ("",):
                old, new = Path(f"{source}{suffix}"), Path(f"{self._backup(number)}{suffix}")
                if old.exists():
                    self._remove_backup(number)
                    old.replace(new)
        if not config.backups:
            config.path.unlink(missing_ok=True)
        self._remove_aged()
        if config.compress and config.backups:
            self._compressing = threading.Thread(target=_compress, args=(self._backup(1),), name="request log gzip", daemon=True)
            self._compressing.start()

    def _backup(self, number: int) -> Path:
        return self._config.path.with_name(f"{self._config.path.name}.{number}") if number else self._config.path

    def _remove_backup(self, number: int) -> None:
        for suffix in ("", ".gz"):
            Path(f"{self._backup(number)}{suffix}").unlink(missing_ok=True)

    def _remove_aged(self) -> None:
        oldest_ns = self._now_ns() - self._config.max_age_days * _SECONDS_PER_DAY * 1_000_000_000
        for number in range(1, self._config.backups + 1) if self._config.max_age_days else ():
            for suffix in ("", ".gz"):
                path = Path(f"{self._backup(number)}{suffix}")
                with contextlib.suppress(FileNotFoundError):
                    if path.stat().st_mtime_ns < oldest_ns:
                        path.unlink()


def _compress(path: Path) -> None:
    """FILE to FILE.gz; a failure leaves FILE as it is, which is no loss. The time of the last line stays that of the file."""
    import gzip  # noqa: PLC0415 -- few want it

    packed, half = Path(f"{path}.gz"), Path(f"{path}.gz.part")
    try:
        written = path.stat()
        with path.open("rb") as source, gzip.open(half, "wb") as target:
            shutil.copyfileobj(source, target)
        os.utime(half, ns=(written.st_atime_ns, written.st_mtime_ns))
        half.chmod(written.st_mode & 0o777)
        half.replace(packed)
        path.unlink()
    except OSError as error:
        half.unlink(missing_ok=True)
        _log.warning("cannot compress %s: %s", path, error.strerror or error)
