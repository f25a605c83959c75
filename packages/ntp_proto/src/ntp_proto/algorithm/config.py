"""What can be set in the discipline; each field with its meaning, unit, range and default."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

__all__ = ["DisciplineConfig", "StepThreshold"]


@dataclass(frozen=True, slots=True)
class StepThreshold:
    """A limit for setting the clock, s, each way; infinite: no limit."""

    forward: float = math.inf
    backward: float = math.inf

    def allows(self, offset_s: float) -> bool:
        """Whether a step by `offset_s` (positive: forward) is within the limit."""
        return -self.backward <= offset_s <= self.forward


@dataclass(frozen=True, slots=True, kw_only=True)
class DisciplineConfig:
    """The discipline's settings. Frequencies are dimensionless (s/s): 1e-6 is one ppm.

    Attributes:
        minimum_agreeing_sources: How many sources must agree before the clock is touched, 1 or more; None: min(3, n // 2 + 1) of n configured.
        startup_step_panic_threshold: The largest correction before the first synchronisation.
        single_step_panic_threshold: The largest correction afterwards.
        accumulated_step_panic_threshold_s: The largest sum of |steps| in one run, s; None: no limit.
        step_threshold_s: A smaller offset than this is slewed even at the start, s, 0 or more.
        step_updates: During how many clock updates after the start a larger offset is stepped; 0: never step.
        slew_maximum_frequency: The fastest slew, s/s, above 0 to 0.1.
        maximum_frequency: The largest correction of the oscillator's frequency, s/s, above 0 to 0.1.
        initial_frequency_uncertainty: Standard error of the oscillator's frequency when nothing is known of it, s/s.
        maximum_source_distance_s: A source with a larger error bound is not used, s.
        frequency_tolerance: Growth of every error bound with time, s/s.
        holdover_limit_s: Without sources, the clock counts as unsynchronised once its root dispersion has grown past this, s.
        target_error_s: What the clock's error should stay below 99.9 % of the time, s, above 0; the poll intervals are chosen for it, within their
            limits. None: they are chosen by what the samples are worth.

    Source: names follow ntpd-rs 1.x; frequency_tolerance is PHI of RFC 5905 §7.2.
    """

    minimum_agreeing_sources: int | None = None
    startup_step_panic_threshold: StepThreshold = field(default_factory=lambda: StepThreshold(math.inf, 86400.0))
    single_step_panic_threshold: StepThreshold = field(default_factory=lambda: StepThreshold(1000.0, 1000.0))
    accumulated_step_panic_threshold_s: float | None = None
    step_threshold_s: float = 0.010
    step_updates: int = 4
    slew_maximum_frequency: float = 0.005
    maximum_frequency: float = 500e-6
    initial_frequency_uncertainty: float = 100e-6
    maximum_source_distance_s: float = 1.5
    frequency_tolerance: float = 15e-6
    holdover_limit_s: float = 1.0
    target_error_s: float | None = None
