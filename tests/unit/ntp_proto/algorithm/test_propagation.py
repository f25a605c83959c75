from __future__ import annotations

import math
import random

import pytest

from ntp_proto.algorithm.estimate import FrequencyPrior
from ntp_proto.algorithm.path import QUEUES, SHAPES, Path, Shape
from ntp_proto.algorithm.propagation import account
from ntp_proto.algorithm.sample import Sample

FIXED = FrequencyPrior(0.0, 0.0)
UNKNOWN = FrequencyPrior(0.0, 1e-4)


def exchanges(count: int, shape: Shape, *, seed: int, jitter_s: float = 1e-4) -> list[Sample]:
    """Of a perfect clock, over a path without a length."""
    rng = random.Random(seed)

    def queue_s() -> float:
        return rng.expovariate(1.0 / jitter_s) + rng.gauss(0.0, shape.noise * jitter_s)

    ways = [(queue_s(), queue_s()) for _ in range(count)]
    return [Sample(16.0 * number, 0.5 * (there_s - back_s), there_s + back_s) for number, (there_s, back_s) in enumerate(ways)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_is_what_summing_over_a_plane_gives(shape: Shape, seed: int) -> None:
    """With a known frequency and a path that is as long both ways, offset and delay are all there is to know."""
    samples = exchanges(6, shape, seed=seed)
    guess = Path.known(1e-4, 1e-4, shape, 6)
    found = account(samples, FIXED, 0.0, guess)
    path = found.path.with_noise(max(0.05, shape.noise))  # the edge that a look back believes in
    shortest = min(samples, key=lambda sample: sample.delay_s)
    offset_error_s, half_error_s = 2.0 * max(sample.delay_s for sample in samples), 1.5 * guess.jitter_s
    typical_s = shortest.delay_s if shape is QUEUES else sorted(sample.delay_s for sample in samples)[3]
    half_s = 0.5 * typical_s - 1e-4 / (6 if shape is QUEUES else 1)
    step_s, total, first, second, delay = 4e-6 * (1.0 + 0.5 * shape.noise), 0.0, 0.0, 0.0, 0.0
    for i in range(-150, 151):
        for k in range(-150, 151):
            x, d = shortest.offset_s + i * step_s, half_s + k * step_s
            log = -0.5 * (i * step_s / offset_error_s) ** 2 - 0.5 * (k * step_s / half_error_s) ** 2
            for sample in samples:
                log += path.out.evidence(sample.out_s, x + d, 0.0).log_z + path.back.evidence(sample.back_s, d - x, 0.0).log_z
            weight = math.exp(log - 40.0)
            total, first, second, delay = total + weight, first + weight * x, second + weight * x * x, delay + weight * d
    mean_s, deviation_s = first / total, math.sqrt(second / total - (first / total) ** 2)
    assert found.x[0] == pytest.approx(mean_s, abs=0.3 * deviation_s)
    assert math.sqrt(found.p[0][0]) == pytest.approx(deviation_s, rel=0.2)
    assert found.x[2] == pytest.approx(delay / total, abs=0.2 * deviation_s)
    evidence = 40.0 + math.log(total * step_s**2 / (2.0 * math.pi * offset_error_s * half_error_s))
    assert found.log_evidence == pytest.approx(evidence, abs=0.3)


def test_the_evidence_tells_how_much_a_clock_wanders() -> None:
    rng, offset_s, frequency, samples = random.Random(5), 0.0, 0.0, []
    for number in range(16):
        samples.append(Sample(64.0 * number, offset_s + 0.5 * (rng.expovariate(1e5) - rng.expovariate(1e5)), 1e-4 + rng.expovariate(1e5)))
        for _ in range(64):
            frequency += rng.gauss(0.0, 1e-7)
            offset_s += frequency
    path = Path.known(1e-5, 1e-5, QUEUES, 16)
    evidence = {wander: account(samples, UNKNOWN, wander * wander, path).log_evidence for wander in (1e-9, 1e-8, 1e-7, 1e-6)}
    assert max(evidence, key=lambda wander: evidence[wander]) == 1e-7


def test_the_jitter_of_each_way_is_found() -> None:
    rng = random.Random(1)
    ways = [(rng.expovariate(1e3), rng.expovariate(1e5)) for _ in range(16)]
    samples = [Sample(16.0 * number, 0.5 * (there_s - back_s), 0.01 + there_s + back_s) for number, (there_s, back_s) in enumerate(ways)]
    path = account(samples, UNKNOWN, 0.0, Path.known(5e-4, 5e-4, QUEUES, 16)).path
    assert path.out.jitter_s == pytest.approx(1e-3, rel=0.5)
    assert path.back.jitter_s < 2.5e-4


def test_contradictions_have_no_evidence() -> None:
    """The clock of the server jumps to and fro, over a path that shows no queues at all."""
    samples = [Sample(16.0 * number, 0.01 * (number % 3), 1e-5 + 1e-8 * number) for number in range(12)]
    assert account(samples, UNKNOWN, 1e-22, Path.known(1e-7, 1e-7, QUEUES, 12)).log_evidence == -math.inf
