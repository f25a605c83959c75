"""Interleaved mode: an answer that carries the transmit timestamp of the answer before it, taken when that one had really left.

The state is not kept for each client. An answer's receive timestamp is its name: the client puts it into the origin timestamp of its next
request, and finds there the transmit timestamp that was stored under it, whatever address a translator on the way has given it meanwhile.

The receive timestamps of such a server are odd and its transmit timestamps even (the last bit is 0.23 ns). So they are never equal, which
RFC 9769 asks for; and a basic client, whose origin timestamp is our last *transmit* timestamp or zero, is known by it and takes no memory.

The table is a fixed number of places, each receive timestamp having one: a later one that needs the same place takes it, and the client
that comes back too late is answered in basic mode. An entry is used once.
"""

from __future__ import annotations

from array import array

from ntp_proto.identifiers import Mode
from ntp_proto.packet import Header

__all__ = ["TransmitTable", "asks_interleaved", "mark_receive", "mark_transmit"]

_U64 = (1 << 64) - 1
_LATEST = 1 << 32
"""How long after its timestamp was read an answer leaves at most: 1 s."""
_SCATTER = 0x9E3779B97F4A7C15
"""2^64 over the golden ratio: neighbouring numbers, multiplied by it, lie far apart in the upper bits."""


def mark_receive(bits: int) -> int:
    """The nearest odd timestamp that is not later."""
    return bits if bits & 1 else (bits - 1) & _U64


def mark_transmit(bits: int) -> int:
    """The nearest even timestamp that is not earlier, so that no answer leaves before its request has come."""
    return (bits + 1) & _U64 if bits & 1 else bits


def asks_interleaved(request: Header) -> bool:
    """Whether the request names an answer of ours by its receive timestamp, as a client does that knows interleaved mode.

    Source: RFC 9769 §2.
    """
    return (
        bool(request.origin_bits & 1)
        and request.version == 4
        and request.first_byte & 7 == Mode.CLIENT
        and request.receive_bits not in (0, request.transmit_bits)
    )


class TransmitTable:
    """The transmit timestamps of past answers by their receive timestamps.

    Args:
        size: Places, rounded up to a power of two, at least 2.

    Source: RFC 9769 §2 (state without addresses, limited in size).
    """

    def __init__(self, size: int) -> None:
        bits = max(1, (size - 1).bit_length())
        self._shift = 64 - bits
        self._receive = array("Q", [0]) * (1 << bits)
        self._transmit = array("Q", [0]) * (1 << bits)

    def __len__(self) -> int:
        """The number of places."""
        return len(self._receive)

    def save(self, receive: int, transmit: int) -> None:
        """Remember an answer by its two marked timestamps.

        Two answers of the same receive timestamp could be mistaken for each other: neither is remembered then. An entry that was used or
        spoilt keeps its receive timestamp, so that a third does not bring it back.
        """
        place = self._place(receive)
        self._transmit[place] = 0 if self._receive[place] == receive else transmit
        self._receive[place] = receive

    def take(self, receive: int) -> int | None:
        """The transmit timestamp of the answer with this receive timestamp, once; None: unknown or used."""
        place = self._place(receive)
        if self._receive[place] != receive:
            return None
        transmit, self._transmit[place] = self._transmit[place], 0
        return transmit or None

    def correct(self, receive: int, transmit: int) -> None:
        """Replace the transmit timestamp of an answer by a better one, when the kernel has told it; nothing if it is no longer there.

        An answer leaves soon after its timestamp was read, and never before: what says otherwise is from another setting of the clock.
        """
        place = self._place(receive)
        given = self._transmit[place]
        if self._receive[place] == receive and given and (transmit - given) & _U64 <= _LATEST:
            self._transmit[place] = transmit

    def clear(self) -> None:
        """Forget all: the clock was set, and what was stored is on another scale."""
        for place in range(len(self._receive)):
            self._receive[place] = self._transmit[place] = 0

    def _place(self, receive: int) -> int:
        """Two rounds: after one alone, answers at even distances in time would crowd together for some distances."""
        mixed = receive * _SCATTER & _U64
        mixed ^= mixed >> 32
        return (mixed * _SCATTER & _U64) >> self._shift
