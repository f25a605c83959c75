import dataclasses
import math

import pytest

from ntp_daemon.config.load import ConfigErrors, parse
from ntp_daemon.config.model import AlgorithmConfig, Config, PollLimits, ServerSource, SourceDefaults, SourcePollLimits, default_config
from ntp_proto.algorithm.config import DisciplineConfig, StepThreshold
from ntp_proto.server_address import ServerAddress
from ntp_proto.time_types import PollInterval

HOST = ServerAddress("a.example")

# The key of the file for each field of the discipline, with a value that is not the default and what becomes of it.
KEYS = {
    "minimum_agreeing_sources": ("minimum-agreeing-sources", "7", 7),
    "startup_step_panic_threshold": ("startup-step-panic-threshold", "7", StepThreshold(7.0, 7.0)),
    "single_step_panic_threshold": ("single-step-panic-threshold", "{ forward = 'inf', backward = 7 }", StepThreshold(math.inf, 7.0)),
    "accumulated_step_panic_threshold_s": ("accumulated-step-panic-threshold", "7", 7.0),
    "step_threshold_s": ("algorithm.step-threshold", "7", 7.0),
    "step_updates": ("algorithm.step-updates", "7", 7),
    "slew_maximum_frequency": ("algorithm.slew-maximum-frequency-offset", "0.07", 0.07),
    "maximum_frequency": ("algorithm.maximum-frequency-steer", "0.07", 0.07),
    "initial_frequency_uncertainty": ("algorithm.initial-frequency-uncertainty", "0.07", 0.07),
    "maximum_source_distance_s": ("algorithm.maximum-source-distance", "7", 7.0),
    "frequency_tolerance": ("algorithm.frequency-tolerance", "0.07", 0.07),
    "holdover_limit_s": ("algorithm.holdover-limit", "7", 7.0),
    "target_error_s": ("target-error", '"70us"', 70e-6),
}


def test_every_setting_of_the_discipline_has_a_key() -> None:
    assert {field.name for field in dataclasses.fields(DisciplineConfig)} == set(KEYS)


def test_every_key_of_the_algorithm_is_a_setting_of_the_discipline() -> None:
    written = {f"algorithm.{field.name.replace('_', '-')}" for field in dataclasses.fields(AlgorithmConfig)}
    assert written == {key for key, _, _ in KEYS.values() if key.startswith("algorithm.")}


def test_the_defaults_are_those_of_the_discipline() -> None:
    assert default_config().synchronization.discipline() == DisciplineConfig()


@pytest.mark.parametrize("name", KEYS)
def test_each_key_sets_its_setting_and_no_other(name: str) -> None:
    key, written, value = KEYS[name]
    config = parse(f"synchronization.{key} = {written}")
    assert config.synchronization.discipline() == dataclasses.replace(DisciplineConfig(), **{name: value})


@pytest.mark.parametrize(
    ("defaults", "source", "expected"),
    [
        (SourceDefaults(), ServerSource(address=HOST), (6, 10, 6)),
        (SourceDefaults(initial_poll_interval=8), ServerSource(address=HOST), (6, 10, 8)),
        (SourceDefaults(initial_poll_interval=8), ServerSource(address=HOST, initial_poll_interval=9), (6, 10, 9)),
        (SourceDefaults(poll_interval_limits=PollLimits(min=4, max=8)), ServerSource(address=HOST), (4, 8, 4)),
        (SourceDefaults(), ServerSource(address=HOST, poll_interval_limits=SourcePollLimits(min=4)), (4, 10, 4)),
        (SourceDefaults(), ServerSource(address=HOST, poll_interval_limits=SourcePollLimits(max=7)), (6, 7, 6)),
        (SourceDefaults(initial_poll_interval=9), ServerSource(address=HOST, poll_interval_limits=SourcePollLimits(max=7)), (6, 7, 7)),
        (SourceDefaults(initial_poll_interval=6), ServerSource(address=HOST, poll_interval_limits=SourcePollLimits(min=8)), (8, 10, 8)),
    ],
)
def test_a_source_takes_what_it_does_not_say_from_the_defaults(
    defaults: SourceDefaults, source: ServerSource, expected: tuple[int, int, int]
) -> None:
    settings = Config(sources=(source,), source_defaults=defaults).poll_settings(source)
    assert (settings.minimum, settings.maximum, settings.initial) == tuple(map(PollInterval, expected))


@pytest.mark.parametrize(
    ("written", "seconds"), [("0.001", 1e-3), ("2", 2.0), ('"100us"', 1e-4), ('"1.5 ms"', 1.5e-3), ('"2s"', 2.0), ('"50ns"', 5e-8)]
)
def test_a_target_is_a_length_of_time(written: str, seconds: float) -> None:
    config = parse(f"[synchronization]\ntarget-error = {written}\n")
    assert config.synchronization.target_error == pytest.approx(seconds)


@pytest.mark.parametrize("written", ["0", "-1", '"fast"', '"us"', '"1 h"', '"-1ms"', '"1e-3s"', "inf", "true", '"0us"'])
def test_what_is_none_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(ConfigErrors, match="100us"):
        parse(f"[synchronization]\ntarget-error = {written}\n")
