"""The oscillator behind a simulated clock: what makes its frequency wrong, and by how much it has gained after any interval.

The error of the frequency is a sum of independent parts, each with a slope of its own in the Allan deviation (ADEV) over the averaging time τ:

    part                       set by                        ADEV at τ                 sampling
    constant                   frequency                     -                         exact
    white frequency noise      white                         white / √τ                exact: the time error is a random walk
    flicker frequency noise    flicker                       flicker                   a sum of relaxations, each exact
    random walk of frequency   wander                        wander · √(τ / 3)         exact: frequency and time error are jointly normal
    temperature                temperature                   of its own                exact: the integral is known

Nothing is integrated in steps, so a clock that is looked at once an hour has the statistics of one that is looked at every second.

Source: Zucca & Tavella, "The clock model and its relationship with the Allan and related variances" (2005), for white and random walk;
Gillespie, "Exact numerical simulation of the Ornstein-Uhlenbeck process and its integral" (1996), for the relaxations.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Oscillator", "OscillatorState", "Temperature", "TemperatureCycle", "TemperatureRamps"]

_SHORTEST_RELAXATION_S = 0.1
_RELAXATION_RATIO = math.sqrt(10.0)
_RELAXATIONS = 15
"""From 0.1 s to 12 days, two in each decade: the sum of their spectra is 1/f within 2 % between those ends."""
_SMALL = 1e-2
"""Below this part of a relaxation time the variance of the integral is taken from its series: the closed form would cancel."""


class Temperature(Protocol):
    """How the surroundings change the frequency."""

    def frequency(self, at: float) -> float:
        """The part of the frequency error that is the temperature's, s/s, at a true time, s."""
        ...

    def gained(self, at: float) -> float:
        """The integral of `frequency` from 0 to a true time, s."""
        ...


@dataclass(frozen=True, slots=True)
class TemperatureCycle:
    """Day and night: a sinusoid around the temperature at which the oscillator's own frequency holds.

    Attributes:
        coefficient: Frequency for each kelvin, s/s/K; a crystal without compensation has some 1e-7.
        amplitude_k: Half of the difference between the warmest and the coldest, K.
        period_s: Of the cycle, s.
        phase: Part of the cycle that lies behind it at the start, 0 to 1; 0: rising through the mean.
    """

    coefficient: float
    amplitude_k: float
    period_s: float = 86400.0
    phase: float = 0.0

    def frequency(self, at: float) -> float:
        """See `Temperature`."""
        return self.coefficient * self.amplitude_k * math.sin(2.0 * math.pi * (at / self.period_s + self.phase))

    def gained(self, at: float) -> float:
        """See `Temperature`."""
        angle, start = 2.0 * math.pi * (at / self.period_s + self.phase), 2.0 * math.pi * self.phase
        return self.coefficient * self.amplitude_k * self.period_s / (2.0 * math.pi) * (math.cos(start) - math.cos(angle))


class TemperatureRamps:
    """Straight lines between given points, constant before the first and after the last: an air conditioner, a machine under load.

    Args:
        coefficient: Frequency for each kelvin, s/s/K.
        points: True time, s, and the difference from the temperature at which the oscillator's own frequency holds, K; at least one, the
            times increasing.
    """

    def __init__(self, coefficient: float, points: Sequence[tuple[float, float]]) -> None:
        self._coefficient = coefficient
        self._points = tuple(points)

    def frequency(self, at: float) -> float:
        """See `Temperature`."""
        return self._coefficient * self._temperature(at)

    def gained(self, at: float) -> float:
        """See `Temperature`."""
        corners = sorted({0.0, at, *(when for when, _ in self._points if 0.0 < when < at)})
        areas = (0.5 * (after - before) * (self._temperature(before) + self._temperature(after)) for before, after in itertools.pairwise(corners))
        return self._coefficient * math.fsum(areas)

    def _temperature(self, at: float) -> float:
        previous_at, previous_k = self._points[0]
        for when, kelvin in self._points:
            if at <= when:
                share = (at - previous_at) / (when - previous_at) if when > previous_at else 1.0
                return previous_k + (kelvin - previous_k) * max(0.0, share)
            previous_at, previous_k = when, kelvin
        return previous_k


@dataclass(frozen=True, slots=True)
class Oscillator:
    """How wrong an oscillator runs.

    Attributes:
        frequency: Its error at the start, s/s; > 0: it runs fast.
        wander: Standard deviation of the random walk of its frequency after one second, s/s.
        white: Standard deviation of the time error that white frequency noise makes in one second, s.
        flicker: The Allan deviation of flicker frequency noise, the same at all averaging times, s/s.
        temperature: What the surroundings do to it; None: nothing.
    """

    frequency: float = 0.0
    wander: float = 0.0
    white: float = 0.0
    flicker: float = 0.0
    temperature: Temperature | None = None


class OscillatorState:
    """An oscillator at work.

    Args:
        oscillator: Its noise.
        rng: Randomness of its own.
        now: True time, s.
    """

    def __init__(self, oscillator: Oscillator, rng: random.Random, now: float) -> None:
        self._oscillator = oscillator
        self._rng = rng
        self._now = now
        self._frequency = oscillator.frequency
        self._flicker = _Flicker(oscillator.flicker, rng) if oscillator.flicker else None

    @property
    def frequency(self) -> float:
        """Its true error, s/s, without white noise, which has no value at an instant."""
        temperature = self._oscillator.temperature
        flicker = self._flicker.frequency if self._flicker else 0.0
        return self._frequency + flicker + (temperature.frequency(self._now) if temperature else 0.0)

    def jump(self, by: float) -> None:
        """Change the frequency at once, s/s."""
        self._frequency += by

    def advance(self, now: float) -> float:
        """Run until a true time, s.

        Returns:
            What it has gained on true time, s.
        """
        elapsed = now - self._now
        noise, gauss = self._oscillator, self._rng.gauss
        gained = self._frequency * elapsed
        if noise.wander:
            first, second = gauss(0.0, 1.0), gauss(0.0, 1.0)
            gained += noise.wander * elapsed**1.5 * (0.5 * first + second / math.sqrt(12.0))
            self._frequency += noise.wander * math.sqrt(elapsed) * first
        if noise.white:
            gained += noise.white * math.sqrt(elapsed) * gauss(0.0, 1.0)
        if self._flicker:
            gained += self._flicker.advance(elapsed)
        if noise.temperature:
            gained += noise.temperature.gained(now) - noise.temperature.gained(self._now)
        self._now = now
        return gained


class _Flicker:
    """1/f noise of the frequency as a sum of relaxations (Ornstein-Uhlenbeck processes) of equal variance, evenly spread over log time.

    One of variance v and relaxation time T has the one-sided spectrum 4 v T / (1 + (2π f T)²). With the logarithms of the times r apart the
    sum is v / (r f); flicker noise of Allan deviation a has a² / (2 ln 2 f), so v = r a² / (2 ln 2).
    """

    def __init__(self, floor: float, rng: random.Random) -> None:
        self._rng = rng
        self._sigma = floor * math.sqrt(math.log(_RELAXATION_RATIO) / (2.0 * math.log(2.0)))
        self._times = [_SHORTEST_RELAXATION_S * _RELAXATION_RATIO**number for number in range(_RELAXATIONS)]
        self._values = [self._sigma * rng.gauss(0.0, 1.0) for _ in self._times]
        self._elapsed = 0.0
        self._steps: list[tuple[float, float, float, float, float]] = []

    @property
    def frequency(self) -> float:
        return math.fsum(self._values)

    def advance(self, elapsed: float) -> float:
        """Draw value and integral of each relaxation jointly; returns the sum of the integrals, s.

        Over u = elapsed / T, with d = 1 - exp(-u): the value falls to the part 1 - d; the variances are v (1 - (1 - d)²) of the value and
        v T² (2u - 2d - d²) of the integral, and their covariance is v T d².
        """
        if elapsed != self._elapsed:  # most looks are a second apart
            self._elapsed = elapsed
            self._steps = [_relaxation_step(elapsed, time) for time in self._times]
        gauss, sigma, values, gained = self._rng.gauss, self._sigma, self._values, 0.0
        for number, (decay, value_error, reach, common, rest) in enumerate(self._steps):
            first, second, value = gauss(0.0, 1.0), gauss(0.0, 1.0), values[number]
            gained += reach * value + sigma * (common * first + rest * second)
            values[number] = value - decay * value + sigma * value_error * first
        return gained


def _relaxation_step(elapsed: float, time: float) -> tuple[float, float, float, float, float]:
    """What an interval means for a relaxation of unit variance.

    Returns:
        The part of the value that is lost; the standard deviation of what comes in its place; the integral of what is left of a value of 1, s;
        and the integral's part that goes with the new value and the part that does not, s, one standard deviation each.
    """
    u = elapsed / time
    decay = -math.expm1(-u)
    value_error = math.sqrt(decay * (2.0 - decay))
    integral_variance = u**3 * (2.0 / 3.0 - u / 2.0 + 7.0 * u * u / 30.0 - u**3 / 12.0) if u < _SMALL else 2.0 * (u - decay) - decay * decay
    common = decay * decay / value_error
    rest = math.sqrt(max(0.0, integral_variance - common * common))
    return decay, value_error, time * decay, time * common, time * rest
