"""The log: one line for each event on standard error, for people, for journald or as JSON.

The packages that decide do not log; the daemon does. What a stranger can trigger is logged at debug level, or through a logger with a
`RateLimit`: the log must not grow with traffic.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import TextIO

from ntp_daemon.config.model import LogFormat, LogLevel

__all__ = ["TRACE", "JournalFormatter", "JsonFormatter", "RateLimit", "TextFormatter", "set_level", "set_up"]

TRACE = 5
"""Below debug: every packet."""

_LEVELS = {
    LogLevel.TRACE: TRACE,
    LogLevel.DEBUG: logging.DEBUG,
    LogLevel.INFO: logging.INFO,
    LogLevel.WARN: logging.WARNING,
    LogLevel.ERROR: logging.ERROR,
}
# From the least level of `logging` to its name here, its syslog priority (sd-daemon(3)) and its colour (ECMA-48).
_NAMES = ((logging.ERROR, "error", 3, "31"), (logging.WARNING, "warn", 4, "33"), (logging.INFO, "info", 6, "32"), (logging.DEBUG, "debug", 7, "36"))
_TRACE_NAME = (TRACE, "trace", 7, "35")


def set_up(level: LogLevel, format_: LogFormat, environment: Mapping[str, str], stream: TextIO | None = None) -> None:
    """Send the log to standard error; a second call replaces what the first did.

    Args:
        level: The least severity that is shown.
        format_: Text or JSON.
        environment: JOURNAL_STREAM says whether standard error is journald, NO_COLOR whether colour is unwanted.
        stream: Instead of standard error.
    """
    logging.addLevelName(TRACE, "TRACE")
    logging.raiseExceptions = False  # a log that cannot be written must not stop the clock, nor print over what can
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(_handler(format_, environment, stream if stream is not None else sys.stderr))
    set_level(level)


def _handler(format_: LogFormat, environment: Mapping[str, str], stream: TextIO | None) -> logging.Handler:
    if stream is None:  # started with standard error closed
        return logging.NullHandler()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(format_, environment, stream))
    return handler


def set_level(level: LogLevel) -> None:
    """Change the least severity that is shown."""
    logging.getLogger().setLevel(_LEVELS[level])
    # asyncio tells of its selector and of slow callbacks: of interest to those who trace, and to nobody else below a warning.
    logging.getLogger("asyncio").setLevel(TRACE if level is LogLevel.TRACE else logging.WARNING)


def _formatter(format_: LogFormat, environment: Mapping[str, str], stream: TextIO) -> logging.Formatter:
    if format_ is LogFormat.JSON:
        return JsonFormatter()
    if _is_journal(environment.get("JOURNAL_STREAM", ""), stream):
        return JournalFormatter()
    return TextFormatter(colour=stream.isatty() and not environment.get("NO_COLOR"))


def _is_journal(named: str, stream: TextIO) -> bool:
    """Whether the stream is the one that systemd says is journald's: it may have been redirected since.

    Source: systemd.exec(5), JOURNAL_STREAM.
    """
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return named == f"{found.st_dev}:{found.st_ino}"


def _name_of(level: int) -> tuple[str, int, str]:
    """The level's name, its priority for syslog, and its colour."""
    _, name, priority, colour = next((entry for entry in _NAMES if level >= entry[0]), _TRACE_NAME)
    return name, priority, colour


def _printable(text: str) -> str:
    """The text on one line and without anything that a terminal would obey: parts of it may come from strangers."""
    return text if text.isprintable() else "".join(ch if ch.isprintable() else f"\\x{ord(ch):02x}" for ch in text)


def _message(record: logging.LogRecord) -> str:
    suppressed = getattr(record, "suppressed", 0)
    more = f" ({suppressed} more like this were not logged)" if suppressed else ""
    return _printable(record.getMessage()) + more


def _utc(record: logging.LogRecord) -> str:
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03d}Z"


class _Lines(logging.Formatter):
    """A message and, below it, the traceback of its exception if it has one."""

    def _lines(self, record: logging.LogRecord) -> list[str]:
        lines = [_message(record)]
        if record.exc_info:
            lines += map(_printable, self.formatException(record.exc_info).splitlines())
        return lines


class TextFormatter(_Lines):
    """`2026-01-31T12:00:00.123Z warn  message`, for people.

    Args:
        colour: Whether the level is coloured as well; its name stands there in any case.
    """

    def __init__(self, *, colour: bool) -> None:
        super().__init__()
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        """The record as lines of text."""
        name, _, colour = _name_of(record.levelno)
        level = f"\x1b[{colour}m{name:5}\x1b[0m" if self._colour else f"{name:5}"
        first, *rest = self._lines(record)
        return "\n".join([f"{_utc(record)} {level} {first}", *(f"    {line}" for line in rest)])


class JournalFormatter(_Lines):
    """`<4>message`, for journald, which adds the time itself.

    Source: sd-daemon(3).
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record as lines of text, each with its priority: journald takes each line for a message."""
        _, priority, _ = _name_of(record.levelno)
        return "\n".join(f"<{priority}>{line}" for line in self._lines(record))


class JsonFormatter(_Lines):
    """One JSON object a line: time, level, logger, message, and exception when there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        import msgspec  # noqa: PLC0415 — only this format needs it

        document: dict[str, str | int] = {
            "time": _utc(record),
            "level": _name_of(record.levelno)[0],
            "logger": record.name,
            "message": record.getMessage(),
        }
        suppressed = getattr(record, "suppressed", 0)
        if suppressed:
            document["suppressed"] = suppressed
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(document).decode("utf-8")


class RateLimit(logging.Filter):
    """Lets a logger say the same thing only so often. What it says next time counts what was not said.

    "The same" is what comes from one line of the program: its arguments do not make it new, whatever a stranger puts into them, and the
    number of lines is finite. It belongs on the loggers of those modules that strangers can make speak.

    Args:
        burst: How many messages of one line may come in `period_s`.
        period_s: Until it may say so many again, s.
        monotonic: The clock.
    """

    def __init__(self, *, burst: int = 3, period_s: float = 60.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._burst = burst
        self._period_s = period_s
        self._monotonic = monotonic
        self._windows: dict[tuple[str, int], _Window] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record may pass."""
        now = self._monotonic()
        line = (record.pathname, record.lineno)
        window = self._windows.get(line)
        if window is None or now - window.began >= self._period_s:
            if window is not None and window.suppressed:
                record.suppressed = window.suppressed
            self._windows[line] = _Window(now)
            return True
        if window.passed < self._burst:
            window.passed += 1
            return True
        window.suppressed += 1
        return False


class _Window:
    """How often one line spoke since `began`."""

    __slots__ = ("began", "passed", "suppressed")

    def __init__(self, began: float) -> None:
        self.began = began
        self.passed = 1
        self.suppressed = 0
