"""What came of one run: its figures, and whether they are within the limits."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ntp_sim.report import BoundLog, ErrorLog
from ntp_sim.scenario.model import Below, Limits, Scenario

__all__ = ["HOLD_AFTER_EVENT_S", "HOLD_S", "Result", "broken_limits", "evaluate"]

HOLD_S = 300
"""For how long the error must stay small before it counts as small, s."""
HOLD_AFTER_EVENT_S = 3600
"""The same after an event, whose effect may come with the next request only."""
_MILLISECOND, _100_MICROSECONDS = 1e-3, 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Figures of one run; times in true seconds.

    Attributes:
        rms_s: Root mean square of the clock's error after settling.
        p99_s: 99 % of the seconds after settling are at or below it.
        maximum_s: The largest error after settling.
        packets: Requests in the whole run.
        steps: How often the clock was set.
        to_1ms_s: When the error was below 1 ms and stayed there for 300 s; None: never.
        to_100us_s: The same for 100 µs.
        peak_after_event_s: The largest error after the first event; None: there was none.
        after_event_to_100us_s: How long after it the error was below 100 µs and stayed there for an hour; None: never, or no event.
        coverage: The share of the time after settling for which the hard bound held; None: none was published.
        probable_coverage: The same for the 99.9 % bound.
        broken: The limits that were not kept, one sentence each.
    """

    rms_s: float
    p99_s: float
    maximum_s: float
    packets: int
    steps: int
    to_1ms_s: int | None
    to_100us_s: int | None
    peak_after_event_s: float | None
    after_event_to_100us_s: int | None
    coverage: float | None
    probable_coverage: float | None
    broken: tuple[str, ...] = ()


def evaluate(scenario: Scenario, log: ErrorLog, bounds: BoundLog, *, packets: int, steps: list[float]) -> Result:
    """The figures of a run that has ended."""
    settle, event = int(scenario.settle_s), scenario.event_at_s
    coverage, probable_coverage = bounds.coverage(scenario.settle_s) or (None, None)
    recovered = log.below_at(_100_MICROSECONDS, HOLD_AFTER_EVENT_S, int(event)) if event is not None else None
    result = Result(
        rms_s=log.rms_s(settle),
        p99_s=log.quantile_s(0.99, settle),
        maximum_s=log.largest_s(settle),
        packets=packets,
        steps=len(steps),
        to_1ms_s=log.below_at(_MILLISECOND, HOLD_S),
        to_100us_s=log.below_at(_100_MICROSECONDS, HOLD_S),
        peak_after_event_s=log.largest_s(int(event)) if event is not None else None,
        after_event_to_100us_s=recovered - int(event) if recovered is not None and event is not None else None,
        coverage=coverage,
        probable_coverage=probable_coverage,
    )
    return _judged(result, scenario.limits, log, event)


def broken_limits(result: Result, limits: Limits) -> tuple[str, ...]:
    """The limits that need no more than the figures and are not kept."""
    broken = []
    for name, value, limit in (
        ("RMS", result.rms_s, limits.rms_s),
        ("p99", result.p99_s, limits.p99_s),
        ("maximum", result.maximum_s, limits.maximum_s),
        ("peak after the event", result.peak_after_event_s, limits.peak_after_event_s),
    ):
        if limit is not None and (value is None or value > limit):
            broken.append(f"{name} is {'never' if value is None else f'{value:.3g} s'}, the limit is {limit:g} s")
    for name, count, most in (("packets", result.packets, limits.packets), ("steps", result.steps, limits.steps)):
        if most is not None and count > most:
            broken.append(f"{name}: {count}, the limit is {most}")
    for name, share, least in (
        ("hard bound", result.coverage, limits.coverage),
        ("99.9 % bound", result.probable_coverage, limits.probable_coverage),
    ):
        if least is not None and (share is None or share < least):
            broken.append(f"the {name} held for {100.0 * (share or 0.0):.3f} % of the time, the limit is {100.0 * least:g} %")
    return tuple(broken)


def _judged(result: Result, limits: Limits, log: ErrorLog, event: float | None) -> Result:
    late = [_late(below, log, 0, HOLD_S) for below in limits.below]
    if event is not None:
        late += [_late(below, log, int(event), HOLD_AFTER_EVENT_S) for below in limits.below_after_event]
    return replace(result, broken=(*broken_limits(result, limits), *filter(None, late)))


def _late(below: Below, log: ErrorLog, start: int, hold: int) -> str:
    reached = log.below_at(below.limit_s, hold, start)
    if reached is not None and reached - start <= below.within_s:
        return ""
    took = f"after {reached - start} s" if reached is not None else "never"
    when = " after the event" if hold == HOLD_AFTER_EVENT_S else ""
    return f"below {below.limit_s:g} s{when}: {took}, the limit is {below.within_s:g} s"
