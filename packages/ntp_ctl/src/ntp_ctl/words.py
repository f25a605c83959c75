"""The marks and words for states: each one has both, and a colour besides, so that none is needed to read the others."""

from __future__ import annotations

from ntp_ctl.style import Color
from ntp_proto.observation import SourceStatus, SyncState

__all__ = ["reach_dots", "source_color", "source_state", "system_color", "system_state"]

_SYSTEM: dict[SyncState, tuple[str, str, Color]] = {
    SyncState.SYNCHRONIZED: ("*", "Synchronized", Color.GOOD),
    SyncState.STARTING: ("?", "Not synchronized yet", Color.DOUBTFUL),
    SyncState.HOLDOVER: ("~", "Holdover", Color.DOUBTFUL),
    SyncState.NO_MAJORITY: ("x", "Not synchronized, no majority", Color.BAD),
    SyncState.PANIC: ("!", "Not synchronized, panic", Color.BAD),
    SyncState.UNSYNCHRONIZED: ("!", "Not synchronized", Color.BAD),
}

# * used   - nothing wrong with it, but not used   ? not known yet   x contradicts   ! out of order
_SOURCE: dict[SourceStatus, tuple[str, Color | None]] = {
    SourceStatus.SELECTED: ("*", Color.GOOD),
    SourceStatus.TOO_FEW: ("-", Color.DOUBTFUL),
    SourceStatus.NO_MAJORITY: ("-", Color.DOUBTFUL),
    SourceStatus.STARTING: ("?", None),
    SourceStatus.FALSETICKER: ("x", Color.BAD),
    SourceStatus.LOOP: ("x", Color.BAD),
    SourceStatus.UNREACHABLE: ("!", Color.BAD),
    SourceStatus.UNSYNCHRONIZED: ("!", Color.BAD),
    SourceStatus.DISTANT: ("!", Color.BAD),
    SourceStatus.DENIED: ("!", Color.BAD),
    SourceStatus.OFFLINE: ("-", Color.DOUBTFUL),
}


def system_state(state: SyncState) -> str:
    """Mark and words for the clock's state: "* Synchronized"."""
    mark, words, _ = _SYSTEM[state]
    return f"{mark} {words}"


def system_color(state: SyncState) -> Color:
    """The colour of the clock's state."""
    return _SYSTEM[state][2]


def source_state(status: SourceStatus) -> str:
    """Mark and word for a source's status; the word is the one of the JSON document: "x falseticker"."""
    return f"{_SOURCE[status][0]} {status.value}"


def source_color(status: SourceStatus) -> Color | None:
    """The colour of a source's status."""
    return _SOURCE[status][1]


def reach_dots(reach: int, requests: int) -> str:
    """The last eight requests, the newest to the right: ● answered, · not answered, blank not sent yet.

    Args:
        reach: The reach register; its lowest bit is the newest request.
        requests: How many were sent in all.
    """
    asked = min(8, requests)
    return "".join("●" if reach >> bit & 1 else "·" if bit < asked else " " for bit in range(7, -1, -1))
