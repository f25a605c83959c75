"""Packets as somebody else's code reads them: scapy's dissector, which shares nothing with ours."""

from __future__ import annotations

from dataclasses import dataclass

from scapy.layers.ntp import NTP, NTPHeader

__all__ = ["Dissected", "dissect"]


@dataclass(frozen=True, slots=True)
class Dissected:
    """The fields of a header, as numbers; timestamps in units of 2^-32 s since 1900, delay and dispersion of 2^-16 s."""

    leap: int
    version: int
    mode: int
    stratum: int
    poll: int
    precision: int
    root_delay: int
    root_dispersion: int
    reference_id: str
    reference: int
    origin: int
    receive: int
    transmit: int


def dissect(data: bytes) -> Dissected:
    """A packet that is a header and nothing else."""
    packet = NTP(data)
    assert isinstance(packet, NTPHeader), packet
    assert not packet.payload, f"{len(data)} bytes: there is something behind the header"
    field = packet.getfieldval  # the numbers as on the wire; the attributes are rounded for people
    letters = field("ref_id") or b""  # at stratum 0 and 1 only; an address above
    return Dissected(
        leap=field("leap"),
        version=field("version"),
        mode=field("mode"),
        stratum=field("stratum"),
        poll=field("poll"),
        precision=field("precision"),
        root_delay=field("delay"),
        root_dispersion=field("dispersion"),
        reference_id=letters.rstrip(b"\0").decode("ascii") or field("id"),
        reference=field("ref"),
        origin=field("orig"),
        receive=field("recv"),
        transmit=field("sent"),
    )
