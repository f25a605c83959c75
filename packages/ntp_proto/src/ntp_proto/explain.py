"""The sentences that say why: one for every state of the clock and of a source. What a person reads in status and log comes from here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ntp_proto.algorithm.views import SourceView, SystemView
from ntp_proto.states import SourceStatus, SyncState

if TYPE_CHECKING:
    from ntp_proto.peer import Peer

__all__ = ["duration_text", "explain_source", "explain_system", "offset_text", "reason_of", "sources_text"]

_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def offset_text(seconds: float) -> str:
    """A difference of clocks with sign and unit: "+12.3 µs"."""
    for scale, unit in _UNITS:
        if abs(seconds) >= scale:
            return f"{seconds / scale:+.4g} {unit}"
    return "0 ns" if not seconds else f"{seconds * 1e9:+.2g} ns"


def duration_text(seconds: float) -> str:
    """A length of time as people say it: "40 s", "3 min", "5 h", "2 days"."""
    if seconds < 120.0:
        return f"{seconds:.0f} s"
    if seconds < 7200.0:
        return f"{seconds / 60.0:.0f} min"
    if seconds < 172800.0:
        return f"{seconds / 3600.0:.0f} h"
    return f"{seconds / 86400.0:.0f} days"


def sources_text(count: int) -> str:
    """A number of sources: "1 source", "2 sources"."""
    return f"{count} source" if count == 1 else f"{count} sources"


def explain_system(view: SystemView, reference: str, source_count: int) -> str:
    """Why the clock can, or cannot, be trusted.

    Args:
        view: The clock.
        reference: The name of the source that is followed, "" when there is none.
        source_count: How many sources are configured or found.
    """
    age = duration_text(view.last_update_age_s or 0.0)
    match view.state:
        case SyncState.SYNCHRONIZED:
            return f"{view.agreeing} of {view.voters} sources agree; following {reference}" if view.voters > 1 else f"following {reference}"
        case SyncState.STARTING:
            return _explain_start(view, source_count)
        case SyncState.NO_MAJORITY:
            return f"the sources contradict each other: only {view.agreeing} of {view.voters} agree, and no majority can be followed"
        case SyncState.HOLDOVER:
            return f"no usable source for {age}; the clock runs on with the last frequency"
        case SyncState.UNSYNCHRONIZED:
            return f"no usable source for {age}, and the error bound has grown past the limit"
        case SyncState.PANIC:
            assert view.refusal is not None
            asked, limit = offset_text(view.refusal.offset_s), view.refusal.limit.value
            return f"the sources ask for a correction of {asked}, beyond {limit}; the clock is left alone (ntp-ctl force-sync overrides)"


def _explain_start(view: SystemView, source_count: int) -> str:
    if source_count == 0:
        return "no sources are configured or found"
    if view.voters == 0:
        return "waiting for the first answers"
    return f"{view.agreeing} of the {view.required} sources that must agree have answered"


def explain_source(view: SourceView, system: SystemView) -> str:
    """Why a source is, or is not, used."""
    return {
        SourceStatus.SELECTED: "used: it agrees with the majority" if system.voters > 1 else "used: it is the only source",
        SourceStatus.STARTING: "no answer yet",
        SourceStatus.UNREACHABLE: "it does not answer",
        SourceStatus.UNSYNCHRONIZED: "the server says that it is not synchronised itself",
        SourceStatus.DISTANT: _explain_distance(view.distance_s),
        SourceStatus.FALSETICKER: f"it is {offset_text((view.offset_s or 0.0) - system.offset_s)} away from the majority",
        SourceStatus.NO_MAJORITY: f"the sources contradict each other and only {system.agreeing} of {system.voters} agree",
        SourceStatus.TOO_FEW: f"usable, but only {system.agreeing} of the {system.required} sources that must agree do",
        SourceStatus.LOOP: "it follows us",
        SourceStatus.DENIED: "it told us not to ask",
        SourceStatus.OFFLINE: "it is not asked, as ordered (ntp-ctl sources online ends that)",
    }[view.status]


def _explain_distance(distance_s: float | None) -> str:
    if distance_s is None:
        return "the server says that it is too far from its own reference"
    return f"its error bound of ±{offset_text(distance_s)[1:]} is above the limit"


def reason_of(view: SystemView, peers: Mapping[int, Peer]) -> str:
    """Why the clock can, or cannot, be trusted, in one sentence."""
    peer = peers.get(view.reference) if view.reference is not None else None
    return explain_system(view, peer.label.name if peer else "", len(peers))
