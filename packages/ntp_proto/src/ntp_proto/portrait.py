"""The client as the status documents show it: from what the discipline and the peers know to the documents of `observation`."""

from __future__ import annotations

from collections.abc import Mapping

from ntp_proto.algorithm.discipline import Discipline
from ntp_proto.explain import explain_source, reason_of
from ntp_proto.identifiers import LeapIndicator, ReferenceId
from ntp_proto.observation import SourceObservation, SystemObservation
from ntp_proto.peer import Peer
from ntp_proto.time_types import PollInterval

__all__ = ["leap_name", "observe_source", "observe_system"]

_CONFIDENCE = 3.29
"""Standard errors within which a normal variable lies 99.9 % of the time."""
_LEAP_NAMES = {
    LeapIndicator.NO_WARNING: "none",
    LeapIndicator.INSERT: "insert",
    LeapIndicator.DELETE: "delete",
    LeapIndicator.UNSYNCHRONIZED: "unsynchronized",
}


def leap_name(leap: LeapIndicator) -> str:
    """The word of the documents for it."""
    return _LEAP_NAMES[leap]


def observe_system(discipline: Discipline, peers: Mapping[int, Peer], now: float) -> SystemObservation:
    """The document of the clock."""
    view = discipline.system(now)
    peer = peers.get(view.reference) if view.reference is not None else None
    polls = [p.association.poll_interval for p in peers.values()]
    return SystemObservation(
        state=view.state,
        reason=reason_of(view, peers),
        stratum=view.stratum,
        leap=_LEAP_NAMES[view.leap],
        reference_id=ReferenceId.from_address(peer.remote.host).to_text(view.stratum) if peer else "",
        reference=peer.label.name if peer else "",
        offset_s=view.offset_s,
        offset_error_s=view.estimate.offset_error_s if view.estimate else None,
        frequency=view.frequency,
        frequency_error=view.estimate.frequency_error if view.estimate else None,
        root_delay_s=view.root_delay_s,
        root_dispersion_s=view.root_dispersion_s,
        statistical_error_s=_CONFIDENCE * view.estimate.offset_error_s + abs(view.offset_s) if view.estimate and view.stratum < 16 else None,
        maximum_error_s=0.5 * view.root_delay_s + view.root_dispersion_s if view.stratum < 16 else None,
        last_update_age_s=view.last_update_age_s,
        poll_interval_s=min(polls, default=PollInterval(6)).seconds,
        step_count=view.history.step_count,
        accumulated_steps_s=view.history.accumulated_steps_s,
        accumulated_step_panic_threshold_s=discipline.config.accumulated_step_panic_threshold_s,
        slewing=view.is_slewing,
        displacement_count=view.displacement_count,
    )


def observe_source(discipline: Discipline, source: int, peer: Peer, now: float) -> SourceObservation:
    """The document of one source."""
    view, association = discipline.source(source, now), peer.association
    measurement, path = view.measurement, view.estimator.path if view.estimator else None
    return SourceObservation(
        id=source,
        name=peer.label.name,
        address=str(peer.remote),
        mode=peer.label.mode,
        status=view.status,
        reason=explain_source(view, discipline.system(now)),
        reach=association.reach,
        poll_interval_s=association.poll_interval.seconds,
        unanswered_polls=min(8, association.unanswered_polls),
        offset_s=view.offset_s,
        offset_error_s=view.offset_error_s,
        delay_s=measurement.delay.to_seconds() if measurement else None,
        minimum_delay_s=path.base_delay_s if path else None,
        jitter_s=path.jitter_s if path else None,
        last_sample_age_s=now - measurement.received_at if measurement else None,
        stratum=measurement.stratum if measurement else 0,
        reference_id=measurement.reference_id.to_text(measurement.stratum) if measurement else "",
        root_delay_s=measurement.root_delay.to_seconds() if measurement else 0.0,
        root_dispersion_s=measurement.root_dispersion.to_seconds() if measurement else 0.0,
        transmit_stamps=measurement.origin_source.value if measurement else "",
        receive_stamps=measurement.destination_source.value if measurement else "",
        requests=association.requests,
        samples=peer.samples,
        rejections={reason.value: count for reason, count in sorted(peer.rejections.items(), key=lambda item: item[0].value)},
    )
