"""What one exchange with a server has measured."""

from __future__ import annotations

from dataclasses import dataclass

from ntp_proto.datagram import StampSource
from ntp_proto.identifiers import LeapIndicator, ReferenceId
from ntp_proto.time_types import NtpDuration, NtpTimestamp

__all__ = ["Measurement"]


@dataclass(frozen=True, slots=True)
class Measurement:
    """One request and its accepted answer.

          server      receive -----> transmit
                     ^                        \\
                    /                          v
          client  origin                    destination     -> time

    Attributes:
        origin: When the request left, our clock.
        receive: When it arrived, the server's clock.
        transmit: When the answer left, the server's clock.
        destination: When it arrived, our clock.
        sent_at: The monotonic instant of `origin`, s.
        received_at: The monotonic instant of `destination`, s.
        stratum: The server's, 1 to 15.
        leap: The server's leap indicator, never `UNSYNCHRONIZED`.
        root_delay: Round trip from the server to its reference clock.
        root_dispersion: The server's bound of its own further error.
        reference_id: Whom the server follows.
        precision: log2 s, the server's clock reading.
        origin_source: Who stamped `origin`.
        destination_source: Who stamped `destination`.

    Source: RFC 5905 §8, figure 15 (T1 to T4 are origin, receive, transmit, destination).
    """

    origin: NtpTimestamp
    receive: NtpTimestamp
    transmit: NtpTimestamp
    destination: NtpTimestamp
    sent_at: float
    received_at: float
    stratum: int
    leap: LeapIndicator
    root_delay: NtpDuration
    root_dispersion: NtpDuration
    reference_id: ReferenceId
    precision: int
    origin_source: StampSource
    destination_source: StampSource

    @property
    def offset(self) -> NtpDuration:
        """Remote minus local clock, in the middle of the exchange; positive: our clock is behind.

        Source: RFC 5905 §8, equation for θ.
        """
        return ((self.receive - self.origin) + (self.transmit - self.destination)).half()

    @property
    def delay(self) -> NtpDuration:
        """Round trip less the server's processing time; negative only when a clock misbehaved.

        Source: RFC 5905 §8, equation for δ.
        """
        return (self.destination - self.origin) - (self.transmit - self.receive)
