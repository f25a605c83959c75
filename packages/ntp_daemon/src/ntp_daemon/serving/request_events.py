"""What became of a request, as a value for whoever wants to know."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ntp_proto.datagram import Address
from ntp_proto.server import Answer, AnswerKind, Request, Verdict, address_text
from ntp_proto.time_types import NtpTimestamp

_ERA_PIVOT_NS = 1_767_225_600_000_000_000
"""Any instant from 1958 to 2094 is read right."""

__all__ = ["RequestEvent"]


@dataclass(frozen=True, slots=True)
class RequestEvent:
    """One datagram that came to the server.

    Attributes:
        at: Its arrival, on the served clock.
        client: The sender; an IPv4-mapped address as IPv4.
        length: Bytes.
        version: As it says itself; 0 where it is too short to say so.
        mode: The same.
        stratum: Of the reply: 0 is a kiss of death; None without a reply.
        outcome: What was answered, as in `AnswerKind`: "time", "interleaved", "unsynchronized"; for a kiss of death "kiss: " and the reason;
            otherwise the reason why it was dropped, as in `DropReason`, or the text of the hook that dropped it.
    """

    at: NtpTimestamp
    client: Address
    length: int
    version: int
    mode: int
    stratum: int | None
    outcome: str

    @classmethod
    def of(cls, request: Request, verdict: Verdict, at: NtpTimestamp) -> RequestEvent:
        """What became of a request.

        Args:
            request: The datagram.
            verdict: Its fate.
            at: Its arrival, on the served clock.
        """
        data = request.data
        if not isinstance(verdict, Answer):
            outcome, stratum = verdict.refusal.text or verdict.reason.value, None
        else:
            stratum = verdict.data[1]
            outcome = verdict.kind.value
            if verdict.kind is AnswerKind.KISS and verdict.refusal is not None:
                outcome = f"kiss: {verdict.refusal.reason.value}"
        first = data[0] if data else 0
        client = Address(address_text(request.client.address), request.client.port)
        return cls(at, client, len(data), first >> 3 & 7, first & 7, stratum, outcome)

    def to_line(self) -> str:
        """A line of the request log: time in UTC, client, and what was asked and answered."""
        ns = self.at.to_unix_ns(near_ns=_ERA_PIVOT_NS)
        seconds, rest = divmod(ns // 1000, 1_000_000)
        stamp = time.strftime("%Y/%m/%d %H:%M:%S", time.gmtime(seconds))
        stratum = "-" if self.stratum is None else self.stratum
        return f"{stamp}.{rest:06d} {self.client} v={self.version} mode={self.mode} stratum={stratum} len={self.length} result={self.outcome!r}"

    @property
    def is_answered(self) -> bool:
        """Whether a reply was sent; a kiss is one."""
        return self.stratum is not None
