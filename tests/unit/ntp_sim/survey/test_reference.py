"""The reference: known answers, and that it tells the error of a filter that is really run."""

from __future__ import annotations

import math
import random

import pytest

from ntp_sim.scenario import scenario_from
from ntp_sim.survey import path_noise, standard_errors

FLOOR_S = 1e-6


def world(
    queue: dict[str, object], *, clock: dict[str, object] | None = None, back_s: float = 0.01, duration: int = 4000, count: int = 1
) -> dict[str, object]:
    return {
        "scenario": {"duration": duration, "settle": 0},
        "clock": clock or {},
        "server": [{"count": count, "there": {"base": 0.01, "queue": queue}, "back": {"base": back_s, "queue": queue}}],
    }


@pytest.mark.parametrize(
    ("queue", "expected_s"),
    [
        ({"kind": "normal", "sigma": 100e-6}, 100e-6 / math.sqrt(2.0)),  # of half the difference of two
        ({"kind": "exponential", "mean": 100e-6}, 0.5 * 100e-6 * 1.148),  # a Laplace distribution: -ln(1 - 0.6827) scales of 50 µs
        ({"kind": "constant", "delay": 1e-3}, 0.0),
    ],
)
def test_the_spread_of_a_path(queue: dict[str, object], expected_s: float) -> None:
    (plan,) = scenario_from(world(queue), "test").servers
    assert path_noise(plan, 0, 4000.0) == pytest.approx(expected_s, rel=0.1)


def test_without_wander_the_error_falls_as_the_theory_of_the_straight_line_says() -> None:
    """N equally spaced points: the variance at the end is 2 (2N - 1) / (N (N + 1)) of one point's."""
    scenario = scenario_from(world({"kind": "normal", "sigma": 1e-3}), "test")
    times = [16.0 * number for number in range(100)]
    sigma_s = path_noise(scenario.servers[0], 0, scenario.duration_s)
    errors_s = standard_errors(scenario, [times])
    assert len(errors_s) == 4001
    assert errors_s[int(times[-1])] == pytest.approx(sigma_s * math.sqrt(2.0 * 199.0 / (100.0 * 101.0)), rel=1e-3)


def test_asymmetry_is_what_nobody_can_see() -> None:
    queue: dict[str, object] = {"kind": "normal", "sigma": 1e-6}
    times = [float(second) for second in range(0, 4000, 4)]
    for count in (1, 4):
        scenario = scenario_from(world(queue, back_s=0.012, count=count), "test")
        assert standard_errors(scenario, [times] * count)[-1] == pytest.approx(1e-3 / math.sqrt(count), rel=0.1)


def test_nothing_is_known_before_the_first_answer_and_less_the_longer_the_last_one_is_ago() -> None:
    clock: dict[str, object] = {"wander": 1e-8}
    scenario = scenario_from(world({"kind": "normal", "sigma": 1e-6}, clock=clock, duration=20_000), "test")
    errors_s = standard_errors(scenario, [[float(second) for second in range(10, 1000, 10)]])
    assert errors_s[9] > 0.9
    assert errors_s[1000] < errors_s[5000] < errors_s[20_000]
    assert errors_s[20_000] == pytest.approx(1e-8 * math.sqrt(19_000.0**3 / 3.0), rel=0.1)


def test_it_is_the_error_of_the_filter() -> None:
    """A filter with gains from the same equations, written down once more and run on drawn clocks."""
    wander, white, sigma_s, interval_s = 1e-8, 1e-7, 50e-6, 32.0
    clock: dict[str, object] = {"wander": wander, "white": white}
    scenario = scenario_from(world({"kind": "normal", "sigma": sigma_s * math.sqrt(2.0)}, clock=clock, duration=3200), "test")
    times = [interval_s * number for number in range(100)]
    expected_s = standard_errors(scenario, [times])[int(times[-1])]
    rng = random.Random(1)
    squares = [_filtered_error(rng, times, wander, white, sigma_s) ** 2 for _ in range(400)]
    assert math.sqrt(sum(squares) / len(squares) + FLOOR_S**2) == pytest.approx(expected_s, rel=0.12)


def _filtered_error(rng: random.Random, times: list[float], wander: float, white: float, sigma_s: float) -> float:
    """The estimate's error after the last measurement, s."""
    offset, frequency, guess, rate = rng.gauss(0.0, 1.0), rng.gauss(0.0, 1e-4), 0.0, 0.0
    p00, p01, p11 = 1.0, 0.0, 1e-8
    for number, at in enumerate(times):
        dt = at - times[number - 1] if number else 0.0
        noise, other = rng.gauss(0.0, 1.0), rng.gauss(0.0, 1.0)
        offset += frequency * dt + wander * dt**1.5 * (noise / 2.0 + other / math.sqrt(12.0)) + white * math.sqrt(dt) * rng.gauss(0.0, 1.0)
        frequency += wander * math.sqrt(dt) * noise
        guess += rate * dt
        p00, p01, p11 = (
            p00 + 2 * dt * p01 + dt * dt * p11 + wander**2 * dt**3 / 3 + white**2 * dt,
            p01 + dt * p11 + wander**2 * dt**2 / 2,
            p11 + wander**2 * dt,
        )
        innovation, total = offset + rng.gauss(0.0, sigma_s) - guess, p00 + sigma_s**2
        k0, k1 = p00 / total, p01 / total
        guess, rate = guess + k0 * innovation, rate + k1 * innovation
        p00, p01, p11 = p00 - k0 * p00, p01 - k0 * p01, p11 - k1 * p01
    return offset - guess
