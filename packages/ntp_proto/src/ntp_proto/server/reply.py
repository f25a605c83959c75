"""The 48 octets of an answer."""

from __future__ import annotations

from ntp_proto.identifiers import KissCode, LeapIndicator, Mode
from ntp_proto.packet import Header, kiss_to
from ntp_proto.server.request import reply_mode
from ntp_proto.server.snapshot import UNSYNCHRONIZED_STRATUM, Snapshot
from ntp_proto.time_types import NtpTimestamp

__all__ = ["kiss_reply", "time_reply"]

_UNSYNCHRONIZED = LeapIndicator.UNSYNCHRONIZED


def time_reply(request: Header, snapshot: Snapshot, received_at: NtpTimestamp, transmit_at: NtpTimestamp) -> Header:
    """The time: version and poll of the request, its transmit timestamp as origin timestamp, and what the snapshot says when it leaves.

    Args:
        request: The client's header, judged.
        snapshot: The server's clock.
        received_at: When the request arrived, on the kernel's clock.
        transmit_at: When the answer leaves, on the kernel's clock.

    Source: RFC 5905 §8 and §9.2; leap and stratum of an unsynchronised server are those of §7.3.
    """
    dispersion = snapshot.dispersion_at(transmit_at)
    leap, stratum = snapshot.leap, snapshot.stratum
    # A snapshot that is unsynchronised by itself has the stratum that it wants to show; one that has grown too old has not.
    if leap is not _UNSYNCHRONIZED and not snapshot.is_synchronized_with(dispersion):
        leap, stratum = _UNSYNCHRONIZED, UNSYNCHRONIZED_STRATUM
    return Header(
        first_byte=leap << 6 | (request.first_byte & 0o70) | reply_mode(request.first_byte),
        stratum=stratum,
        poll_log2=request.poll_log2,
        precision=snapshot.precision,
        root_delay_bits=snapshot.root_delay.to_short(),
        root_dispersion_bits=dispersion.to_short(),
        reference_id_bits=snapshot.reference_id.bits,
        reference_bits=snapshot.reference_time.bits,
        origin_bits=request.transmit_bits,
        receive_bits=snapshot.served(received_at).bits,
        transmit_bits=snapshot.served(transmit_at).bits,
    )


def kiss_reply(request: Header, kiss: KissCode) -> Header:
    """A kiss of death, in the mode that the request expects.

    Source: RFC 5905 §7.4.
    """
    header = kiss_to(request, kiss)
    mode = reply_mode(request.first_byte)
    return header if mode is Mode.SERVER else header._replace(first_byte=header.first_byte & 0o370 | mode)
