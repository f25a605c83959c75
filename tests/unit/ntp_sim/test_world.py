from __future__ import annotations

from ntp_sim import World


def test_events_happen_in_the_order_of_time_and_then_of_their_making() -> None:
    world, seen = World(1), []
    for when, name in ((2.0, "c"), (1.0, "a"), (2.0, "d"), (1.5, "b"), (9.0, "never")):
        world.at(when, lambda name=name: seen.append((world.now, name)))
    world.run(5.0)
    assert seen == [(1.0, "a"), (1.5, "b"), (2.0, "c"), (2.0, "d")]
    assert world.now == 5.0


def test_the_past_happens_at_once() -> None:
    world, seen = World(1), []
    world.run(10.0)
    world.at(3.0, lambda: seen.append(world.now))
    world.run(10.0)
    assert seen == [10.0]


def test_every() -> None:
    world, seen = World(1), []
    world.every(2.0, lambda: seen.append(world.now))
    world.run(7.0)
    assert seen == [2.0, 4.0, 6.0]


def test_each_part_has_randomness_of_its_own() -> None:
    assert World(1).rng("a").random() == World(1).rng("a").random()
    assert World(1).rng("a").random() != World(1).rng("b").random()
    assert World(1).rng("a").random() != World(2).rng("a").random()
