"""The snapshot in shared memory: whole or not at all, whatever the writer does and wherever it dies."""

import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ntp_daemon.serving import publication
from ntp_daemon.serving.publication import SnapshotReader, SnapshotWriter
from ntp_daemon.serving.shared_memory import SharedRegion
from ntp_proto.identifiers import LeapIndicator, ReferenceId
from ntp_proto.server import Snapshot
from ntp_proto.time_types import NtpDuration, NtpTimestamp
from support.programs import environment
from support.snapshots import is_numbered, numbered

I64 = st.integers(-(1 << 63), (1 << 63) - 1)
U64 = st.integers(0, (1 << 64) - 1)
SNAPSHOTS = st.builds(
    Snapshot,
    leap=st.sampled_from([LeapIndicator.NO_WARNING, LeapIndicator.INSERT, LeapIndicator.DELETE]),
    stratum=st.integers(1, 15),
    precision=st.integers(-128, 127),
    root_delay=st.builds(NtpDuration, I64),
    root_dispersion=st.builds(NtpDuration, st.integers(0, (1 << 63) - 1)),
    dispersion_rate=st.floats(0.0, 0.1),
    dispersion_limit=st.builds(NtpDuration, I64),
    reference_id=st.builds(ReferenceId, st.integers(0, 0xFFFFFFFF)),
    reference_time=st.builds(NtpTimestamp, U64),
    as_of=st.builds(NtpTimestamp, U64),
    time_offset=st.builds(NtpDuration, I64),
    time_frequency=st.floats(-0.1, 0.1),
)

WRITER = """
import itertools, mmap, struct, sys
from ntp_daemon.serving.publication import SnapshotWriter
from ntp_daemon.serving.shared_memory import SharedRegion
from support.snapshots import numbered
writer = SnapshotWriter.__new__(SnapshotWriter)
writer._region = SharedRegion.attach(int(sys.argv[1]), writable=True)
writer._clock_sets = 0
print("writing", flush=True)
for number in itertools.count(1):
    writer.publish(numbered(number))
"""


@settings(max_examples=40)
@given(SNAPSHOTS)
def test_a_reader_gets_what_was_published_to_the_last_bit(snapshot: Snapshot) -> None:
    writer = SnapshotWriter(snapshot)
    reader = SnapshotReader(os.dup(writer.fd))
    assert reader.read() == snapshot
    assert reader.read() is reader.read(), "nothing is decoded twice"
    writer.close()
    assert reader.read() == snapshot, "without a writer it stays as it was"
    reader.close()


@settings(max_examples=40)
@given(st.data())
def test_wherever_the_writer_dies_the_snapshot_before_holds(data: st.DataObject) -> None:
    """Every store of a publication but the last one may or may not have been done, up to any byte."""
    before, after = data.draw(SNAPSHOTS), data.draw(SNAPSHOTS)
    writer = SnapshotWriter(before)
    reader = SnapshotReader(os.dup(writer.fd))
    cut = data.draw(st.integers(0, 8 * publication._SLOT_WORDS - 1))
    region = writer._region

    class CutShort:
        words = region.words

        def fill(self, first: int, octets: bytes) -> None:
            region.fill(first, octets[:cut])
            raise KeyboardInterrupt

    writer._region = CutShort()  # type: ignore[assignment]  # it dies in the middle of a slot
    with pytest.raises(KeyboardInterrupt):
        writer.publish(after)
    del writer, CutShort.words
    assert reader.read() == before
    late = SnapshotReader(os.dup(region.fd))
    assert late.read() == before
    for end in (late, reader, region):
        end.close()


@settings(max_examples=40)
@given(SNAPSHOTS, SNAPSHOTS, st.integers(0, 8 * publication._SLOT_WORDS - 1))
def test_a_torn_slot_is_never_believed(before: Snapshot, after: Snapshot, place: int) -> None:
    """The number is raised, but one byte of the slot is not there yet: as a processor that reorders stores would show it."""
    writer = SnapshotWriter(before)
    reader = SnapshotReader(os.dup(writer.fd))
    writer.publish(after)
    slot = 8 * publication._slot_of(writer._region.words[0])
    octets = writer._region._bytes
    octets[slot + place] ^= 0x41
    assert reader.read() == before
    octets[slot + place] ^= 0x41
    assert reader.read() == after, "it is asked for again with the next batch"
    writer.close()
    reader.close()


def test_a_writer_in_another_process_at_full_speed_never_shows_half_a_snapshot() -> None:
    region = SharedRegion.create("test", publication._WORDS, writable_by_others=True)
    command = [sys.executable, "-P", "-c", WRITER, str(region.fd)]
    paths = os.pathsep.join(path for path in sys.path if path)
    writer = subprocess.Popen(command, pass_fds=[region.fd], stdout=subprocess.PIPE, env=environment({"PYTHONPATH": paths}))
    try:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"writing\n"
        while region.words[0] < 2:
            os.sched_yield()
        reader = SnapshotReader(os.dup(region.fd))
        seen: set[Snapshot] = set()
        while len(seen) < 200:  # the writer may have to wait for the processor
            seen.update(reader.read() for _ in range(1000))
    finally:
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()  # type: ignore[union-attr]  # checked above
    assert all(map(is_numbered, seen))
    last = reader.read()
    assert is_numbered(last)
    assert is_numbered(replace(numbered(3), stratum=numbered(4).stratum)) is False, "the check can fail"
    reader.close()
    region.close()


def test_a_worker_cannot_write_the_snapshot_nor_shorten_it() -> None:
    writer = SnapshotWriter(Snapshot.unsynchronized(NtpTimestamp(0)))
    with pytest.raises(PermissionError):
        SharedRegion.attach(os.dup(writer.fd), writable=True)
    with pytest.raises(PermissionError):
        os.ftruncate(writer.fd, 0)
    with pytest.raises(PermissionError):
        os.pwrite(writer.fd, b"x", 0)
    writer.close()


def test_without_a_writer_the_time_ends_by_itself() -> None:
    start = NtpTimestamp.from_unix_ns(1_800_000_000_000_000_000)
    synchronized = replace(
        Snapshot.unsynchronized(start),
        leap=LeapIndicator.NO_WARNING,
        stratum=2,
        dispersion_rate=15e-6,
        dispersion_limit=NtpDuration.from_seconds(1.5),
    )
    writer = SnapshotWriter(synchronized)
    reader = SnapshotReader(os.dup(writer.fd))
    writer.close()
    for after_s, alive in ((8.0, True), (99_000.0, True), (101_000.0, False)):
        assert reader.read().is_synchronized_at(start + NtpDuration.from_seconds(after_s)) is alive
    reader.close()


def test_a_step_of_the_clock_is_told_with_the_snapshot() -> None:
    snapshot = Snapshot.unsynchronized(NtpTimestamp(0))
    writer = SnapshotWriter(snapshot)
    reader = SnapshotReader(os.dup(writer.fd))
    seen = []
    for clock_set in (False, True, False, True):
        writer.publish(snapshot, clock_set=clock_set)
        reader.read()
        seen.append(reader.clock_sets)
    assert seen == [0, 1, 1, 2]
    writer.close()
    reader.close()


def test_an_empty_region_is_refused() -> None:
    region = SharedRegion.create("test", publication._WORDS, writable_by_others=False)
    with pytest.raises(ValueError, match="no snapshot"):
        SnapshotReader(os.dup(region.fd))
    region.close()
    region.close()
