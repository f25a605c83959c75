"""What one exchange with a server has measured."""

from __future__ import annotations

from dataclasses import dataclass

from ntp_proto.datagram import StampSource
from ntp_proto.identifiers import LeapIndicator, ReferenceId
from ntp_proto.time_types import NtpDuration, NtpTimestamp

__all__ = ["Measurement"]

_U64 = (1 << 64) - 1
_ZERO = NtpTimestamp(0)


@dataclass(frozen=True, slots=True)
class Measurement:
    r"""One request and its accepted answer.

          server      receive -----> transmit
                     ^                        \
                    /                          v
          client  origin                    destination     -> time

    Attributes:
        origin: When the request left, our clock.
        receive: When it arrived, the server's clock.
        transmit: When the answer left, the server's clock.
        destination: When it arrived, our clock.
        sent_at: The monotonic instant at which the request was handed out, s; never after `origin`, so that no later change of the clock is missed.
        received_at: The monotonic instant of `destination`, s.
        stratum: The server's, 1 to 15.
        leap: The server's leap indicator, never `UNSYNCHRONIZED`.
        root_delay: Round trip from the server to its reference clock.
        root_dispersion: The server's bound of its own further error.
        reference_id: Whom the server follows.
        precision: log2 s, the server's clock reading.
        origin_source: Who stamped `origin`.
        destination_source: Who stamped `destination`.
        reference_time: When the server's clock was last set, its clock; zero: it did not say.

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
    reference_time: NtpTimestamp = _ZERO

    @property
    def offset(self) -> NtpDuration:
        """Remote minus local clock, in the middle of the exchange; positive: our clock is behind.

        Written as (receive - origin) - delay / 2, which equals ((receive - origin) + (transmit - destination)) / 2 and stays right up to
        the edge of the era: the sum of the two large differences would overflow from 34 years on, and near 68 years its two terms
        could wrap to opposite signs and cancel, so that the clocks would seem to agree.

        Source: RFC 5905 §8, equation for θ.
        """
        doubled = 2 * (self.receive - self.origin).value - self.delay.value
        return NtpTimestamp((doubled >> 1) & _U64) - _ZERO

    @property
    def delay(self) -> NtpDuration:
        """Round trip less the server's processing time.

        Never far below zero: a delay that is negative by no more than the resolution of the two clocks is a short delay seen through
        coarse clocks, and is kept, since to drop it would keep those exchanges only whose rounding errors happen to add up to a longer
        delay. A more negative one means that a clock misbehaved, and makes no measurement.

        Source: RFC 5905 §8, equation for δ.
        """
        return (self.destination - self.origin) - (self.transmit - self.receive)
