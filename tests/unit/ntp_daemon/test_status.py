from dataclasses import replace
from random import Random

import pytest

from ntp_daemon.clocks import open_clock
from ntp_daemon.config.model import ClockSelection
from ntp_daemon.server_side import ServerReport
from ntp_daemon.status import observe
from ntp_proto.algorithm import Discipline, FrequencyPrior
from ntp_proto.algorithm.config import DisciplineConfig
from ntp_proto.association import AssociationConfig
from ntp_proto.client import Client, SourceLabel
from ntp_proto.datagram import Address
from ntp_proto.observation import ClockMode, Observation, ServedObservation, SyncState


def shown(mode: ClockMode, report: ServerReport | None, *, sources: int = 0) -> Observation:

    clock = open_clock(mode, ClockSelection.FILTER)
    discipline = Discipline(DisciplineConfig(), clock.clock, clock.monotonic(), FrequencyPrior(12e-6, 1e-6))
    client = Client(discipline, Random(1))
    for number in range(sources):
        label, remote = SourceLabel("a.example:123", "server"), Address(f"192.0.2.{number}", 123)
        client.add_source(number, label, remote, AssociationConfig(), clock.monotonic())
    return observe(client, clock, (), clock.monotonic(), report)


def report(stratum: int = 5, *, synchronized: bool = True) -> ServerReport:
    served = ServedObservation(
        synchronized=synchronized,
        leap="none" if synchronized else "unsynchronized",
        stratum=stratum,
        reference_id="192.0.2.1",
        root_delay_s=0.0,
        root_dispersion_s=0.0,
        time_offset_s=0.0,
    )
    return ServerReport(served=served, servers=(), clients=())


def test_a_clock_that_is_corrected_is_shown_as_the_discipline_sees_it() -> None:
    document = shown(ClockMode.VIRTUAL, report())
    assert (document.system.state, document.system.stratum) == (SyncState.STARTING, 16)
    assert document.system.frequency == pytest.approx(12e-6)
    assert document.served == report().served


@pytest.mark.parametrize("mode", [ClockMode.MIRROR, ClockMode.LOCAL])
def test_of_a_clock_that_is_left_alone_no_correction_is_claimed(mode: ClockMode) -> None:
    for told in (None, report()):
        system = shown(mode, told).system
        assert (system.frequency, system.slewing, system.step_count) == (0.0, False, 0)


def test_a_mirror_has_the_stratum_that_it_serves() -> None:
    document = shown(ClockMode.MIRROR, report(5))
    assert (document.system.stratum, document.system.reference_id, document.system.leap) == (5, "192.0.2.1", "none")
    assert shown(ClockMode.MIRROR, report(10, synchronized=False)).system.stratum == 16
    assert document.system.state is SyncState.STARTING


def test_a_local_clock_counts_as_synchronized_because_it_was_ordered_so() -> None:
    system = shown(ClockMode.LOCAL, report(2)).system
    assert (system.state, system.stratum) == (SyncState.SYNCHRONIZED, 2)
    assert system.reason == "the system clock is served as it is, by configuration; nobody checks it"


def test_without_a_server_there_is_nothing_served() -> None:
    document = shown(ClockMode.LOCAL, None)
    assert (document.served, document.servers, document.clients) == (None, (), ())
    assert document.system.state is SyncState.STARTING


def test_what_the_median_has_refused_is_shown_with_its_source() -> None:
    document = shown(ClockMode.VIRTUAL, replace(report(), refused={1: 7}), sources=2)
    assert [source.rejections for source in document.sources] == [{}, {"max-accepted-offset": 7}]
