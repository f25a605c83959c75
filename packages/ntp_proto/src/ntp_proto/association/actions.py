"""What an association asks its shell to do. A shell is a `match` over `Action` that ends in `assert_never`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ntp_proto.association.measurement import Measurement
from ntp_proto.identifiers import KissCode

__all__ = ["Action", "Close", "Demobilize", "Measured", "Rejected", "Rejection", "Reset", "Send", "WakeAt"]


class Rejection(Enum):
    """Why a datagram was not used as a measurement; each is a counter in the status."""

    MALFORMED = "malformed"
    """Not an NTP packet: too short, too long, or what follows its header does not add up."""
    WRONG_ADDRESS = "wrong-address"
    """From another address or port than the request went to."""
    WRONG_MODE = "wrong-mode"
    """Not mode 4 (server)."""
    WRONG_VERSION = "wrong-version"
    """Not the version of the request (or, to a version 4 request, 3)."""
    NOT_REQUESTED = "not-requested"
    """No request is outstanding: a duplicate, a replay, or too late."""
    WRONG_ORIGIN = "wrong-origin"
    """The origin timestamp is not the nonce of the outstanding request."""
    KISS = "kiss"
    """A kiss of death with the right nonce: acted upon when it is DENY, RSTR or RATE, never a measurement."""
    UNSYNCHRONIZED = "unsynchronized"
    """The server says it has no time: leap indicator 3, stratum 16 or above, or stratum 0 without a kiss code."""
    ROOT_DISTANCE = "root-distance"
    """The server is too far from its reference: root delay / 2 + root dispersion at the limit."""
    BAD_TIMESTAMPS = "bad-timestamps"
    """A timestamp is zero, the server answered before it was asked or took too long, or nobody has stamped the request's departure."""
    BAD_DELAY = "bad-delay"
    """The round trip is negative beyond the clocks' resolution, or above the limit."""
    LOOP = "loop"
    """The server follows us."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send `data` from a fresh socket with a random port; then call `handle_sent` with `token` once the transmit timestamp is known."""

    token: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """The request of `token` is settled or has timed out: its socket is no longer needed."""

    token: int


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Call `handle_timer` at this monotonic instant, s; replaces the previous one."""

    at: float


@dataclass(frozen=True, slots=True)
class Measured:
    """A measurement for the discipline."""

    measurement: Measurement


@dataclass(frozen=True, slots=True)
class Rejected:
    """A datagram was not used. To be counted; never logged above debug, since strangers can cause it."""

    reason: Rejection


@dataclass(frozen=True, slots=True)
class Reset:
    """The server does not answer: resolve its name again and start anew."""


@dataclass(frozen=True, slots=True)
class Demobilize:
    """The server told us to go away: stop asking this address."""

    kiss: KissCode


Action = Send | Close | WakeAt | Measured | Rejected | Reset | Demobilize
