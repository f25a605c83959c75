"""The settings of the client in a scenario, under the names that they have in the daemon's configuration.

`[discipline]` takes the keys of `[synchronization]` and `[synchronization.algorithm]` in one table. They are made from the fields of
`DisciplineConfig`, so that a new setting can be tried here at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import Field, fields, replace

from ntp_proto.algorithm import DisciplineConfig, StepThreshold
from ntp_proto.association import AssociationConfig
from ntp_proto.time_types import PollInterval
from ntp_sim.scenario.table import Table

__all__ = ["discipline_keys", "discipline_values", "read_association", "read_discipline", "with_settings"]

_OTHER_NAMES = {"slew_maximum_frequency": "slew-maximum-frequency-offset", "maximum_frequency": "maximum-frequency-steer"}
"""Settings whose key is not just the field's name with hyphens and without its unit."""
_POLLS = (-6, 17)
_DEFAULTS = DisciplineConfig()


def _key(field: Field[object]) -> str:
    return _OTHER_NAMES.get(field.name, field.name.removesuffix("_s").replace("_", "-"))


def discipline_keys() -> dict[str, str]:
    """The key of each setting, and the name of its field."""
    return {_key(field): field.name for field in fields(DisciplineConfig)}


def read_discipline(table: Table | None, base: DisciplineConfig | None = None) -> DisciplineConfig:
    """The settings of a table on top of others.

    Raises:
        ScenarioError: a key or a value is wrong.
    """
    config = base or DisciplineConfig()
    if table is None:
        return config
    names = discipline_keys()
    changes: dict[str, object] = {name: _setting(table, key, name, getattr(_DEFAULTS, name)) for key, name in names.items() if key in table}
    for key in names:
        if key not in table:
            table.know(key)
    table.end()
    try:
        return _changed(config, changes)
    except ValueError as error:
        raise table.error(next(iter(table.keys)), str(error)) from error


def with_settings(config: DisciplineConfig, changes: Mapping[str, object]) -> DisciplineConfig:
    """The settings with some of them replaced, given by their keys.

    Raises:
        ScenarioError: a key or a value is wrong.
    """
    return read_discipline(Table(changes, "--set", ""), config)


def discipline_values(config: DisciplineConfig) -> dict[str, object]:
    """Every setting under its key, as numbers, texts and tables; what is not limited is "inf", and what is not set is left out."""
    values: dict[str, object] = {}
    for key, name in discipline_keys().items():
        value: object = getattr(config, name)
        if isinstance(value, StepThreshold):
            values[key] = {"forward": _limit_text(value.forward), "backward": _limit_text(value.backward)}
        elif value is not None:
            values[key] = value
    return values


def _limit_text(limit: float) -> float | str:
    return "inf" if math.isinf(limit) else limit


def _changed(config: DisciplineConfig, changes: dict[str, object]) -> DisciplineConfig:
    return replace(config, **changes)  # type: ignore[arg-type]  # each value was read as the type of its field


def _setting(table: Table, key: str, name: str, present: object) -> object:
    """Read by the type of the present value, or where there is none by the name of the field."""
    if isinstance(present, StepThreshold):
        return _threshold(table, key)
    if isinstance(present, bool):
        return table.flag(key)
    if name.endswith("_s"):
        return table.time(key, minimum=0.0)
    if present is None or isinstance(present, int):
        return table.whole(key, minimum=0 if present is not None else 1, maximum=1_000_000)
    return table.rate(key, minimum=0.0)


def _threshold(table: Table, key: str) -> StepThreshold:
    if not table.holds_table(key):
        limit = _limit(table, key)
        return StepThreshold(limit, limit)
    inner = table.table(key)
    assert inner is not None, "it holds one"
    forward = _limit(inner, "forward") if "forward" in inner else math.inf
    backward = _limit(inner, "backward") if "backward" in inner else math.inf
    inner.know("forward")
    inner.know("backward")
    inner.end()
    return StepThreshold(forward, backward)


def _limit(table: Table, key: str) -> float:
    return math.inf if table.is_text(key, "inf") else table.time(key, minimum=0.0)


def read_association(table: Table | None, base: AssociationConfig | None = None) -> AssociationConfig:
    """`poll-interval-limits` and `initial-poll-interval` of a table, which is not ended here, on top of other settings.

    Raises:
        ScenarioError: a value is wrong.
    """
    config = base or AssociationConfig()
    if table is None:
        return config
    limits = table.table("poll-interval-limits")
    low, high = config.poll_minimum.log2, config.poll_maximum.log2
    if limits is not None:
        low = limits.whole("min", low, minimum=_POLLS[0], maximum=_POLLS[1])
        high = limits.whole("max", high, minimum=_POLLS[0], maximum=_POLLS[1])
        limits.end()
        if low > high:
            raise table.error("poll-interval-limits", f"min ({low}) must not be above max ({high})")
    initial = table.whole("initial-poll-interval", max(low, min(high, config.poll_initial.log2)), minimum=low, maximum=high)
    return replace(config, poll_minimum=PollInterval(low), poll_maximum=PollInterval(high), poll_initial=PollInterval(initial))
