from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ntp_proto.association import AssociationConfig
from ntp_proto.association.pace import Pace
from ntp_proto.time_types import PollInterval

CONFIG = AssociationConfig()
START = Pace.at_start(CONFIG)


def test_the_start() -> None:
    assert (START.wanted, START.burst_left, START.rate_minimum) == (CONFIG.poll_initial, CONFIG.burst_count, None)


def test_the_discipline_stays_within_the_limits() -> None:
    assert START.with_wanted(PollInterval(8)).interval(0) == PollInterval(8)
    assert START.with_wanted(PollInterval(3)).interval(0) == PollInterval(6)
    assert START.with_wanted(PollInterval(12)).interval(0) == PollInterval(10)


def test_silence_lengthens_up_to_the_maximum() -> None:
    assert [START.interval(steps).log2 for steps in range(7)] == [6, 7, 8, 9, 10, 10, 10]


def test_a_burst_is_counted_down_and_can_be_ended() -> None:
    pace = START
    for left in (7, 6, 5, 4, 3, 2, 1, 0, 0):
        pace = pace.after_request()
        assert pace.burst_left == left
    assert pace.without_burst() is pace
    assert pace.with_burst().burst_left == CONFIG.burst_count
    assert pace.with_burst().without_burst().burst_left == 0


def test_the_spacing_of_a_burst_doubles_from_the_fifth_request_on() -> None:
    pace = START
    spacings = []
    while pace.burst_left:
        pace = pace.after_request()
        spacings.append(pace.burst_spacing_s)
    assert spacings == [2.0, 2.0, 2.0, 2.0, 4.0, 8.0, 16.0, 32.0]


def test_a_burst_of_any_length_has_a_spacing() -> None:
    pace = replace(Pace.at_start(AssociationConfig(burst_count=5000)), burst_left=1)
    assert pace.burst_spacing_s == 2.0 * 2.0**17


class TestRate:
    def test_one_step_above_the_present_interval_and_no_burst(self) -> None:
        pace = START.after_rate_kiss(PollInterval(6))
        assert (pace.interval(0), pace.burst_left) == (PollInterval(7), 0)
        assert pace.with_burst() is pace

    def test_the_discipline_cannot_ask_for_less_but_for_more(self) -> None:
        pace = START.after_rate_kiss(PollInterval(6))
        assert pace.with_wanted(PollInterval(6)).interval(0) == PollInterval(7)
        assert pace.with_wanted(PollInterval(9)).interval(0) == PollInterval(9)

    def test_beyond_the_configured_maximum_to_the_protocols(self) -> None:
        pace = START
        lengths = []
        for _ in range(14):
            pace = pace.after_rate_kiss(pace.interval(0))
            lengths.append(pace.interval(0).log2)
        assert lengths == [7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 17, 17, 17]

    def test_silence_does_not_shorten_it(self) -> None:
        assert START.after_rate_kiss(PollInterval(11)).interval(3) == PollInterval(12)
        assert START.after_rate_kiss(PollInterval(6)).interval(3) == PollInterval(10)

    def test_one_step_back_after_eight_measurements(self) -> None:
        pace = START.after_rate_kiss(PollInterval(7))
        lengths = []
        for _ in range(17):
            pace = pace.after_measurement()
            lengths.append(pace.interval(0).log2)
        assert lengths == [8] * 7 + [7] * 8 + [6] * 2
        assert pace.rate_minimum is None
        assert pace.with_burst().burst_left == CONFIG.burst_count

    def test_a_new_kiss_starts_the_count_again(self) -> None:
        pace = START.after_rate_kiss(PollInterval(6))
        for _ in range(7):
            pace = pace.after_measurement()
        assert pace.after_rate_kiss(pace.interval(0)).after_measurement().interval(0) == PollInterval(8)

    def test_without_a_complaint_measurements_change_nothing(self) -> None:
        assert START.after_measurement() is START


@given(st.lists(st.tuples(st.sampled_from("rmwbs"), st.integers(-10, 20)), max_size=60), st.integers(0, 1000))
def test_the_interval_stays_within_the_protocol(steps: list[tuple[str, int]], back_off: int) -> None:
    pace = START
    for kind, log2 in steps:
        match kind:
            case "r":
                pace = pace.after_rate_kiss(pace.interval(0))
            case "m":
                pace = pace.after_measurement()
            case "w":
                pace = pace.with_wanted(PollInterval(log2))
            case "b":
                pace = pace.with_burst()
            case _:
                pace = pace.after_request()
        assert CONFIG.poll_minimum <= pace.interval(back_off) <= PollInterval(17)
        assert pace.interval(0) <= pace.interval(back_off)
        assert not (pace.burst_left and pace.rate_minimum)
