"""The packet on the wire: bytes in, values out, and back. Bytes that are no packet raise `ParseError` and nothing else."""

from ntp_proto.packet.exchange import client_request, kiss_to, response_to
from ntp_proto.packet.extension import ExtensionField, join_trailer, split_trailer
from ntp_proto.packet.header import HEADER_LENGTH, Header
from ntp_proto.packet.packet import PACKET_MAXIMUM, Packet

__all__ = [
    "HEADER_LENGTH",
    "PACKET_MAXIMUM",
    "ExtensionField",
    "Header",
    "Packet",
    "client_request",
    "join_trailer",
    "kiss_to",
    "response_to",
    "split_trailer",
]
