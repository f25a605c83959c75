"""Scenario files: what they say is what is made, and what is wrong with them is said."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from ntp_daemon.config.model import AlgorithmConfig, SynchronizationConfig
from ntp_daemon.config.read_tables import model_fields
from ntp_proto.algorithm import DisciplineConfig, FrequencyPrior, StepThreshold
from ntp_proto.datagram import StampSource
from ntp_proto.identifiers import KissCode, LeapIndicator
from ntp_sim import Oscillator, TemperatureCycle
from ntp_sim.scenario import Below, Limits, Scenario, ScenarioError, discipline_keys, discipline_values, read_scenario, with_settings
from ntp_sim.scenario.model import (
    ClockStep,
    EventPlan,
    FrequencyStep,
    Kiss,
    Outage,
    RouteChange,
    ServerRamp,
    ServerStep,
    Suspend,
)

HEAD = "[scenario]\nduration = 1000\n"
SERVER = "[[server]]\nthere = { base = 0.01 }\n"


def read(tmp_path: Path, text: str, overrides: str | None = None) -> Scenario:
    path = tmp_path / "scene.toml"
    path.write_text(text)
    if overrides is None:
        return read_scenario(path)
    other = tmp_path / "other.toml"
    other.write_text(overrides)
    return read_scenario(path, other)


def test_the_least_scenario(tmp_path: Path) -> None:
    scenario = read(tmp_path, HEAD + SERVER)
    assert (scenario.name, scenario.duration_s, scenario.settle_s) == ("scene", 1000.0, 0.0)
    assert scenario.discipline == DisciplineConfig()
    assert scenario.limits == Limits()
    (server,) = scenario.servers
    assert server.make_there().delay(random.Random(1), 0.0) == server.make_back().delay(random.Random(1), 0.0) == 0.01
    assert scenario.event_at_s is None


def test_the_clock_and_the_machine(tmp_path: Path) -> None:
    text = """
        [clock]
        offset = "-10 ms"
        frequency = "-12.5ppm"
        wander = 1e-9
        white = "3ns"
        flicker = "2ppb"
        temperature = { coefficient = 1e-7, amplitude = 5, period = "1d", phase = "25%" }
        drift-file = { frequency = "12ppm", error = 1e-7 }
        [machine]
        stamps = "daemon"
        stamp-noise = "5us"
        latency = { kind = "constant", delay = "50us" }
    """
    scenario = read(tmp_path, HEAD + SERVER + text)
    assert scenario.clock.offset_s == -0.010
    oscillator = scenario.clock.oscillator
    assert oscillator == Oscillator(
        pytest.approx(-12.5e-6), 1e-9, pytest.approx(3e-9), pytest.approx(2e-9), TemperatureCycle(1e-7, 5.0, 86400.0, 0.25)
    )
    assert scenario.clock.prior == FrequencyPrior(pytest.approx(12e-6), 1e-7)
    machine = scenario.make_machine()
    assert (machine.stamps, machine.stamp_noise_s) == (StampSource.DAEMON, pytest.approx(5e-6))
    assert machine.latency(random.Random(1), 0.0) == pytest.approx(50e-6)


def test_temperature_ramps(tmp_path: Path) -> None:
    scenario = read(tmp_path, HEAD + SERVER + "[clock]\ntemperature = { coefficient = 1e-7, ramps = [[0, 0], [100, 4.0]] }\n")
    temperature = scenario.clock.oscillator.temperature
    assert temperature is not None
    assert temperature.frequency(50.0) == pytest.approx(2e-7)


def test_servers_links_and_queues(tmp_path: Path) -> None:
    text = """
        [source-defaults]
        poll-interval-limits = { min = 4, max = 8 }
        [[server]]
        count = 2
        stratum = 3
        leap = "insert"
        root-delay = "20ms"
        root-dispersion = "5ms"
        offset = "100ms"
        ramp = "1ppm"
        ramp-from = 600
        stamp-noise = "10us"
        processing = "1ms"
        kiss = "RATE"
        silent = true
        poll-interval-limits = { max = 6 }
        initial-poll-interval = 5
        there = { base = "5ms", loss = "10%", duplication = 0.2, reordering = 0.3, holdup = "2s" }
        [server.back]
        base = "6ms"
        queue = [
            { kind = "constant", delay = "1ms" },
            { kind = "constant", delay = "10ms", period = 100, length = 10, start = 50 },
            { kind = "constant", delay = "100ms", probability = 0 },
            { kind = "constant", delay = "1s", spacing = "1d", length = "1s" },
        ]
    """
    first, second = read(tmp_path, HEAD + text).servers
    assert first == second
    behaviour = first.behaviour
    assert behaviour.ahead_s(600.0) == pytest.approx(0.1)
    assert behaviour.ahead_s(1600.0) == pytest.approx(0.101)
    assert (behaviour.stratum, behaviour.leap, behaviour.kiss, behaviour.is_silent) == (3, LeapIndicator.INSERT, KissCode.RATE, True)
    assert (behaviour.root_delay_s, behaviour.root_dispersion_s) == (pytest.approx(0.02), pytest.approx(0.005))
    assert (behaviour.stamp_noise_s, behaviour.processing_s) == (pytest.approx(1e-5), pytest.approx(1e-3))
    association = first.association
    assert [poll.log2 for poll in (association.poll_minimum, association.poll_initial, association.poll_maximum)] == [4, 5, 6]
    there = first.make_there()
    assert (there.base_s, there.loss, there.duplication, there.reordering, there.holdup_s) == (pytest.approx(5e-3), pytest.approx(0.1), 0.2, 0.3, 2.0)
    back = first.make_back()
    assert back.delay(random.Random(1), 0.0) == pytest.approx(7e-3)
    assert back.delay(random.Random(1), 55.0) == pytest.approx(17e-3)


@pytest.mark.parametrize(
    ("queue", "least_s"),
    [('kind = "exponential", mean = 1', 0.0), ('kind = "pareto", scale = 1, shape = 2', 0.0), ('kind = "lognormal", median = 1, sigma = 1', 0.0)],
)
def test_every_kind_of_queue_can_be_written(tmp_path: Path, queue: str, least_s: float) -> None:
    (server,) = read(tmp_path, HEAD + f"[[server]]\nthere = {{ base = 0, queue = {{ {queue} }} }}\n").servers
    delays = [server.make_there().delay(random.Random(seed), 0.0) for seed in range(20)]
    assert len(set(delays)) == 20
    assert all(delay is not None and delay > least_s for delay in delays)


def test_each_run_has_queues_of_its_own(tmp_path: Path) -> None:
    """A burst that one run has met is not the next one's."""
    text = '[[server]]\nthere = { base = 0, queue = { kind = "constant", delay = 1, spacing = 100, length = 100 } }\n'
    (server,) = read(tmp_path, HEAD + text).servers
    runs = []
    for _ in range(2):
        link, rng = server.make_there(), random.Random(1)
        runs.append([link.delay(rng, float(now)) for now in range(0, 5000, 10)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {0.0, 1.0}


def test_events(tmp_path: Path) -> None:
    text = """
        [[event]]
        at = "5min"
        kind = "frequency-step"
        by = "5ppm"
        [[event]]
        at = 400
        every = 200
        kind = "outage"
        length = 50
        servers = [2]
        [[event]]
        at = 1
        kind = "suspend"
        length = "1min"
        rtc-error = -0.5
        [[event]]
        at = 2
        kind = "route"
        there = "10ms"
        [[event]]
        at = 3
        kind = "clock-step"
        by = 1
        [[event]]
        at = 4
        kind = "kiss"
        code = "DENY"
        length = 10
        [[event]]
        at = 5
        kind = "server-step"
        by = 2
        [[event]]
        at = 6
        kind = "server-ramp"
        rate = "1ppm"
    """
    scenario = read(tmp_path, HEAD + SERVER + SERVER + text)
    assert [event.happening for event in scenario.events] == [
        FrequencyStep(pytest.approx(5e-6)),
        Outage(50.0),
        Suspend(60.0, -0.5),
        RouteChange(pytest.approx(0.01), 0.0),
        ClockStep(1.0),
        Kiss(KissCode.DENY, 10.0),
        ServerStep(2.0),
        ServerRamp(1e-6),
    ]
    outage = scenario.events[1]
    assert outage.servers == (1,)
    assert outage.times(1000.0) == [400.0, 600.0, 800.0, 1000.0]
    assert EventPlan(at_s=7.0, happening=Outage(1.0)).times(1000.0) == [7.0]
    assert scenario.event_at_s == 2.0, "the sleep ends later"


def test_limits(tmp_path: Path) -> None:
    text = """
        [[event]]
        at = 1
        kind = "clock-step"
        by = 1
        [limits]
        rms = "10us"
        p99 = "20us"
        maximum = "1ms"
        packets = 500
        steps = 1
        settled-below = [{ limit = "1ms", within = 20 }, { limit = "100us", within = "5min" }]
        coverage = 0.999
        probable-coverage = "99%"
        after-event = { peak = "2ms", settled-below = { limit = "100us", within = 600 } }
    """
    limits = read(tmp_path, HEAD + SERVER + text).limits
    assert limits == Limits(
        rms_s=pytest.approx(1e-5),
        p99_s=pytest.approx(2e-5),
        maximum_s=1e-3,
        packets=500,
        steps=1,
        below=(Below(1e-3, 20.0), Below(pytest.approx(1e-4), 300.0)),
        coverage=0.999,
        probable_coverage=0.99,
        peak_after_event_s=2e-3,
        below_after_event=(Below(pytest.approx(1e-4), 600.0),),
    )


def test_relays(tmp_path: Path) -> None:
    text = """
        [[relay]]
        name = "gateway"
        clock = { offset = 1 }
        [[relay.server]]
        there = { base = 0.02 }
        [[server]]
        relay = "gateway"
        there = { base = 0.001 }
    """
    scenario = read(tmp_path, HEAD + text)
    assert scenario.servers[0].relay == scenario.relays[0].name == "gateway"
    assert scenario.relays[0].clock.offset_s == 1.0


def test_discipline_and_what_overrides_it(tmp_path: Path) -> None:
    text = '[discipline]\nstep-threshold = "100ms"\nsingle-step-panic-threshold = { backward = 5 }\nstep-updates = 0\nminimum-agreeing-sources = 2\n'
    scenario = read(tmp_path, HEAD + SERVER + text, "[discipline]\nstep-updates = 3\n[source-defaults]\ninitial-poll-interval = 7\n")
    assert scenario.discipline == DisciplineConfig(
        step_threshold_s=pytest.approx(0.1),
        single_step_panic_threshold=StepThreshold(float("inf"), 5.0),
        step_updates=3,
        minimum_agreeing_sources=2,
    )
    assert scenario.servers[0].association.poll_initial.log2 == 7


def test_the_keys_of_the_discipline_are_those_of_the_daemon() -> None:
    of_daemon = {field.key for table in (SynchronizationConfig, AlgorithmConfig) for field in model_fields(table) if field.rule is not None}
    assert of_daemon - {"drift-file"} <= set(discipline_keys())


def test_settings_come_back_as_they_are_written() -> None:
    config = DisciplineConfig(minimum_agreeing_sources=2, single_step_panic_threshold=StepThreshold(1.0, float("inf")))
    assert with_settings(DisciplineConfig(), discipline_values(config)) == config


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "scenario: is missing"),
        ("[scenario\n", "is not TOML"),
        (SERVER + "[scenario]\n", "scenario.duration: is missing"),
        (HEAD, r"server: is missing: a scenario has at least one \[\[server\]\]"),
        (HEAD + "mood = 1\n" + SERVER, "scenario.mood: unknown key; there are description, duration"),
        (HEAD + "setle = 1\n" + SERVER, r"scenario.setle: unknown key; did you mean settle\?"),
        (HEAD + "settle = 1000\n" + SERVER, r"scenario.settle: must be less than the duration \(1000 s\)"),
        (HEAD + "[[server]]\n", r"server\[1\].there: is missing: every server needs a way to it"),
        (HEAD + SERVER + "[[server]]\nthere = { loss = 0.1 }\n", r"server\[2\].there.base: is missing"),
        (HEAD + "[[server]]\nthere = { base = -1 }\n", r"server\[1\].there.base: must be a time in seconds of 0 or more, got -1"),
        (HEAD + '[[server]]\nthere = { base = "1 fortnight" }\n', r"server\[1\].there.base: must be a time in seconds, or a number with one of"),
        (HEAD + '[[server]]\nthere = { base = "1.2.3 s" }\n', r"server\[1\].there.base: must be a time in seconds, or"),
        (HEAD + "[[server]]\nthere = { base = true }\n", r"server\[1\].there.base: must be a time in seconds, got True"),
        (HEAD + "[[server]]\nthere = { base = nan }\n", r"server\[1\].there.base: must be a time in seconds, got nan"),
        (HEAD + "[[server]]\nthere = { base = 1, loss = 2 }\n", r"there.loss: must be a share from 0 to 1, got 2"),
        (HEAD + '[[server]]\nthere = { base = 1, queue = { kind = "slow" } }\n', r"server\[1\].there.queue.kind: must be one of constant, exp"),
        (HEAD + '[[server]]\nthere = { base = 1, queue = [{ kind = "normal" }] }\n', r"server\[1\].there.queue\[1\].sigma: is missing"),
        (HEAD + "[server]\nthere = { base = 1 }\n", r"server: must be written in double brackets: \[\[server\]\]"),
        (HEAD + SERVER + "count = 0\n", r"server\[1\].count: must be a whole number from 1 to 64, got 0"),
        (HEAD + SERVER + 'relay = "x"\n', r"there is no \[\[relay\]\] 'x' before it; there are: none"),
        (HEAD + SERVER + 'relay = "x"\nstratum = 2\n', r"server\[1\].relay: a relay shows its own clock and stratum"),
        (HEAD + SERVER + 'shared-clock = "x"\n', r"server\[1\].shared-clock: needs a clock"),
        (HEAD + SERVER + "[clock]\ntemperature = { coefficient = 1, ramps = [[1, 2], [1, 3]] }\n", "the times of the points must increase"),
        (
            HEAD + SERVER + "[clock]\ntemperature = { coefficient = 1, ramps = [[1]] }\n",
            "clock.temperature.ramps: must be a list of pairs of numbers",
        ),
        (HEAD + SERVER + '[[event]]\nat = 1000\nkind = "clock-step"\nby = 1\n', r"event\[1\].at: happens after the end of the scenario"),
        (HEAD + SERVER + '[[event]]\nat = 1\nkind = "clock-step"\nby = 1\nservers = [1]\n', r"event\[1\].servers: unknown key"),
        (HEAD + SERVER + '[[event]]\nat = 1\nkind = "outage"\nlength = 1\nservers = [2]\n', r"event\[1\].servers: servers count from 1 to 1"),
        (HEAD + SERVER + '[[event]]\nat = 1\nkind = "outage"\nlength = 1\nservers = ["a"]\n', r"event\[1\].servers: must be a list of whole numbers"),
        (HEAD + SERVER + "[limits]\nafter-event = { peak = 1 }\n", r"limits.after-event: there is no \[\[event\]\]"),
        (HEAD + SERVER + "[discipline]\ndrift-file = '/x'\n", "discipline.drift-file: unknown key"),
        (HEAD + SERVER + "[discipline]\nstep-updates = 0.5\n", "discipline.step-updates: must be a whole number"),
        (HEAD + SERVER + "[discipline]\nminimum-agreeing-sources = 0\n", "minimum-agreeing-sources: must be a whole number from 1"),
        (HEAD + SERVER + "[source-defaults]\npoll-interval-limits = { min = 8, max = 7 }\n", r"min \(8\) must not be above max \(7\)"),
        (HEAD + SERVER + "[source-defaults]\nmood = 1\n", "source-defaults.mood: unknown key"),
        (HEAD + SERVER + '[machine]\nstamps = "me"\n', "machine.stamps: must be one of daemon, kernel, hardware, got 'me'"),
        (HEAD + SERVER + "silent = 1\n", r"server\[1\].silent: must be true or false, got 1"),
        ("mood = 1\n" + HEAD + SERVER, "scene.toml: mood: unknown key"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence_with_file_and_key(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ScenarioError, match=complaint) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'scene.toml'}: ")
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="cannot be read: no such file"):
        read_scenario(tmp_path / "nowhere.toml")
    (tmp_path / "latin.toml").write_bytes(b"\xff")
    with pytest.raises(ScenarioError, match="is not UTF-8"):
        read_scenario(tmp_path / "latin.toml")


def test_overrides_hold_settings_only(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"other.toml: clock: unknown key; there are discipline, source-defaults"):
        read(tmp_path, HEAD + SERVER, "[clock]\n")
