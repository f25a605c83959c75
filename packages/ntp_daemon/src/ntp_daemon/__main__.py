"""The command `ntp-daemon`. What it does is in `command`; here is what must be right before that is even imported, which takes a while."""

from __future__ import annotations

import gc
import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

__all__ = ["main"]


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    _open_closed_streams()
    before = {number: signal.signal(number, _end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        gc.disable()  # what is imported stays: there is nothing to be collected, now or later
        _load_asyncio_without_tls()
        from ntp_daemon.command import run  # noqa: PLC0415 — a signal must not have to wait for it

        gc.freeze()
        gc.enable()
        return run(argv)
    except KeyboardInterrupt:
        return 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 — the signature of a signal handler
    """Nothing has been begun that would have to be ended: from the moment when the clock is ours, the event loop takes the signals.

    Not by an exception: the import system drops one that is raised in its callbacks, and after a KeyboardInterrupt within an `exec` of a string, as
    dataclasses use it, CPython ends by SIGINT although it was caught.
    """
    os._exit(0)


def _load_asyncio_without_tls() -> None:
    """Nothing here speaks TLS by asyncio, but that imports `ssl` where there is one, and so OpenSSL: 4 MiB, and a twentieth of the start.

    None in the place of a module says that there is none, and asyncio then does without. Who needs `ssl` can still import it afterwards.

    Source: The Python Language Reference, 5.3.1 (the module cache).
    """
    if "asyncio" in sys.modules or "ssl" in sys.modules:
        return
    sys.modules["ssl"] = None  # type: ignore[assignment]  # typeshed knows modules only
    try:
        import asyncio  # noqa: F401, PLC0415 — to have it loaded
    finally:
        del sys.modules["ssl"]


def _open_closed_streams() -> None:
    """What is written to a stream that was closed (`2>&-`) goes nowhere; `print` would put it into the other one."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115 — without pathlib, and it stays open to the end


if __name__ == "__main__":
    sys.exit(main())
