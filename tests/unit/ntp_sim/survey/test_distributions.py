"""What is drawn: valid, the same for the same seed, within the stated bounds, and all kinds of it."""

from __future__ import annotations

import tomllib

import pytest

from ntp_sim.scenario import Scenario, scenario_from, toml_text
from ntp_sim.scenario.model import ClockStep, FrequencyStep, Outage, RouteChange, ServerRamp, ServerStep, Suspend
from ntp_sim.survey import draw_world

SEEDS = range(1, 301)


def drawn(seed: int, *, has_event: bool = False) -> Scenario:
    return scenario_from(draw_world(seed, has_event=has_event), f"world {seed}")


def test_the_same_seed_draws_the_same_world_and_another_one_another() -> None:
    assert draw_world(7) == draw_world(7)
    assert len({toml_text(draw_world(seed)) for seed in SEEDS}) == len(SEEDS)


@pytest.mark.parametrize("has_event", [False, True])
def test_a_written_world_is_the_drawn_one(has_event: bool) -> None:
    for seed in SEEDS[:30]:
        document = draw_world(seed, has_event=has_event)
        assert tomllib.loads(toml_text(document)) == document


def test_an_event_changes_nothing_else() -> None:
    for seed in SEEDS[:30]:
        without, with_event = draw_world(seed), draw_world(seed, has_event=True)
        assert {key: with_event[key] for key in ("clock", "source-defaults", "server")} == {
            key: without[key] for key in ("clock", "source-defaults", "server")
        }


def test_worlds_stay_within_the_stated_bounds() -> None:
    for scenario in map(drawn, SEEDS):
        oscillator = scenario.clock.oscillator
        assert 10e-6 <= abs(scenario.clock.offset_s) <= 0.3
        assert abs(oscillator.frequency) <= 100e-6
        assert 1e-10 <= oscillator.wander <= 3e-8
        assert oscillator.white == 0.0 or 1e-9 <= oscillator.white <= 3e-8
        assert 1 <= len(scenario.servers) <= 5
        for plan in scenario.servers:
            assert plan.association.poll_minimum.log2 in {4, 6}
            assert plan.association.poll_minimum.log2 <= plan.association.poll_maximum.log2 <= 10
            there, back = plan.make_there(), plan.make_back()
            assert 0.1e-6 * 0.99 <= there.base_s <= 0.6
            assert abs(back.base_s - there.base_s) <= 0.3 * there.base_s * 1.01
            assert there.loss == back.loss in {0.0, 0.1, 0.3}


def test_every_kind_of_queue_and_of_event_is_drawn() -> None:
    kinds = {queue["kind"] for seed in SEEDS for queue in _queues(seed)}
    assert kinds == {"exponential", "pareto", "lognormal", "normal"}
    extras = {key for seed in SEEDS for queue in _queues(seed) for key in queue}
    assert {"probability", "spacing"} <= extras
    events = {type(drawn(seed, has_event=True).events[0].happening) for seed in SEEDS}
    assert events == {ClockStep, FrequencyStep, Outage, RouteChange, ServerRamp, ServerStep, Suspend}


def test_liars_are_a_minority_and_time_is_left_after_the_event() -> None:
    for seed in SEEDS:
        scenario = drawn(seed, has_event=True)
        (event,) = scenario.events
        if isinstance(event.happening, ServerStep | ServerRamp):
            assert 0 < len(event.servers) < len(scenario.servers) / 2
        length_s = event.happening.length_s if isinstance(event.happening, Suspend | Outage) else 0.0
        assert scenario.duration_s >= event.at_s + length_s + 12_000


def _queues(seed: int) -> list[dict[str, object]]:
    servers = draw_world(seed)["server"]
    assert isinstance(servers, list)
    return [queue for server in servers for way in ("there", "back") for queue in server[way]["queue"]]
