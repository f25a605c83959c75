"""From what distributions a world is drawn. docs/guide/simulator.md shows them as a table; change both together.

A world is the document of a scenario file, so that each of them can be written to one and looked at by itself. "From a to b" is uniform in the
logarithm unless it says evenly. All numbers are rounded to three digits: a file shows the very numbers that were drawn.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable

__all__ = ["DURATION_S", "SETTLE_S", "Document", "draw_world"]

DURATION_S, SETTLE_S = 20_000, 10_000
_EVENT_FROM_S, _EVENT_TO_S = 8_000.0, 12_000.0
_AFTER_EVENT_S = 12_000.0

Document = dict[str, object]


class _Dice:
    """Rounded draws."""

    def __init__(self, name: str) -> None:
        self._rng = random.Random(name)  # noqa: S311 — a survey has to repeat

    def log(self, low: float, high: float) -> float:
        return _rounded(math.exp(self._rng.uniform(math.log(low), math.log(high))))

    def even(self, low: float, high: float) -> float:
        return _rounded(self._rng.uniform(low, high))

    def sign(self) -> float:
        return self._rng.choice([-1.0, 1.0])

    def chance(self, part: float) -> bool:
        return self._rng.random() < part

    def number(self, *numbers: int) -> int:
        return self._rng.choice(numbers)

    def value(self, *values: float) -> float:
        return self._rng.choice(values)

    def word(self, *words: str) -> str:
        return self._rng.choice(words)

    def some(self, count: int, most: int) -> list[int]:
        """At least one and at most `most` of `count`, counted from 1."""
        return sorted(self._rng.sample(range(1, count + 1), self._rng.randint(1, most)))


def draw_world(seed: int, *, has_event: bool = False) -> Document:
    """Draw a world.

    Args:
        seed: Of the draw.
        has_event: Let something happen in it. The world is the same as without.

    Returns:
        What a scenario file would hold.
    """
    dice = _Dice(f"{seed}/world")
    lowest = dice.number(4, 4, 6, 6, 6)
    highest = max(lowest, dice.number(lowest, lowest, 6, 10, 10))
    clock = _clock(dice)
    world: Document = {
        "scenario": {"name": f"world-{seed}", "description": f"World {seed} of ntp-sim survey", "duration": DURATION_S, "settle": SETTLE_S},
        "clock": clock,
        "source-defaults": {"poll-interval-limits": {"min": lowest, "max": highest}},
        "server": _servers(dice),
    }
    if has_event:
        _let_happen(world, _Dice(f"{seed}/event"))
    return world


def _clock(dice: _Dice) -> Document:
    """An oscillator from a good one to one that feels every draught, anywhere within 1, 30 or 100 ppm; the clock up to 0.3 s off."""
    clock: Document = {
        "offset": dice.sign() * dice.log(10e-6, 0.3),
        "frequency": _rounded(dice.even(-1.0, 1.0) * dice.value(1e-6, 30e-6, 100e-6)),
        "wander": dice.log(1e-10, 3e-8),
    }
    if dice.chance(1 / 4):
        clock["white"] = dice.log(1e-9, 3e-8)
    return clock


def _servers(dice: _Dice) -> list[Document]:
    """One to five, with queues of the same kind whose scales are within a factor of four of each other.

    Two-sided noise is the same both ways: of noise on one way only nobody could tell which part of it is a queue and which the base delay.
    """
    count = dice.number(1, 1, 2, 3, 4, 5)
    kind = dice.word("exponential", "exponential", "exponential", "pareto", "lognormal", "normal")
    ways = dice.word("both", "both", "both", "there", "back", "unequal")
    if kind == "normal":
        ways = "both"
    scale_s = dice.log(2e-6, 3e-3)
    loss = dice.value(0.0, 0.0, 0.0, 0.1, 0.3)
    asymmetry = dice.log(0.001, 0.3) if dice.chance(1 / 3) else 0.0
    has_spikes, has_bursts = dice.chance(1 / 6), dice.chance(1 / 4)
    servers: list[Document] = []
    for _ in range(count):
        own_s = _rounded(scale_s * dice.log(0.5, 2.0))
        base_s = _rounded(own_s * dice.log(0.1, 100.0))
        there_s, back_s = {
            "both": (own_s, own_s),
            "there": (own_s, _rounded(0.05 * own_s)),
            "back": (_rounded(0.05 * own_s), own_s),
            "unequal": (own_s, _rounded(own_s * dice.log(0.1, 10.0))),
        }[ways]
        links = [_link(dice, kind, base_s, there_s), _link(dice, kind, _rounded(base_s * (1.0 + dice.even(-asymmetry, asymmetry))), back_s)]
        for link in links:
            _add_episodes(dice, link, own_s, has_spikes=has_spikes, has_bursts=has_bursts)
            if loss:
                link["loss"] = loss
        servers.append({"there": links[0], "back": links[1]})
    return servers


def _link(dice: _Dice, kind: str, base_s: float, scale_s: float) -> Document:
    """A way with its usual queueing; two-sided noise is kept within the base delay, which it would make one-sided otherwise."""
    queues: dict[str, Document] = {
        "exponential": {"kind": kind, "mean": scale_s},
        "pareto": {"kind": kind, "scale": scale_s, "shape": dice.even(1.3, 3.0)},
        "lognormal": {"kind": kind, "median": scale_s, "sigma": dice.even(0.5, 1.5)},
        "normal": {"kind": kind, "sigma": min(scale_s, _rounded(base_s / 4.0))},
    }
    return {"base": base_s, "queue": [queues[kind]]}


def _add_episodes(dice: _Dice, link: Document, scale_s: float, *, has_spikes: bool, has_bursts: bool) -> None:
    queues = link["queue"]
    assert isinstance(queues, list), "as `_link` has made it"
    if has_spikes:
        queues.append({"kind": "exponential", "mean": _rounded(scale_s * dice.log(5.0, 50.0)), "probability": dice.log(0.01, 0.1)})
    if has_bursts:
        queues.append(
            {
                "kind": "exponential",
                "mean": _rounded(scale_s * dice.log(3.0, 30.0)),
                "spacing": dice.log(300.0, 7200.0),
                "length": dice.log(10.0, 600.0),
            }
        )


def _route(dice: _Dice) -> Document:
    both = {"there": dice.sign() * dice.log(100e-6, 20e-3), "back": dice.sign() * dice.log(100e-6, 20e-3)}
    way = dice.word("both", "there", "back")
    return dict(both) if way == "both" else {way: both[way]}


_EVENTS: dict[str, Callable[[_Dice], Document]] = {
    "route": _route,
    "suspend": lambda dice: {"length": dice.log(60.0, 28_800.0), "rtc-error": dice.sign() * dice.log(1e-3, 1.0)},
    "outage": lambda dice: {"length": dice.log(600.0, 14_400.0)},
    "frequency-step": lambda dice: {"by": dice.sign() * dice.log(1e-7, 1e-5)},
    "clock-step": lambda dice: {"by": dice.sign() * dice.log(1e-3, 1.0)},
}
_LIES: dict[str, Callable[[_Dice], Document]] = {
    "server-step": lambda dice: {"by": dice.sign() * dice.log(1e-3, 1.0)},
    "server-ramp": lambda dice: {"rate": dice.sign() * dice.log(1e-7, 1e-4)},
}


def _let_happen(world: Document, dice: _Dice) -> None:
    """One thing between 8000 and 12 000 s, and 12 000 s more after it; servers lie where they are a minority."""
    servers, scenario = world["server"], world["scenario"]
    assert isinstance(servers, list), "as `_servers` has made it"
    assert isinstance(scenario, dict), "as `draw_world` has made it"
    minority = (len(servers) - 1) // 2
    kind = dice.word(*_EVENTS, *(_LIES if minority else ()))
    event: Document = {"at": dice.even(_EVENT_FROM_S, _EVENT_TO_S), "kind": kind} | (_EVENTS | _LIES)[kind](dice)
    if kind in _LIES:
        event["servers"] = dice.some(len(servers), minority)
    world["event"] = [event]
    ends_s = [value for key, value in event.items() if key in {"at", "length"} and isinstance(value, float)]
    scenario["duration"] = math.ceil(math.fsum(ends_s) + _AFTER_EVENT_S)


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")
