"""A result as JSON for programs, and as a few lines for people."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, tzinfo

from ntp_ctl.query.result import QueryResult
from ntp_ctl.units import duration
from ntp_proto.association import Rejection
from ntp_proto.identifiers import LeapIndicator
from ntp_proto.time_types import NtpDuration, NtpTimestamp

__all__ = ["explain", "render_json", "render_text"]

_NS_PER_S = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LEAP = {
    LeapIndicator.NO_WARNING: "none",
    LeapIndicator.INSERT: "insert",
    LeapIndicator.DELETE: "delete",
    LeapIndicator.UNSYNCHRONIZED: "unsynchronized",
}


def explain(result: QueryResult) -> str:
    """Why the answer is no measurement, one sentence; "" when it is one."""
    if result.rejection is None:
        return ""
    own_s = (result.root_delay.half() + result.root_dispersion).to_seconds()
    sentences = {
        Rejection.KISS: f"the server has refused with the kiss of death {result.kiss_code}",
        Rejection.UNSYNCHRONIZED: f"the server is not synchronized (leap indicator {int(result.leap)}, stratum {result.stratum})",
        Rejection.ROOT_DISTANCE: f"the server is too far from its reference clock: its own error may be {duration(own_s)}",
        Rejection.BAD_TIMESTAMPS: "the server's timestamps contradict each other",
        Rejection.BAD_DELAY: "the round trip is impossible: the server's timestamps are wrong, or a clock was set meanwhile",
    }
    return sentences.get(result.rejection, f"the answer is of no use: {result.rejection.value}")


def render_json(result: QueryResult, near_ns: int) -> str:
    """One JSON object, with a line break at the end. What is not known is null.

    Args:
        result: What to show.
        near_ns: The present time, ns since 1970, to tell the era of the server's.
    """
    is_time = result.kiss_code is None
    document = {
        "server": result.server,
        "address": str(result.address),
        "stratum": result.stratum,
        "leap": _LEAP[result.leap],
        "referenceId": result.reference_id.to_text(result.stratum),
        "kissCode": result.kiss_code,
        "receiveTime": _rfc3339(result.receive, near_ns) if is_time else None,
        "transmitTime": _rfc3339(result.transmit, near_ns) if is_time else None,
        "offsetMs": _milliseconds(result.offset),
        "rttMs": _milliseconds(result.delay),
        "rootDistanceMs": _milliseconds(result.root_distance),
        "problem": None if result.rejection is None else result.rejection.value,
    }
    return json.dumps(document, indent=2) + "\n"


def render_text(result: QueryResult, near_ns: int, zone: tzinfo | None = None) -> str:
    """The lines that follow "Querying NTP server at ...": both clocks at the arrival of the answer, and by how much the server's is ahead.

    Args:
        result: What to show.
        near_ns: The present time, ns since 1970.
        zone: The time zone to show; None: the local one.
    """
    measurement = result.measurement
    if measurement is None:
        return f"Response from {result.address}\nNo time: {explain(result)}\n"
    local = measurement.destination
    return (
        f"Response from {result.address}\n"
        f"NTP Time: {_in_zone(local + measurement.offset, near_ns, zone)}\n"
        f"Local Time: {_in_zone(local, near_ns, zone)}\n"
        f"Offset: {measurement.offset.to_seconds():.6f} seconds\n"
    )


def _milliseconds(length: NtpDuration | None) -> float | None:
    return None if length is None else round(length.to_ns() / 1e6, 6)


def _rfc3339(stamp: NtpTimestamp, near_ns: int) -> str | None:
    if stamp.is_zero:
        return None
    seconds, rest_ns = divmod(stamp.to_unix_ns(near_ns), _NS_PER_S)
    return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}.{rest_ns:09d}Z"


def _in_zone(stamp: NtpTimestamp, near_ns: int, zone: tzinfo | None) -> str:
    microseconds = (stamp.to_unix_ns(near_ns) + 500) // 1000
    return f"{(_EPOCH + timedelta(microseconds=microseconds)).astimezone(zone):%Y-%m-%d %H:%M:%S.%f}"
