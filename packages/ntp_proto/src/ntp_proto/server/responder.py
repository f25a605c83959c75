"""The server: a datagram in, a verdict out. What it says here is what serving time means; the fast path in C says the same, sooner.

    form -> ends -> deny list -> allow list -> name policy -> limit of the client -> limit of all -> hook -> is there time -> answer

The cheap and certain judgements come first, and whoever is refused takes nothing from those who are not: no place in the table of clients if a
list refuses him, no global token if his own limit does. No time is given for anything but a client's request, so that nothing that a server
sends, ours or another's, is ever answered: two servers that a forged packet has pointed at each other fall silent at once.

A caller that wants the best transmit timestamp judges first, then reads the clock, then has the answer written:

    refusal = responder.judge(request, snapshot, now)
    verdict = responder.conclude(request, refusal, clock.read(), snapshot)

`respond` is the two in one, for a clock that was read before.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TypeAlias

from ntp_proto.identifiers import LeapIndicator
from ntp_proto.packet import Header
from ntp_proto.server.client_table import ClientTable
from ntp_proto.server.interleaved import TransmitTable, asks_interleaved, mark_receive, mark_transmit
from ntp_proto.server.policy import ServerPolicy
from ntp_proto.server.rate_limit import Bucket, TokenBucket
from ntp_proto.server.reply import kiss_reply, time_reply
from ntp_proto.server.request import Request, judge_ends, judge_form
from ntp_proto.server.snapshot import Snapshot
from ntp_proto.server.verdict import Answer, AnswerKind, Dropped, DropReason, Refusal, Verdict
from ntp_proto.time_types import NtpTimestamp

__all__ = ["Hook", "NamePolicy", "NameVerdict", "Responder"]


class NameVerdict(Enum):
    """What the policy on host names says of an address, as far as is known without waiting."""

    ALLOWED = "allowed"
    DENIED = "denied"
    PENDING = "pending"
    """The name is being looked up, and the unknown are not served: silence, for a kiss would send an honest client away for good."""


NamePolicy: TypeAlias = Callable[[bytes], NameVerdict]
"""Asked with a packed address; answers at once, from what it has."""

Hook: TypeAlias = Callable[[Request], str]
"""Asked with a request that would be answered; a text that is not empty refuses it. Must not raise: nobody here could say so."""

_REFUSALS = {reason: Refusal(reason) for reason in DropReason}


class Responder:
    """Judges requests and writes answers.

    Args:
        policy: Who is served.
        clients: What is remembered of the clients; made for `policy.clients`.
        name_policy: The policy on host names; None: there is none.
        hook: See `Hook`; None: there is none.
        global_bucket: The one for `policy.global_limit` that the fast path takes from too; None: it is made here.
    """

    def __init__(
        self,
        policy: ServerPolicy,
        clients: ClientTable,
        *,
        name_policy: NamePolicy | None = None,
        hook: Hook | None = None,
        global_bucket: TokenBucket | None = None,
    ) -> None:
        self.policy = policy
        self.clients = clients
        self._name_policy = name_policy
        self._hook = hook
        self._global_bucket = global_bucket or (Bucket(policy.global_limit) if policy.global_limit else None)
        self._sent = TransmitTable(policy.interleaved_size) if policy.interleaved_size else None

    def respond(self, request: Request, transmit_at: NtpTimestamp, snapshot: Snapshot, now: float) -> Verdict:
        """Judge a request and write what becomes of it.

        Args:
            request: Any datagram.
            transmit_at: When the answer leaves, on the kernel's clock.
            snapshot: The server's clock.
            now: Monotonic, s.
        """
        return self.conclude(request, self.judge(request, snapshot, now), transmit_at, snapshot)

    def judge(self, request: Request, snapshot: Snapshot, now: float) -> Refusal | None:
        """Why the request gets no time; None: it does. Counts it against the limits, so once for each request.

        Args:
            request: Any datagram.
            snapshot: The server's clock.
            now: Monotonic, s.
        """
        reason = (
            judge_form(request.data, request.client.port, is_legacy_served=self.policy.serves_legacy)
            or judge_ends(request.client, request.local)
            or self.policy.judge_address(request.client.address)
            or self._judge_name(request.client.address)
            or self._judge_rate(request.client.address, now)
        )
        if reason is not None:
            return _REFUSALS[reason]
        text = self._hook(request) if self._hook else ""
        if text:
            return Refusal(DropReason.HOOK, text)
        if not self.policy.serves_unsynchronized and not snapshot.is_synchronized_at(request.received_at):
            return _REFUSALS[DropReason.UNSYNCHRONIZED]
        return None

    def conclude(self, request: Request, refusal: Refusal | None, transmit_at: NtpTimestamp, snapshot: Snapshot) -> Verdict:
        """Write what becomes of a judged request: the time, a kiss, or nothing.

        Args:
            request: The datagram that was judged.
            refusal: What `judge` said of it.
            transmit_at: When the answer leaves, on the kernel's clock.
            snapshot: The server's clock.
        """
        if refusal is None:
            return self._give_time(request, transmit_at, snapshot)
        kiss = self.policy.kiss_for(refusal.reason)
        if kiss is None:
            return Dropped(refusal)
        return Answer(kiss_reply(Header.parse(request.data), kiss).to_bytes(), AnswerKind.KISS, refusal)

    def is_kept(self, request: Request, answer: Answer) -> bool:
        """Whether the answer is kept until its client comes back, so that `handle_sent` would do him good: he uses interleaved mode."""
        return self._sent is not None and answer.kind is not AnswerKind.KISS and asks_interleaved(Header.parse(request.data))

    def handle_sent(self, data: bytes, departed_at: NtpTimestamp, snapshot: Snapshot) -> None:
        """Take a better transmit timestamp of an answer, for interleaved mode; without it, the one that was given before it left is used.

        Args:
            data: An answer that has been sent, 48 octets.
            departed_at: When the kernel or the interface saw it leave, on the kernel's clock.
            snapshot: The server's clock, as when the answer was written; a step since then makes the timestamp useless, and is noticed.
        """
        header = Header.parse(data)
        if self._sent is not None and header.stratum:  # a kiss repeats a timestamp that its client chose
            self._sent.correct(header.receive_bits, mark_transmit(snapshot.served(departed_at).bits))

    def handle_clock_set(self) -> None:
        """The served clock was stepped: forget the timestamps from before."""
        if self._sent is not None:
            self._sent.clear()

    def _judge_name(self, address: bytes) -> DropReason | None:
        if self._name_policy is None:
            return None
        match self._name_policy(address):
            case NameVerdict.ALLOWED:
                return None
            case NameVerdict.DENIED:
                return DropReason.NAME_DENIED
            case NameVerdict.PENDING:
                return DropReason.NAME_PENDING

    def _judge_rate(self, address: bytes, now: float) -> DropReason | None:
        if not self.clients.admit(address, now):
            return DropReason.CLIENT_RATE
        if self._global_bucket is not None and not self._global_bucket.take(now):
            return DropReason.GLOBAL_RATE
        return None

    def _give_time(self, request: Request, transmit_at: NtpTimestamp, snapshot: Snapshot) -> Answer:
        header = Header.parse(request.data)
        answer = time_reply(header, snapshot, request.received_at, transmit_at)
        kind = AnswerKind.TIME
        if self._sent is not None:
            answer, kind = self._interleave(self._sent, header, answer)
        if answer.first_byte >> 6 == LeapIndicator.UNSYNCHRONIZED:
            kind = AnswerKind.UNSYNCHRONIZED
        return Answer(answer.to_bytes(), kind)

    @staticmethod
    def _interleave(sent: TransmitTable, request: Header, answer: Header) -> tuple[Header, AnswerKind]:
        """Mark the timestamps, and exchange them for those of interleaved mode if the client asks for it and its last answer is known.

        Source: RFC 9769 §2.
        """
        receive, transmit = mark_receive(answer.receive_bits), mark_transmit(answer.transmit_bits)
        basic = answer._replace(receive_bits=receive, transmit_bits=transmit)
        if not asks_interleaved(request):
            return basic, AnswerKind.TIME
        former = sent.take(request.origin_bits)
        sent.save(receive, transmit)
        if former is None:
            return basic, AnswerKind.TIME
        return basic._replace(origin_bits=request.receive_bits, transmit_bits=former), AnswerKind.INTERLEAVED
