"""How the clock is brought right, and what happens at the start."""

from __future__ import annotations

import pytest

from ntp_proto.algorithm import DisciplineConfig
from ntp_proto.observation import SourceStatus, SyncState
from ntp_sim import Behaviour
from simulation.scenes import BASES_S, Scene, fixed


@pytest.mark.parametrize("offset_s", [-0.1, 0.1, 3600.0, -30.0])
@pytest.mark.parametrize("count", [1, 4])
def test_a_large_offset_is_stepped_once_and_at_once(offset_s: float, count: int) -> None:
    scene = Scene(BASES_S[:count], jitter_s=5e-5, frequency=50e-6, offset_s=offset_s)
    scene.world.run(3_000)
    assert len(scene.clock.steps) == 1
    settled = scene.log.settled_at(1e-3)
    assert settled is not None
    assert settled <= 2


@pytest.mark.parametrize("offset_s", [-0.008, 0.008])
def test_a_small_offset_is_slewed_without_overshoot(offset_s: float) -> None:
    """No wander, no jitter: what is seen is the controller alone."""
    scene = Scene([1e-3], jitter_s=1e-7, wander=0.0, frequency=0.0, offset_s=offset_s)
    scene.world.run(2_000)
    assert scene.clock.steps == []
    settled = scene.log.settled_at(1e-4)
    assert settled is not None
    assert settled <= 5
    beyond = [error for error in scene.log.errors_s if error * offset_s < 0.0]
    assert max(map(abs, beyond), default=0.0) < 5e-6


def test_errors_never_exceed_the_initial_offset() -> None:
    for seed in range(5):
        scene = Scene([10e-3], seed=seed, offset_s=-0.009)
        scene.world.run(3_000)
        assert scene.log.largest_s() < 0.0095


def test_no_step_without_a_quorum() -> None:
    scene = Scene(BASES_S[:4], offset_s=-0.5, behave=lambda number: Behaviour(is_silent=number >= 1))
    scene.world.run(5)
    system, sources = scene.observe()
    assert scene.clock.steps == []
    assert system.state is SyncState.STARTING
    assert sources[0].status is SourceStatus.TOO_FEW
    assert "1 of the 3 sources" in system.reason


def test_silent_servers_stop_counting_and_the_rest_go_on() -> None:
    scene = Scene(BASES_S[:4], offset_s=-0.5, behave=lambda number: Behaviour(is_silent=number >= 2))
    scene.world.run(120)
    system, sources = scene.observe()
    assert system.state is SyncState.SYNCHRONIZED
    assert [source.status for source in sources] == [SourceStatus.SELECTED] * 2 + [SourceStatus.UNREACHABLE] * 2


def test_panic_at_the_start_leaves_the_clock_alone_and_says_so() -> None:
    """A server that is a day and a minute behind us."""
    scene = Scene([1e-3], behave=lambda number: Behaviour(ahead_s=lambda now: -86460.0))  # noqa: ARG005
    scene.world.run(600)
    system, _ = scene.observe()
    assert scene.clock.steps == []
    assert system.state is SyncState.PANIC
    assert "startup-step-panic-threshold" in system.reason
    assert system.stratum == 16


def test_the_same_seed_is_the_same_run() -> None:
    runs = []
    for _ in range(2):
        scene = Scene(BASES_S[:2], seed=5)
        scene.world.run(2_000)
        runs.append(scene.log.errors_s)
    assert runs[0] == runs[1]


def test_stepping_can_be_forbidden() -> None:
    scene = Scene([1e-3], offset_s=-0.05, discipline=DisciplineConfig(step_updates=0), config=fixed(4))
    scene.world.run(300)
    assert scene.clock.steps == []
    assert abs(scene.log.errors_s[-1]) < 1e-3
