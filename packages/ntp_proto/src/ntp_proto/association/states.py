r"""The states of an association. Each holds only what is true in it; `Association` alone moves from one to another.

    Starting --(time)--> Asking --(answer, time-out, send error)--> Waiting --(time)--> Asking
                            \--(the next request is due)--> Asking
                            \--(DENY or RSTR)--> Demobilized

Whether an answer counts depends on the state alone: only `Asking` has a nonce that one could match, and it is left with the first
datagram that carries it. So an answer is used once, a replay finds nothing to match, and a stranger who does not know the nonce cannot
move the machine.
"""

from __future__ import annotations

from dataclasses import dataclass

from ntp_proto.datagram import StampSource
from ntp_proto.identifiers import KissCode
from ntp_proto.time_types import NtpTimestamp

__all__ = ["Asking", "Demobilized", "Departure", "Request", "Starting", "State", "Waiting"]


@dataclass(frozen=True, slots=True)
class Departure:
    """When a request left, our clock, and who stamped it."""

    origin: NtpTimestamp
    source: StampSource


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        token: Names it to the shell.
        nonce: What it carries as transmit timestamp; never zero. The true origin timestamp stays with us, in `departure`.
        asked_at: The monotonic instant at which it was handed out, s.
        deadline: A later answer does not count, monotonic, s.
        departure: None until the shell has told.
    """

    token: int
    nonce: NtpTimestamp
    asked_at: float
    deadline: float
    departure: Departure | None = None


@dataclass(frozen=True, slots=True)
class Starting:
    """Nothing has been sent. The first request is due at `poll_at`, monotonic, s."""

    poll_at: float


@dataclass(frozen=True, slots=True)
class Asking:
    """A request is outstanding.

    Attributes:
        request: The request.
        spread: The random factor by which this interval is longer or shorter.
    """

    request: Request
    spread: float


@dataclass(frozen=True, slots=True)
class Waiting:
    """The last request is settled, and nothing is believed until the next.

    Attributes:
        asked_at: The monotonic instant of that request, s.
        spread: The random factor by which this interval is longer or shorter.
        was_answered: Whether the server had anything to say to it.
    """

    asked_at: float
    spread: float
    was_answered: bool


@dataclass(frozen=True, slots=True)
class Demobilized:
    """The server told us to go away: nothing is sent and nothing is believed any more."""

    kiss: KissCode


State = Starting | Asking | Waiting | Demobilized
