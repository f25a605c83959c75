"""What a scenario says is what is made and what happens, and to whom."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest

from ntp_proto.identifiers import KissCode
from ntp_proto.observation import SyncState
from ntp_sim.scenario import read_scenario, scenario_from
from ntp_sim.simulation import Simulation, run

TWO = """
[scenario]
duration = 1000
[clock]
frequency = "10ppm"
[source-defaults]
poll-interval-limits = { min = 4, max = 4 }
[[server]]
there = { base = "1ms" }
[[server]]
there = { base = "2ms" }
back = { base = "3ms" }
"""


def make(tmp_path: Path, text: str, seed: int = 1) -> Simulation:
    path = tmp_path / "scene.toml"
    path.write_text(text)
    return Simulation(read_scenario(path), seed)


def event(at: float, kind: str, more: str = "") -> str:
    return f'[[event]]\nat = {at}\nkind = "{kind}"\n{more}\n'


def test_the_same_seed_is_the_same_run_and_another_is_not(tmp_path: Path) -> None:
    path = tmp_path / "noisy.toml"
    noise = 'there = { base = "1ms", queue = { kind = "exponential", mean = "1ms", spacing = 100, length = 100 } }'
    path.write_text(TWO.replace('there = { base = "1ms" }', noise) + '[machine]\nstamp-noise = "1us"\n')
    scenario = read_scenario(path)
    assert run(scenario, 1) == run(scenario, 1)
    assert run(scenario, 1) != run(scenario, 2)


def test_a_route_changes_for_those_that_it_is_about_and_never_below_zero(tmp_path: Path) -> None:
    simulation = make(tmp_path, TWO + event(100, "route", 'there = "10ms"\nback = "-1s"\nservers = [2]'))
    first, second = simulation.servers
    simulation.world.run(99.0)
    assert (second.there.base_s, second.back.base_s) == (0.002, 0.003)
    simulation.world.run(101.0)
    assert (first.there.base_s, first.back.base_s) == (0.001, 0.001)
    assert (second.there.base_s, second.back.base_s) == (pytest.approx(0.012), 0.0)


def test_an_outage_and_a_kiss_end_and_come_again(tmp_path: Path) -> None:
    simulation = make(
        tmp_path, TWO + event(100, "outage", "every = 300\nlength = 50") + event(120, "kiss", 'code = "RATE"\nlength = 20\nservers = [1]')
    )
    seen = {}
    for at in (99.0, 101.0, 121.0, 141.0, 151.0, 401.0, 451.0):
        simulation.world.run(at)
        seen[at] = [(server.behaviour.is_silent, server.behaviour.kiss) for server in simulation.servers]
    plain, silent, busy = (False, None), (True, None), (True, KissCode.RATE)
    assert seen[99.0] == seen[151.0] == seen[451.0] == [plain, plain]
    assert seen[101.0] == seen[401.0] == [silent, silent]
    assert seen[121.0] == [busy, silent]
    assert seen[141.0] == [silent, silent], "the kiss ends before the outage does"


def test_servers_step_and_run_away_together(tmp_path: Path) -> None:
    simulation = make(tmp_path, TWO + event(100, "server-step", "by = 2\nservers = [2]") + event(200, "server-ramp", 'rate = "1ppm"'))
    simulation.world.run(700.0)
    assert [server.behaviour.ahead_s(700.0) for server in simulation.servers] == pytest.approx([500e-6, 2.0005])


def test_what_happens_to_the_client(tmp_path: Path) -> None:
    text = (
        TWO + event(100, "frequency-step", 'by = "5ppm"') + event(200, "clock-step", "by = 3") + event(300, "suspend", "length = 50\nrtc-error = 1")
    )
    simulation = make(tmp_path, text)
    simulation.world.run(101.0)
    assert simulation.clock.oscillator_frequency == pytest.approx(15e-6)
    simulation.world.run(200.001)
    assert simulation.clock.ahead_s == pytest.approx(3.0, abs=1e-2)
    simulation.world.run(310.0)
    assert simulation.clock.is_asleep
    simulation.world.run(350.1)
    assert simulation.clock.ahead_s == pytest.approx(1.0, abs=0.2)
    simulation.world.run(1000.0)
    assert simulation.clock.ahead_s == pytest.approx(0.0, abs=1e-2)


def test_clocks_of_servers_are_their_own_or_shared(tmp_path: Path) -> None:
    """Independent clocks err apart, those with one name err together, and a lie comes on top."""
    text = """
        [scenario]
        duration = 100
        [[server]]
        count = 2
        clock = { offset = 1, wander = 1e-6 }
        there = { base = 0.001 }
        [[server]]
        count = 2
        shared-clock = "ring"
        offset = 10
        clock = { offset = 1, wander = 1e-6 }
        there = { base = 0.001 }
    """
    simulation = make(tmp_path, text)
    simulation.world.run(100.0)
    first, second, third, fourth = (server.behaviour.ahead_s(100.0) for server in simulation.servers)
    assert first == pytest.approx(1.0, abs=0.1)
    assert third == pytest.approx(11.0, abs=0.1)
    assert third == fourth
    assert len({first, second, third - 10.0}) == 3


def test_a_relay_is_followed_through(tmp_path: Path) -> None:
    text = """
        [scenario]
        duration = 600
        [clock]
        offset = 1
        [[relay]]
        name = "first"
        clock = { offset = -1 }
        [[relay.server]]
        there = { base = "2ms" }
        [[relay]]
        name = "second"
        [[relay.server]]
        relay = "first"
        there = { base = "1ms" }
        [[server]]
        relay = "second"
        there = { base = "500us" }
    """
    simulation = make(tmp_path, text)
    result = simulation.run()
    system, _ = simulation.node.client.observe(simulation.clock.monotonic())
    assert (system.state, system.stratum) == (SyncState.SYNCHRONIZED, 4)
    assert system.root_delay_s == pytest.approx(0.007, abs=1e-3)
    assert abs(simulation.log.errors_s[-1]) < 1e-3
    assert result.packets == simulation.node.sent
    assert result.steps >= 1


def test_progress_is_told_to_the_end(tmp_path: Path) -> None:
    told: list[float] = []
    make(tmp_path, TWO).run(told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(told) > 10


def test_asymmetry_is_drawn_for_each_server_and_each_seed() -> None:
    document: dict[str, object] = {
        "scenario": {"duration": 10},
        "server": [{"count": 40, "there": {"base": 0.010}, "back": {"base": 0.006}, "asymmetry": 0.02}],
    }
    scenario = scenario_from(document, "asymmetric")
    first, again, other = (Simulation(scenario, seed).servers for seed in (1, 1, 2))
    assert [server.there.base_s for server in first] == [server.there.base_s for server in again] != [server.there.base_s for server in other]
    for server in first:
        assert server.there.base_s + server.back.base_s == pytest.approx(0.016)
    differences_s = [server.there.base_s - server.back.base_s - 0.004 for server in (*first, *other)]
    assert statistics.pstdev(differences_s) == pytest.approx(0.02 * 0.016, rel=0.25)
