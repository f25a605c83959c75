"""What became of a request, with its reason: every counter, log line and event of a server is derived from these values.

The members keep their order: a member's place in its class is its code in the arrays that worker processes and C share.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

__all__ = ["Answer", "AnswerKind", "DropReason", "Dropped", "Refusal", "Verdict"]


class DropReason(Enum):
    """Why a request gets no time. In the order of judgement: the first reason that holds is the one that is given."""

    BAD_LENGTH = "bad-length"
    """Shorter than a header, longer than any packet of use, or not a multiple of 4 octets."""
    BAD_VERSION = "bad-version"
    """A version that is not served."""
    BAD_MODE = "bad-mode"
    """Not a client's request: an answer above all, so that two servers never talk to each other."""
    BAD_DESTINATION = "bad-destination"
    """Sent to a multicast or broadcast address."""
    BAD_SOURCE = "bad-source"
    """From nobody who could be answered: port 0, a multicast, broadcast or unspecified address."""
    OWN_ADDRESS = "own-address"
    """From the very address and port that it was sent to."""
    DENYLIST = "denylist"
    """The client is on the deny list."""
    ALLOWLIST = "allowlist"
    """There is an allow list, and the client is not on it."""
    NAME_DENIED = "name-denied"
    """The client's host name is not allowed."""
    NAME_PENDING = "name-pending"
    """The client's host name is not known yet, and the policy does not serve the unknown."""
    CLIENT_RATE = "client-rate"
    """This client asks more often than it may."""
    GLOBAL_RATE = "global-rate"
    """All clients together ask more often than they may."""
    HOOK = "hook"
    """The hook of the program that embeds the server has refused."""
    UNSYNCHRONIZED = "unsynchronized"
    """The clock is not synchronised, and the server is configured to be silent then."""


class AnswerKind(Enum):
    """What was answered."""

    TIME = "time"
    """The time, in basic mode."""
    INTERLEAVED = "interleaved"
    """The time, with the transmit timestamp of the answer before."""
    UNSYNCHRONIZED = "unsynchronized"
    """An answer that says that the clock is not synchronised, in either mode."""
    KISS = "kiss"
    """A kiss of death: the reason stands beside it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A judgement that gives no time.

    Attributes:
        reason: Why.
        text: What the hook said, "" for all other reasons.
    """

    reason: DropReason
    text: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """Send `data` to the client, from the address that it asked.

    Attributes:
        data: 48 octets.
        kind: What they say.
        refusal: Why it is a kiss; None for every other kind.
    """

    data: bytes
    kind: AnswerKind
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Dropped:
    """Send nothing."""

    refusal: Refusal

    @property
    def reason(self) -> DropReason:
        """Why."""
        return self.refusal.reason


Verdict: TypeAlias = Answer | Dropped
