"""The exception tree. Who is to blame is in the type.

    NtpError
     ├── ParseError    bytes from outside break the rules; caught at the edge of a state machine and counted
     ├── ConfigError   the configuration is wrong; says which file, line and key
     ├── UsageError    the caller broke this library's contract: a bug on our side
     ├── ClockError    the operating system refused to read or set a clock
     └── PrivilegeError   another user or another root directory was asked for, and cannot be had

Nothing that arrives from the network raises past the parser: see `ntp_proto.association.acceptance`.
"""

from __future__ import annotations

__all__ = ["ClockError", "ConfigError", "NtpError", "ParseError", "PrivilegeError", "UsageError"]


class NtpError(Exception):
    """The root of every error that this project raises on purpose."""


class ParseError(NtpError):
    """Bytes that are not a valid packet. The text says what was expected and what was found."""


class UsageError(NtpError):
    """A caller broke the contract of a function: a bug in the program, not in its input."""


class ConfigError(NtpError):
    """A wrong configuration.

    Args:
        message: What is wrong, in one sentence, with what would be right.
        file: The file it stands in, or None for the command line.
        line: The line in that file, from 1, or None when it is not known.
        key: The dotted name of the key, or None.
    """

    def __init__(self, message: str, *, file: str | None = None, line: int | None = None, key: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.key = key

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line) if part is not None)
        return ": ".join(part for part in (place, self.key, self.message) if part)


class PrivilegeError(NtpError):
    """Privileges cannot be given up as asked; the text says what and why. The program must not go on without."""


class ClockError(NtpError):
    """A clock could not be read or set.

    Args:
        message: What was asked for and what to do about it.
        errno: The operating system's error number, 0 when there is none.
    """

    def __init__(self, message: str, *, errno: int = 0) -> None:
        super().__init__(message)
        self.errno = errno
