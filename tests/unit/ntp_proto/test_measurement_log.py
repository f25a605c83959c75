from __future__ import annotations

import json
import math

import msgspec
import pytest

from ntp_proto.algorithm import DisciplineConfig, FrequencyPrior, StepThreshold
from ntp_proto.association import AssociationConfig, Measurement
from ntp_proto.client import SourceLabel
from ntp_proto.datagram import Address, StampSource
from ntp_proto.identifiers import LeapIndicator, ReferenceId
from ntp_proto.measurement_log import ChangeLine, DisplacementLine, MeasurementLine, Recorder, SourceLine, StartLine, decode_line
from ntp_proto.observation import SourceStatus
from ntp_proto.time_types import NtpDuration, NtpTimestamp
from ntp_sim import Oscillator, SimClock, World

MEASUREMENT = Measurement(
    origin=NtpTimestamp(0xFFFF_FFFF_0000_0001),
    receive=NtpTimestamp(0xFFFF_FFFF_8000_0003),
    transmit=NtpTimestamp(5),
    destination=NtpTimestamp(1 << 33),
    sent_at=12.000000001,
    received_at=12.25,
    stratum=2,
    leap=LeapIndicator.INSERT,
    root_delay=NtpDuration(0x1234_0000),
    root_dispersion=NtpDuration(0x10000),
    reference_id=ReferenceId(0xC0000201),
    precision=-24,
    origin_source=StampSource.KERNEL,
    destination_source=StampSource.HARDWARE,
)


def recorded(config: DisciplineConfig, prior: FrequencyPrior | None = None) -> tuple[list[bytes], Recorder, SimClock]:
    lines: list[bytes] = []
    clock = SimClock(World(1), "client", Oscillator())
    recorder = Recorder(lines.append)
    recorder.start("ntp-daemon 1.2.3", config, clock, prior, 11.5)
    return lines, recorder, clock


@pytest.mark.parametrize(
    "config",
    [
        DisciplineConfig(),
        DisciplineConfig(
            minimum_agreeing_sources=2,
            accumulated_step_panic_threshold_s=1800.0,
            startup_step_panic_threshold=StepThreshold(math.inf, math.inf),
            single_step_panic_threshold=StepThreshold(0.0, 2.5),
            step_updates=0,
        ),
    ],
)
@pytest.mark.parametrize("prior", [None, FrequencyPrior(-1.25e-5, 1e-7)])
def test_the_start_tells_the_settings_as_they_were(config: DisciplineConfig, prior: FrequencyPrior | None) -> None:
    lines, _, clock = recorded(config, prior)
    start = decode_line(lines[0])
    assert isinstance(start, StartLine)
    assert (start.config, start.prior) == (config, prior)
    assert (start.at, start.software, start.frequency) == (11.5, "ntp-daemon 1.2.3", 0.0)
    assert NtpTimestamp(start.time) == clock.read()


def test_a_measurement_comes_back_bit_for_bit() -> None:
    lines, recorder, _ = recorded(DisciplineConfig())
    recorder.source_added(7, SourceLabel("ntp.example.net:123", "pool"), Address("2001:db8::1", 123), AssociationConfig(), 11.75)
    recorder.measured(7, MEASUREMENT, 12.5)
    source, line = decode_line(lines[1]), decode_line(lines[2])
    assert isinstance(source, SourceLine)
    assert [poll.log2 for poll in source.poll] == [6, 6, 10]
    assert isinstance(line, MeasurementLine)
    assert (line.at, line.source, line.name, line.address) == (12.5, 7, "ntp.example.net:123", "[2001:db8::1]:123")
    assert line.measurement == MEASUREMENT


def test_lines_are_json_objects_whose_timestamps_are_integers() -> None:
    lines, recorder, _ = recorded(DisciplineConfig())
    recorder.source_added(7, SourceLabel("a", "server"), Address("192.0.2.1", 123), AssociationConfig(), 11.75)
    recorder.measured(7, MEASUREMENT, 12.5)
    recorder.condition_changed(7, SourceStatus.UNREACHABLE, 13.0)
    recorder.condition_changed(7, None, 14.0)
    recorder.source_removed(7, 15.0)
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines)
    documents = [json.loads(line) for line in lines]
    assert [document["type"] for document in documents] == ["start", "source", "measurement", "condition", "condition", "removed"]
    assert documents[2]["origin"] == 0xFFFF_FFFF_0000_0001
    assert [document["condition"] for document in documents[3:5]] == ["unreachable", None]


def test_the_clock_does_what_it_is_asked_and_tells_what_was_done() -> None:
    lines, recorder, clock = recorded(DisciplineConfig())
    tapped = recorder.clock(clock)
    tapped.set_frequency(0.5, 0.0)
    tapped.step(NtpDuration.from_seconds(0.25), 0.0)
    assert tapped.displacement(0.0) == 0.0
    clock.displace(-2.0)
    assert tapped.displacement(3.0) == -2.0
    assert (clock.frequency(), clock.steps, tapped.read()) == (0.1, [0.25], clock.read())
    changes = [decode_line(line) for line in lines[1:]]
    assert changes == [
        ChangeLine(at=0.0, frequency=0.1, step_s=0.0),
        ChangeLine(at=0.0, frequency=0.1, step_s=0.25),
        DisplacementLine(at=3.0, displacement_s=-2.0),
    ]


def test_fields_that_are_added_later_are_passed_over() -> None:
    lines, _, _ = recorded(DisciplineConfig())
    document = msgspec.json.decode(lines[0])
    document["mood"] = document["settings"]["mood"] = "good"
    start = decode_line(msgspec.json.encode(document))
    assert isinstance(start, StartLine)
    assert start.config == DisciplineConfig()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b"", "not a line of a measurement log"),
        (b'{"type":"measurement","at":1}', "missing required field"),
        (b'{"type":"mood","at":1}', "Invalid value 'mood'"),
        (b'{"type":"start","at":1,"version":2,"software":"x","time":1,"frequency":0,"settings":{}}', "version 2, this program reads 1"),
    ],
)
def test_what_is_no_line_is_refused(text: bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        decode_line(text)
