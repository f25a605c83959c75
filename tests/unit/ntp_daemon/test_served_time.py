from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

import pytest

from contracts.fake_machine import NS, FakeMachine
from ntp_daemon.clocks import Correction, MachineClock
from ntp_daemon.config.model import ClockConfig, ClockSelection
from ntp_daemon.served_time import DisciplinedTime, LocalTime, MedianTime, MirroredTime, make_served_time
from ntp_os_clock import ReadOnlyClock, VirtualClock
from ntp_proto.algorithm import Discipline
from ntp_proto.algorithm.config import DisciplineConfig
from ntp_proto.association import AssociationConfig, Measurement
from ntp_proto.client import Client, SourceLabel
from ntp_proto.datagram import Address, StampSource
from ntp_proto.identifiers import LeapIndicator, ReferenceId
from ntp_proto.observation import ClockMode, SourceStatus
from ntp_proto.time_types import NtpDuration, NtpTimestamp

SERVERS = (Address("192.0.2.1", 123), Address("192.0.2.2", 123), Address("192.0.2.3", 123))
TOLERANCE = DisciplineConfig().frequency_tolerance


def seconds(length: float) -> NtpDuration:
    return NtpDuration.from_seconds(length)


@dataclass
class World:
    """A client on the clocks of a machine that does not exist."""

    machine: FakeMachine
    clock: MachineClock
    client: Client

    @property
    def now(self) -> float:
        return self.clock.monotonic()

    def follow(self, count: int) -> None:
        for number in range(count):
            self.client.add_source(number + 1, SourceLabel(f"server {number + 1}", "server"), SERVERS[number], AssociationConfig(), self.now)

    def measure(self, source: int, offset_s: float, **changes: object) -> Measurement:
        """A server that is ahead of the machine's system clock by `offset_s`, asked over a path of 20 ms unless told otherwise."""
        delay_s = changes.pop("delay_s", 0.020)
        assert isinstance(delay_s, float)
        asked_at, origin = self.now, self.clock.clock.read()
        self.machine.advance(delay_s)
        middle = origin + seconds(delay_s / 2 + offset_s)
        measured = Measurement(
            origin=origin,
            receive=middle,
            transmit=middle,
            destination=origin + seconds(delay_s),
            sent_at=asked_at,
            received_at=self.now,
            stratum=2,
            leap=LeapIndicator.NO_WARNING,
            root_delay=seconds(0.004),
            root_dispersion=seconds(0.001),
            reference_id=ReferenceId.from_ascii("GPS"),
            precision=-25,
            origin_source=StampSource.KERNEL,
            destination_source=StampSource.KERNEL,
            reference_time=middle.minus(seconds(8.0)),
        )
        measured = replace(measured, **changes)  # type: ignore[arg-type] # each is named as its field
        self.client.discipline.measure(source, measured, self.now)
        return measured


def passive(mode: ClockMode) -> World:
    machine = FakeMachine(privileged=False)
    clock = ReadOnlyClock(machine)
    correct: Callable[[], Correction] = lambda: Correction(clock.read(), NtpDuration(0), 0.0)  # noqa: E731 — it needs its type
    around = MachineClock(clock, clock.monotonic, None, correct, lambda _: None, lambda: None, mode, is_passive=True)
    return World(machine, around, Client(Discipline(DisciplineConfig(), clock, clock.monotonic()), Random(1)))


def virtual() -> World:
    machine = FakeMachine(privileged=False)
    clock = VirtualClock(machine)
    correct: Callable[[], Correction] = lambda: Correction(*clock.ahead_of_system(), clock.frequency())  # noqa: E731 — it needs its type
    around = MachineClock(clock, clock.monotonic, clock.to_virtual, correct, lambda _: None, lambda: None, ClockMode.VIRTUAL)
    return World(machine, around, Client(Discipline(DisciplineConfig(), clock, clock.monotonic()), Random(1)))


class TestDisciplined:
    def test_before_the_first_measurement_there_is_no_time(self) -> None:
        world = virtual()
        served = DisciplinedTime(world.client, world.clock, ClockConfig())
        snapshot = served.snapshot()
        assert (snapshot.leap, snapshot.stratum, snapshot.reference_id.to_text(1)) == (LeapIndicator.UNSYNCHRONIZED, 16, "INIT")
        served.settings = ClockConfig(unsynchronized_stratum=10, unsynchronized_reference_id=ReferenceId.from_ascii("STEP"))
        snapshot = served.snapshot()
        assert (snapshot.leap, snapshot.stratum, snapshot.reference_id.to_text(1)) == (LeapIndicator.UNSYNCHRONIZED, 10, "STEP")

    def test_the_corrected_clock_is_served_one_stratum_below_its_source(self) -> None:
        world = virtual()
        world.follow(1)
        world.measure(1, 3.0)
        world.machine.advance(2.0)
        snapshot = DisciplinedTime(world.client, world.clock, ClockConfig()).snapshot()
        assert (snapshot.leap, snapshot.stratum) == (LeapIndicator.NO_WARNING, 3)
        assert snapshot.reference_id == ReferenceId.from_address("192.0.2.1")
        assert snapshot.time_offset.to_seconds() == pytest.approx(3.0, abs=1e-3)
        assert 0.010 < snapshot.root_delay.to_seconds() < 0.030  # the server's 4 ms and the path, of which 20 ms is the estimate
        assert snapshot.dispersion_rate == TOLERANCE
        assert snapshot.dispersion_limit == seconds(1.0)
        kernel = NtpTimestamp.from_unix_ns(world.machine.realtime())
        assert abs((snapshot.served(kernel) - world.clock.clock.read()).to_seconds()) < 1e-6
        assert (world.clock.clock.read() - snapshot.reference_time).to_seconds() == pytest.approx(2.0, abs=0.01)

    def test_the_published_line_keeps_to_a_clock_that_runs_at_another_rate(self) -> None:
        world = virtual()
        world.follow(1)
        world.measure(1, 3.0)
        world.clock.clock.set_frequency(400e-6, world.now)
        snapshot = DisciplinedTime(world.client, world.clock, ClockConfig()).snapshot()
        world.machine.advance(8.0)
        kernel = NtpTimestamp.from_unix_ns(world.machine.realtime())
        assert abs((snapshot.served(kernel) - world.clock.clock.read()).to_seconds()) < 2e-6

    def test_a_source_that_is_followed_no_more_still_names_the_clock(self) -> None:
        world = virtual()
        world.follow(1)
        world.measure(1, 0.5)
        served = DisciplinedTime(world.client, world.clock, ClockConfig())
        before = served.snapshot()
        world.client.remove_source(1, world.now)
        world.machine.advance(100.0)
        after = served.snapshot()
        assert (after.stratum, after.reference_id, after.leap) == (3, before.reference_id, LeapIndicator.NO_WARNING)
        assert (after.root_dispersion - before.root_dispersion).to_seconds() >= 100 * TOLERANCE
        world.machine.advance(100_000.0)
        assert served.snapshot().leap is LeapIndicator.UNSYNCHRONIZED

    def test_between_two_snapshots_the_last_one_expires_by_itself(self) -> None:
        world = virtual()
        world.follow(1)
        world.measure(1, 0.5)
        snapshot = DisciplinedTime(world.client, world.clock, ClockConfig()).snapshot()
        assert snapshot.is_synchronized_at(snapshot.as_of + seconds(1000.0))
        assert not snapshot.is_synchronized_at(snapshot.as_of + seconds(1.0 / TOLERANCE))


class TestMirrored:
    def test_the_first_available_source_is_passed_on_unchanged(self) -> None:
        world = passive(ClockMode.MIRROR)
        world.follow(3)
        order = [3, 1, 2]
        served = MirroredTime(world.client, world.clock, ClockConfig(), lambda: order)
        assert served.snapshot().leap is LeapIndicator.UNSYNCHRONIZED
        first = world.measure(1, 0.0, leap=LeapIndicator.INSERT)
        world.machine.advance(10.0)
        snapshot = served.snapshot()
        assert (snapshot.leap, snapshot.stratum, snapshot.precision) == (LeapIndicator.INSERT, 2, -25)
        assert (snapshot.reference_id, snapshot.root_delay, snapshot.reference_time) == (first.reference_id, first.root_delay, first.reference_time)
        assert snapshot.root_dispersion.to_seconds() == pytest.approx(0.001 + 10.0 * TOLERANCE, abs=1e-6)
        assert (snapshot.time_offset, snapshot.time_frequency) == (NtpDuration(0), 0.0)
        world.measure(3, 0.0, stratum=5)
        assert served.snapshot().stratum == 5

    @pytest.mark.parametrize("status", [SourceStatus.UNREACHABLE, SourceStatus.UNSYNCHRONIZED, SourceStatus.DENIED, SourceStatus.LOOP])
    def test_a_source_that_fails_is_passed_over_until_it_is_back(self, status: SourceStatus) -> None:
        world = passive(ClockMode.MIRROR)
        world.follow(2)
        served = MirroredTime(world.client, world.clock, ClockConfig(), lambda: [1, 2])
        world.measure(1, 0.0, stratum=1)
        world.measure(2, 0.0, stratum=4)
        world.client.discipline.set_condition(1, status, world.now)
        assert served.snapshot().stratum == 4
        world.client.discipline.set_condition(2, status, world.now)
        assert served.snapshot().leap is LeapIndicator.UNSYNCHRONIZED
        world.client.discipline.set_condition(1, None, world.now)
        assert served.snapshot().stratum == 1

    def test_the_next_one_takes_over_as_soon_as_the_first_is_silent(self) -> None:
        world = passive(ClockMode.MIRROR)
        world.follow(2)
        served = MirroredTime(world.client, world.clock, ClockConfig(), lambda: [1, 2])
        world.measure(1, 0.0, stratum=1)
        assert served.snapshot().stratum == 1
        world.machine.advance(AssociationConfig().response_timeout_s + 0.1)
        world.client.handle_timer(world.now)
        assert not world.client.is_answering(1)
        assert served.snapshot().stratum == 1, "nobody answers: what was said last holds"
        world.client.remove_source(2, world.now)
        world.client.add_source(2, SourceLabel("back", "server"), SERVERS[1], AssociationConfig(), world.now)
        world.measure(2, 0.0, stratum=4)
        assert served.snapshot().stratum == 4

    def test_sources_that_contradict_each_other_are_available_nevertheless(self) -> None:
        world = passive(ClockMode.MIRROR)
        world.follow(2)
        world.measure(1, 5.0, stratum=1)
        world.measure(2, -5.0, stratum=4)
        assert MirroredTime(world.client, world.clock, ClockConfig(), lambda: [2, 1]).snapshot().stratum == 4


class TestMedian:
    def settings(self, limit_s: float | None = None) -> ClockConfig:
        return ClockConfig(mode=ClockMode.VIRTUAL, select=ClockSelection.MEDIAN, max_accepted_offset=limit_s)

    def test_the_median_is_served_under_the_name_of_the_nearest(self) -> None:
        world = passive(ClockMode.VIRTUAL)
        world.follow(3)
        served = MedianTime(world.client, world.clock, self.settings())
        assert served.snapshot().leap is LeapIndicator.UNSYNCHRONIZED
        world.measure(1, 0.3)
        world.measure(2, 0.1, delay_s=0.004, stratum=1)
        world.measure(3, 0.2)
        snapshot = served.snapshot()
        assert snapshot.time_offset.to_seconds() == pytest.approx(0.2, abs=1e-6)
        assert (snapshot.stratum, snapshot.reference_id) == (2, ReferenceId.from_address("192.0.2.2"))
        assert snapshot.root_delay.to_seconds() == pytest.approx(0.008, abs=1e-6)
        assert snapshot.root_dispersion.to_seconds() == pytest.approx(0.001 + 0.1, abs=1e-4)
        assert (snapshot.served(snapshot.as_of) - snapshot.reference_time).to_seconds() == pytest.approx(0.02, abs=0.001)

    def test_who_is_too_far_off_is_refused_and_counted_once(self) -> None:
        world = passive(ClockMode.VIRTUAL)
        world.follow(3)
        served = MedianTime(world.client, world.clock, self.settings(1.5))
        world.measure(1, 2.0)
        world.measure(2, 0.1)
        for _ in range(3):
            assert served.snapshot().time_offset.to_seconds() == pytest.approx(0.1, abs=1e-6)
        assert served.refused == {1: 1}
        world.measure(1, -2.0)
        served.snapshot()
        assert served.refused == {1: 2}

    def test_a_reload_changes_the_limit(self) -> None:
        world = passive(ClockMode.VIRTUAL)
        world.follow(1)
        world.measure(1, 2.0)
        served = MedianTime(world.client, world.clock, self.settings(0.0))
        assert served.snapshot().leap is LeapIndicator.UNSYNCHRONIZED
        served.settings = self.settings()
        assert served.snapshot().time_offset.to_seconds() == pytest.approx(2.0, abs=1e-6)


class TestLocal:
    def test_the_system_clock_is_served_as_it_is(self) -> None:
        world = passive(ClockMode.LOCAL)
        settings = ClockConfig(local_stratum=7, local_reference_id=ReferenceId.from_ascii("ATOM"))
        snapshot = LocalTime(world.clock, settings).snapshot()
        assert (snapshot.leap, snapshot.stratum, snapshot.reference_id.to_text(1)) == (LeapIndicator.NO_WARNING, 7, "ATOM")
        assert (snapshot.time_offset, snapshot.time_frequency) == (NtpDuration(0), 0.0)
        assert abs(snapshot.as_of.to_unix_ns(world.machine.realtime()) - world.machine.realtime()) < NS // 1000
        assert snapshot.is_synchronized_at(snapshot.as_of + seconds(1e9))


@pytest.mark.parametrize(
    ("world", "select", "kind"),
    [
        (passive(ClockMode.LOCAL), ClockSelection.FILTER, LocalTime),
        (passive(ClockMode.MIRROR), ClockSelection.FILTER, MirroredTime),
        (passive(ClockMode.VIRTUAL), ClockSelection.MEDIAN, MedianTime),
        (virtual(), ClockSelection.FILTER, DisciplinedTime),
        (virtual(), ClockSelection.MEDIAN, DisciplinedTime),  # steering was wanted and not permitted
    ],
)
def test_each_mode_has_its_own(world: World, select: ClockSelection, kind: type[object]) -> None:
    assert isinstance(make_served_time(world.client, world.clock, ClockConfig(select=select), lambda: ()), kind)
