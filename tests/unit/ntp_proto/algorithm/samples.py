"""Measurements and samples for the tests of the algorithm."""

from __future__ import annotations

import random

from ntp_proto.algorithm.sample import Sample
from ntp_proto.association import Measurement
from ntp_proto.datagram import StampSource
from ntp_proto.identifiers import LeapIndicator, ReferenceId
from ntp_proto.time_types import NtpDuration, NtpTimestamp

START = NtpTimestamp(0xEC00_0000_0000_0000)


def at(seconds: float) -> NtpTimestamp:
    return START + NtpDuration.from_seconds(seconds)


def measurement(
    sent_at: float,
    *,
    offset_s: float = 0.0,
    there_s: float = 0.01,
    back_s: float = 0.01,
    clock_s: float | None = None,
    leap: LeapIndicator = LeapIndicator.NO_WARNING,
    root_dispersion_s: float = 0.0,
    stratum: int = 1,
) -> Measurement:
    """An exchange with a server that is `offset_s` ahead of a clock that shows `clock_s` (the monotonic instant unless told) at `sent_at`."""
    shown = sent_at if clock_s is None else clock_s
    arrived = at(shown + there_s + offset_s)
    return Measurement(
        origin=at(shown),
        receive=arrived,
        transmit=arrived,
        destination=at(shown + there_s + back_s),
        sent_at=sent_at,
        received_at=sent_at + there_s + back_s,
        stratum=stratum,
        leap=leap,
        root_delay=NtpDuration(0),
        root_dispersion=NtpDuration.from_seconds(root_dispersion_s),
        reference_id=ReferenceId.from_ascii("TEST"),
        precision=-20,
        origin_source=StampSource.KERNEL,
        destination_source=StampSource.KERNEL,
    )


def queued_samples(count: int, *, offset_s: float = 0.0, jitter_s: float = 1e-4, interval_s: float = 16.0, seed: int = 1) -> list[Sample]:
    """Samples of a perfect clock that is behind by `offset_s`, over a path of 20 ms with exponential queues."""
    rng = random.Random(seed)
    made = []
    for number in range(count):
        there, back = rng.expovariate(1 / jitter_s), rng.expovariate(1 / jitter_s)
        made.append(Sample(number * interval_s, offset_s + 0.5 * (there - back), 0.020 + there + back))
    return made
