from __future__ import annotations

import pytest

from ntp_proto.datagram import Address
from ntp_sim import BoundLog, ErrorLog, Link, Oscillator, SimClient, SimClock, SimServer, World
from ntp_sim.node import Machine
from ntp_sim.report import Bound
from ntp_sim.result import Result, broken_limits, evaluate
from ntp_sim.scenario.model import Below, ClockPlan, ClockStep, EventPlan, Limits, Scenario, ServerPlan


def error_log(errors_s: list[float]) -> ErrorLog:
    world = World(1)
    log = ErrorLog(world, SimClock(world, "client", Oscillator()))
    log.errors_s = errors_s
    return log


def test_quantiles_are_of_absolute_values() -> None:
    log = error_log([float(number) * (-1) ** number for number in range(100)])
    assert log.quantile_s(0.99) == 99.0
    assert log.quantile_s(0.5) == 50.0
    assert log.quantile_s(0.5, 0, 10) == 5.0


def test_below_for_a_while_is_not_below_to_the_end() -> None:
    log = error_log([1.0] * 10 + [0.0] * 5 + [1.0] * 10 + [0.0] * 20 + [1.0] * 10)
    assert log.below_at(0.5, hold=5) == 10
    assert log.below_at(0.5, hold=6) == 25
    assert log.below_at(0.5, hold=6, start=30) == 30
    assert log.below_at(0.5, hold=21) is None
    assert log.settled_at(0.5) is None


def test_bounds_are_those_that_the_client_publishes() -> None:
    world = World(1)
    clock = SimClock(world, "client", Oscillator(1e-6))
    node = SimClient(world, clock)
    log = BoundLog(world, node)
    assert log.coverage() is None
    node.follow(SimServer(world, Address("192.0.2.1", 123), Link(0.010)))
    world.run(2000.0)
    last = log.bounds[-1]
    assert last.at == 2000.0
    assert last.error_s == clock.ahead_s
    system, _ = node.client.observe(clock.monotonic())
    assert last.maximum_s == system.maximum_error_s
    assert system.offset_error_s is not None
    assert last.probable_s == pytest.approx(abs(system.offset_s) + 3.2905 * system.offset_error_s)
    assert log.coverage(1000.0) == (1.0, 1.0)


def test_coverage_counts_the_bounds_that_held() -> None:
    world = World(1)
    log = BoundLog(world, SimClient(world, SimClock(world, "client", Oscillator())))
    log.bounds = [Bound(1.0, 0.5, 1.0, 0.6), Bound(2.0, -0.7, 1.0, 0.6), Bound(3.0, 2.0, 1.0, 3.0), Bound(4.0, 0.0, 1.0, 1.0)]
    assert log.coverage() == (0.75, 0.75)
    assert log.coverage(start=3.5) == (1.0, 1.0)


RESULT = Result(
    rms_s=1e-4,
    p99_s=2e-4,
    maximum_s=3e-4,
    packets=100,
    steps=1,
    to_1ms_s=10,
    to_100us_s=None,
    peak_after_event_s=None,
    after_event_to_100us_s=None,
    coverage=0.9995,
    probable_coverage=None,
)


@pytest.mark.parametrize(
    ("limits", "complaint"),
    [
        (Limits(rms_s=0.9e-4), "RMS is 0.0001 s, the limit is 9e-05 s"),
        (Limits(p99_s=1e-4), "p99 is 0.0002 s"),
        (Limits(maximum_s=1e-4), "maximum is 0.0003 s"),
        (Limits(packets=99), "packets: 100, the limit is 99"),
        (Limits(steps=0), "steps: 1, the limit is 0"),
        (Limits(peak_after_event_s=1.0), "peak after the event is never"),
        (Limits(coverage=0.9999), "the hard bound held for 99.950 % of the time, the limit is 99.99 %"),
        (Limits(probable_coverage=0.5), "the 99.9 % bound held for 0.000 % of the time"),
    ],
)
def test_each_limit_can_be_broken(limits: Limits, complaint: str) -> None:
    (sentence,) = broken_limits(RESULT, limits)
    assert sentence.startswith(complaint)


def test_limits_that_are_kept() -> None:
    assert broken_limits(RESULT, Limits(rms_s=1e-4, p99_s=2e-4, maximum_s=3e-4, packets=100, steps=1, coverage=0.999)) == ()


def judged(errors_s: list[float], *, below: tuple[Below, ...] = (), after: tuple[Below, ...] = ()) -> Result:
    server = ServerPlan(make_there=lambda: Link(0.01), make_back=lambda: Link(0.01))
    scenario = Scenario(
        name="x",
        description="",
        duration_s=10_000.0,
        settle_s=5000.0,
        clock=ClockPlan(),
        make_machine=Machine,
        servers=(server,),
        events=(EventPlan(at_s=4000.0, happening=ClockStep(1.0)),),
        limits=Limits(below=below, below_after_event=after),
    )
    log = error_log(errors_s)
    world = World(1)
    return evaluate(scenario, log, BoundLog(world, SimClient(world, SimClock(world, "client", Oscillator()))), packets=7, steps=[0.5, 0.5])


def test_figures_of_a_run() -> None:
    """1 s off for a minute, right, 1 s off again for a minute after the event at 4000 s, 50 µs off from then on."""
    errors_s = [1.0] * 60 + [0.0] * 3940 + [-1.0] * 60 + [5e-5] * 5940
    result = judged(errors_s, below=(Below(1e-3, 60.0), Below(1e-3, 59.0)), after=(Below(1e-4, 60.0), Below(1e-4, 59.0), Below(1e-5, 9000.0)))
    assert (result.to_1ms_s, result.to_100us_s) == (60, 60)
    assert (result.peak_after_event_s, result.after_event_to_100us_s) == (1.0, 60)
    assert (result.rms_s, result.p99_s, result.maximum_s) == (pytest.approx(5e-5), 5e-5, 5e-5)
    assert (result.packets, result.steps, result.coverage) == (7, 2, None)
    assert result.broken == (
        "below 0.001 s: after 60 s, the limit is 59 s",
        "below 0.0001 s after the event: after 60 s, the limit is 59 s",
        "below 1e-05 s after the event: never, the limit is 9000 s",
    )


def test_after_an_event_quiet_before_the_next_request_is_not_recovery() -> None:
    errors_s = [0.0] * 5000 + [1.0] * 100 + [0.0] * 4900
    assert judged(errors_s).after_event_to_100us_s == 1100
