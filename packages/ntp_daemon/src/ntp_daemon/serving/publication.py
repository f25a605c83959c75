"""The snapshot on its way from the daemon to the workers: shared memory, one writer, any number of readers, no lock.

Theory of operation. There are two slots and a sequence number. The writer fills the slot that nobody is sent to, then raises the number, whose
last bit says which slot holds. A reader looks at the number with each batch of requests, and copies the slot when it has changed. Should the
writer come round twice meanwhile, the copy is torn: the slot's own number and its checksum tell, and the reader tries again, or keeps what he
has and tries with the next batch. The checksum also makes this right on processors that reorder stores, which Python cannot forbid them.

A writer that dies in the middle of a slot has not raised the number: the other slot is whole. Then nothing is published any more, the root
dispersion of the last snapshot grows with time as it does between any two, and past its limit the answers say "unsynchronised": there is
nothing that a reader must notice or do.
"""

from __future__ import annotations

import struct
from binascii import crc32

from ntp_daemon.serving.shared_memory import SharedRegion
from ntp_proto.identifiers import LeapIndicator, ReferenceId
from ntp_proto.server import Snapshot
from ntp_proto.time_types import NtpDuration, NtpTimestamp

__all__ = ["SnapshotReader", "SnapshotWriter"]

_PAYLOAD = struct.Struct("@QqqqqqdqQQQqd")
_SEQUENCE = 0  # words of the region
_SLOTS = 1
_SLOT_WORDS = 2 + _PAYLOAD.size // 8  # its number, its checksum, the snapshot
_WORDS = _SLOTS + 2 * _SLOT_WORDS
_U64 = (1 << 64) - 1
_ATTEMPTS = 8


class SnapshotWriter:
    """The daemon's end. Only one exists for a region.

    Args:
        snapshot: What readers find at first.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._region = SharedRegion.create("ntp-snapshot", _WORDS, writable_by_others=False)
        self._clock_sets = 0
        self.publish(snapshot)

    @property
    def fd(self) -> int:
        """To be inherited by a worker."""
        return self._region.fd

    def publish(self, snapshot: Snapshot, *, clock_set: bool = False) -> None:
        """Let every reader have this one from its next batch on.

        Args:
            snapshot: The clock.
            clock_set: Whether the served clock was stepped since the last one.
        """
        self._clock_sets += clock_set
        sequence = (self._region.words[_SEQUENCE] + 1) & _U64
        payload = _encode(self._clock_sets, snapshot)
        self._region.fill(_slot_of(sequence), sequence.to_bytes(8, "little") + _checksum(sequence, payload) + payload)
        self._region.words[_SEQUENCE] = sequence

    def close(self) -> None:
        """Unmap the region; readers keep what they have. Closing twice does nothing."""
        self._region.close()


class SnapshotReader:
    """A worker's end.

    Args:
        fd: The writer's `fd`, inherited.

    Attributes:
        clock_sets: How often the served clock was stepped before the snapshot that was read last.

    Raises:
        OSError: The descriptor is no such region.
        ValueError: There is no whole snapshot in it.
    """

    def __init__(self, fd: int) -> None:
        self._region = SharedRegion.attach(fd, writable=False)
        self._words = self._region.words
        self._sequence = 0
        self._snapshot: Snapshot
        self.clock_sets = 0
        if not self._take_newest():
            raise ValueError("no snapshot was published")

    def read(self) -> Snapshot:
        """The newest snapshot; the same object until another one is published."""
        if self._words[_SEQUENCE] != self._sequence:
            self._take_newest()
        return self._snapshot

    def close(self) -> None:
        """Unmap the region; closing twice does nothing."""
        self._region.close()

    def _take_newest(self) -> bool:
        for _ in range(_ATTEMPTS):
            sequence = self._words[_SEQUENCE]
            slot = self._region.copy(_slot_of(sequence), _SLOT_WORDS)
            payload = slot[16:]
            if slot[:16] == sequence.to_bytes(8, "little") + _checksum(sequence, payload):
                self._sequence = sequence
                self.clock_sets, self._snapshot = _decode(payload)
                return True
        return False


def _slot_of(sequence: int) -> int:
    return _SLOTS + (sequence & 1) * _SLOT_WORDS


def _checksum(sequence: int, payload: bytes) -> bytes:
    return crc32(payload, sequence & 0xFFFFFFFF).to_bytes(8, "little")


def _encode(clock_sets: int, snapshot: Snapshot) -> bytes:
    return _PAYLOAD.pack(
        clock_sets,
        snapshot.leap,
        snapshot.stratum,
        snapshot.precision,
        snapshot.root_delay.value,
        snapshot.root_dispersion.value,
        snapshot.dispersion_rate,
        snapshot.dispersion_limit.value,
        snapshot.reference_id.bits,
        snapshot.reference_time.bits,
        snapshot.as_of.bits,
        snapshot.time_offset.value,
        snapshot.time_frequency,
    )


def _decode(payload: bytes) -> tuple[int, Snapshot]:
    clock_sets, leap, stratum, precision, delay, dispersion, rate, limit, reference, set_at, as_of, offset, frequency = _PAYLOAD.unpack(payload)
    snapshot = Snapshot(
        leap=LeapIndicator(leap),
        stratum=stratum,
        precision=precision,
        root_delay=NtpDuration(delay),
        root_dispersion=NtpDuration(dispersion),
        dispersion_rate=rate,
        dispersion_limit=NtpDuration(limit),
        reference_id=ReferenceId(reference),
        reference_time=NtpTimestamp(set_at),
        as_of=NtpTimestamp(as_of),
        time_offset=NtpDuration(offset),
        time_frequency=frequency,
    )
    return clock_sets, snapshot
