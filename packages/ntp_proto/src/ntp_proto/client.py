"""A whole NTP client without input or output: associations with servers, and the discipline that they feed.

A shell (the daemon, the simulator) gives it timers, datagrams and transmit timestamps, and carries out the actions that come back:

    source's Send    a datagram from a fresh socket; answer with `handle_sent`
    source's Close   that socket is done with
    source's Reset, Demobilize   resolve the name again, or find another server, and replace the source
    WakeAt           call `handle_timer` then
    Notice           worth a line in the log

The back-edges run through here: the wanted poll interval to the association, a displaced clock to all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol, assert_never

from ntp_proto.algorithm.discipline import Discipline, DisciplineUpdate
from ntp_proto.algorithm.steering import Refuse, Step
from ntp_proto.association import (
    Action,
    Association,
    AssociationConfig,
    Close,
    Demobilize,
    Measured,
    Measurement,
    Rejected,
    Rejection,
    Reset,
    Send,
    WakeAt,
)
from ntp_proto.datagram import Address, Datagram, StampSource
from ntp_proto.explain import explain_source, offset_text, reason_of
from ntp_proto.peer import Peer, SourceLabel
from ntp_proto.spreading import shift_s
from ntp_proto.states import SourceStatus, SyncState
from ntp_proto.time_types import NtpTimestamp

if TYPE_CHECKING:
    import random

    from ntp_proto.observation import SourceObservation, SystemObservation

__all__ = ["Client", "ClientAction", "Notice", "Observer", "Severity", "SourceAction", "SourceLabel"]

_CONDITIONS = {
    Rejection.UNSYNCHRONIZED: SourceStatus.UNSYNCHRONIZED,
    Rejection.ROOT_DISTANCE: SourceStatus.DISTANT,
    Rejection.LOOP: SourceStatus.LOOP,
}
"""What an answer that is genuine but unusable says of the source, until a usable one comes."""
_GOOD_NEWS = frozenset((SourceStatus.SELECTED, SourceStatus.TOO_FEW, SourceStatus.OFFLINE))
"""Changes of a source's status that need nobody's attention."""


class Severity(Enum):
    """How much a notice matters to an operator."""

    INFO = "info"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that an operator may want to read: changes only, never one a packet."""

    severity: Severity
    text: str


@dataclass(frozen=True, slots=True)
class SourceAction:
    """An action of one source's association, for the shell to carry out."""

    source: int
    action: Send | Close | Reset | Demobilize


ClientAction = SourceAction | WakeAt | Notice


class Observer(Protocol):
    """Who wants to know all that goes into the discipline, in the order in which it does: to record it. Must neither block nor raise."""

    def source_added(self, source: int, label: SourceLabel, remote: Address, config: AssociationConfig, now: float) -> None:
        """A server is followed from now on."""
        ...

    def source_removed(self, source: int, now: float) -> None:
        """A server is forgotten."""
        ...

    def condition_changed(self, source: int, condition: SourceStatus | None, now: float) -> None:
        """A source cannot be used, and why; None: it can."""
        ...

    def measured(self, source: int, measurement: Measurement, now: float) -> None:
        """A measurement is about to be taken in."""
        ...


class Client:
    """Follows any number of servers.

    Args:
        discipline: The discipline of the clock, without sources.
        rng: Randomness for nonces and the spreading of requests.
        observer: Is told what goes into the discipline; None: nobody is.
    """

    def __init__(self, discipline: Discipline, rng: random.Random, observer: Observer | None = None) -> None:
        self.discipline = discipline
        self._observer = observer
        self._rng = rng
        self._peers: dict[int, Peer] = {}
        self._discipline_wake_at: float | None = None
        self._state = SyncState.STARTING

    @property
    def sources(self) -> frozenset[int]:
        """The ids of the sources."""
        return frozenset(self._peers)

    def remote(self, source: int) -> Address | None:
        """Where a source is; None when it is not followed any more."""
        peer = self._peers.get(source)
        return peer.remote if peer else None

    def is_answering(self, source: int) -> bool:
        """Whether a source has answered its last request, the one that is outstanding aside; True also before the first."""
        return not self._peers[source].association.unanswered_polls

    def add_source(
        self, source: int, label: SourceLabel, remote: Address, config: AssociationConfig, now: float, *, start_delay_s: float = 0.0
    ) -> list[ClientAction]:
        """Begin to follow a server; `source` is an id that was never used before."""
        association = Association(config, remote, self._rng, now, start_delay_s)
        self._peers[source] = Peer(label, remote, association)
        if self._observer:
            self._observer.source_added(source, label, remote, config, now)
        self.discipline.add_source(source, (config.poll_initial, config.poll_minimum, config.poll_maximum))
        return self._carry_out(source, association.handle_timer(now), now)

    def remove_source(self, source: int, now: float) -> list[ClientAction]:
        """Forget a server; an answer that is still under way is ignored."""
        del self._peers[source]
        if self._observer:
            self._observer.source_removed(source, now)
        self.discipline.remove_source(source, now)
        return self._concluded([], now)

    def handle_timer(self, now: float) -> list[ClientAction]:
        """Do whatever is due."""
        actions: list[ClientAction] = []
        if self._discipline_wake_at is not None and now >= self._discipline_wake_at:
            actions += self._after(self.discipline.handle_timer(now), now)
        for source, peer in list(self._peers.items()):
            if peer.wake_at is not None and now >= peer.wake_at:
                peer.wake_at = None
                actions += self._translated(source, peer.association.handle_timer(now), now)
        return self._concluded(actions, now)

    def check_clock(self, now: float) -> list[ClientAction]:
        """Look whether something else has set the clock; to be called now and then, since long poll intervals would hide it."""
        return self._concluded(self._after(self.discipline.handle_timer(now), now), now)

    def handle_sent(self, source: int, token: int, sent_at: NtpTimestamp, stamp_source: StampSource, now: float) -> list[ClientAction]:
        """Take the transmit timestamp of a request."""
        peer = self._peers.get(source)
        return self._carry_out(source, peer.association.handle_sent(token, sent_at, stamp_source, now) or [], now) if peer else []

    def handle_send_error(self, source: int, token: int, now: float) -> list[ClientAction]:
        """Learn that a request could not be sent."""
        peer = self._peers.get(source)
        return self._carry_out(source, peer.association.handle_send_error(token, now), now) if peer else []

    def handle_datagram(self, source: int, datagram: Datagram, now: float) -> list[ClientAction]:
        """Take a datagram that arrived on the socket of one source at the monotonic instant `now`."""
        peer = self._peers.get(source)
        return self._carry_out(source, peer.association.handle_datagram(datagram, now), now) if peer else []

    def burst(self, sources: Iterable[int], now: float) -> list[ClientAction]:
        """Ask these sources several times in a row, as at the start; one that has complained of our rate is left alone."""
        actions: list[ClientAction] = []
        for source in sources:
            actions += self._translated(source, self._peers[source].association.start_burst(now), now)
        return self._concluded(actions, now)

    def set_online(self, source: int, now: float, *, online: bool) -> list[ClientAction]:
        """Stop asking a source, or ask it again; what is known of it is kept."""
        return self._carry_out(source, self._peers[source].association.set_online(online, now), now)

    def force_step(self, now: float) -> float | None:
        """Set the clock by all that is to be corrected, whatever the limits; None when nothing is known."""
        return self.discipline.force_step(now)

    def stop(self, now: float) -> float:
        """End a slew; returns the base frequency that the clock is left with, s/s."""
        return self.discipline.stop(now)

    def observe_system(self, now: float) -> SystemObservation:
        """The status document of the clock alone."""
        from ntp_proto.portrait import observe_system  # noqa: PLC0415 — nobody can ask before the first request

        return observe_system(self.discipline, self._peers, now)

    def observe(self, now: float) -> tuple[SystemObservation, tuple[SourceObservation, ...]]:
        """The status documents of the clock and of every source."""
        from ntp_proto.portrait import observe_source, observe_system  # noqa: PLC0415 — see `observe_system`

        sources = (observe_source(self.discipline, source, peer, now) for source, peer in sorted(self._peers.items()))
        return observe_system(self.discipline, self._peers, now), tuple(sources)

    def _carry_out(self, source: int, actions: list[Action], now: float) -> list[ClientAction]:
        return self._concluded(self._translated(source, actions, now), now)

    def _translated(self, source: int, actions: list[Action], now: float) -> list[ClientAction]:
        """Keep what is for us, hand on what is for the shell."""
        peer = self._peers[source]
        handed_on: list[ClientAction] = []
        for action in actions:
            match action:
                case Send() | Close() | Reset() | Demobilize():
                    handed_on.append(SourceAction(source, action))
                    if isinstance(action, Demobilize):
                        peer.condition = SourceStatus.DENIED
                case WakeAt(at):
                    peer.wake_at = at
                case Measured(measurement):
                    peer.samples += 1
                    peer.condition = None
                    if peer.was_silent:
                        peer.was_silent = False
                        handed_on += self._translated(source, peer.association.start_burst(now), now)
                    self._set_condition(source, peer, now)
                    if self._observer:
                        self._observer.measured(source, measurement, now)
                    update = self.discipline.measure(source, measurement, now)
                    handed_on += self._after(update, now)
                    for other in list(self._peers) if update.is_surprise else [source]:
                        handed_on += self._translated(other, self._poll_wish(other, self._peers[other], now), now)
                    handed_on += self._translated(source, self._spread(source, now), now)
                case Rejected(reason):
                    peer.rejections[reason] += 1
                    peer.condition = _CONDITIONS.get(reason, peer.condition)
                case _:
                    assert_never(action)
        self._set_condition(source, peer, now)
        return handed_on

    def _poll_wish(self, source: int, peer: Peer, now: float) -> list[Action]:
        return peer.association.set_poll_interval(self.discipline.poll_interval(source), now)

    def _spread(self, source: int, now: float) -> list[Action]:
        association = self._peers[source].association
        others = [peer.association.next_poll_at for key, peer in self._peers.items() if key != source and peer.association.is_reachable]
        by_s = shift_s(association.next_poll_at, association.poll_interval.seconds, [at for at in others if at != float("inf")])
        return association.shift_poll(by_s, now)

    def _set_condition(self, source: int, peer: Peer, now: float) -> None:
        is_silent = peer.association.unanswered_polls >= 8 or (not peer.samples and peer.association.unanswered_polls >= 3)
        peer.was_silent = peer.was_silent or is_silent
        unreachable = SourceStatus.UNREACHABLE if is_silent else None
        condition = (peer.condition or unreachable) if peer.association.is_online else SourceStatus.OFFLINE
        if self._observer and condition is not peer.told_condition:
            peer.told_condition = condition
            self._observer.condition_changed(source, condition, now)
        self.discipline.set_condition(source, condition, now)

    def _after(self, update: DisciplineUpdate, now: float) -> list[ClientAction]:
        self._discipline_wake_at = update.wake_at
        actions: list[ClientAction] = []
        if update.displacement_s:
            text = f"something else has set the clock by {offset_text(update.displacement_s)}; measuring anew"
            actions.append(Notice(Severity.WARNING, text))
            for source, peer in self._peers.items():
                actions += self._translated(source, peer.association.start_burst(now), now)
        match update.steering:
            case Step(offset_s=offset_s):
                actions.append(Notice(Severity.WARNING, f"set the clock by {offset_text(offset_s)}"))
            case Refuse(limit, offset_s):
                if self._state is not SyncState.PANIC:
                    text = f"refused to correct the clock by {offset_text(offset_s)}: beyond {limit.value}; leaving it alone"
                    actions.append(Notice(Severity.WARNING, text))
            case _:
                pass
        return actions

    def _concluded(self, actions: list[ClientAction], now: float) -> list[ClientAction]:
        """Add what has changed, and when to wake up."""
        actions += self._changes(now)
        wakes = [peer.wake_at for peer in self._peers.values() if peer.wake_at is not None]
        if self._discipline_wake_at is not None:
            wakes.append(self._discipline_wake_at)
        if wakes:
            actions.append(WakeAt(min(wakes)))
        return actions

    def _changes(self, now: float) -> list[ClientAction]:
        notices: list[ClientAction] = []
        for source, peer in self._peers.items():
            status = self.discipline.status(source)
            if status is not peer.status:
                peer.status = status
                severity = Severity.INFO if status in _GOOD_NEWS else Severity.WARNING
                reason = explain_source(self.discipline.source(source, now), self.discipline.system(now))
                notices.append(Notice(severity, f"{peer.label.name} ({peer.remote}): {reason}"))
        state = self.discipline.state(now)
        if state is SyncState.HOLDOVER and any(peer.status is SourceStatus.STARTING for peer in self._peers.values()):
            return notices  # a newcomer may end it with its first answer; when none comes, it is unreachable and this is said then
        if state is not self._state:
            self._state = state
            severity = Severity.INFO if state is SyncState.SYNCHRONIZED else Severity.WARNING
            notices.append(Notice(severity, f"{state.value}: {reason_of(self.discipline.system(now), self._peers)}"))
        return notices
