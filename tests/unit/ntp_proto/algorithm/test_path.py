from __future__ import annotations

import random
import statistics
from collections.abc import Iterable

import pytest

from ntp_proto.algorithm.path import SHAPES, Path, Shape


def grown(excesses_s: Iterable[tuple[float, float]], delay_s: float = 0.02) -> Path:
    path = Path.expected([delay_s])
    for out_s, back_s in excesses_s:
        path = path.after(out_s, back_s)
    return path


def queues(scale_s: float, count: int, seed: int = 1) -> list[float]:
    rng = random.Random(seed)
    return [rng.expovariate(1.0 / scale_s) for _ in range(count)]


@pytest.mark.parametrize("scale_s", [2e-6, 1e-4, 5e-3])
def test_the_usual_scale_of_each_direction_is_found(scale_s: float) -> None:
    path = grown(zip(queues(scale_s, 400), queues(3 * scale_s, 400, 2), strict=True))
    assert path.out.jitter_s == pytest.approx(scale_s, rel=0.3)
    assert path.back.jitter_s == pytest.approx(3 * scale_s, rel=0.3)
    assert path.jitter_s == pytest.approx(2 * scale_s, rel=0.3)


def test_congestion_does_not_pass_for_the_usual() -> None:
    """Three exchanges in ten come back through a queue of 10 ms: the usual scale stays, and the congestion's own is learned."""
    rng = random.Random(5)
    excesses = [(rng.expovariate(1e4), rng.expovariate(1e4) + (rng.expovariate(100) if rng.random() < 0.3 else 0.0)) for _ in range(600)]
    path = grown(excesses)
    assert path.back.jitter_s < 1.6e-4
    assert path.back.congestion_s > 5e-3


def test_a_path_that_has_become_noisy_for_good_is_believed() -> None:
    path = grown([*zip(queues(1e-5, 200), queues(1e-5, 200, 2), strict=True), *zip(queues(1e-3, 3000, 3), queues(1e-3, 3000, 4), strict=True)])
    assert path.jitter_s == pytest.approx(1e-3, rel=0.4)


def test_eight_in_a_row_with_both_directions_congested_mean_a_longer_route() -> None:
    path = grown(zip(queues(1e-4, 100), queues(1e-4, 100, 2), strict=True))
    for _ in range(7):
        assert not path.is_longer_with(0.005, 0.005)
        path = path.after(0.005, 0.005)
    assert path.is_longer_with(0.005, 0.005)
    assert not path.is_longer_with(0.005, 1e-5), "one direction alone is congestion"
    assert path.after(0.005, 0.005).congested_run == 0, "and the count begins anew"
    assert path.after(1e-5, 1e-5).congested_run == 0


def test_an_unknown_path_is_expected_to_be_noisy() -> None:
    assert Path.expected([0.1]).jitter_s > Path.expected([0.001]).jitter_s > 1e-6
    assert Path.expected([-1.0]).jitter_s > 0.0


@pytest.mark.parametrize("scale_s", [1e-5, 1e-3, 0.1])
def test_a_few_round_trips_show_what_is_usual_whatever_was_expected(scale_s: float) -> None:
    """The base of 20 ms would make one expect 3 ms; a tenth and thirty times of that are seen to be right."""
    delays_s = [
        [0.020 + out + back for out, back in zip(queues(scale_s, 16, seed), queues(scale_s, 16, seed + 50), strict=True)] for seed in range(20)
    ]
    found_s = sorted(Path.expected(each).jitter_s for each in delays_s)
    assert 0.5 * scale_s < found_s[10] < 1.5 * scale_s + 0.15 * 0.020 / 16


def test_of_a_new_path_nobody_says_that_it_is_congested() -> None:
    """A first round trip that happened to meet no queue makes one expect too little; the queues that follow are the usual ones."""
    path = Path.expected([5e-5])
    for out_s, back_s in zip(queues(1e-4, 16), queues(1e-4, 16, 2), strict=True):
        assert not path.is_congested(out_s, back_s)
        path = path.after(out_s, back_s)
    assert path.jitter_s > 2e-5
    assert path.is_congested(1e-3, 1e-3)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_jitter_is_found_whatever_the_shape(shape: Shape) -> None:
    rng = random.Random(4)
    path = Path.known(3e-4, 3e-5, shape, 16)
    found = []
    for number in range(3000):
        path = path.after(*(rng.expovariate(1e4) + rng.gauss(0.0, shape.noise * 1e-4) for _ in range(2)))
        if number > 500:
            found.append(path.out.jitter_s)
    assert statistics.fmean(found) == pytest.approx(1e-4, rel=0.1)
    assert path.out.noise_s == pytest.approx(max(200e-9, shape.noise * path.out.jitter_s))


def test_the_spread_of_a_noisy_path_is_what_counts_for_congestion() -> None:
    noisy = Path.known(1e-4, 1e-4, SHAPES[2], 16)
    assert noisy.jitter_s == pytest.approx(5e-4)
    assert not noisy.is_congested(1.9e-3, 1.9e-3)
    assert noisy.is_congested(2.1e-3, 2.1e-3)
