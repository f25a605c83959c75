"""A bar on standard error that says how far the work is: on a terminal only."""

from __future__ import annotations

import sys
from typing import TextIO

__all__ = ["ProgressBar"]

_COLUMNS = 40


class ProgressBar:
    """Shows the part that is done of several equal jobs.

    Args:
        jobs: How many there are.
        stream: Where to draw; None: standard error.
    """

    def __init__(self, jobs: int, stream: TextIO | None = None) -> None:
        self._jobs = jobs
        self._stream = stream or sys.stderr
        self._is_shown = self._stream.isatty()
        self._done = 0
        self._shown = -1

    def finish_job(self, name: str) -> None:
        """One more job is done."""
        self._done += 1
        self.show(0.0, name)

    def show(self, part: float, name: str) -> None:
        """Part of the job that is under way is done, 0 to 1."""
        share = min(1.0, (self._done + part) / self._jobs)
        if self._is_shown and int(1000 * share) != self._shown:
            self._shown = int(1000 * share)
            filled = int(_COLUMNS * share)
            self._stream.write(f"\r[{'#' * filled}{'.' * (_COLUMNS - filled)}] {share:4.0%} {name:.30}\x1b[K")
            self._stream.flush()

    def clear(self) -> None:
        """Take the bar away."""
        if self._is_shown and self._shown >= 0:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
