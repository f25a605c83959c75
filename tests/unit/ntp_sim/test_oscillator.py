"""The statistics of each kind of noise: the slope and the height of its Allan deviation, at whatever intervals the clock is looked at."""

from __future__ import annotations

import math
import random
import statistics

import pytest

from ntp_proto.allan import allan_deviation
from ntp_sim.oscillator import Oscillator, OscillatorState, TemperatureCycle, TemperatureRamps


def time_errors(oscillator: Oscillator, samples: int, interval_s: float = 1.0, looks: int = 1, seed: int = 1) -> list[float]:
    """The time error at equal intervals of a clock that is looked at `looks` times in each."""
    state, error_s, errors_s = OscillatorState(oscillator, random.Random(seed), 0.0), 0.0, [0.0]
    for number in range(1, samples + 1):
        for look in range(looks):
            error_s += state.advance(interval_s * (number - 1 + (look + 1) / looks))
        errors_s.append(error_s)
    return errors_s


@pytest.mark.parametrize(("interval_s", "looks"), [(1.0, 1), (16.0, 1), (16.0, 7)])
@pytest.mark.parametrize("spacing", [1, 8, 32])
def test_white_noise_falls_with_the_root_of_the_averaging_time(interval_s: float, looks: int, spacing: int) -> None:
    errors_s = time_errors(Oscillator(white=1e-9), 10_000, interval_s, looks)
    expected = 1e-9 / math.sqrt(spacing * interval_s)
    assert allan_deviation(errors_s, spacing, interval_s) == pytest.approx(expected, rel=0.08)


@pytest.mark.parametrize(("interval_s", "looks"), [(1.0, 1), (16.0, 1), (16.0, 7)])
@pytest.mark.parametrize("spacing", [1, 8, 32])
def test_a_random_walk_of_the_frequency_rises_with_it(interval_s: float, looks: int, spacing: int) -> None:
    errors_s = time_errors(Oscillator(wander=1e-9), 10_000, interval_s, looks)
    expected = 1e-9 * math.sqrt(spacing * interval_s / 3.0)
    assert allan_deviation(errors_s, spacing, interval_s) == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize(("interval_s", "looks"), [(1.0, 1), (16.0, 1), (16.0, 3)])
def test_flicker_noise_is_the_same_at_all_averaging_times(interval_s: float, looks: int) -> None:
    spacings = (1, 4, 16)
    runs = [time_errors(Oscillator(flicker=1e-8), 1_500, interval_s, looks, seed) for seed in range(4)]
    for spacing in spacings:
        deviation = math.sqrt(statistics.fmean(allan_deviation(errors_s, spacing, interval_s) ** 2 for errors_s in runs))
        assert deviation == pytest.approx(1e-8, rel=0.1), f"at {spacing * interval_s} s"


def test_looking_does_not_change_the_statistics_of_flicker_noise() -> None:
    """The spread of the time error after 64 s over many oscillators: looked at once, or 16 times."""
    spreads = [
        math.sqrt(statistics.fmean(time_errors(Oscillator(flicker=1e-8), 1, 64.0, looks, seed)[-1] ** 2 for seed in range(1000))) for looks in (1, 16)
    ]
    assert spreads[0] == pytest.approx(spreads[1], rel=0.08)


def test_kinds_of_noise_add_up() -> None:
    errors_s = time_errors(Oscillator(white=1e-8, wander=3e-9), 20_000)
    for spacing in (1, 64):
        expected = math.hypot(1e-8 / math.sqrt(spacing), 3e-9 * math.sqrt(spacing / 3.0))
        assert allan_deviation(errors_s, spacing) == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize(
    "temperature",
    [TemperatureCycle(1e-7, 5.0, period_s=1000.0, phase=0.3), TemperatureRamps(1e-7, [(100.0, 0.0), (200.0, 8.0), (700.0, -3.0)])],
)
def test_the_gain_is_the_integral_of_the_frequency(temperature: TemperatureCycle | TemperatureRamps) -> None:
    assert temperature.gained(0.0) == 0.0
    for start, end in ((0.0, 90.0), (90.0, 210.0), (150.0, 1500.0)):
        step = (end - start) / 2000
        middle = math.fsum(temperature.frequency(start + (number + 0.5) * step) * step for number in range(2000))
        assert temperature.gained(end) - temperature.gained(start) == pytest.approx(middle, rel=1e-4, abs=1e-12)


def test_temperatures_are_those_that_were_given() -> None:
    ramps = TemperatureRamps(1e-7, [(100.0, 2.0), (200.0, 8.0)])
    assert [ramps.frequency(at) for at in (0.0, 100.0, 150.0, 200.0, 900.0)] == pytest.approx([2e-7, 2e-7, 5e-7, 8e-7, 8e-7])
    cycle = TemperatureCycle(1e-7, 5.0, period_s=400.0)
    assert [cycle.frequency(at) for at in (0.0, 100.0, 300.0)] == pytest.approx([0.0, 5e-7, -5e-7])


def test_a_clock_has_the_frequency_of_all_its_parts() -> None:
    state = OscillatorState(Oscillator(3e-6, temperature=TemperatureCycle(1e-7, 5.0, period_s=400.0)), random.Random(1), 0.0)
    state.jump(1e-6)
    assert state.advance(100.0) == pytest.approx(4e-4 + 5e-7 * 400.0 / (2.0 * math.pi))
    assert state.frequency == pytest.approx(4.5e-6)


def test_the_allan_deviation_of_a_known_series() -> None:
    """Phase of a quadratic: a frequency that grows by d in each interval has the deviation d spacing / √2 at all of them."""
    drift = [0.5 * 1e-6 * number**2 for number in range(100)]
    for spacing in (1, 5, 20):
        assert allan_deviation(drift, spacing) == pytest.approx(1e-6 * spacing / math.sqrt(2.0))
    with pytest.raises(ValueError, match="needs more than 20 samples, got 20"):
        allan_deviation(drift[:20], 10)
