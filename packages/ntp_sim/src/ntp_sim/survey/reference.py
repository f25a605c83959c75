"""What could be known of a simulated clock: the standard error of a Kalman filter that is told the truth about its world.

The filter knows the wander and the white frequency noise of the oscillator, and the noise of each path; it gets the answers that the client got,
at the instants at which the client got them. Its state is offset x and frequency f, with the covariance P = ((a, b), (b, c)). Over an interval T

    a += 2 b T + c T² + q T³/3 + s² T        b += c T + q T²/2        c += q T

with q the square of the wander and s² the white noise in one second, and a measurement with variance R takes its part away. That is the
covariance alone: no measurement is looked at, and so no outlier, and what an answer's delay tells of its error is not used. An estimator that
uses it can be better than this.

Queueing is described by the spread of the offset errors that it makes: half of the width of the middle 68.3 %. For normal noise that is its
standard deviation; a heavy tail, whose variance may not exist, is told by its middle. What the asymmetry of a base delay hides, nobody can see: it is
added as the standard error that a mean weighted by 1/R has when each path errs by itself.

Source: Bar-Shalom, Li, Kirubarajan, "Estimation with Applications to Tracking and Navigation" (2001), §5.2 and §6.2 (the state's noise).
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from ntp_sim.scenario import Scenario
from ntp_sim.scenario.model import ServerPlan

__all__ = ["path_noise", "standard_errors"]

_FIRST_OFFSET_S = 1.0
_FIRST_FREQUENCY = 1e-4
"""What is known at the start: nothing of the offset, and 100 ppm of the frequency."""
_DRAWS = 1001
_ONE_SIGMA = 0.6827
_LEAST_S = 1e-6
"""A microsecond more or less is of no interest, s."""


def standard_errors(scenario: Scenario, answered: Sequence[Sequence[float]]) -> list[float]:
    """The standard error for each second of a run, s.

    Args:
        scenario: The world.
        answered: For each server when its answers arrived, in the order of the scenario, s of true time.
    """
    variances = [max(path_noise(plan, number, scenario.duration_s), 1e-9) ** 2 for number, plan in enumerate(scenario.servers)]
    hidden = _hidden_variance(scenario.servers, variances) + _LEAST_S**2
    samples = sorted((at, variance) for times, variance in zip(answered, variances, strict=True) for at in times)
    oscillator = scenario.clock.oscillator
    covariance, now, errors_s, next_sample = _Covariance(oscillator.wander**2, oscillator.white**2), 0.0, [], 0
    for second in range(int(scenario.duration_s) + 1):
        while next_sample < len(samples) and samples[next_sample][0] <= second:
            at, variance = samples[next_sample]
            covariance.predict(at - now)
            covariance.update(variance)
            now, next_sample = at, next_sample + 1
        errors_s.append(math.sqrt(covariance.offset_variance_at(second - now) + hidden))
    return errors_s


def path_noise(plan: ServerPlan, number: int, duration_s: float) -> float:
    """The spread of the offset errors that the queues of a path make, s; see above.

    Args:
        plan: The server.
        number: Gives each server draws of its own.
        duration_s: Of the run: over so long the draws are spread, since queues may change with time.
    """
    there, back, rng = plan.make_there(), plan.make_back(), random.Random(f"noise {number}")  # noqa: S311 — it has to repeat
    errors_s = []
    for draw in range(_DRAWS):
        now = duration_s * draw / _DRAWS
        errors_s.append(0.5 * (max(0.0, there.base_s + there.queue(rng, now)) - max(0.0, back.base_s + back.queue(rng, now))))
    errors_s.sort()
    low, high = (int(_DRAWS * (0.5 + side * _ONE_SIGMA / 2.0)) for side in (-1.0, 1.0))
    return 0.5 * (errors_s[high] - errors_s[low])


def _hidden_variance(plans: Sequence[ServerPlan], variances: Sequence[float]) -> float:
    """Of the mean of the paths' asymmetries, s²."""
    weights = [1.0 / variance for variance in variances]
    biases_s = [0.5 * (plan.make_there().base_s - plan.make_back().base_s) for plan in plans]
    return math.fsum((weight * bias_s) ** 2 for weight, bias_s in zip(weights, biases_s, strict=True)) / math.fsum(weights) ** 2


class _Covariance:
    """Of offset and frequency; `wander` in (s/s)²/s, `white` in s²/s."""

    def __init__(self, wander: float, white: float) -> None:
        self._wander, self._white = wander, white
        self._a, self._b, self._c = _FIRST_OFFSET_S**2, 0.0, _FIRST_FREQUENCY**2

    def offset_variance_at(self, after: float) -> float:
        """What the offset's variance will be after so long without a measurement, s²."""
        return self._a + 2.0 * self._b * after + self._c * after * after + self._wander * after**3 / 3.0 + self._white * after

    def predict(self, elapsed: float) -> None:
        """Let time pass, s."""
        self._a = self.offset_variance_at(elapsed)
        self._b += self._c * elapsed + 0.5 * self._wander * elapsed * elapsed
        self._c += self._wander * elapsed

    def update(self, variance: float) -> None:
        """Measure the offset with this variance, s²."""
        total = self._a + variance
        offset_gain, frequency_gain = self._a / total, self._b / total
        self._c -= frequency_gain * self._b
        self._b *= 1.0 - offset_gain
        self._a *= 1.0 - offset_gain
