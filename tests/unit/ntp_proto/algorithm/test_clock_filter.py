from __future__ import annotations

import math
import random

import pytest

from ntp_proto.algorithm.clock_filter import ClockFilter
from ntp_proto.algorithm.estimate import FrequencyPrior
from ntp_proto.algorithm.sample import Sample


class Physics:
    """A clock whose frequency wanders, behind paths with exponential queues; `run` feeds a filter and records its error."""

    def __init__(self, seed: int, *, wander: float = 1e-9, jitter_s: float = 1e-4, interval_s: float = 64.0) -> None:
        self.rng = random.Random(seed)
        self.wander, self.jitter_s, self.interval_s = wander, jitter_s, interval_s
        self.offset_s, self.frequency, self.at = 0.005, 10e-6, 0.0
        self.bank: ClockFilter | None = None
        self.errors: list[float] = []
        self.scores: list[float] = []

    def advance(self, seconds: float) -> None:
        first, second = self.rng.gauss(0.0, 1.0), self.rng.gauss(0.0, 1.0)
        self.offset_s += self.frequency * seconds + self.wander * seconds**1.5 * (0.5 * first + second / math.sqrt(12.0))
        self.frequency += self.wander * math.sqrt(seconds) * first
        self.at += seconds

    def exchange(self, source: int, out_s: float, back_s: float, *, lie_s: float = 0.0) -> None:
        sample = Sample(self.at, self.offset_s + 0.5 * (out_s - back_s) + lie_s, out_s + back_s)
        bank = self.bank or ClockFilter.starting(sample, FrequencyPrior(0.0, 1e-4))
        self.bank = bank.after(source, sample)
        estimate = self.bank.estimate()
        self.errors.append(estimate.offset_s - self.offset_s)
        self.scores.append(self.errors[-1] / estimate.offset_error_s)

    def queue(self) -> float:
        return self.rng.expovariate(1.0) * self.jitter_s

    def run(self, exchanges: int, bases_s: dict[int, float]) -> None:
        for _ in range(exchanges):
            for source, base_s in bases_s.items():
                self.advance(self.interval_s / len(bases_s))
                self.exchange(source, base_s + self.queue(), base_s + self.queue())

    def rms_s(self, last: int) -> float:
        return math.sqrt(math.fsum(error * error for error in self.errors[-last:]) / last)


def test_offset_frequency_and_path_are_found() -> None:
    physics = Physics(1, wander=0.0)
    physics.run(300, {1: 0.010})
    assert physics.bank is not None
    estimate, path = physics.bank.estimate(), physics.bank.path(1)
    assert estimate.offset_s == pytest.approx(physics.offset_s, abs=1e-5)
    assert estimate.frequency == pytest.approx(10e-6, abs=2e-9)
    assert path.base_delay_s == pytest.approx(0.020, abs=1e-5)
    assert path.jitter_s == pytest.approx(1e-4, rel=0.35)


def test_the_stated_error_is_honest() -> None:
    """Over 12 clocks: the mean square of error over stated error is about 1, the asymmetry's part (which is 0 here) being in the statement."""
    scores: list[float] = []
    for seed in range(12):
        physics = Physics(seed)
        physics.run(150, {1: 0.001})
        scores += physics.scores[50:]
    assert 0.3 < math.fsum(score * score for score in scores) / len(scores) < 1.5
    assert sum(abs(score) > 4.0 for score in scores) / len(scores) < 0.002


def test_several_servers_sharpen_the_clock() -> None:
    errors = {}
    for count in (1, 4):
        runs = [Physics(seed) for seed in range(3)]
        for physics in runs:
            physics.run(200, {source: 0.005 * (1 + source) for source in range(count)})
        errors[count] = sum(physics.rms_s(100 * count) for physics in runs)
    assert errors[4] < 0.65 * errors[1]


@pytest.mark.parametrize("wander", [1e-9, 1e-8, 1e-7])
def test_the_wander_is_found(wander: float) -> None:
    physics = Physics(7, wander=wander, jitter_s=1e-7, interval_s=16.0)
    physics.run(800, {1: 1e-4})
    assert physics.bank is not None
    assert math.log10(math.sqrt(physics.bank.estimate().wander)) == pytest.approx(math.log10(wander), abs=0.6)


def test_queueing_in_one_direction_only_is_no_bias() -> None:
    """The truth lies at the end of every bound; a filter that believes in symmetric queues would be wrong by half a jitter."""
    physics = Physics(3, jitter_s=1e-3)
    for _ in range(300):
        physics.advance(64.0)
        physics.exchange(1, 0.010 + physics.queue(), 0.010)
    assert physics.rms_s(100) < 2e-5


def test_congestion_of_one_direction_is_no_bias() -> None:
    physics = Physics(4)
    physics.run(200, {1: 0.010})
    for _ in range(15):
        physics.advance(64.0)
        physics.exchange(1, 0.010 + physics.queue(), 0.013 + physics.rng.expovariate(100.0))
    assert abs(physics.errors[-1]) < 1e-4


def test_a_longer_route_is_noticed_and_the_clock_kept() -> None:
    physics = Physics(5)
    physics.run(200, {1: 0.010})
    physics.run(60, {1: 0.020})
    assert physics.bank is not None
    assert physics.bank.path(1).base_delay_s == pytest.approx(0.040, abs=3e-5)
    assert max(map(abs, physics.errors[200:])) < 2e-4


def test_a_shorter_route_is_noticed_and_the_clock_kept() -> None:
    physics = Physics(6)
    physics.run(200, {1: 0.020})
    physics.run(60, {1: 0.010})
    assert physics.bank is not None
    assert physics.bank.path(1).base_delay_s == pytest.approx(0.020, abs=3e-5)
    assert max(map(abs, physics.errors[200:])) < 2e-4


def test_one_mad_exchange_moves_nothing() -> None:
    """The server was 30 ms off for one answer: a good round trip, and not possible with what is known."""
    physics = Physics(8)
    physics.run(200, {1: 0.010})
    before = abs(physics.errors[-1])
    physics.exchange(1, 0.0101, 0.0101, lie_s=0.030)
    assert abs(physics.errors[-1]) < before + 2e-5


def test_a_jump_of_the_frequency_is_followed() -> None:
    physics = Physics(9)
    physics.run(200, {1: 0.010})
    physics.frequency += 5e-6
    physics.run(20, {1: 0.010})
    assert abs(physics.errors[-1]) < 2e-4
    assert physics.bank is not None
    assert physics.bank.estimate().frequency == pytest.approx(physics.frequency, abs=3e-7)


def test_a_path_that_is_taken_out_leaves_what_it_has_taught() -> None:
    physics = Physics(10)
    physics.run(100, {1: 0.010, 2: 0.005})
    assert physics.bank is not None
    less = physics.bank.without([1])
    assert list(less.paths) == [2]
    assert less.estimate() == physics.bank.estimate()
    assert less.path(2) == physics.bank.path(2)


def test_prediction_carries_the_offset_and_loses_certainty() -> None:
    physics = Physics(11)
    physics.run(50, {1: 0.010})
    assert physics.bank is not None
    estimate = physics.bank.estimate()
    later, earlier = estimate.at_time(estimate.at + 100.0), estimate.at_time(estimate.at - 100.0)
    assert later.offset_s == pytest.approx(estimate.offset_s + 100.0 * estimate.frequency)
    assert later.offset_variance_s2 > estimate.offset_variance_s2
    assert earlier.offset_variance_s2 == estimate.offset_variance_s2


def test_a_sample_from_the_past_is_taken_at_the_present() -> None:
    sample = Sample(10.0, 0.0, 0.020)
    assert ClockFilter.starting(sample, FrequencyPrior(0.0, 1e-4)).after(1, sample).after(1, sample._replace(at=9.0)).at == 10.0


def test_covariances_stay_covariances() -> None:
    physics = Physics(12, jitter_s=1e-3)
    for _ in range(400):
        physics.advance(64.0)
        physics.exchange(1, 0.010 + physics.queue(), 0.010 + physics.queue() + (0.03 if physics.rng.random() < 0.1 else 0.0))
        assert physics.bank is not None
        for member in physics.bank.members:
            for k, row in enumerate(member.p):
                assert row[k] > 0.0
                for other in range(k):
                    assert row[other] == pytest.approx(member.p[other][k], rel=1e-4, abs=1e-24)
                    assert row[other] ** 2 <= row[k] * member.p[other][other] * (1 + 1e-9)


def test_a_wild_member_does_not_move_the_clock_when_both_directions_are_congested() -> None:
    """At long intervals the wildest oscillator of the bank could jump by 10 ms between two samples, and so make one direction look free."""
    physics = Physics(13, jitter_s=1e-3, interval_s=1024.0)
    physics.run(60, {1: 0.010})
    physics.run(7, {1: 0.020})
    assert max(map(abs, physics.errors[60:])) < 1e-3
    physics.run(5, {1: 0.020})
    assert physics.bank is not None
    assert physics.bank.path(1).base_delay_s == pytest.approx(0.040, abs=3e-3)
    assert max(map(abs, physics.errors[60:])) < 1.5e-3
