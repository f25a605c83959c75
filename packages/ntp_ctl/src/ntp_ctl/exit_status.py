"""The exit statuses of the commands; docs/decisions/0008-exit-codes.md has the reasons."""

from __future__ import annotations

__all__ = ["DONE", "FAILED", "WRONG_CONFIGURATION", "WRONG_USAGE"]

DONE = 0
FAILED = 1
WRONG_USAGE = 2
WRONG_CONFIGURATION = 78  # EX_CONFIG of sysexits.h
