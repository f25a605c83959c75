"""One world of a survey: the run, and how far from the possible it was."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ntp_sim.report import ErrorLog
from ntp_sim.scenario import scenario_from
from ntp_sim.scenario.model import Scenario
from ntp_sim.simulation import Simulation
from ntp_sim.survey.distributions import draw_world
from ntp_sim.survey.reference import standard_errors

__all__ = ["EARLY_S", "LATE_S", "WorldFigures", "measure_world", "run_world"]

EARLY_S, LATE_S = 300, 3000
"""From when on an error is an early one, and from when on a late one, s."""
_RECOVERED_SIGMAS = 5.0
_HOLD_S = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldFigures:
    """Errors are in standard errors of the reference at the same instant, but for those that end in `_s`.

    Attributes:
        seed: Of the draw and of the run.
        reference_s: The standard error of the reference after settling, root mean square, s.
        rms_s: Of the clock's error after settling, s.
        rms: Root mean square after settling.
        late: The largest after 3000 s; where something happens, before that.
        early: The largest from 300 to 3000 s.
        start_s: The largest error in the first 300 s, s.
        coverage: The share of the time, from 300 s on, for which the hard bound held; None: there was none.
        probable_coverage: The same for the statistical 99.9 % bound.
        packets: Requests in the whole run.
        steps: How often the clock was set.
        event: What has happened; "" for nothing.
        peak_s: The largest error after it, s; None: nothing has happened.
        recovered_s: How long after it the error was below 5 times the usual standard error before it, and stayed there for an hour, s; None:
            never, or nothing has happened.
    """

    seed: int
    reference_s: float
    rms_s: float
    rms: float
    late: float
    early: float
    start_s: float
    coverage: float | None
    probable_coverage: float | None
    packets: int
    steps: int
    event: str = ""
    peak_s: float | None = None
    recovered_s: int | None = None


def run_world(seed: int, *, has_event: bool = False) -> WorldFigures:
    """Draw a world and run the client in it."""
    return measure_world(scenario_from(draw_world(seed, has_event=has_event), f"world {seed}"), seed)


def measure_world(scenario: Scenario, seed: int) -> WorldFigures:
    """Run the client in a world and hold it against the reference."""
    simulation = Simulation(scenario, seed)
    result = simulation.run()
    reference_s = standard_errors(scenario, [server.answered for server in simulation.servers])
    errors = [abs(error_s) / sigma_s for error_s, sigma_s in zip(simulation.log.errors_s, reference_s, strict=True)]
    settle = int(scenario.settle_s)
    event_at = scenario.event_at_s
    quiet_until = int(scenario.events[0].at_s) if scenario.events else len(errors)
    coverage, probable_coverage = simulation.bounds.coverage(EARLY_S) or (None, None)
    return WorldFigures(
        seed=seed,
        reference_s=_rms(reference_s[settle:]),
        rms_s=result.rms_s,
        rms=_rms(errors[settle:]),
        late=max(errors[LATE_S:quiet_until]),
        early=max(errors[EARLY_S:LATE_S]),
        start_s=simulation.log.largest_s(0, EARLY_S),
        coverage=coverage,
        probable_coverage=probable_coverage,
        packets=result.packets,
        steps=result.steps,
        event=type(scenario.events[0].happening).__name__ if scenario.events else "",
        peak_s=result.peak_after_event_s,
        recovered_s=_recovered(simulation.log, reference_s[LATE_S:quiet_until], event_at) if event_at is not None else None,
    )


def _recovered(log: ErrorLog, reference_s: list[float], event_at: float) -> int | None:
    """By the mean of the reference: right after an answer it knows more than a clock that is slewed can show at once."""
    at = log.below_at(_RECOVERED_SIGMAS * _rms(reference_s), _HOLD_S, int(event_at))
    return None if at is None else at - int(event_at)


def _rms(values: list[float]) -> float:
    return math.sqrt(math.fsum(value * value for value in values) / len(values))
