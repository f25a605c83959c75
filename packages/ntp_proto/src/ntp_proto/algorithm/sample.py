"""One exchange on the uncorrected clock: the form in which the estimators keep it."""

from __future__ import annotations

from typing import NamedTuple

from ntp_proto.algorithm.timescale import Timescale
from ntp_proto.association.measurement import Measurement

__all__ = ["Sample"]


class Sample(NamedTuple):
    """One exchange, free of every correction of our clock.

    Attributes:
        at: Uncorrected seconds, the middle of the exchange.
        offset_s: Remote minus uncorrected local; > 0: the uncorrected clock is behind.
        delay_s: Round trip less the server's processing time, in uncorrected seconds.
    """

    at: float
    offset_s: float
    delay_s: float

    @property
    def out_s(self) -> float:
        """Receive minus origin: the offset, the way out and its queues."""
        return self.offset_s + 0.5 * self.delay_s

    @property
    def back_s(self) -> float:
        """Destination minus transmit: the way back and its queues, less the offset."""
        return 0.5 * self.delay_s - self.offset_s

    @classmethod
    def of(cls, measurement: Measurement, timescale: Timescale) -> Sample:
        """Carry a measurement over to the uncorrected clock.

        A timestamp of our clock reads `correction` too much, at its own instant; so the offset lacks the mean of the two corrections, and
        the round trip has their difference too much.
        """
        # The timestamps know better than the timer when the request left; but it was not before the timer rang.
        sent_at = max(measurement.sent_at, measurement.received_at - (measurement.destination - measurement.origin).to_seconds())
        at_origin = timescale.correction(sent_at)
        at_destination = timescale.correction(measurement.received_at)
        middle = 0.5 * (timescale.uncorrected(sent_at) + timescale.uncorrected(measurement.received_at))
        return cls(
            middle,
            measurement.offset.to_seconds() + 0.5 * (at_origin + at_destination),
            measurement.delay.to_seconds() - (at_destination - at_origin),
        )
