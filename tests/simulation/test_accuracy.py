"""How right the clock is kept: physics and numeric limits.

The limits are 1.25 times what the algorithm reached on these seeds when they were set; for comparison, with the same physics chrony 4.8 reaches
2.7, 110, 73 and 57 µs in the first four.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path

import pytest

from ntp_proto.association import AssociationConfig
from ntp_sim.scenario import read_scenario
from ntp_sim.simulation import run
from simulation.scenes import BASES_S, Scene, fixed

SCENARIOS = Path(__file__).parent / "scenarios"


@pytest.mark.parametrize(
    ("bases_s", "jitter_s", "wander", "poll", "limit_s"),
    [
        pytest.param([100e-6], 10e-6, 1e-9, 4, 1.5e-6, id="local network, one server"),
        pytest.param([10e-3], 1e-3, 1e-9, 6, 75e-6, id="Internet, one server"),
        pytest.param(BASES_S[:4], 1e-3, 1e-9, 6, 40e-6, id="Internet, four servers"),
        pytest.param([1e-3], 1e-4, 1e-8, 6, 34e-6, id="a wandering oscillator"),
        pytest.param([20e-3], 10e-6, 1e-9, 6, 4e-6, id="a long and quiet path"),
    ],
)
def test_error_at_a_fixed_interval(bases_s: list[float], jitter_s: float, wander: float, poll: int, limit_s: float) -> None:
    scene = Scene(bases_s, jitter_s=jitter_s, wander=wander, config=fixed(poll))
    scene.world.run(30_000)
    assert scene.log.rms_s(8_000) < limit_s


def test_the_error_falls_with_each_doubling_of_the_servers() -> None:
    """As many packets in all: what the asymmetry of each path hides averages out, like 1 / sqrt(n). Eight servers are for the command."""
    errors = []
    for count in (1, 2, 4):
        scenario = replace(read_scenario(SCENARIOS / f"equal-servers-{count}.toml"), duration_s=3000.0, settle_s=1500.0)
        errors.append(math.sqrt(sum(run(scenario, seed).rms_s ** 2 for seed in range(1, 13)) / 12))
    for fewer, more in itertools.pairwise(errors):
        assert more < 0.9 * fewer


def test_a_free_interval_saves_packets_and_stays_accurate() -> None:
    scene = Scene(BASES_S[:4], config=AssociationConfig())
    scene.world.run(100_000)
    assert scene.requests < 900, "ntpd-rs sends 988"
    assert scene.log.rms_s(20_000) < 140e-6, "ntpd-rs: 235 µs"


def test_loss_is_no_harm() -> None:
    scene = Scene(BASES_S[:4], loss=0.3)
    scene.world.run(30_000)
    assert scene.log.rms_s(8_000) < 60e-6


def test_a_frequency_jump_is_followed() -> None:
    scene = Scene(BASES_S[:4], jitter_s=2e-4)
    scene.world.run(20_000)
    scene.clock.jump_frequency(5e-6)
    scene.world.run(30_000)
    assert scene.log.largest_s(20_000) < 800e-6
    assert scene.log.rms_s(21_000) < 30e-6
