"""Answers to an inquiry, in virtual time: the path takes 10 ms each way, the server answers within 1 ms and is 250 ms ahead."""

from __future__ import annotations

import random

from ntp_ctl.query.inquiry import Answer, Inquiry
from ntp_proto.association import Departure
from ntp_proto.datagram import Address, Datagram, StampSource
from ntp_proto.identifiers import KissCode, LeapIndicator, ReferenceId
from ntp_proto.packet import Header, kiss_to, response_to
from ntp_proto.time_types import NtpDuration, NtpTimestamp

SERVER = Address("192.0.2.1", 123)
CLIENT = Address("192.0.2.9", 40000)
ORIGIN_NS = 1_795_000_000_123_456_789
"""When a request leaves, by our clock: in November 2026."""
ORIGIN = NtpTimestamp.from_unix_ns(ORIGIN_NS)
OFFSET_S = 0.250
DEPARTURE = Departure(ORIGIN, StampSource.KERNEL)


def after(seconds: float) -> NtpTimestamp:
    return ORIGIN + NtpDuration.from_seconds(seconds)


def inquiry(timeout_s: float = 2.0, version: int = 4, seed: int = 1) -> Inquiry:
    """An inquiry whose request left at the monotonic instant 100 s."""
    return Inquiry(SERVER, random.Random(seed), 100.0, timeout_s, version)


def response(to: Inquiry, *, way_s: float = 0.010) -> Header:
    """What the server sends when everything is right."""
    return response_to(
        Header.parse(to.request),
        receive=after(OFFSET_S + way_s),
        transmit=after(OFFSET_S + way_s + 0.001),
        stratum=2,
        leap=LeapIndicator.INSERT,
        root_delay=NtpDuration.from_seconds(0.5),
        root_dispersion=NtpDuration.from_seconds(0.125),
        reference_id=ReferenceId.from_address("198.51.100.7"),
    )


def datagram(header: Header, *, way_s: float = 0.010, remote: Address = SERVER, local: Address = CLIENT) -> Datagram:
    return Datagram(header.to_bytes(), remote, local, after(2 * way_s + 0.001), StampSource.KERNEL)


def answer(*, way_s: float = 0.010, **fields: int) -> Answer:
    """A whole exchange, with fields of the answer replaced as they stand on the wire."""
    asked = inquiry()
    made = asked.handle_datagram(datagram(response(asked, way_s=way_s)._replace(**fields), way_s=way_s), DEPARTURE, 100.1)
    assert made is not None, asked.rejections
    return made


def kiss(code: KissCode) -> Answer:
    asked = inquiry()
    made = asked.handle_datagram(datagram(kiss_to(Header.parse(asked.request), code)), DEPARTURE, 100.1)
    assert made is not None
    return made
