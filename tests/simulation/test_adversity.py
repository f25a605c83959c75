"""Liars, silence, kisses, and other hands on the clock."""

from __future__ import annotations

import pytest

from ntp_proto.association import AssociationConfig, Demobilize
from ntp_proto.identifiers import KissCode
from ntp_proto.observation import SourceStatus, SyncState
from ntp_sim import Behaviour, Link, exponential
from simulation.scenes import BASES_S, Scene

DAY_S = 86_400


def ahead(seconds: float) -> Behaviour:
    return Behaviour(ahead_s=lambda now: seconds)  # noqa: ARG005 — at all times


@pytest.mark.parametrize("liars", [{0, 3}, {1, 2}, {0, 4}])
@pytest.mark.parametrize("lie_s", [0.1, -1.0, 3600.0])
def test_two_falsetickers_of_five_are_never_followed(liars: set[int], lie_s: float) -> None:
    scene = Scene(BASES_S, behave=lambda number: ahead(lie_s if number in liars else 0.0))
    scene.world.run(4_000)
    assert scene.log.largest_s() < 0.015, "never farther off than at the start"
    _, sources = scene.observe()
    for number, source in enumerate(sources):
        assert source.status is (SourceStatus.FALSETICKER if number in liars else SourceStatus.SELECTED)
    liar = sources[min(liars)]
    assert "away from the majority" in liar.reason


@pytest.mark.parametrize("count", [2, 4])
def test_half_against_half_is_no_majority(count: int) -> None:
    """Case 26: free-running, not following, and visibly so."""
    scene = Scene(BASES_S[:count], wander=0.0, frequency=0.0, offset_s=0.0, behave=lambda number: ahead(1.0 if number % 2 else 0.0))
    scene.world.run(2_000)
    system, sources = scene.observe()
    assert system.state is SyncState.NO_MAJORITY
    assert {source.status for source in sources} == {SourceStatus.NO_MAJORITY}
    assert scene.log.largest_s() < 1e-6


@pytest.mark.parametrize("count", range(1, 8))
def test_a_minority_of_any_size(count: int) -> None:
    """Case 26, k of n: with k < n/2 liars the clock stays right, otherwise it is not led farther than before."""
    for liars in range((count - 1) // 2 + 1):
        scene = Scene([10e-3] * count, jitter_s=2e-4, behave=lambda number, liars=liars: ahead(1.0 if number < liars else 0.0))
        scene.world.run(600)
        assert scene.log.largest_s(100) < 2e-3


def test_a_server_that_begins_to_lie_is_dropped_and_its_word_forgotten() -> None:
    scene = Scene(BASES_S)
    scene.world.run(5_000)
    scene.servers[2].behaviour = ahead(0.5)
    scene.world.run(12_000)
    _, sources = scene.observe()
    assert sources[2].status is SourceStatus.FALSETICKER
    assert scene.log.largest_s(5_000) < 2e-3


def test_a_day_without_sources_and_their_return() -> None:
    """The frequency is held, the bound grows, the status says so; and when they return nothing is stepped."""
    scene = Scene(BASES_S[:4], wander=1e-10)
    scene.world.run(20_000)
    before, _ = scene.observe()
    for server in scene.servers:
        server.behaviour = Behaviour(is_silent=True)
    scene.world.run(20_000 + 4_000)
    silent, sources = scene.observe()
    assert silent.state is SyncState.HOLDOVER
    assert {source.status for source in sources} == {SourceStatus.UNREACHABLE}
    assert silent.stratum == 2
    assert silent.root_dispersion_s > before.root_dispersion_s + 0.03
    scene.world.run(20_000 + DAY_S)
    gone, _ = scene.observe()
    assert gone.state is SyncState.UNSYNCHRONIZED
    assert "no usable source for" in gone.reason
    assert gone.stratum == 16
    assert gone.root_dispersion_s > 1.0
    assert scene.clock.frequency() == pytest.approx(before.frequency, abs=1e-7)
    assert scene.log.largest_s(20_000) < 0.02
    steps = len(scene.clock.steps)
    for server in scene.servers:
        server.behaviour = Behaviour()
    scene.world.run(20_000 + DAY_S + 6_000)
    back, _ = scene.observe()
    assert back.state is SyncState.SYNCHRONIZED
    assert len(scene.clock.steps) == steps
    assert scene.log.largest_s(20_000 + DAY_S + 3_000) < 1e-3


@pytest.mark.parametrize("kiss", [KissCode.DENY, KissCode.RSTR])
def test_a_refusal_ends_one_source_and_no_other(kiss: KissCode) -> None:
    """Case 8."""
    scene = Scene(BASES_S[:4], behave=lambda number: Behaviour(kiss=kiss if number == 1 else None))
    scene.world.run(3_000)
    assert len(scene.servers[1].requests) == 1, "no second request after a refusal"
    assert [ending for _, source, ending in scene.node.endings if source == scene.ids[1]] == [Demobilize(kiss)]
    system, sources = scene.observe()
    assert sources[1].status is SourceStatus.DENIED
    assert system.state is SyncState.SYNCHRONIZED


def test_rate_slows_down_and_recovers() -> None:
    """Case 7."""
    scene = Scene([10e-3], behave=lambda number: Behaviour(kiss=KissCode.RATE), config=AssociationConfig())  # noqa: ARG005
    scene.world.run(3_000)
    gaps = [b - a for a, b in zip(scene.servers[0].requests, scene.servers[0].requests[1:], strict=False)]
    assert min(gaps) > 100.0, "the burst has ended and the interval is longer than the minimum of 64 s"
    scene.servers[0].behaviour = Behaviour()
    scene.world.run(30_000)
    assert scene.observe()[0].state is SyncState.SYNCHRONIZED


def test_an_unsynchronised_server_is_named_and_not_used() -> None:
    """Case 11."""
    scene = Scene(BASES_S[:3], behave=lambda number: Behaviour(stratum=16 if number == 0 else 1))
    scene.world.run(1_000)
    system, sources = scene.observe()
    assert sources[0].status is SourceStatus.UNSYNCHRONIZED
    assert sources[0].rejections["unsynchronized"] > 0
    assert system.state is SyncState.SYNCHRONIZED


def test_a_ramp_of_100_ppm_is_left_behind_by_the_majority() -> None:
    """Case 26: one of five drifts away at 100 ppm."""
    ramp = Behaviour(ahead_s=lambda now: max(0.0, now - 2_000) * 100e-6)
    scene = Scene(BASES_S, behave=lambda number: ramp if number == 0 else Behaviour())
    scene.world.run(6_000)
    _, sources = scene.observe()
    assert sources[0].status is SourceStatus.FALSETICKER
    assert scene.log.largest_s(2_000) < 5e-3


def test_delayed_answers_widen_the_bound_and_never_break_it() -> None:
    """Case 27: an attacker delays the answers of the only server by 100 ms. Nobody can see that; but the published bound has to hold it."""
    scene = Scene([10e-3])
    scene.world.run(5_000)
    scene.servers[0].back = Link(0.110, exponential(1e-3))
    for end in range(5_600, 30_000, 600):
        scene.world.run(end)
        system, _ = scene.observe()
        assert system.maximum_error_s is not None
        assert abs(scene.clock.ahead_s) <= system.maximum_error_s


def test_somebody_sets_the_clock() -> None:
    scene = Scene(BASES_S[:3])
    scene.world.run(5_000)
    scene.clock.displace(2.5)
    scene.world.run(8_000)
    system, _ = scene.observe()
    assert system.displacement_count == 1
    assert scene.log.largest_s(5_400) < 2e-3
    assert any("something else has set the clock by +2.5 s" in notice.text for _, notice in scene.node.notices)


def test_each_request_is_different_and_tells_nothing() -> None:
    seen: list[bytes] = []
    scene = Scene([10e-3])
    carry = scene.servers[0].carry

    def spy(data: bytes, deliver: object) -> None:
        seen.append(data)
        carry(data, deliver)  # type: ignore[arg-type]  # handed on as it came

    scene.servers[0].carry = spy  # type: ignore[method-assign]  # a wire tap
    scene.world.run(2_000)
    assert len({data[40:48] for data in seen}) == len(seen) > 20
    for data in seen:
        assert data[0] == 0x23
        assert data[1] == 0
        assert data[3:40] == bytes(37), "no stratum, precision, root, reference or timestamp of ours"


def test_a_liar_is_asked_no_more_often_than_the_others() -> None:
    scene = Scene(BASES_S, config=AssociationConfig(), behave=lambda number: ahead(0.1 if number == 0 else 0.0))
    scene.world.run(60_000)
    counts = [len(server.requests) for server in scene.servers]
    assert counts[0] <= 1.3 * max(counts[1:])


def test_a_connection_of_half_an_hour_a_day_is_used_at_once() -> None:
    """The first answer after a long silence is followed by a burst, so that half an hour is enough."""
    scene = Scene([10e-3], jitter_s=1e-4, config=AssociationConfig())
    scene.world.run(1_800)
    for day in range(1, 4):
        scene.servers[0].behaviour = Behaviour(is_silent=True)
        scene.world.run(day * DAY_S)
        scene.servers[0].behaviour = Behaviour()
        before = scene.requests
        scene.world.run(day * DAY_S + 1_800)
        assert scene.requests - before >= 7
        assert abs(scene.log.errors_s[-1]) < 2e-4


def test_a_minority_that_ramps_slowly_within_the_bounds_gains_little() -> None:
    """Two of five collude and drift away at 1 ppm over paths of 25 ms each way: chrony follows them for 20 ms."""
    ramp = Behaviour(ahead_s=lambda now: max(0.0, now - 4_000.0) * 1e-6)
    scene = Scene([25e-3] * 5, jitter_s=1e-3, behave=lambda number: ramp if number < 2 else Behaviour())
    scene.world.run(40_000)
    assert scene.log.largest_s(4_000) < 5e-3
    _, sources = scene.observe()
    assert [source.status for source in sources[:2]] == [SourceStatus.FALSETICKER] * 2
