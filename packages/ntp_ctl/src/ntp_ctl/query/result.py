"""What a server has answered to a query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ntp_ctl.query.inquiry import Answer
from ntp_proto.association import Measurement, Rejection
from ntp_proto.datagram import Address
from ntp_proto.errors import UsageError
from ntp_proto.identifiers import KissCode, LeapIndicator, ReferenceId
from ntp_proto.time_types import NtpDuration, NtpTimestamp

__all__ = ["QueryResult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryResult:
    """One server's answer; of several, the one with the shortest round trip.

    Attributes:
        server: Who was asked, as the caller wrote it, with its port.
        address: Who answered.
        version: The protocol version of the answer, 3 or 4.
        leap: The server's leap indicator.
        stratum: 0 a kiss (or, from chrony, no time), 1 a primary server, 2 to 15 a secondary one, 16 and above not synchronized.
        precision: log2 s, the resolution of the server's clock.
        root_delay: Round trip from the server to its reference clock.
        root_dispersion: The server's bound of its own further error.
        reference_id: Whom the server follows; letters at stratum 0 and 1.
        reference: When the server's clock was last set; all zero: it does not say.
        receive: When the request arrived, by the server's clock; in a kiss it means nothing.
        transmit: When the answer left, by the server's clock; in a kiss it means nothing.
        kiss_code: The letters by which the server has refused, such as "RATE" or "DENY"; None: it has not.
        rejection: Why the answer is no measurement; None: it is one.
        measurements: All answers that are, in their order.
    """

    server: str
    address: Address
    version: int
    leap: LeapIndicator
    stratum: int
    precision: int
    root_delay: NtpDuration
    root_dispersion: NtpDuration
    reference_id: ReferenceId
    reference: NtpTimestamp
    receive: NtpTimestamp
    transmit: NtpTimestamp
    kiss_code: str | None
    rejection: Rejection | None
    measurements: tuple[Measurement, ...]

    @classmethod
    def of(cls, server: str, address: Address, answers: Sequence[Answer]) -> QueryResult:
        """From one answer or more.

        Raises:
            UsageError: There are none.
        """
        if not answers:
            raise UsageError("a result needs an answer")
        measured = [(answer.verdict.delay, answer) for answer in answers if isinstance(answer.verdict, Measurement)]
        chosen = min(measured, key=lambda pair: pair[0])[1] if measured else answers[-1]
        header, verdict = chosen.header, chosen.verdict
        return cls(
            server=server,
            address=address,
            version=header.version,
            leap=header.leap,
            stratum=header.stratum,
            precision=header.precision,
            root_delay=header.root_delay,
            root_dispersion=header.root_dispersion,
            reference_id=header.reference_id,
            reference=header.reference,
            receive=header.receive,
            transmit=header.transmit,
            kiss_code=header.reference_id.to_text(header.stratum) if isinstance(verdict, KissCode) else None,
            rejection=_rejection(verdict),
            measurements=tuple(answer.verdict for answer in answers if isinstance(answer.verdict, Measurement)),
        )

    @property
    def measurement(self) -> Measurement | None:
        """The one with the shortest round trip, which bounds its error most tightly; None: the server has told no time that can be used."""
        return min(self.measurements, key=lambda measurement: measurement.delay, default=None)

    @property
    def offset(self) -> NtpDuration | None:
        """The server's clock minus ours, so positive when ours is behind; None without a measurement.

        Source: RFC 5905 §8, equation for θ.
        """
        return None if self.measurement is None else self.measurement.offset

    @property
    def delay(self) -> NtpDuration | None:
        """Round trip less the server's processing time, not below zero; None without a measurement.

        Source: RFC 5905 §8, equation for δ.
        """
        return None if self.measurement is None else max(NtpDuration(0), self.measurement.delay)

    @property
    def root_distance(self) -> NtpDuration | None:
        """By how much the offset can differ from that to true time at most, if all servers on the way are right; None without a measurement.

        Half of the round trip to the reference clock, the server's dispersion, and what its clock cannot resolve.

        Source: RFC 5905 §11.2 (the root distance Λ, at the instant of the measurement).
        """
        if self.delay is None:
            return None
        return (self.root_delay + self.delay).half() + self.root_dispersion + NtpDuration.from_seconds(2.0 ** min(0, self.precision))


def _rejection(verdict: Measurement | KissCode | Rejection) -> Rejection | None:
    match verdict:
        case Measurement():
            return None
        case KissCode():
            return Rejection.KISS
        case Rejection():
            return verdict
