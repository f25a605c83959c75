"""Whether there is a fast path here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ntp_udp.fast_server import FastServer

__all__ = ["load_fast_server"]


def load_fast_server() -> type[FastServer] | None:
    """The fast path; None where the extension was not compiled, or is not wanted (NTP_NO_EXT): then all requests take the slow path.

    To be called before the change of user or root directory, after which the file may be out of reach.
    """
    if os.environ.get("NTP_NO_EXT"):
        return None
    try:
        from ntp_udp.fast_server import FastServer  # noqa: PLC0415 -- it may not have been compiled
    except ImportError:
        return None
    return FastServer
