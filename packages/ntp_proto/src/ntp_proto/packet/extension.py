"""What follows the header: extension fields and a message authentication code, told apart by length alone.

    |          Field type           |        Length (octets)        |
    |                 Body, padded to 4 octets ...                  |

Nothing in a packet says where the fields end and the code begins. The rule that both sides keep is: 28 octets or more left, and it is an
extension field; fewer, and it is a code. So a packet without a code pads its last field to 28. Fields are framed, not interpreted: a type
that nobody knows is carried along and skipped by whoever looks for another. The work is linear in the length of the packet.

Packets of version 3 and before have no extension fields: all that follows their header is the code.
"""

from __future__ import annotations

from typing import NamedTuple

from ntp_proto.errors import ParseError, UsageError

__all__ = ["ExtensionField", "join_trailer", "split_trailer"]

_FIELD_HEADER = 4
_FIELD_MINIMUM = 16
_LAST_FIELD_MINIMUM = 28
_FIELD_MAXIMUM = 0xFFFC
_CODE_LENGTHS = frozenset({0, 4, 20, 24})  # none, crypto-NAK, a 128-bit digest (MD5, AES-CMAC), SHA-1
_V3_CODE_MAXIMUM = 4 + 64


class ExtensionField(NamedTuple):
    """One extension field.

    Attributes:
        field_type: 16 bits, from the IANA registry "NTP Extension Field Types".
        body: All octets after the length, padding included: only the type's own format knows where that begins.

    Source: RFC 7822 §3.
    """

    field_type: int
    body: bytes

    def to_bytes(self, minimum: int = _FIELD_MINIMUM) -> bytes:
        """The field for the wire, padded with zeros to a multiple of 4 octets and to `minimum`.

        Raises:
            UsageError: the type does not fit 16 bits or the body is too long for the length field.
        """
        length = max(minimum, _FIELD_HEADER + len(self.body) + 3 & ~3)
        if not 0 <= self.field_type <= 0xFFFF or length > _FIELD_MAXIMUM:
            raise UsageError(f"no extension field: type {self.field_type:#x}, body of {len(self.body)} octets")
        return (self.field_type << 16 | length).to_bytes(4, "big") + self.body.ljust(length - _FIELD_HEADER, b"\0")


def split_trailer(trailer: bytes, version: int) -> tuple[tuple[ExtensionField, ...], bytes]:
    """Split what follows the header.

    Args:
        trailer: The octets after the header.
        version: The packet's.

    Returns:
        The extension fields in their order, and the message authentication code with its key id; either may be empty.

    Raises:
        ParseError: a length that is not a multiple of 4, below the minimum or beyond the end, or a rest that is no code.

    Source: RFC 7822 §3.
    """
    if len(trailer) % 4:
        raise ParseError(f"the length of an NTP packet is a multiple of 4, got {len(trailer)} octets after the header")
    if version <= 3:
        if len(trailer) > _V3_CODE_MAXIMUM:
            raise ParseError(f"version {version} has no extension fields and no code of {len(trailer)} octets")
        return (), trailer
    fields: list[ExtensionField] = []
    start, end = 0, len(trailer)
    # A code has 24 octets at most, so that 28 or more can only be an extension field.
    while end - start >= _LAST_FIELD_MINIMUM:
        length = trailer[start + 2] << 8 | trailer[start + 3]
        if length < _FIELD_MINIMUM or length % 4 or length > end - start:
            raise ParseError(f"an extension field of {length} octets with {end - start} octets left")
        fields.append(ExtensionField(trailer[start] << 8 | trailer[start + 1], trailer[start + _FIELD_HEADER : start + length]))
        start += length
    if end - start not in _CODE_LENGTHS:
        raise ParseError(f"{end - start} octets at the end are neither an extension field nor an authentication code")
    return tuple(fields), trailer[start:]


def join_trailer(fields: tuple[ExtensionField, ...], code: bytes = b"") -> bytes:
    """The octets after the header of a version 4 packet; the inverse of `split_trailer`.

    Raises:
        UsageError: a field or the code has a length that the receiver could not read.

    Source: RFC 7822 §3.
    """
    if len(code) not in _CODE_LENGTHS:
        raise UsageError(f"no authentication code has {len(code)} octets")
    if not fields:
        return code
    # The receiver takes for a code what is shorter than this, field and code together.
    last_minimum = max(_FIELD_MINIMUM, _LAST_FIELD_MINIMUM - len(code))
    *others, last = fields
    return b"".join(field.to_bytes() for field in others) + last.to_bytes(last_minimum) + code
