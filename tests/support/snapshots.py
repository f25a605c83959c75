"""Snapshots whose fields all follow from one number, so that parts of two can be told."""

from __future__ import annotations

from ntp_proto.identifiers import LeapIndicator, ReferenceId
from ntp_proto.server import Snapshot
from ntp_proto.time_types import NtpDuration, NtpTimestamp


def numbered(number: int) -> Snapshot:
    return Snapshot(
        leap=LeapIndicator.NO_WARNING,
        stratum=1 + number % 15,
        precision=-(number % 100),
        root_delay=NtpDuration(number),
        root_dispersion=NtpDuration(2 * number),
        dispersion_rate=(number % 1000) / 10_000,
        dispersion_limit=NtpDuration(3 * number),
        reference_id=ReferenceId(number & 0xFFFFFFFF),
        reference_time=NtpTimestamp(4 * number),
        as_of=NtpTimestamp(5 * number),
        time_offset=NtpDuration(-number),
        time_frequency=(number % 777) / 7_770,
    )


def is_numbered(snapshot: Snapshot) -> bool:
    return snapshot == numbered(snapshot.root_delay.value)
