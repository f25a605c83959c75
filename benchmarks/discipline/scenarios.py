"""The simulated clocks and networks that every daemon is put through.

A scenario is the text of a clknetsim configuration in parts: how the client's
oscillator runs, and how long a packet takes each way to each server.  The
expressions are clknetsim's own: `(exponential)` and `(normal)` draw a number
with mean respectively deviation 1, `(uniform)` one in 0…1, `(sum x)` adds up
one x per evaluation (the oscillator is evaluated once a second, a delay once
per packet), `(equal w a b)` is 1 where |a − b| ≤ w.  A negative delay loses the packet.

The same seed gives every daemon the same oscillator and the same delays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["SCENARIOS", "Scenario", "Server"]

_BASE_DELAYS_S = (5e-3, 10e-3, 15e-3, 20e-3, 8e-3)  # one way, to the first to the fifth server


@dataclass(frozen=True, slots=True)
class Server:
    """One server: the delay of packets to it (`up`), from it (`down`), how far its clock is from the truth, and how it runs (s/s; "": right)."""

    up: str
    down: str
    offset_s: float = 0.0
    frequency: str = ""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is simulated for `length_s` seconds; errors count from `settle_s` on.

    `frequency` (s/s) and `offset_s` are the client's oscillator and its error at the start; `poll` is the shortest and the longest interval
    allowed (log2 s).
    `thresholds_s`: the time until the error stays below each is measured. `event_s`: when something changes for good, if anything does; after
    `settle_s`.
    """

    name: str
    summary: str
    servers: tuple[Server, ...]
    frequency: str = ""
    offset_s: float = 0.01
    poll: tuple[int, int] = (6, 10)
    length_s: int = 100_000
    settle_s: int = 20_000
    thresholds_s: tuple[float, float] = (1e-3, 1e-4)
    event_s: int | None = None

    @property
    def is_equal_samples(self) -> bool:
        """Whether the poll interval is fixed, so that every daemon gets as many samples."""
        return self.poll[0] == self.poll[1]


def _delay(base_s: float, jitter_s: float) -> str:
    return f"(+ {base_s} (* {jitter_s} (exponential)))"


def _oscillator(frequency: float, wander: float, more: str = "") -> str:
    return f"(+ {frequency} (sum (* {wander} (normal))){more})"


def _with_probability(p: float) -> str:
    return f"(equal {p / 2} (uniform) {p / 2})"


def _symmetric(base_s: float, jitter_s: float, *, offset_s: float = 0.0, more: str = "") -> Server:
    delay = f"(+ {_delay(base_s, jitter_s)} {more})" if more else _delay(base_s, jitter_s)
    return Server(delay, delay, offset_s)


def _internet(count: int, jitter_s: float, more: str = "") -> tuple[Server, ...]:
    return tuple(_symmetric(base_s, jitter_s, more=more) for base_s in _BASE_DELAYS_S[:count])


def _congested() -> tuple[Server, ...]:
    """Downwards 5 % spikes of exp(10 ms), and 3 ms + exp(10 ms) more in the first 15 minutes of each hour."""
    spike = f"(* {_with_probability(0.05)} 10e-3 (exponential))"
    busy = "(* (equal 450 (% time 3600) 450) (+ 3e-3 (* 10e-3 (exponential))))"
    return tuple(Server(_delay(base_s, 2e-4), f"(+ {base_s} (* 2e-4 (exponential)) {spike} {busy})") for base_s in _BASE_DELAYS_S[:3])


def _noisy(base_s: float, deviation_s: float) -> Server:
    delay = f"(+ {base_s} (* {deviation_s} (normal)))"
    return Server(delay, delay)


def _two_colluders() -> tuple[Server, ...]:
    """All 25 ms away; two of them leave the truth at 20 000 s, together, by 1 ppm."""
    delay = _delay(25e-3, 1e-3)
    ramp = "(* 1e-6 (equal 40000 (sum 1.0) 60000))"  # (sum 1.0) counts the seconds
    return tuple(Server(delay, delay, frequency=ramp if i in {0, 3} else "") for i in range(5))


def _two_liars() -> tuple[Server, ...]:
    return tuple(_symmetric(base_s, 1e-3, offset_s=0.1 if i in {0, 3} else 0.0) for i, base_s in enumerate(_BASE_DELAYS_S))


_QUIET = _oscillator(10e-6, 1e-9)
_LOST = f"(* -10 {_with_probability(0.3)})"
_DAY_S = 86_400
_UP_S = 1800
_DOWN_S = _DAY_S - _UP_S
_LINK_DOWN = f"(* -10 (equal {_DOWN_S / 2} (% time {_DAY_S}) {_UP_S + _DOWN_S / 2}))"  # up at the start of each day
_JUMP_S = 60_000
_JUMP = f" (sum (* 5e-6 (equal 0.5 (sum 1.0) {_JUMP_S})))"  # (sum 1.0) counts the seconds

_ROUTE_S = 30_000
_LONGER = f"(* 10e-3 (equal {(100_000 - _ROUTE_S) / 2} time {(100_000 + _ROUTE_S) / 2}))"

_FREE = (
    Scenario(
        "lan", "1 server, 100 µs + exp(10 µs), wander 1e-9", (_symmetric(100e-6, 10e-6),), _QUIET,
        poll=(4, 6), length_s=40_000, settle_s=10_000, thresholds_s=(1e-3, 2e-5),
    ),
    Scenario("inet1", "1 server, 10 ms + exp(1 ms), wander 1e-9", (_symmetric(10e-3, 1e-3),), _QUIET),
    Scenario("inet4", "4 servers, 5/10/15/20 ms + exp(1 ms), wander 1e-9", _internet(4, 1e-3), _QUIET),
    Scenario("wander8", "1 server, 1 ms + exp(100 µs), wander 1e-8", (_symmetric(1e-3, 1e-4),), _oscillator(10e-6, 1e-8)),
    Scenario("congest", "3 servers, 5/10/15 ms + exp(0.2 ms); down also 5 % spikes, and congestion 15 min in each hour", _congested(), _QUIET),
    Scenario(
        "converge", "start 100 ms and 50 ppm away; 4 servers, 5/10/15/20 ms + exp(50 µs)", _internet(4, 5e-5), _oscillator(50e-6, 1e-9),
        offset_s=0.1, length_s=10_000, settle_s=5_000,
    ),
    Scenario("false", "5 servers, 2 of them 100 ms off; 5/10/15/20/8 ms + exp(1 ms)", _two_liars(), _QUIET),
    Scenario("loss30", "as inet4, and 30 % of the packets lost each way", _internet(4, 1e-3, _LOST), _QUIET),
    Scenario(
        "freqstep", "4 servers, 5/10/15/20 ms + exp(0.2 ms); the oscillator jumps by 5 ppm at 60 000 s", _internet(4, 2e-4),
        _oscillator(10e-6, 1e-9, _JUMP), event_s=_JUMP_S,
    ),
    Scenario("noise", "1 server, 10 ms ± 0.3 ms of normal noise each way, wander 1e-9", (_noisy(10e-3, 3e-4),), _QUIET),
    Scenario("one-way", "1 server, 10 ms + exp(1 ms) there, 10 ms back", (Server(_delay(10e-3, 1e-3), "(+ 10e-3 0.0)"),), _QUIET),
    Scenario(
        "route", "1 server, 10 ms + exp(1 ms); 10 ms more both ways from 30 000 s on", (_symmetric(10e-3, 1e-3, more=_LONGER),), _QUIET,
        event_s=_ROUTE_S,
    ),
    Scenario(
        "colluders", "5 servers, 25 ms + exp(1 ms); 2 of them ramp away together, by 1 ppm from 20 000 s on", _two_colluders(), _QUIET,
        settle_s=10_000, event_s=20_000,
    ),
    Scenario(
        "half-an-hour", "as inet4, over a link that is up for the first 30 min of each day", _internet(4, 1e-3, _LINK_DOWN), _QUIET,
        length_s=5 * _DAY_S, settle_s=_UP_S,
    ),
)  # fmt: skip


def _fixed(scenario: Scenario, poll: int) -> Scenario:
    """The same with one poll interval, so that filters are compared and not the choice of the interval."""
    return replace(scenario, name=f"{scenario.name}-p{poll}", summary=f"{scenario.summary}; every {1 << poll} s", poll=(poll, poll))


_ALIKE = tuple(
    Scenario(
        f"alike-{count}", f"{count} alike, 10 ms + exp(1 ms): as many packets in all", (_symmetric(10e-3, 1e-3),) * count, _QUIET,
        poll=(6 + doublings, 6 + doublings),
    )
    for doublings, count in enumerate((1, 2, 4, 8))
)  # fmt: skip

_EQUAL = tuple(_fixed(s, 4 if s.name == "lan" else 6) for s in _FREE if s.name not in {"converge", "colluders", "half-an-hour"})

SCENARIOS = {scenario.name: scenario for scenario in (*_EQUAL, *_ALIKE, *_FREE)}
