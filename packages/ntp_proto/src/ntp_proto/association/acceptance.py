"""Whether a datagram is the server's answer, and whether that answer is a measurement.

Two questions, kept apart because they have different consequences. `identify` asks who speaks: address, form, mode, version, and the nonce
of an outstanding request. What fails there came from a stranger, or comes too late, and must change nothing. `judge` then asks what was
said: whatever passed `identify` is the one answer to that request, so it settles the request even when it is of no use.

The order follows from cost and from blame: what is cheap, and what any stranger can get wrong, comes first. Only a datagram with the right
nonce can be called a kiss, so that a forged one from beside the path (CVE-2015-7704) ends as `WRONG_ORIGIN`.

What a server on the path can do (delay answers, shift its time) no test on one exchange finds: half the round trip bounds the error, and the
selection among several servers has to do the rest.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from ntp_proto.association.actions import Rejection
from ntp_proto.association.config import AssociationConfig
from ntp_proto.association.measurement import Measurement
from ntp_proto.association.states import Departure, Request
from ntp_proto.datagram import Address, Datagram
from ntp_proto.errors import ParseError
from ntp_proto.identifiers import KissCode, LeapIndicator, Mode, ReferenceId
from ntp_proto.packet import Header, Packet
from ntp_proto.time_types import NtpDuration

__all__ = ["identify", "judge"]

_PROCESSING_MAXIMUM = NtpDuration.from_seconds(4.0)
_STRATUM_UNSYNCHRONIZED = 16
_COARSEST_PRECISION = -6  # 16 ms, a clock that ticks 64 times a second; a server that claims worse is not given more room
_OWN_PRECISION = -20  # 1 µs: a stamp of the program or of the kernel


def identify(  # noqa: PLR0911 — one return for each reason
    datagram: Datagram, remote: Address, request: Request | None, version: int, now: float
) -> Header | Rejection:
    """Tell the server's answer to the outstanding request from everything else that may arrive.

    Args:
        datagram: What arrived.
        remote: The server's address; compared as text, as the network packages write it.
        request: The outstanding request, or None.
        version: Of our requests. A server may answer 4 with 3, which it alone may know; the header is the same.
        now: The monotonic instant of arrival, s.

    Source: RFC 5905 §8 (the bogus test, TEST2) and §9.2; the order is ours.
    """
    if datagram.remote != remote:
        return Rejection.WRONG_ADDRESS
    try:
        header = Packet.parse(datagram.data).header
    except ParseError:
        return Rejection.MALFORMED
    if header.mode is not Mode.SERVER:
        return Rejection.WRONG_MODE
    if not 3 <= header.version <= version:
        return Rejection.WRONG_VERSION
    if request is None or now > request.deadline:
        return Rejection.NOT_REQUESTED
    # The nonce is never zero, so the zero origin of CVE-2015-8138 has no case of its own.
    if header.origin_bits != request.nonce.bits:
        return Rejection.WRONG_ORIGIN
    return header


def judge(  # noqa: PLR0911 — one return for each reason
    header: Header, datagram: Datagram, request: Request, config: AssociationConfig, now: float
) -> Measurement | KissCode | Rejection:
    """Make a measurement of the server's answer to `request`, or say why it is none.

    Args:
        header: What `identify` has returned.
        datagram: The same datagram.
        request: The request that it answers.
        config: The limits.
        now: The monotonic instant of arrival, s.

    Source: RFC 5905 §9.2 (TEST3, TEST6, TEST7) and §11.2 (the loop test).
    """
    # A server without time sends stratum 0 too ("unspecified or invalid"), but then there are no letters: chronyd does.
    if header.stratum == 0 and header.reference_id_bits != 0:
        return header.reference_id.kiss_code
    if header.leap is LeapIndicator.UNSYNCHRONIZED or not 1 <= header.stratum < _STRATUM_UNSYNCHRONIZED:
        return Rejection.UNSYNCHRONIZED
    root_distance_s = header.root_delay.to_seconds() / 2 + header.root_dispersion.to_seconds()
    if root_distance_s >= config.maximum_root_distance_s:
        return Rejection.ROOT_DISTANCE
    departure = request.departure
    if departure is None or not _are_timestamps_sane(header):
        return Rejection.BAD_TIMESTAMPS
    measurement = _measurement(header, datagram, request, departure, now)
    if not _is_delay_sane(measurement, config.maximum_delay_s):
        return Rejection.BAD_DELAY
    if header.stratum >= 2 and header.reference_id_bits == _own_reference_id(datagram.local.host):
        return Rejection.LOOP
    return measurement


def _are_timestamps_sane(header: Header) -> bool:
    if header.receive.is_zero or header.transmit.is_zero:
        return False
    # A server that fills the bits below its precision with noise (RFC 5905 §6 asks for it) may seem to answer that much before it was asked.
    resolution = NtpDuration.from_seconds(2.0 * 2.0 ** min(header.precision, _COARSEST_PRECISION))
    return -resolution <= header.transmit - header.receive <= _PROCESSING_MAXIMUM


def _is_delay_sane(measurement: Measurement, maximum_s: float) -> bool:
    """Whether the round trip is possible. See `Measurement.delay` for why a tiny negative one is."""
    resolution_s = 2.0**_OWN_PRECISION + 2.0 ** min(measurement.precision, _COARSEST_PRECISION)
    return -resolution_s <= measurement.delay.to_seconds() <= maximum_s


def _measurement(header: Header, datagram: Datagram, request: Request, departure: Departure, now: float) -> Measurement:
    return Measurement(
        origin=departure.origin,
        receive=header.receive,
        transmit=header.transmit,
        destination=datagram.received_at,
        sent_at=request.asked_at,
        received_at=now,
        stratum=header.stratum,
        leap=header.leap,
        root_delay=header.root_delay,
        root_dispersion=header.root_dispersion,
        reference_id=header.reference_id,
        precision=header.precision,
        origin_source=departure.source,
        destination_source=datagram.stamp_source,
        reference_time=header.reference,
    )


@lru_cache(maxsize=64)  # few local addresses, each asked for at every answer
def _own_reference_id(local_host: str) -> int | None:
    """The id by which a server that follows us would name us, as bits; None where no address tells.

    A loopback address is shared by all daemons of a host, so there it proves nothing; nor does an unspecified one (the shell does not know).
    """
    address = ipaddress.ip_address(local_host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_loopback or address.is_unspecified:
        return None
    return ReferenceId.from_address(local_host).bits
