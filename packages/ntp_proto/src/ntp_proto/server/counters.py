"""What a server counts: one tally of verdicts, and everything else derived from it.

A tally is three short rows of numbers, by kind of answer, by reason of silence and by reason of a kiss, in the order of the enumerations. C counts
into the same rows, workers send them, the daemon adds them up. The names under which they are published come last, from one table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ntp_proto.server.verdict import Answer, AnswerKind, Dropped, DropReason, Verdict

__all__ = ["ServerTotals", "Tally", "totals"]

_KINDS = tuple(AnswerKind)
_REASONS = tuple(DropReason)
_PLACE_OF_KIND = {kind: place for place, kind in enumerate(_KINDS)}
_PLACE_OF_REASON = {reason: place for place, reason in enumerate(_REASONS)}

_COUNTED_AS: Mapping[DropReason, str] = MappingProxyType(
    {
        DropReason.BAD_LENGTH: "malformed",
        DropReason.BAD_VERSION: "malformed",
        DropReason.BAD_MODE: "malformed",
        DropReason.BAD_DESTINATION: "misdirected",
        DropReason.BAD_SOURCE: "misdirected",
        DropReason.OWN_ADDRESS: "misdirected",
        DropReason.DENYLIST: "acl_denied",
        DropReason.ALLOWLIST: "acl_denied",
        DropReason.NAME_DENIED: "dns_denied",
        DropReason.NAME_PENDING: "dns_denied",
        DropReason.CLIENT_RATE: "rate_limited",
        DropReason.GLOBAL_RATE: "rate_limited",
        DropReason.HOOK: "hook_denied",
        DropReason.UNSYNCHRONIZED: "unsynchronized",
    }
)
"""Every reason belongs to exactly one of the published groups."""


def _zeros(length: int) -> list[int]:
    return [0] * length


@dataclass(slots=True)
class Tally:
    """Verdicts counted.

    Attributes:
        answered: By `AnswerKind`.
        dropped: By `DropReason`: nothing was sent.
        kissed: By `DropReason`: a kiss was sent. Their sum is `answered` of KISS.
        bytes_in: Octets of all requests.
        bytes_out: Octets of all answers.
        send_errors: Answers that the kernel did not take; they are counted above too.
        processing: From the arrival of a request to the departure of its answer, summed over all answers, 2⁻³² s.
    """

    answered: list[int] = field(default_factory=lambda: _zeros(len(_KINDS)))
    dropped: list[int] = field(default_factory=lambda: _zeros(len(_REASONS)))
    kissed: list[int] = field(default_factory=lambda: _zeros(len(_REASONS)))
    bytes_in: int = 0
    bytes_out: int = 0
    send_errors: int = 0
    processing: int = 0

    def count(self, verdict: Verdict, request_length: int, processing: int = 0) -> None:
        """Count what became of one datagram.

        Args:
            verdict: Its fate.
            request_length: In octets.
            processing: From its arrival to the departure of the answer, 2⁻³² s; a clock that was set back in between makes it 0.
        """
        self.bytes_in += request_length
        match verdict:
            case Answer(data, kind, refusal):
                self.bytes_out += len(data)
                self.processing += max(0, processing)
                self.answered[_PLACE_OF_KIND[kind]] += 1
                if refusal is not None:
                    self.kissed[_PLACE_OF_REASON[refusal.reason]] += 1
            case Dropped(refusal):
                self.dropped[_PLACE_OF_REASON[refusal.reason]] += 1

    def add(self, other: Tally) -> None:
        """Add what another worker has counted."""
        for row, more in ((self.answered, other.answered), (self.dropped, other.dropped), (self.kissed, other.kissed)):
            row[:] = [one + two for one, two in zip(row, more, strict=True)]
        self.bytes_in += other.bytes_in
        self.bytes_out += other.bytes_out
        self.send_errors += other.send_errors
        self.processing += other.processing

    def refused_for(self, reason: DropReason) -> int:
        """Requests refused for this reason, silently or by a kiss."""
        place = _PLACE_OF_REASON[reason]
        return self.dropped[place] + self.kissed[place]

    def by_reason(self) -> dict[str, int]:
        """Refused requests by the text of the reason, those that have not occurred included."""
        return {reason.value: self.refused_for(reason) for reason in _REASONS}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTotals:
    """The published counters. `received` = `accepted` + `denied` + `ignored`.

    Two families of metrics name some of them differently: `requests` is `received`, `responses` is `accepted` + `denied`, `kiss_of_death` is
    `denied`, `rate_denied` is `rate_limited`.

    Attributes:
        received: Datagrams that reached the server.
        accepted: Answered with the time, or with "not synchronised".
        denied: Answered with a kiss of death, for whatever reason.
        ignored: Not answered, for whatever reason.
        interleaved: Of the accepted, those in interleaved mode.
        answered_unsynchronized: Of the accepted, those that said "not synchronised".
        malformed: Refused: no client's request (length, version or mode).
        misdirected: Refused: from or to an address that is nobody's own.
        acl_denied: Refused by the deny list or the allow list.
        dns_denied: Refused by the policy on host names.
        rate_limited: Refused by a limit.
        hook_denied: Refused by the hook.
        unsynchronized: Refused because there was no time to serve.
        bytes_in: Octets of all requests.
        bytes_out: Octets of all answers.
        send_errors: Answers that the kernel did not take.
        processing_s: From the arrival of a request to the departure of its answer, summed over all answers, s.
    """

    received: int
    accepted: int
    denied: int
    ignored: int
    interleaved: int
    answered_unsynchronized: int
    malformed: int
    misdirected: int
    acl_denied: int
    dns_denied: int
    rate_limited: int
    hook_denied: int
    unsynchronized: int
    bytes_in: int
    bytes_out: int
    send_errors: int
    processing_s: float


def totals(tallies: Iterable[Tally]) -> ServerTotals:
    """The published counters of all workers together."""
    tally = Tally()
    for one in tallies:
        tally.add(one)
    groups = dict.fromkeys(_COUNTED_AS.values(), 0)
    for reason, group in _COUNTED_AS.items():
        groups[group] += tally.refused_for(reason)
    denied = tally.answered[_PLACE_OF_KIND[AnswerKind.KISS]]
    accepted = sum(tally.answered) - denied
    ignored = sum(tally.dropped)
    return ServerTotals(
        received=accepted + denied + ignored,
        accepted=accepted,
        denied=denied,
        ignored=ignored,
        interleaved=tally.answered[_PLACE_OF_KIND[AnswerKind.INTERLEAVED]],
        answered_unsynchronized=tally.answered[_PLACE_OF_KIND[AnswerKind.UNSYNCHRONIZED]],
        bytes_in=tally.bytes_in,
        bytes_out=tally.bytes_out,
        send_errors=tally.send_errors,
        processing_s=tally.processing / (1 << 32),
        **groups,
    )
