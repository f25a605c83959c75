"""What to do to the clock, given what is known of it: a pure function from estimate to command.

The estimate is already filtered, so the controller has nothing to filter: it sets the oscillator's correction to the estimated frequency and
lets the estimated offset out by running a little faster or slower for some seconds. Frequency and phase are separate: a slew is added to the
frequency correction and taken away when it has done its work, so it never leaves a trace in the frequency, and no overshoot can arise.

The clock is *set* only during the first updates, and only by more than a threshold; later it is never set again, however large the offset.
A correction beyond the panic limits is refused, not shortened: sources that ask for it are not to be believed without a person's word.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum

from ntp_proto.algorithm.config import DisciplineConfig
from ntp_proto.algorithm.estimate import ClockEstimate

__all__ = ["Hold", "PanicLimit", "Refuse", "Slew", "Steering", "SteeringHistory", "Step", "steer"]

_SHORTEST_SLEW_S = 4.0
_SHORTEST_FIRST_SLEW_S = 1.0
"""At the start the offset is large against its uncertainty and time counts; later a slew of a few seconds is far shorter than most poll intervals."""
_GENTLE_SLEW_S = 16.0
"""An offset that may be none has no hurry: the rate of the clock is steadier so. (A sample that comes meanwhile plans what is left anew.)"""
_NEGLIGIBLE_S = 20e-9
"""Below what a clock can be read to: not worth a system call."""
_CERTAIN = 3.0
"""A step must be this many standard errors long, so that noise alone never sets the clock; and a smaller offset is slewed gently."""


class PanicLimit(Enum):
    """Which limit a correction would exceed."""

    STARTUP = "startup-step-panic-threshold"
    SINGLE = "single-step-panic-threshold"
    ACCUMULATED = "accumulated-step-panic-threshold"


@dataclass(frozen=True, slots=True)
class Hold:
    """Run on with this frequency correction, s/s; nothing is to be slewed."""

    frequency: float


@dataclass(frozen=True, slots=True)
class Slew:
    """Run with `frequency + slew` for `duration_s`, then with `frequency`.

    Attributes:
        frequency: The oscillator's correction, s/s; > 0: faster.
        slew: On top of it, s/s; > 0: the clock catches up.
        duration_s: For how long, s of the monotonic clock.
    """

    frequency: float
    slew: float
    duration_s: float


@dataclass(frozen=True, slots=True)
class Step:
    """Set the clock by `offset_s` (> 0: forward) and run on with this frequency correction."""

    frequency: float
    offset_s: float


@dataclass(frozen=True, slots=True)
class Refuse:
    """Leave the clock alone: the correction is beyond a limit.

    Attributes:
        limit: Which one.
        offset_s: The correction that the sources ask for, s; > 0: forward.
    """

    limit: PanicLimit
    offset_s: float


Steering = Hold | Slew | Step | Refuse


@dataclass(frozen=True, slots=True)
class SteeringHistory:
    """What has been done to the clock in this run.

    Attributes:
        updates: Clock updates since the start, or since something else set the clock.
        has_synchronized: Whether the clock has ever followed a source in this run.
        step_count: How often the clock was set.
        accumulated_steps_s: Sum of the absolute values of all steps, s.
    """

    updates: int = 0
    has_synchronized: bool = False
    step_count: int = 0
    accumulated_steps_s: float = 0.0

    def after(self, steering: Steering) -> SteeringHistory:
        """The history with one more update."""
        match steering:
            case Refuse():
                return self
            case Step(offset_s=offset_s):
                return SteeringHistory(self.updates + 1, True, self.step_count + 1, self.accumulated_steps_s + abs(offset_s))
            case Hold() | Slew():
                return replace(self, updates=self.updates + 1, has_synchronized=True)

    def reopened(self) -> SteeringHistory:
        """The history after something else has set the clock: a few updates may step again."""
        return replace(self, updates=0)


def steer(estimate: ClockEstimate, correction_s: float, history: SteeringHistory, config: DisciplineConfig) -> Steering:
    """Decide what to do.

    Args:
        estimate: The clock now, uncorrected.
        correction_s: What has been corrected so far, s.
        history: What has been done in this run.
        config: The limits.
    """
    offset_s = estimate.offset_s - correction_s
    frequency = min(config.maximum_frequency, max(-config.maximum_frequency, estimate.frequency))
    refused = _refusal(offset_s, history, config)
    if refused is not None:
        return refused
    is_certain = abs(offset_s) > _CERTAIN * estimate.offset_error_s
    if history.updates < config.step_updates and abs(offset_s) > config.step_threshold_s and is_certain:
        limit_s = config.accumulated_step_panic_threshold_s
        if limit_s is not None and history.accumulated_steps_s + abs(offset_s) > limit_s:
            return Refuse(PanicLimit.ACCUMULATED, offset_s)
        return Step(frequency, offset_s)
    if abs(offset_s) < _NEGLIGIBLE_S:
        return Hold(frequency)
    later_s = _SHORTEST_SLEW_S if is_certain else _GENTLE_SLEW_S
    shortest_s = _SHORTEST_FIRST_SLEW_S if history.updates < config.step_updates else later_s
    slew = math.copysign(min(abs(offset_s) / shortest_s, config.slew_maximum_frequency), offset_s)
    # The duration is one of the clock that is being slewed, which itself runs fast or slow meanwhile.
    return Slew(frequency, slew, offset_s / slew * (1.0 + frequency + slew))


def _refusal(offset_s: float, history: SteeringHistory, config: DisciplineConfig) -> Refuse | None:
    if not history.has_synchronized:
        return None if config.startup_step_panic_threshold.allows(offset_s) else Refuse(PanicLimit.STARTUP, offset_s)
    return None if config.single_step_panic_threshold.allows(offset_s) else Refuse(PanicLimit.SINGLE, offset_s)
