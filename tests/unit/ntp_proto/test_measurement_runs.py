from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_proto.datagram import StampSource
from ntp_proto.measurement_log import ChangeLine, DisplacementLine, Line, MeasurementLine, StartLine
from ntp_proto.measurement_runs import evenly, read_run, split_runs
from ntp_proto.time_types import NtpDuration, NtpTimestamp

EPOCH = NtpTimestamp(0xEC_00_00_00_00_00_00_00)
START = StartLine(at=100.0, version=1, software="test 1", time=EPOCH.bits, frequency=0.0, settings={})


def measurement(at: float, offset_s: float, source: int = 1, delay_s: float = 0.02) -> MeasurementLine:
    """Taken so late that its line comes after changes which the clock has seen later than the answer."""
    ours, theirs = EPOCH + NtpDuration.from_seconds(at), EPOCH + NtpDuration.from_seconds(at + offset_s)
    half = NtpDuration.from_seconds(0.5 * delay_s)
    return MeasurementLine(
        at=at + 0.5,
        source=source,
        name=f"server{source}",
        address=f"192.0.2.{source}:123",
        origin=ours.minus(half).bits,
        receive=theirs.bits,
        transmit=theirs.bits,
        destination=(ours + half).bits,
        sent_at=at - 0.5 * delay_s,
        received_at=at + 0.5 * delay_s,
        stratum=1,
        leap=0,
        root_delay=0,
        root_dispersion=0,
        reference_id=0,
        precision=-20,
        origin_source=StampSource.KERNEL,
        destination_source=StampSource.KERNEL,
    )


def phases(*lines: Line) -> list[float]:
    (series,) = read_run([START, *lines]).sources
    return [sample.phase_s for sample in series.samples]


def test_the_phase_is_the_offset_and_all_corrections_before_it() -> None:
    lines = [
        measurement(100.0, 0.5),
        ChangeLine(at=110.0, frequency=0.0, step_s=0.5),
        measurement(120.0, 0.25),
        ChangeLine(at=130.0, frequency=1e-3, step_s=0.0),
        measurement(140.0, 0.0),
        DisplacementLine(at=150.0, displacement_s=-2.0),
        measurement(160.0, 2.0),
    ]
    assert phases(*lines) == pytest.approx([0.5, 0.75, 0.51, 2.0 + 0.5 + 0.03 - 2.0], abs=1e-8)


def test_a_change_between_the_answer_and_its_line_comes_after_it() -> None:
    """The line of a measurement is written when it is taken in; the clock may have been corrected with the line of another one before."""
    assert phases(ChangeLine(at=110.3, frequency=0.0, step_s=1.0), measurement(110.0, 0.25)) == pytest.approx([0.25], abs=1e-8)


def test_a_run_has_its_sources_frequencies_and_steps() -> None:
    change = ChangeLine(at=112.0, frequency=2e-6, step_s=-0.5)
    run = read_run([START, measurement(110.0, 0.1, 2), measurement(111.0, 0.2, 1, 0.04), change, measurement(120.0, 0.6, 2)])
    assert (run.software, run.time) == ("test 1", EPOCH.bits)
    assert [(series.name, series.address, len(series.samples)) for series in run.sources] == [
        ("server2", "192.0.2.2:123", 2),
        ("server1", "192.0.2.1:123", 1),
    ]
    sample = run.sources[1].samples[0]
    assert (sample.at_s, sample.offset_s, sample.delay_s) == pytest.approx((11.02, 0.2, 0.04), abs=1e-8)
    assert run.frequency == ((0.0, 0.0), (12.0, 2e-6))
    assert run.steps == ((12.0, -0.5),)
    assert run.end_s == pytest.approx(20.01)
    assert read_run([START]).end_s == 0.0


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "^x: holds no measurements"),
        (b"mood\n", "^x:1: not a line of a measurement log"),
        (b'{"type":"removed","at":1,"source":1}\n', "^x:1: a measurement log begins with a line of type start"),
    ],
)
def test_what_is_no_log_is_refused(data: bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        split_runs(data, "x")


@given(st.binary(max_size=300))
def test_any_bytes_are_runs_or_a_value_error(data: bytes) -> None:
    try:
        runs = split_runs(data, "x")
    except ValueError:
        return
    assert all(isinstance(run[0], StartLine) for run in runs)


class TestEvenly:
    def test_points_at_equal_intervals_stay_as_they_are(self) -> None:
        interval_s, values = evenly([(10.0, 1.0), (12.0, 3.0), (14.0, 2.0), (16.0, 0.0)])
        assert interval_s == 2.0
        assert values == pytest.approx([1.0, 3.0, 2.0, 0.0])

    def test_others_are_interpolated(self) -> None:
        interval_s, values = evenly([(0.0, 0.0), (1.0, 1.0), (2.0, 2.0), (5.0, 5.0), (6.0, 6.0)])
        assert interval_s == 1.0
        assert values == pytest.approx([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0])

    def test_of_stretches_between_gaps_the_longest_is_taken(self) -> None:
        points = [(float(at), float(at)) for at in (0, 1, 2, 100, 101, 102, 103, 300)]
        assert evenly(points) == (1.0, pytest.approx([100.0, 101.0, 102.0, 103.0]))

    def test_too_few_points_give_nothing(self) -> None:
        assert evenly([]) == evenly([(0.0, 1.0), (1.0, 2.0)]) == evenly([(1.0, 1.0)] * 9) == (0.0, [])

    @given(st.lists(st.tuples(st.floats(0.0, 1e5), st.floats(-1.0, 1.0)), max_size=50))
    def test_the_values_stay_between_those_of_the_points(self, points: Sequence[tuple[float, float]]) -> None:
        interval_s, values = evenly(sorted(points))
        low, high = min((value for _, value in points), default=0.0), max((value for _, value in points), default=0.0)
        assert all(low - 1e-9 <= value <= high + 1e-9 for value in values)
        assert (interval_s > 0.0) == bool(values)
