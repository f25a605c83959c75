"""The words for the state of a clock, of its sources and of the daemon: those that decide use them, and the documents of `observation` show them.

They are apart from the documents because the first request need not wait for what makes and reads JSON.
"""

from __future__ import annotations

from enum import Enum

__all__ = ["ClockMode", "ServiceState", "SourceStatus", "SyncState"]


class ClockMode(Enum):
    """Which clock is disciplined."""

    STEER = "steer"
    """The system clock."""
    VIRTUAL = "virtual"
    """A corrected clock inside the daemon; the system clock is left alone."""
    MIRROR = "mirror"
    """The system clock as it is, served with what the first available server says of its own time."""
    LOCAL = "local"
    """The system clock as it is, served with a configured stratum."""


class SyncState(Enum):
    """Whether the clock can be trusted, and if not, why."""

    STARTING = "starting"
    """No quorum of sources has agreed yet."""
    SYNCHRONIZED = "synchronized"
    """The clock follows its sources."""
    HOLDOVER = "holdover"
    """The sources are gone; the clock runs on with the last frequency and its error bound grows."""
    NO_MAJORITY = "no-majority"
    """The sources contradict each other and no majority agrees."""
    PANIC = "panic"
    """The sources ask for a correction beyond the limits; the clock is left alone."""
    UNSYNCHRONIZED = "unsynchronized"
    """The error bound has grown past the limit."""


class SourceStatus(Enum):
    """Why a source is, or is not, used. Every source always has exactly one."""

    SELECTED = "selected"
    """Used: it agrees with the majority."""
    STARTING = "starting"
    """No measurement yet."""
    UNREACHABLE = "unreachable"
    """The last eight requests were not answered."""
    UNSYNCHRONIZED = "unsynchronized"
    """The server says that it has no time itself."""
    DISTANT = "distant"
    """Its root distance (error bound) is above the limit."""
    FALSETICKER = "falseticker"
    """It contradicts the majority."""
    NO_MAJORITY = "no-majority"
    """The sources contradict each other and no majority agrees."""
    TOO_FEW = "too-few"
    """It would be usable, but fewer sources agree than are required."""
    LOOP = "loop"
    """It follows us."""
    DENIED = "denied"
    """It told us to go away."""
    OFFLINE = "offline"
    """It is not asked, by order, until it is online again."""


class ServiceState(Enum):
    """Whether clients are answered."""

    RUNNING = "running"
    """They are."""
    STOPPED = "stopped"
    """They would be, but somebody has stopped it, or it could not be started."""
    DISABLED = "disabled"
    """The configuration has no address to answer them on."""
