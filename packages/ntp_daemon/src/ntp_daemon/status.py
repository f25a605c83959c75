"""The observation document of a running daemon."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from ntp_daemon.clocks import MachineClock
from ntp_daemon.sources import PendingSource
from ntp_daemon.version import version
from ntp_proto.client import Client
from ntp_proto.observation import (
    DOCUMENT_VERSION,
    ClockMode,
    Observation,
    ProgramState,
    ServiceState,
    SourceObservation,
    SourceStatus,
    SyncState,
    SystemObservation,
)
from ntp_proto.time_types import NtpTimestamp

if TYPE_CHECKING:
    from ntp_daemon.server_side import ServerReport

__all__ = ["observe", "time_text"]

_TOO_FAR = "max-accepted-offset"
_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def observe(
    client: Client,
    clock: MachineClock,
    pending: Sequence[PendingSource],
    started_at: float,
    report: ServerReport | None = None,
    service: ServiceState = ServiceState.DISABLED,
) -> Observation:
    """The document as of now.

    Args:
        client: Whose state is shown.
        clock: Its clock.
        pending: Configured sources that have no server.
        started_at: When the daemon started, on the clock's monotonic scale, s.
        report: What is served; None: nothing.
        service: Whether clients are answered.
    """
    now = clock.monotonic()
    system, sources = client.observe(now)
    program = ProgramState(
        name="ntp-daemon",
        version=version(),
        pid=os.getpid(),
        uptime_s=now - started_at,
        time=time_text(clock.clock.read()),
        clock=clock.mode,
        clock_reason=clock.reason,
    )
    unresolved = tuple(_unresolved(-number, source) for number, source in enumerate(pending, start=1))
    return Observation(
        version=DOCUMENT_VERSION,
        program=program,
        system=_untouched(system, clock.mode, report) if clock.is_passive else system,
        sources=_with_refusals(sources, report) + unresolved,
        served=report.served if report else None,
        servers=report.servers if report else (),
        clients=report.clients if report else (),
        service=service,
    )


def _with_refusals(sources: tuple[SourceObservation, ...], report: ServerReport | None) -> tuple[SourceObservation, ...]:
    """What the median has refused is no answer that was not used by the client, and is shown beside those."""
    if report is None or not report.refused:
        return sources
    return tuple(
        msgspec.structs.replace(source, rejections={**source.rejections, _TOO_FAR: report.refused[source.id]})
        if source.id in report.refused
        else source
        for source in sources
    )


def _untouched(system: SystemObservation, mode: ClockMode, report: ServerReport | None) -> SystemObservation:
    """The discipline of a clock that is only looked at knows what it would do, and nothing of it is done."""
    looked_at = msgspec.structs.replace(system, frequency=0.0, slewing=False, step_count=0, accumulated_steps_s=0.0)
    if report is None:
        return looked_at
    served = report.served
    told = msgspec.structs.replace(
        looked_at, stratum=served.stratum if served.synchronized else 16, leap=served.leap, reference_id=served.reference_id
    )
    if mode is not ClockMode.LOCAL:
        return told
    reason = "the system clock is served as it is, by configuration; nobody checks it"
    return msgspec.structs.replace(told, state=SyncState.SYNCHRONIZED, reason=reason)


def time_text(time: NtpTimestamp) -> str:
    """ISO 8601, UTC, to the microsecond."""
    # The era pivot is this program's own time: any instant from 1958 to 2094 is read right.
    ns = time.to_unix_ns(near_ns=1_767_225_600_000_000_000)
    return (_UNIX_EPOCH + timedelta(microseconds=ns // 1000)).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _unresolved(number: int, source: PendingSource) -> SourceObservation:
    """A source without a server has no association; it is shown with a negative id."""
    return SourceObservation(
        id=number,
        name=source.name,
        address="",
        mode=source.mode,
        status=SourceStatus.STARTING,
        reason=source.reason,
        reach=0,
        poll_interval_s=0.0,
        unanswered_polls=0,
        offset_s=None,
        offset_error_s=None,
        delay_s=None,
        minimum_delay_s=None,
        jitter_s=None,
        last_sample_age_s=None,
        stratum=0,
        reference_id="",
        root_delay_s=0.0,
        root_dispersion_s=0.0,
        transmit_stamps="",
        receive_stamps="",
        requests=0,
        samples=0,
        rejections={},
    )
