"""What the type checker must refuse. `mypy tests/typing` fails when one of these lines is not an error: the waiver is then unused."""

# ruff: noqa: B015, PLR0124 — the comparisons stand here for the type checker, and their values are nobody's business

from __future__ import annotations

from ntp_proto.association import Action, Close, Demobilize, Measured, Rejected, Reset, Send
from ntp_proto.time_types import NtpDuration, NtpTimestamp, PollInterval

instant = NtpTimestamp(1)
length = NtpDuration(1)
poll = PollInterval(6)

# An instant and an instant have a difference, but no sum and no order: the order of 64-bit timestamps ends with the era.
difference: NtpDuration = instant - instant
later: NtpTimestamp = instant + length
instant + instant  # type: ignore[operator]
instant < instant  # type: ignore[operator]
instant <= instant  # type: ignore[operator]
sorted([instant, instant])  # type: ignore[type-var]

# A length minus an instant, and a length plus an instant, are nothing.
length - instant  # type: ignore[operator]
length + instant  # type: ignore[operator]

# A bare number is neither.
instant + 1  # type: ignore[operator]
instant - 1.0  # type: ignore[operator]
length + 1  # type: ignore[operator]
length * 2  # type: ignore[operator]
length < 0  # type: ignore[operator]
poll + 1  # type: ignore[operator]
poll < 6  # type: ignore[operator]

# Values do not change.
instant.bits = 2  # type: ignore[misc]
length.value = 2  # type: ignore[misc]


def forgets_a_timer(action: Action) -> str:  # type: ignore[return]
    """A shell that leaves out one kind of action."""
    match action:
        case Send() | Close() | Measured() | Rejected() | Reset() | Demobilize():
            return "done"
