"""A scenario: the physics, the settings, what happens, and the limits. See docs/guide/simulator.md for the file that it is read from.

Times are seconds of true time since the start, frequencies are s/s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ntp_proto.algorithm import DisciplineConfig, FrequencyPrior
from ntp_proto.association import AssociationConfig
from ntp_proto.identifiers import KissCode
from ntp_sim.network import Link
from ntp_sim.node import Machine
from ntp_sim.oscillator import Oscillator
from ntp_sim.server import Behaviour

__all__ = [
    "Below",
    "ClockPlan",
    "ClockStep",
    "EventPlan",
    "FrequencyStep",
    "Happening",
    "Kiss",
    "Limits",
    "Outage",
    "RelayPlan",
    "RouteChange",
    "Scenario",
    "ServerPlan",
    "ServerRamp",
    "ServerStep",
    "Suspend",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockPlan:
    """A clock: `offset_s` is how far it is ahead at the start; `prior` what its drift file says."""

    oscillator: Oscillator = Oscillator()  # noqa: RUF009 — frozen
    offset_s: float = 0.0
    prior: FrequencyPrior | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerPlan:
    """A server and the way to it.

    Attributes:
        make_there: Makes the way to it; queues may have a state of their own, so each run makes them anew.
        make_back: The way from it.
        behaviour: How it answers.
        association: How it is asked.
        clock: Its own clock; None: it knows true time.
        shared_clock: Servers with the same name here show one clock, so that they can err together; "": its own.
        relay: The name of the relay whose clock it shows, "" for none.
        asymmetry: Standard deviation of the difference between the two base delays, as a part of their sum; each run draws it anew.
    """

    make_there: Callable[[], Link]
    make_back: Callable[[], Link]
    behaviour: Behaviour = field(default_factory=Behaviour)
    association: AssociationConfig = field(default_factory=AssociationConfig)
    clock: ClockPlan | None = None
    shared_clock: str = ""
    relay: str = ""
    asymmetry: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayPlan:
    """A machine between: a client of its servers, and a server for others."""

    name: str
    clock: ClockPlan
    make_machine: Callable[[], Machine]
    servers: tuple[ServerPlan, ...]


@dataclass(frozen=True, slots=True)
class FrequencyStep:
    """The client's oscillator jumps, s/s."""

    by: float


@dataclass(frozen=True, slots=True)
class ClockStep:
    """Another hand sets the client's clock, s."""

    by_s: float


@dataclass(frozen=True, slots=True)
class Suspend:
    """The client's machine sleeps."""

    length_s: float
    rtc_error_s: float


@dataclass(frozen=True, slots=True)
class RouteChange:
    """The base delays change, by so much each way, s."""

    there_s: float
    back_s: float


@dataclass(frozen=True, slots=True)
class Outage:
    """Servers are silent."""

    length_s: float


@dataclass(frozen=True, slots=True)
class Kiss:
    """Servers answer with a kiss."""

    code: KissCode
    length_s: float


@dataclass(frozen=True, slots=True)
class ServerStep:
    """The clock of servers jumps, s."""

    by_s: float


@dataclass(frozen=True, slots=True)
class ServerRamp:
    """The clock of servers begins to run away, s/s."""

    rate: float


Happening = FrequencyStep | ClockStep | Suspend | RouteChange | Outage | Kiss | ServerStep | ServerRamp


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPlan:
    """Something that happens.

    Attributes:
        at_s: When, for the first time.
        every_s: And again after so long, 0.0: only once.
        servers: To which of the client's servers, from 0; all where it does not say.
        happening: What.
    """

    at_s: float
    every_s: float = 0.0
    servers: tuple[int, ...] = ()
    happening: Happening

    def times(self, duration_s: float) -> list[float]:
        """All the times at which it happens."""
        if not self.every_s:
            return [self.at_s]
        return [self.at_s + number * self.every_s for number in range(max(1, 1 + int((duration_s - self.at_s) // self.every_s)))]


@dataclass(frozen=True, slots=True)
class Below:
    """Not later than `within_s` after the start (an event) the error is below `limit_s`, and stays there for 300 s (an hour)."""

    limit_s: float
    within_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a run must keep; None, or empty: no limit.

    Attributes:
        rms_s: Root mean square of the error after settling.
        p99_s: 99 % of the seconds after settling stay at or below it.
        maximum_s: The largest error after settling.
        packets: Requests in the whole run.
        steps: How often the clock may be set.
        below: When the error has to be small after the start.
        peak_after_event_s: The largest error after the first event.
        below_after_event: When it has to be small again after the first event.
        coverage: The least share of the time, after settling, for which the hard bound holds.
        probable_coverage: The same for the 99.9 % bound.
    """

    rms_s: float | None = None
    p99_s: float | None = None
    maximum_s: float | None = None
    packets: int | None = None
    steps: int | None = None
    below: tuple[Below, ...] = ()
    peak_after_event_s: float | None = None
    below_after_event: tuple[Below, ...] = ()
    coverage: float | None = None
    probable_coverage: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """All that a run needs but the seed. `settle_s`: from when on the error counts."""

    name: str
    description: str
    duration_s: float
    settle_s: float
    clock: ClockPlan
    make_machine: Callable[[], Machine]
    servers: tuple[ServerPlan, ...]
    relays: tuple[RelayPlan, ...] = ()
    events: tuple[EventPlan, ...] = ()
    discipline: DisciplineConfig = field(default_factory=DisciplineConfig)
    limits: Limits = field(default_factory=Limits)

    @property
    def event_at_s(self) -> float | None:
        """When the first event happens, a sleep when it ends; None: nothing does."""
        return min((event.at_s + _sleep_s(event.happening) for event in self.events), default=None)


def _sleep_s(happening: Happening) -> float:
    return happening.length_s if isinstance(happening, Suspend) else 0.0
