"""The discipline: from measurements to what is done to the clock. The only owner of the estimators.

    measurement -> sample -> estimator (one a source) -> selection -> combination (one for all) -> steering -> clock control

One thing flows back: what the clock really did goes into the timescale (see `clock_control`); the estimators live on the uncorrected
clock and never hear of it. Measurements whose request was sent before the last step are dropped, for their timestamps may lie on both
sides of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ntp_proto.algorithm.clock_control import ClockControl
from ntp_proto.algorithm.combination import Combination, combine
from ntp_proto.algorithm.config import DisciplineConfig
from ntp_proto.algorithm.estimate import ClockEstimate, FrequencyPrior
from ntp_proto.algorithm.estimator import SourceEstimator, surprise
from ntp_proto.algorithm.polling import PollPolicy, allowed_loss_s
from ntp_proto.algorithm.sample import Sample
from ntp_proto.algorithm.selection import Selection, Vote, select
from ntp_proto.algorithm.steering import Hold, Slew, Steering, Step, steer
from ntp_proto.algorithm.views import SourceView, SystemView
from ntp_proto.association.measurement import Measurement
from ntp_proto.clock import Clock, ClockStatus
from ntp_proto.identifiers import LeapIndicator
from ntp_proto.states import SourceStatus, SyncState
from ntp_proto.time_types import NtpDuration, PollInterval

__all__ = ["Discipline", "DisciplineUpdate"]

_SIGMAS = 3.0
"""Standard errors in a source's error bound."""
_SURPRISE = 5.0
"""A sample this many standard errors from its prediction is a surprise."""
_CONGESTED_RUN = 3
"""So many exchanges in a row with both directions congested are one too: the route may have changed, and the sooner that is known the better."""
_LEFT_OVER_S = 100e-9
"""What a slew may leave: about what the clock can be read to."""
_USUAL_ASYMMETRY = 0.03
"""The error of an offset that paths usually cause, as a part of the way to the primary reference and back ..."""
_USUAL_DIFFERENCE_S = 100e-6
"""... and what servers in one room may differ by, s."""
_FREQUENCY_MARGIN = 1e-6
"""How far a frequency that was found before may be off when all samples are gone: the oscillator may have cooled down meanwhile."""


@dataclass(frozen=True, slots=True)
class DisciplineUpdate:
    """What came of an input.

    Attributes:
        steering: What was done to the clock, None when nothing was to be done.
        displacement_s: How far something else has set the clock since the last input, s; 0.0: it did not.
        wake_at: When `handle_timer` is to be called, monotonic s; None: no need.
        is_surprise: Whether the measurement was far from its prediction, so that the wanted poll interval of every source has fallen.
    """

    steering: Steering | None
    displacement_s: float
    wake_at: float | None
    is_surprise: bool = False


@dataclass(slots=True)
class _Source:
    policy: PollPolicy
    condition: SourceStatus | None = None
    status: SourceStatus = SourceStatus.STARTING
    measurement: Measurement | None = None
    estimator: SourceEstimator | None = None
    claim: Vote | None = None


@dataclass(frozen=True, slots=True)
class _Reference:
    """What the last used measurement said of the way to the primary reference."""

    source: int
    stratum: int
    root_delay_s: float
    root_dispersion_s: float
    leap: LeapIndicator
    updated_at: float


class Discipline:
    """Disciplines one clock.

    Args:
        config: The settings.
        clock: The clock.
        now: Monotonic instant, s.
        prior: What is known of the oscillator (drift file); None: the clock's present correction, with the configured uncertainty. One
            beyond `config.maximum_frequency` is what is left of a slew (a daemon was killed), and says nothing: then it is 0.0.
    """

    def __init__(self, config: DisciplineConfig, clock: Clock, now: float, prior: FrequencyPrior | None = None) -> None:
        self.config = config
        self._prior = prior or _found(clock.frequency(), config)
        self._control = ClockControl(clock, now, self._prior.frequency)
        self._sources: dict[int, _Source] = {}
        self._selection = Selection(frozenset(), False, False)
        self._combination: Combination | None = None
        self._reference: _Reference | None = None
        self._voters = 0

    def add_source(self, source: int, poll: tuple[PollInterval, PollInterval, PollInterval]) -> None:
        """Take a source in; `poll` is its initial, shortest and longest interval."""
        initial, minimum, maximum = poll
        self._sources[source] = _Source(PollPolicy(initial, minimum, maximum))

    def remove_source(self, source: int, now: float) -> None:
        """Forget a source; what its samples have taught the joint filter stays until the group of survivors changes."""
        del self._sources[source]
        self._vote(now)

    def set_condition(self, source: int, condition: SourceStatus | None, now: float) -> None:
        """Say that a source cannot be used, and why; None: it can."""
        if self._sources[source].condition is not condition:
            self._sources[source].condition = condition
            self._vote(now)

    def measure(self, source: int, measurement: Measurement, now: float) -> DisciplineUpdate:
        """Take in a measurement of a source and steer."""
        displacement_s = self._notice_displacement(now)
        if measurement.sent_at < self._control.last_step_at:
            return DisciplineUpdate(None, displacement_s, self._control.slew_ends_at)
        state = self._sources[source]
        if state.measurement is not None:
            state.policy = state.policy.answered(measurement.sent_at - state.measurement.sent_at)
        state.measurement = measurement
        timescale = self._control.timescale
        sample = Sample.of(measurement, timescale)
        predicted = self._combination.estimate(sample.at) if self._combination else None
        state.estimator = (
            state.estimator.after(sample, self._known_frequency(now)) if state.estimator else SourceEstimator.starting(sample, self._prior)
        )
        self._vote(now)
        survivors = self._selection.survivors
        estimators = {key: s.estimator for key, s in self._sources.items() if s.estimator is not None}
        liars = frozenset(key for key, s in self._sources.items() if s.status is SourceStatus.FALSETICKER)
        self._combination = combine(self._combination, survivors, liars, estimators, source, self._known_frequency(now))
        if self._combination is None:
            return DisciplineUpdate(None, displacement_s, self._control.slew_ends_at)
        estimate = self._combination.estimate(timescale.uncorrected(now))
        is_survivor = source in survivors
        path = state.estimator.path
        is_surprise = is_survivor and predicted is not None and surprise(path, sample, predicted) > _SURPRISE
        is_surprise |= state.estimator.congested_run == _CONGESTED_RUN
        if is_surprise:
            for each in self._sources.values():
                each.policy = each.policy.surprised()
        else:
            sources = max(1, len(survivors))
            allowed_s = allowed_loss_s(estimate, path.jitter_s, sources, self.config.target_error_s)
            state.policy = state.policy.after(estimate, allowed_s, sources)
        if not is_survivor:
            return DisciplineUpdate(None, displacement_s, self._control.slew_ends_at)
        self._note_reference(estimate, now)
        steering = steer(estimate, timescale.correction(now), self._control.history, self.config)
        self._control.update(steering, now)
        self._publish(now)
        return DisciplineUpdate(steering, displacement_s, self._control.slew_ends_at, is_surprise)

    def handle_timer(self, now: float) -> DisciplineUpdate:
        """End a slew that is due, or go on with what is left of it; notice what else has happened to the clock."""
        displacement_s = self._notice_displacement(now)
        due = self._control.slew_ends_at
        if due is None or now < due:
            self._publish(now)
            return DisciplineUpdate(None, displacement_s, due)
        steering = self._finished_slew(now)
        self._control.execute(steering, now)
        return DisciplineUpdate(steering, displacement_s, self._control.slew_ends_at)

    def force_step(self, now: float) -> float | None:
        """Set the clock by all that is to be corrected, whatever the limits: a person's order.

        Returns:
            The step, s; > 0: forward. None when nothing is known.
        """
        estimate = self._estimate(now)
        if estimate is None:
            return None
        offset_s = self._control.remaining_s(estimate, now)
        self._control.update(Step(self._control.base_frequency, offset_s), now)
        self._publish(now)
        return offset_s

    def assert_frequency(self, now: float) -> None:
        """Set our frequency again after something else has changed it, and end a slew: nobody knows what has become of it."""
        self._control.hold(now)

    def stop(self, now: float) -> float:
        """End a slew and leave the clock with its base frequency, s/s, which is returned."""
        self._control.hold(now)
        return self._control.base_frequency

    def _estimate(self, now: float) -> ClockEstimate | None:
        return self._combination.estimate(self._control.timescale.uncorrected(now)) if self._combination else None

    def _known_frequency(self, now: float) -> FrequencyPrior:
        """What a filter that is made anew may take for granted: the frequency found so far, with a margin, or else the prior."""
        estimate = self._estimate(now)
        if estimate is None:
            return self._prior
        return FrequencyPrior(estimate.frequency, min(self._prior.error, max(3.0 * estimate.frequency_error, _FREQUENCY_MARGIN)))

    def _notice_displacement(self, now: float) -> float:
        """When something else has set the clock, start anew: nothing that was known of the offset holds, but the frequency does."""
        displacement_s = self._control.notice_displacement(now)
        if displacement_s:
            self._prior = self._known_frequency(now)
            self._combination = None
            self._selection = Selection(frozenset(), False, False)
            for state in self._sources.values():
                state.estimator = None
        return displacement_s

    def _vote(self, now: float) -> None:
        at = self._control.timescale.uncorrected(now)
        votes: list[Vote] = []
        for key, state in self._sources.items():
            state.status = state.condition or SourceStatus.STARTING
            if state.condition is None and state.estimator is not None:
                state.claim = self._claim(key, state, at)
                state.status = SourceStatus.DISTANT
                if state.claim.distance_s <= self.config.maximum_source_distance_s:
                    votes.append(state.claim)
        self._voters = len(votes)
        self._selection = select(votes, self._required())
        for vote in votes:
            self._sources[vote.source].status = _verdict(vote.source, self._selection)

    def _required(self) -> int:
        """How many must agree. Sources that cannot be used do not raise the number, nor do newcomers once the clock is synchronised."""
        usable = [state for state in self._sources.values() if state.condition is None]
        asked = [state for state in usable if state.estimator is not None] if self._control.history.has_synchronized else usable
        return self.config.minimum_agreeing_sources or min(3, len(asked) // 2 + 1)

    def _claim(self, key: int, state: _Source, at: float) -> Vote:
        """A source's estimate and its bound: half of the way to the primary reference, its dispersion, and our uncertainty of its offset."""
        assert state.estimator is not None
        assert state.measurement is not None
        estimate = state.estimator.estimate(at)
        path_s = 0.5 * (max(0.0, state.estimator.path.base_delay_s) + state.measurement.root_delay.to_seconds())
        own_s = state.measurement.root_dispersion.to_seconds() + _SIGMAS * estimate.offset_error_s
        bound_s = path_s + own_s + state.estimator.unexplained_s(estimate)
        return Vote(key, estimate.offset_s, bound_s, _USUAL_ASYMMETRY * 2.0 * path_s + _USUAL_DIFFERENCE_S + own_s)

    def _note_reference(self, estimate: ClockEstimate, now: float) -> None:
        survivors = {key: self._sources[key] for key in self._selection.survivors}
        key, best = min(survivors.items(), key=lambda item: (item[1].claim.distance_s if item[1].claim else math.inf, item[0]))
        assert best.measurement is not None
        assert best.estimator is not None
        votes = [state.measurement.leap for state in survivors.values() if state.measurement is not None]
        leap = next((mark for mark in (LeapIndicator.INSERT, LeapIndicator.DELETE) if 2 * votes.count(mark) > len(votes)), LeapIndicator.NO_WARNING)
        measurement = best.measurement
        root_delay_s = measurement.root_delay.to_seconds() + max(0.0, best.estimator.path.base_delay_s)
        dispersion_s = measurement.root_dispersion.to_seconds() + best.estimator.unexplained_s(estimate)
        self._reference = _Reference(key, measurement.stratum, root_delay_s, dispersion_s, leap, now)

    def _finished_slew(self, now: float) -> Steering:
        """At the end of a slew take it off; when the timer came late or the slew was very fast, a little is left to be slewed."""
        hold = Hold(self._control.base_frequency)
        estimate = self._estimate(now)
        if estimate is None or abs(self._control.remaining_s(estimate, now)) < _LEFT_OVER_S:
            return hold
        steering = steer(estimate, self._control.timescale.correction(now), self._control.history, self.config)
        return steering if isinstance(steering, Slew) else hold

    def _publish(self, now: float) -> None:
        view = self.system(now)
        synchronized = view.state is SyncState.SYNCHRONIZED
        error_s = view.estimate.offset_error_s if view.estimate else 0.0
        bound_s = 0.5 * view.root_delay_s + view.root_dispersion_s
        self._control.publish(ClockStatus(synchronized, view.leap, NtpDuration.from_seconds(error_s), NtpDuration.from_seconds(bound_s)))

    def status(self, source: int) -> SourceStatus:
        """Why a source is, or is not, used."""
        return self._sources[source].status

    def poll_interval(self, source: int) -> PollInterval:
        """The wanted interval between requests to a source."""
        return self._sources[source].policy.interval

    def state(self, now: float) -> SyncState:
        """Whether the clock can be trusted."""
        return self.system(now).state

    def source(self, source: int, now: float) -> SourceView:
        """One source as it stands."""
        state = self._sources[source]
        if state.estimator is None or state.claim is None:
            return SourceView(state.status, state.policy.interval, state.measurement, None, None, None, None)
        estimate = state.estimator.estimate(self._control.timescale.uncorrected(now))
        offset_s = self._control.remaining_s(estimate, now)
        return SourceView(
            state.status, state.policy.interval, state.measurement, state.estimator, offset_s, estimate.offset_error_s, state.claim.distance_s
        )

    def system(self, now: float) -> SystemView:
        """The clock as it stands."""
        reference, control = self._reference, self._control
        estimate = self._estimate(now)
        offset_s = control.remaining_s(estimate, now) if estimate else 0.0
        age_s = now - reference.updated_at if reference else None
        dispersion_s = self._root_dispersion_s(estimate, offset_s, now)
        state = self._state(dispersion_s)
        is_usable = state in (SyncState.SYNCHRONIZED, SyncState.HOLDOVER, SyncState.NO_MAJORITY) and reference is not None
        return SystemView(
            state=state,
            refusal=control.refusal,
            stratum=min(16, reference.stratum + 1) if reference and is_usable else 16,
            leap=reference.leap if reference and is_usable else LeapIndicator.UNSYNCHRONIZED,
            reference=reference.source if reference and is_usable else None,
            offset_s=offset_s,
            estimate=estimate,
            frequency=control.base_frequency,
            root_delay_s=reference.root_delay_s if reference else 0.0,
            root_dispersion_s=dispersion_s,
            last_update_age_s=age_s,
            history=control.history,
            is_slewing=control.slew_ends_at is not None,
            displacement_count=control.displacements,
            agreeing=len(self._selection.agreeing),
            required=self._required(),
            voters=self._voters,
        )

    def _root_dispersion_s(self, estimate: ClockEstimate | None, offset_s: float, now: float) -> float:
        """The reference's dispersion, what is still to be corrected, our uncertainty, and the growth since the last update (RFC 5905 §11.2.3)."""
        if estimate is None or self._reference is None:
            return 0.0
        age_s = max(0.0, now - self._reference.updated_at)
        own_s = abs(offset_s) + _SIGMAS * estimate.offset_error_s
        return self._reference.root_dispersion_s + own_s + self.config.frequency_tolerance * age_s

    def _state(self, root_dispersion_s: float) -> SyncState:
        if self._control.refusal is not None:
            return SyncState.PANIC
        contradicted = self._voters > 1 and not self._selection.has_majority
        if self._combination is None or self._reference is None:
            return SyncState.NO_MAJORITY if contradicted else SyncState.STARTING
        if root_dispersion_s > self.config.holdover_limit_s:
            return SyncState.UNSYNCHRONIZED
        if self._selection.survivors:
            return SyncState.SYNCHRONIZED
        return SyncState.NO_MAJORITY if contradicted else SyncState.HOLDOVER


def _found(frequency: float, config: DisciplineConfig) -> FrequencyPrior:
    """What the clock's present correction says of its oscillator."""
    is_plausible = abs(frequency) <= config.maximum_frequency
    return FrequencyPrior(frequency if is_plausible else 0.0, config.initial_frequency_uncertainty)


def _verdict(source: int, selection: Selection) -> SourceStatus:
    if not selection.has_majority:
        return SourceStatus.NO_MAJORITY
    if source not in selection.agreeing:
        return SourceStatus.FALSETICKER
    return SourceStatus.SELECTED if selection.has_quorum else SourceStatus.TOO_FEW
