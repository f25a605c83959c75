from __future__ import annotations

import random
import statistics

import pytest

from ntp_proto.algorithm import Discipline, DisciplineConfig, FrequencyPrior, Refuse, Slew, Step, StepThreshold
from ntp_proto.identifiers import LeapIndicator
from ntp_proto.observation import SourceStatus, SyncState
from ntp_proto.time_types import PollInterval
from ntp_sim import Oscillator, SimClock, World
from unit.ntp_proto.algorithm.samples import measurement

POLL = (PollInterval(6), PollInterval(6), PollInterval(10))


class Bench:
    """A discipline on a simulated clock; `ask` makes a whole exchange with an ideal server."""

    def __init__(
        self, config: DisciplineConfig | None = None, *, offset_s: float = 0.0, frequency: float = 0.0, wander: float = 0.0, sources: int = 1
    ) -> None:
        self.world = World(1)
        self.clock = SimClock(self.world, "client", Oscillator(frequency, wander), offset_s)
        self.discipline = Discipline(config or DisciplineConfig(), self.clock, self.clock.monotonic())
        for source in range(1, sources + 1):
            self.discipline.add_source(source, POLL)

    def ask(  # type: ignore[no-untyped-def]
        self, source: int = 1, *, ahead_s: float = 0.0, leap: LeapIndicator = LeapIndicator.NO_WARNING, there_s: float = 0.01, back_s: float = 0.01
    ):
        """Ask a server that is ahead of true time by `ahead_s`."""
        sent_at, shown = self.clock.monotonic(), self.world.now + self.clock.ahead_s
        offset_s = ahead_s - self.clock.ahead_s
        self.world.run(self.world.now + there_s + back_s)
        made = measurement(sent_at, offset_s=offset_s, clock_s=shown, leap=leap, there_s=there_s, back_s=back_s)
        return self.discipline.measure(source, made, self.clock.monotonic())

    def pass_time(self, seconds: float) -> None:
        """Let time pass, ringing the discipline's timer."""
        end = self.world.now + seconds
        while self.world.now < end:
            self.world.run(min(end, self.world.now + 0.5))
            self.discipline.handle_timer(self.clock.monotonic())

    @property
    def state(self) -> SyncState:
        return self.discipline.state(self.clock.monotonic())


def test_the_first_answer_of_a_single_source_sets_the_clock() -> None:
    bench = Bench(offset_s=-0.5)
    update = bench.ask()
    assert isinstance(update.steering, Step)
    assert abs(bench.clock.ahead_s) < 1e-4
    assert bench.state is SyncState.SYNCHRONIZED


def test_a_small_offset_is_slewed_out_without_overshoot() -> None:
    bench = Bench(offset_s=-0.004)
    assert isinstance(bench.ask().steering, Slew)
    worst = -1.0
    for _ in range(20):
        bench.pass_time(0.25)
        worst = max(worst, bench.clock.ahead_s)
    assert abs(bench.clock.ahead_s) < 1e-4
    assert worst < 1e-4
    assert bench.clock.steps == []


def test_the_frequency_is_learned_and_left_behind() -> None:
    bench = Bench(frequency=20e-6)
    for _ in range(40):
        bench.ask()
        bench.pass_time(16.0)
    assert bench.discipline.stop(bench.clock.monotonic()) == pytest.approx(-20e-6, abs=3e-7)
    assert bench.clock.frequency() == pytest.approx(-20e-6, abs=3e-7)


def test_a_prior_is_applied_before_the_first_answer() -> None:
    world = World(1)
    clock = SimClock(world, "client", Oscillator(20e-6))
    Discipline(DisciplineConfig(), clock, clock.monotonic(), FrequencyPrior(-20e-6, 1e-7))
    assert clock.frequency() == -20e-6


@pytest.mark.parametrize(("found", "kept"), [(30e-6, 30e-6), (-500e-6, -500e-6), (501e-6, 0.0), (-0.05, 0.0)])
def test_without_a_prior_the_clocks_own_correction_is_kept_unless_it_must_be_what_is_left_of_a_slew(found: float, kept: float) -> None:
    world = World(1)
    clock = SimClock(world, "client", Oscillator(0.0))
    clock.set_frequency(found, 0.0)
    discipline = Discipline(DisciplineConfig(maximum_frequency=500e-6), clock, clock.monotonic())
    assert clock.frequency() == kept
    assert discipline.system(clock.monotonic()).frequency == kept


def test_nobody_is_followed_before_the_quorum() -> None:
    bench = Bench(offset_s=-0.5, sources=4)
    for source in (1, 2):
        assert bench.ask(source).steering is None
        assert bench.discipline.status(source) is SourceStatus.TOO_FEW
    assert bench.state is SyncState.STARTING
    assert isinstance(bench.ask(3).steering, Step)
    assert bench.discipline.status(1) is SourceStatus.SELECTED
    assert bench.discipline.status(4) is SourceStatus.STARTING


def test_sources_that_cannot_be_used_do_not_raise_the_quorum() -> None:
    bench = Bench(offset_s=-0.5, sources=4)
    for source in (3, 4):
        bench.discipline.set_condition(source, SourceStatus.UNREACHABLE, bench.clock.monotonic())
    assert bench.ask(1).steering is None
    assert isinstance(bench.ask(2).steering, Step)
    assert bench.discipline.status(4) is SourceStatus.UNREACHABLE


def test_two_that_contradict_each_other_leave_the_clock_alone() -> None:
    bench = Bench(sources=2)
    bench.ask(1)
    bench.ask(2, ahead_s=1.0)
    assert bench.state is SyncState.NO_MAJORITY
    assert bench.clock.steps == []
    assert bench.discipline.status(2) is SourceStatus.NO_MAJORITY


def test_a_liar_is_named_and_not_followed() -> None:
    bench = Bench(sources=3)
    for source, ahead_s in ((1, 0.0), (2, 0.0), (3, 1.0)):
        bench.ask(source, ahead_s=ahead_s)
    assert bench.discipline.status(3) is SourceStatus.FALSETICKER
    assert bench.discipline.status(1) is SourceStatus.SELECTED
    assert abs(bench.clock.ahead_s) < 1e-4


def test_a_distant_source_is_not_used() -> None:
    bench = Bench(DisciplineConfig(maximum_source_distance_s=0.005))
    assert bench.ask().steering is None
    assert bench.discipline.status(1) is SourceStatus.DISTANT


def test_the_clock_is_never_stepped_after_the_first_updates() -> None:
    bench = Bench()
    for _ in range(6):
        bench.ask()
        bench.pass_time(16.0)
    for _ in range(3):
        bench.ask(ahead_s=0.5)
        bench.pass_time(16.0)
    assert bench.clock.steps == []


def test_a_correction_beyond_the_limit_is_refused_and_the_state_says_so() -> None:
    bench = Bench(DisciplineConfig(startup_step_panic_threshold=StepThreshold(1.0, 1.0)))
    assert isinstance(bench.ask(ahead_s=5.0).steering, Refuse)
    assert bench.state is SyncState.PANIC
    assert abs(bench.clock.ahead_s) < 1e-9
    assert bench.discipline.system(bench.clock.monotonic()).stratum == 16
    assert bench.clock.status is not None
    assert not bench.clock.status.synchronized


def test_a_persons_order_overrides_the_limit() -> None:
    bench = Bench(DisciplineConfig(startup_step_panic_threshold=StepThreshold(1.0, 1.0)))
    assert bench.discipline.force_step(bench.clock.monotonic()) is None
    bench.ask(ahead_s=5.0)
    assert bench.discipline.force_step(bench.clock.monotonic()) == pytest.approx(5.0, abs=1e-4)
    assert bench.clock.ahead_s == pytest.approx(5.0, abs=1e-4)
    assert bench.state is not SyncState.PANIC


def test_a_measurement_from_before_the_step_is_dropped() -> None:
    bench = Bench(offset_s=-0.5)
    early = bench.clock.monotonic()
    bench.ask()
    before = bench.clock.ahead_s
    assert bench.discipline.measure(1, measurement(early, offset_s=0.5), bench.clock.monotonic()).steering is None
    assert bench.clock.ahead_s == before


def test_a_clock_that_somebody_else_has_set_is_noticed_and_set_right() -> None:
    bench = Bench(frequency=20e-6)
    for _ in range(30):
        bench.ask()
        bench.pass_time(16.0)
    bench.clock.displace(3.0)
    update = bench.discipline.handle_timer(bench.clock.monotonic())
    assert update.displacement_s == 3.0
    assert isinstance(bench.ask().steering, Step)
    assert abs(bench.clock.ahead_s) < 1e-4
    assert bench.clock.frequency() == pytest.approx(-20e-6, abs=1e-6), "the frequency was not forgotten"
    assert bench.discipline.system(bench.clock.monotonic()).displacement_count == 1


def test_without_sources_the_bound_grows_until_the_clock_counts_as_unsynchronised() -> None:
    bench = Bench(DisciplineConfig(frequency_tolerance=1e-3))
    bench.ask()
    bench.discipline.set_condition(1, SourceStatus.UNREACHABLE, bench.clock.monotonic())
    assert bench.state is SyncState.HOLDOVER
    before = bench.discipline.system(bench.clock.monotonic())
    bench.pass_time(500.0)
    after = bench.discipline.system(bench.clock.monotonic())
    assert after.root_dispersion_s - before.root_dispersion_s >= 0.5
    assert after.stratum == 2
    bench.pass_time(600.0)
    assert bench.state is SyncState.UNSYNCHRONIZED
    assert bench.discipline.system(bench.clock.monotonic()).stratum == 16


@pytest.mark.parametrize(("marks", "leap"), [("iin", LeapIndicator.INSERT), ("inn", LeapIndicator.NO_WARNING), ("ddi", LeapIndicator.DELETE)])
def test_a_leap_second_needs_a_majority(marks: str, leap: LeapIndicator) -> None:
    bench = Bench(sources=3)
    named = {"i": LeapIndicator.INSERT, "d": LeapIndicator.DELETE, "n": LeapIndicator.NO_WARNING}
    for source, mark in enumerate(marks, start=1):
        bench.ask(source, leap=named[mark])
    assert bench.clock.status is not None
    assert bench.clock.status.leap is leap


def test_the_reference_is_the_survivor_with_the_smallest_bound() -> None:
    bench = Bench(sources=2)
    sent_at = bench.clock.monotonic()
    bench.world.run(1.0)
    now = bench.clock.monotonic()
    bench.discipline.measure(1, measurement(sent_at, there_s=0.05, back_s=0.05, stratum=1), now)
    bench.discipline.measure(2, measurement(sent_at, stratum=3, root_dispersion_s=0.001), now)
    view = bench.discipline.system(now)
    assert view.reference == 2
    assert view.stratum == 4
    assert view.root_dispersion_s > 0.001


def polls(rounds: int, *, sources: int = 1, lost: int = 0, wander: float = 0.0) -> list[int]:
    """The wanted intervals, log2 s, over some answers of each source, behind queues of 0.1 ms; of 1 + `lost` answers only one comes."""
    rng, bench, intervals = random.Random(1), Bench(sources=sources, wander=wander), []
    for _ in range(rounds):
        for source in range(1, sources + 1):
            bench.ask(source, there_s=0.01 + rng.expovariate(1e4), back_s=0.01 + rng.expovariate(1e4))
        intervals.append(bench.discipline.poll_interval(1).log2)
        bench.world.run(bench.world.now + (1 + lost) * 2 ** intervals[-1])
        bench.discipline.handle_timer(bench.clock.monotonic())
    return intervals


def test_the_samples_of_all_sources_count_for_the_interval() -> None:
    assert polls(20)[-1] == 6
    assert polls(20, sources=3)[-1] == 7


def test_where_answers_are_lost_the_interval_stays_shorter() -> None:
    all_come, half_come = (statistics.fmean(polls(250, lost=lost, wander=1e-8)[100:]) for lost in (0, 1))
    assert half_come < all_come - 0.3
