"""The version of the installed distribution."""

from __future__ import annotations

from functools import cache

__all__ = ["version"]


@cache
def version() -> str:
    """As pip knows it; "unknown" when the program runs from a tree that is not installed."""
    from importlib.metadata import PackageNotFoundError  # noqa: PLC0415 — takes 10 ms, and the start does not need it
    from importlib.metadata import version as installed  # noqa: PLC0415

    try:
        return installed("ntpd-py")
    except PackageNotFoundError:
        return "unknown"
