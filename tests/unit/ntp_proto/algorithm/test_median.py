import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_proto.algorithm.median import MEDIAN_OF, select_median
from ntp_proto.association import Measurement
from ntp_proto.datagram import StampSource
from ntp_proto.identifiers import LeapIndicator, ReferenceId
from ntp_proto.time_types import NtpDuration, NtpTimestamp

NOW = NtpTimestamp(0xEA000000_00000000)


def seconds(length: float) -> NtpDuration:
    return NtpDuration.from_seconds(length)


def measured(offset_s: float, delay_s: float) -> Measurement:
    middle = NOW + seconds(delay_s / 2) + seconds(offset_s)
    return Measurement(
        origin=NOW,
        receive=middle,
        transmit=middle,
        destination=NOW + seconds(delay_s),
        sent_at=0.0,
        received_at=delay_s,
        stratum=2,
        leap=LeapIndicator.NO_WARNING,
        root_delay=seconds(0.0),
        root_dispersion=seconds(0.0),
        reference_id=ReferenceId(1),
        precision=-20,
        origin_source=StampSource.KERNEL,
        destination_source=StampSource.KERNEL,
    )


def offset_of(*pairs: tuple[float, float], limit_s: float | None = None) -> float | None:
    """The chosen offset of measurements given as (offset, delay)."""
    limit = None if limit_s is None else seconds(limit_s)
    choice = select_median([(number, measured(*pair)) for number, pair in enumerate(pairs)], limit)
    return None if choice is None else round(choice.offset.to_seconds(), 6)


def test_of_nothing_nothing_is_chosen() -> None:
    assert offset_of() is None


@pytest.mark.parametrize(
    ("offsets", "chosen"),
    [((0.3,), 0.3), ((0.1, 0.2), 0.2), ((0.3, 0.1, 0.2), 0.2), ((-0.4, 0.1, 0.2, 9.0), 0.2), ((-0.1, -0.2, -0.3, -0.4), -0.2)],
)
def test_the_middle_one_and_of_an_even_number_the_upper(offsets: tuple[float, ...], chosen: float) -> None:
    for order in itertools.permutations(offsets):
        assert offset_of(*((offset, 0.01) for offset in order)) == chosen


def test_only_the_five_shortest_round_trips_count() -> None:
    near = [(0.001 * number, 0.010 + 0.001 * number) for number in range(5)]
    far = [(5.0 + number, 0.5) for number in range(20)]
    assert offset_of(*far, *near) == 0.002
    choice = select_median([(number, measured(*pair)) for number, pair in enumerate([*far, *near])], None)
    assert choice is not None
    assert (choice.nearest, choice.counted) == (20, (20, 21, 22, 23, 24))


def test_who_is_further_off_than_the_limit_does_not_take_a_place() -> None:
    liars = [(3.0, 0.001)] * 5
    assert offset_of(*liars, (0.2, 0.1), limit_s=1.0) == 0.2
    assert offset_of(*liars, (-0.2, 0.1), limit_s=1.0) == -0.2
    assert offset_of(*liars, limit_s=1.0) is None
    assert offset_of((0.0, 0.1), limit_s=0.0) == 0.0
    assert offset_of((0.001, 0.1), limit_s=0.0) is None


@given(
    truth=st.floats(-1.0, 1.0),
    liars=st.lists(st.floats(-1000.0, 1000.0), max_size=2),
    order=st.randoms(use_true_random=False),
)
def test_two_liars_of_five_cannot_move_it(truth: float, liars: list[float], order: random.Random) -> None:
    pairs = [(truth + 0.001 * number, 0.01) for number in range(MEDIAN_OF - len(liars))] + [(lie, 0.001) for lie in liars]
    order.shuffle(pairs)
    found = offset_of(*pairs)
    assert found is not None
    assert truth - 1e-6 <= found <= truth + 0.004 + 1e-6
