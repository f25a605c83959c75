"""A server that the client follows: its association, and what is counted of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ntp_proto.association import Association, Rejection
from ntp_proto.datagram import Address
from ntp_proto.states import SourceStatus

__all__ = ["Peer", "SourceLabel"]


@dataclass(frozen=True, slots=True)
class SourceLabel:
    """What people call a source: its configured name with port, and "server" or "pool"."""

    name: str
    mode: str


@dataclass(slots=True)
class Peer:
    """What the client keeps of one server.

    Attributes:
        label: What people call it.
        remote: Where it is.
        association: The state machine that asks it.
        wake_at: When that wants to be woken, monotonic s; None: it does not.
        condition: Why it cannot be used, by its own last answer; None: it can.
        samples: Measurements so far.
        was_silent: Whether it has not answered for long, until it does again.
        rejections: Answers that were not used, by reason.
        status: What was last said of it in the log.
        told_condition: What the observer was last told.
    """

    label: SourceLabel
    remote: Address
    association: Association
    wake_at: float | None = None
    condition: SourceStatus | None = None
    samples: int = 0
    was_silent: bool = False
    rejections: Counter[Rejection] = field(default_factory=Counter[Rejection])
    status: SourceStatus = SourceStatus.STARTING
    told_condition: SourceStatus | None = None
