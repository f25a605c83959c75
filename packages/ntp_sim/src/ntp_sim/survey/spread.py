"""The figures of many worlds, one by one: what is usual, what is rare, and where it is worst."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ntp_sim.survey.world import WorldFigures

__all__ = ["Spread", "spreads"]

_NAMED = 5
_Value = Callable[[WorldFigures], float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """One figure over all worlds that have it.

    Attributes:
        name: What it is.
        unit: "s", "whole s", "%" for a share of 1, or "" for none.
        median: In half of the worlds it is at least as good.
        p90: In nine of ten worlds it is at least as good.
        worst: In all of them. Each of the three is None where it is "never".
        worst_seeds: The worlds with the worst of it, the worst first.
    """

    name: str
    unit: str
    median: float | None
    p90: float | None
    worst: float | None
    worst_seeds: tuple[int, ...]


def spreads(worlds: Sequence[WorldFigures]) -> list[Spread]:
    """The figures of a survey, those of events only where something has happened."""
    found = [
        _spread("RMS error / standard error", "", worlds, lambda world: world.rms),
        _spread("largest late error / standard error", "", worlds, lambda world: world.late),
        _spread("largest early error / standard error", "", worlds, lambda world: world.early),
        _spread("99.9 % bound held", "%", worlds, lambda world: world.probable_coverage, is_more_better=True),
        _spread("hard bound held", "%", worlds, lambda world: world.coverage, is_more_better=True),
        _spread("requests", "", worlds, lambda world: world.packets),
    ]
    eventful = [world for world in worlds if world.event]
    if eventful:
        found += [
            _spread("peak after the event", "s", eventful, lambda world: world.peak_s),
            _spread("recovered after", "whole s", eventful, lambda world: world.recovered_s),
        ]
    return found


def _spread(name: str, unit: str, worlds: Sequence[WorldFigures], value: _Value, *, is_more_better: bool = False) -> Spread:
    """Sorted from good to bad; what there is not is the worst."""

    def badness(world: WorldFigures) -> float:
        found = value(world)
        return math.inf if found is None else -found if is_more_better else found

    ordered = sorted(worlds, key=badness)
    return Spread(
        name=name,
        unit=unit,
        median=value(ordered[len(ordered) // 2]),
        p90=value(ordered[math.ceil(0.9 * len(ordered)) - 1]),
        worst=value(ordered[-1]),
        worst_seeds=tuple(world.seed for world in ordered[: -_NAMED - 1 : -1]),
    )
