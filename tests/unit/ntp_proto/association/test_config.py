from __future__ import annotations

import math
from dataclasses import FrozenInstanceError

import pytest

from ntp_proto.association import AssociationConfig
from ntp_proto.time_types import PollInterval


def test_the_defaults_are_those_of_the_documentation() -> None:
    config = AssociationConfig()
    assert (config.poll_minimum, config.poll_maximum, config.poll_initial) == (PollInterval(6), PollInterval(10), PollInterval(6))
    assert (config.version, config.burst_count, config.burst_interval_s, config.response_timeout_s) == (4, 8, 2.0, 4.0)
    assert (config.maximum_delay_s, config.maximum_root_distance_s, config.poll_randomization) == (3.0, 3.0, 0.02)


@pytest.mark.parametrize(
    ("minimum", "maximum", "initial"), [(7, 6, 6), (-7, 10, 6), (6, 18, 6), (6, 10, 5), (6, 10, 11)], ids=["order", "short", "long", "below", "above"]
)
def test_poll_limits(minimum: int, maximum: int, initial: int) -> None:
    with pytest.raises(ValueError, match=r"poll_"):
        AssociationConfig(poll_minimum=PollInterval(minimum), poll_maximum=PollInterval(maximum), poll_initial=PollInterval(initial))


@pytest.mark.parametrize("version", [2, 5])
def test_versions(version: int) -> None:
    with pytest.raises(ValueError, match="version is 3 or 4"):
        AssociationConfig(version=version)


def test_burst_count() -> None:
    assert AssociationConfig(burst_count=0).burst_count == 0
    with pytest.raises(ValueError, match="burst_count"):
        AssociationConfig(burst_count=-1)


@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, math.nan])
@pytest.mark.parametrize("name", ["burst_interval_s", "response_timeout_s", "maximum_delay_s", "maximum_root_distance_s"])
def test_lengths_of_time(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        AssociationConfig(**{name: value})  # type: ignore[arg-type]  # each is one of the float fields


@pytest.mark.parametrize("value", [-0.01, 0.51, math.nan])
def test_randomization(value: float) -> None:
    with pytest.raises(ValueError, match="poll_randomization"):
        AssociationConfig(poll_randomization=value)


def test_a_configuration_is_a_value() -> None:
    with pytest.raises(FrozenInstanceError):
        AssociationConfig().version = 3  # type: ignore[misc]  # the point of the test
