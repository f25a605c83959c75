"""The version of the distribution that this program belongs to."""

from __future__ import annotations

__all__ = ["version"]


def version() -> str:
    """The version; "unknown" in a tree that was not installed."""
    import importlib.metadata  # noqa: PLC0415 - deferred: it takes 15 ms, and only --version needs it

    try:
        return importlib.metadata.version("ntpd-py")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
