"""What clients are told of the time, in each mode of the clock: from what the daemon knows to a snapshot for those who answer.

    steer, virtual     the clock that is disciplined, one stratum below the source that it follows
    virtual, median    the system clock and the median offset of the nearest servers, one stratum below the nearest
    mirror             the system clock, with the header of the first available source, as if that had answered
    local              the system clock, with a configured stratum; it always counts as synchronised

In every mode but the last a client is told that there is no time (leap indicator 3) until there is one, and again when there is none any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol

from ntp_daemon.clocks import MachineClock
from ntp_daemon.config.model import ClockConfig, ClockSelection
from ntp_proto.algorithm.median import MedianChoice, select_median
from ntp_proto.association import Measurement
from ntp_proto.client import Client
from ntp_proto.identifiers import LeapIndicator, ReferenceId
from ntp_proto.server import Snapshot
from ntp_proto.states import ClockMode, SourceStatus
from ntp_proto.time_types import NtpDuration, NtpTimestamp

__all__ = ["DisciplinedTime", "LocalTime", "MedianTime", "MirroredTime", "ServedTime", "make_served_time"]

_PRECISION = -20
"""log2 s: 1 µs, what a stamp of the program itself is good to."""
_UNAVAILABLE = frozenset(
    (
        SourceStatus.UNREACHABLE,
        SourceStatus.UNSYNCHRONIZED,
        SourceStatus.DISTANT,
        SourceStatus.LOOP,
        SourceStatus.DENIED,
        SourceStatus.OFFLINE,
    )
)
"""What makes a source no source of time, whoever it agrees with."""


class ServedTime(Protocol):
    """Makes snapshots of the clock that is served."""

    settings: ClockConfig
    """How; replaced by a reload."""

    def snapshot(self) -> Snapshot:
        """The clock as of now."""
        ...


def make_served_time(client: Client, clock: MachineClock, settings: ClockConfig, in_order: Callable[[], Iterable[int]]) -> ServedTime:
    """What is served in the clock's mode, which need not be the one that was asked for.

    Args:
        client: Who knows the sources and the clock.
        clock: The clock.
        settings: What is configured of it.
        in_order: The ids of the client's sources in the order of the configuration.
    """
    match clock.mode:
        case ClockMode.LOCAL:
            return LocalTime(clock, settings)
        case ClockMode.MIRROR:
            return MirroredTime(client, clock, settings, in_order)
        case ClockMode.VIRTUAL if clock.is_passive and settings.select is ClockSelection.MEDIAN:
            return MedianTime(client, clock, settings)
        case ClockMode.VIRTUAL | ClockMode.STEER:
            return DisciplinedTime(client, clock, settings)


class DisciplinedTime:
    """The clock that the client disciplines.

    Args:
        client: The client.
        clock: Its clock.
        settings: What is served while there is no time.
    """

    def __init__(self, client: Client, clock: MachineClock, settings: ClockConfig) -> None:
        self.settings = settings
        self._client = client
        self._clock = clock
        self._reference_id = ReferenceId(0)

    def snapshot(self) -> Snapshot:
        """The clock as the discipline sees it."""
        now = self._clock.monotonic()
        correction = self._clock.correction()
        view = self._client.discipline.system(now)
        config = self._client.discipline.config
        remote = self._client.remote(view.reference) if view.reference is not None else None
        if remote is not None:  # a source that was let go still is where the clock's time came from
            self._reference_id = ReferenceId.from_address(remote.host)
        if view.leap is LeapIndicator.UNSYNCHRONIZED or view.stratum >= 16:
            base = _unsynchronized(correction.as_of, self.settings)
        else:
            age = NtpDuration.from_seconds(view.last_update_age_s or 0.0)
            base = Snapshot(
                leap=view.leap,
                stratum=view.stratum,
                precision=_PRECISION,
                root_delay=NtpDuration.from_seconds(view.root_delay_s),
                root_dispersion=NtpDuration.from_seconds(view.root_dispersion_s),
                dispersion_rate=config.frequency_tolerance,
                dispersion_limit=NtpDuration.from_seconds(config.holdover_limit_s),
                reference_id=self._reference_id,
                reference_time=(correction.as_of + correction.offset).minus(age),
                as_of=correction.as_of,
            )
        return replace(base, time_offset=correction.offset, time_frequency=correction.frequency)


class MirroredTime:
    """The system clock with the state of another daemon that keeps it: what that one says of its time is passed on unchanged.

    Args:
        client: Who asks the sources.
        clock: The system clock, which is left alone.
        settings: What is served while no source is available.
        in_order: The sources, the first choice first.
    """

    def __init__(self, client: Client, clock: MachineClock, settings: ClockConfig, in_order: Callable[[], Iterable[int]]) -> None:
        self.settings = settings
        self._client = client
        self._clock = clock
        self._in_order = in_order

    def snapshot(self) -> Snapshot:
        """The header of the first available source."""
        now = self._clock.monotonic()
        as_of = self._clock.correction().as_of
        available = _available(self._client, now)
        order = [source for source in self._in_order() if source in available]
        if not order:
            return _unsynchronized(as_of, self.settings)
        # The daemons behind the sources need no time to agree, so the next one can take over at the first request that goes unanswered; but
        # while none answers, what was said last holds until the source counts as unreachable.
        measured = available[next(filter(self._client.is_answering, order), order[0])]
        config = self._client.discipline.config
        return Snapshot(
            leap=measured.leap,
            stratum=measured.stratum,
            precision=measured.precision,
            root_delay=measured.root_delay,
            root_dispersion=_grown(measured, now, config.frequency_tolerance),
            dispersion_rate=config.frequency_tolerance,
            dispersion_limit=NtpDuration.from_seconds(config.holdover_limit_s),
            reference_id=measured.reference_id,
            reference_time=measured.reference_time,
            as_of=as_of,
        )


class MedianTime:
    """The system clock and the median offset of the nearest servers.

    Args:
        client: Who asks the servers.
        clock: The system clock, which is left alone.
        settings: The limit beyond which a server is not counted, and what is served while there is none.
    """

    def __init__(self, client: Client, clock: MachineClock, settings: ClockConfig) -> None:
        self.settings = settings
        self._client = client
        self._clock = clock
        self.refused: Counter[int] = Counter()
        """Measurements beyond the limit, by source."""
        self._judged: dict[int, Measurement] = {}

    def snapshot(self) -> Snapshot:
        """The median as of now."""
        now = self._clock.monotonic()
        as_of = self._clock.correction().as_of
        available = _available(self._client, now)
        limit_s = self.settings.max_accepted_offset
        limit = None if limit_s is None else NtpDuration.from_seconds(limit_s)
        self._count_refused(available, limit)
        choice = select_median(available.items(), limit)
        if choice is None:
            return _unsynchronized(as_of, self.settings)
        return self._chosen(choice, available[choice.nearest], as_of, now)

    def _chosen(self, choice: MedianChoice, nearest: Measurement, as_of: NtpTimestamp, now: float) -> Snapshot:
        config = self._client.discipline.config
        remote = self._client.remote(choice.nearest)
        age = NtpDuration.from_seconds(now - nearest.received_at)
        return Snapshot(
            leap=nearest.leap,
            stratum=min(15, nearest.stratum + 1),
            precision=_PRECISION,
            root_delay=nearest.root_delay + max(NtpDuration(0), nearest.delay),
            # What the nearest server itself says may be wrong by as much as the others contradict it.
            root_dispersion=_grown(nearest, now, config.frequency_tolerance) + abs(choice.offset - nearest.offset),
            dispersion_rate=config.frequency_tolerance,
            dispersion_limit=NtpDuration.from_seconds(config.holdover_limit_s),
            reference_id=ReferenceId.from_address(remote.host) if remote else ReferenceId(0),
            reference_time=(as_of + choice.offset).minus(age),
            as_of=as_of,
            time_offset=choice.offset,
        )

    def _count_refused(self, available: dict[int, Measurement], limit: NtpDuration | None) -> None:
        for source, measured in available.items():
            if self._judged.get(source) is not measured and limit is not None and abs(measured.offset) > limit:
                self.refused[source] += 1
        self._judged = available


class LocalTime:
    """The system clock as it is, under a configured name.

    Args:
        clock: The system clock, which is left alone.
        settings: The stratum and the reference id.
    """

    def __init__(self, clock: MachineClock, settings: ClockConfig) -> None:
        self.settings = settings
        self._clock = clock

    def snapshot(self) -> Snapshot:
        """Synchronised, whatever happens: nobody tells how wrong the clock is, so no error is claimed and none grows."""
        as_of = self._clock.correction().as_of
        return Snapshot(
            leap=LeapIndicator.NO_WARNING,
            stratum=self.settings.local_stratum,
            precision=_PRECISION,
            root_delay=NtpDuration(0),
            root_dispersion=NtpDuration(0),
            dispersion_rate=0.0,
            dispersion_limit=NtpDuration.from_seconds(1.0),
            reference_id=self.settings.local_reference_id,
            reference_time=as_of,
            as_of=as_of,
        )


def _unsynchronized(as_of: NtpTimestamp, settings: ClockConfig) -> Snapshot:
    base = Snapshot.unsynchronized(as_of, precision=_PRECISION, reference_id=settings.unsynchronized_reference_id)
    return replace(base, stratum=settings.unsynchronized_stratum)


def _available(client: Client, now: float) -> dict[int, Measurement]:
    """The newest measurement of every source that can be used, whether or not a majority agrees with it."""
    views = ((source, client.discipline.source(source, now)) for source in client.sources)
    return {source: view.measurement for source, view in views if view.measurement is not None and view.status not in _UNAVAILABLE}


def _grown(measured: Measurement, now: float, tolerance: float) -> NtpDuration:
    """What the server said of its error, and what has come to it since."""
    return measured.root_dispersion + NtpDuration.from_seconds(tolerance * max(0.0, now - measured.received_at))
