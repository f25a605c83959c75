"""The small enumerations and identifiers of the packet header.

Source: RFC 5905 §7.3 and §7.4.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import Enum, IntEnum

__all__ = ["KissCode", "LeapIndicator", "Mode", "ReferenceId"]


class LeapIndicator(IntEnum):
    """Warning of a leap second at the end of the current month, or that the clock is not synchronised.

    Source: RFC 5905 §7.3, figure 9.
    """

    NO_WARNING = 0
    INSERT = 1
    DELETE = 2
    UNSYNCHRONIZED = 3


class Mode(IntEnum):
    """The association mode of a packet.

    Source: RFC 5905 §7.3, figure 10.
    """

    RESERVED = 0
    SYMMETRIC_ACTIVE = 1
    SYMMETRIC_PASSIVE = 2
    CLIENT = 3
    SERVER = 4
    BROADCAST = 5
    CONTROL = 6
    PRIVATE = 7


class KissCode(Enum):
    """Why a server refused: the four letters in the reference id of a stratum 0 answer.

    Source: RFC 5905 §7.4; NTSN is RFC 8915 §5.7.
    """

    DENY = "DENY"
    RSTR = "RSTR"
    RATE = "RATE"
    NTSN = "NTSN"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ReferenceId:
    """The 32-bit reference id: four letters at stratum 0 and 1, above that the address of the upstream server.

    Raises:
        ValueError: `bits` does not fit 32 bits.

    Source: RFC 5905 §7.3.
    """

    bits: int

    def __post_init__(self) -> None:
        if not 0 <= self.bits <= 0xFFFFFFFF:
            raise ValueError(f"a reference id has 32 bits, got {self.bits:#x}")

    @classmethod
    def from_ascii(cls, text: str) -> ReferenceId:
        """From one to four printable ASCII characters, padded with zeros.

        Raises:
            ValueError: too long, empty, or not printable ASCII.
        """
        if not (1 <= len(text) <= 4 and text.isascii() and text.isprintable()):
            raise ValueError(f"a reference id has 1 to 4 printable ASCII characters, got {text!r}")
        return cls(int.from_bytes(text.encode("ascii").ljust(4, b"\0"), "big"))

    @classmethod
    def from_address(cls, host: str) -> ReferenceId:
        """The id that a client of this server serves: its IPv4 address, or the first four bytes of the MD5 of its IPv6 address.

        The digest makes a short name of a long address; nothing depends on its strength.

        Args:
            host: A numeric address; a zone ("%eth0") is ignored, an IPv4-mapped address counts as IPv4.

        Raises:
            ValueError: not a numeric address.
        """
        address = ipaddress.ip_address(host.partition("%")[0])
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if isinstance(address, ipaddress.IPv4Address):
            return cls(int(address))
        import hashlib  # noqa: PLC0415 — it loads OpenSSL, which a daemon with IPv4 servers does not need

        return cls(int.from_bytes(hashlib.md5(address.packed, usedforsecurity=False).digest()[:4], "big"))

    @property
    def kiss_code(self) -> KissCode:
        """The kiss code that these letters stand for; `OTHER` for letters we do not act on."""
        letters = self._letters()
        return KissCode(letters) if letters in ("DENY", "RSTR", "RATE", "NTSN") else KissCode.OTHER

    def to_text(self, stratum: int) -> str:
        """The id as people read it: letters at stratum 0 and 1 when they are printable, a dotted quad otherwise.

        Only printable ASCII comes out, whatever a server has sent: it is safe to show on a terminal.
        """
        letters = self._letters() if stratum <= 1 else None
        return letters or str(ipaddress.IPv4Address(self.bits))

    def _letters(self) -> str | None:
        raw = self.bits.to_bytes(4, "big").rstrip(b"\0 ")
        return raw.decode("ascii") if raw and all(0x20 <= byte < 0x7F for byte in raw) else None
