"""Reading a scenario file: the physics, what happens, the limits. Anything that is not understood is an error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ntp_proto.association import AssociationConfig
from ntp_sim.scenario.model import (
    Below,
    ClockStep,
    EventPlan,
    FrequencyStep,
    Happening,
    Kiss,
    Limits,
    Outage,
    RelayPlan,
    RouteChange,
    Scenario,
    ServerPlan,
    ServerRamp,
    ServerStep,
    Suspend,
)
from ntp_sim.scenario.read_physics import KISSES, read_clock, read_machine, read_servers
from ntp_sim.scenario.settings import read_association, read_discipline
from ntp_sim.scenario.table import Table, load_table

__all__ = ["is_scenario", "read_overrides", "read_scenario", "scenario_from"]


def is_scenario(path: Path) -> bool:
    """Whether a file is a scenario, right or wrong: it has a table `[scenario]`."""
    return "scenario" in load_table(path)


def read_scenario(path: Path, overrides: Path | None = None) -> Scenario:
    """Read a scenario.

    Args:
        path: The file.
        overrides: A file with the tables `[discipline]` and `[source-defaults]` only; what it says replaces what the scenario says.

    Raises:
        ScenarioError: one of the files cannot be read or is wrong.
    """
    return _make(load_table(path), path.stem, load_table(overrides) if overrides else None)


def scenario_from(document: Mapping[str, object], name: str) -> Scenario:
    """Make a scenario from what a file would hold.

    Args:
        document: As `tomllib` would return it.
        name: Of the scenario, where the document gives none, and in errors.

    Raises:
        ScenarioError: it is wrong.
    """
    return _make(Table(document, name, ""), name, None)


def _make(root: Table, name: str, other: Table | None) -> Scenario:
    discipline, association = read_discipline(root.table("discipline")), read_defaults(root.table("source-defaults"), AssociationConfig())
    if other is not None:
        discipline = read_discipline(other.table("discipline"), discipline)
        association = read_defaults(other.table("source-defaults"), association)
        other.end()
    head = root.table("scenario")
    if head is None:
        raise root.error("scenario", "is missing: this is no scenario")
    duration_s = head.time("duration", minimum=1.0)
    servers = read_servers(root.tables("server"), association)
    if not servers:
        raise root.error("server", "is missing: a scenario has at least one [[server]]")
    relays = _read_relays(root, association)
    _check_relays(root, servers, relays)
    scenario = Scenario(
        name=head.text("name", name),
        description=head.text("description", ""),
        duration_s=duration_s,
        settle_s=head.time("settle", 0.0, minimum=0.0),
        clock=read_clock(root.table("clock")),
        make_machine=read_machine(root.table("machine")),
        servers=servers,
        relays=relays,
        events=tuple(_read_event(table, len(servers), duration_s) for table in root.tables("event")),
        discipline=discipline,
        limits=_read_limits(root.table("limits"), bool(root.tables("event"))),
    )
    if scenario.settle_s >= duration_s:
        raise head.error("settle", f"must be less than the duration ({duration_s:g} s)")
    head.end()
    root.end()
    return scenario


def read_overrides(path: Path) -> None:
    """Check a file of overrides by itself.

    Raises:
        ScenarioError: it cannot be read or is wrong.
    """
    table = load_table(path)
    read_discipline(table.table("discipline"))
    read_defaults(table.table("source-defaults"), AssociationConfig())
    table.end()


def read_defaults(table: Table | None, base: AssociationConfig) -> AssociationConfig:
    """`[source-defaults]`.

    Raises:
        ScenarioError: it is wrong.
    """
    association = read_association(table, base)
    if table is not None:
        table.end()
    return association


def _read_relays(root: Table, association: AssociationConfig) -> tuple[RelayPlan, ...]:
    relays: list[RelayPlan] = []
    for table in root.tables("relay"):
        name = table.text("name")
        if any(relay.name == name for relay in relays):
            raise table.error("name", f"there is a relay {name!r} already")
        clock, make_machine = read_clock(table.table("clock")), read_machine(table.table("machine"))
        plan = RelayPlan(name=name, clock=clock, make_machine=make_machine, servers=read_servers(table.tables("server"), association))
        if not plan.servers:
            raise table.error("server", "is missing: a relay follows at least one server")
        _check_relays(table, plan.servers, tuple(relays))
        table.end()
        relays.append(plan)
    return tuple(relays)


def _check_relays(table: Table, servers: tuple[ServerPlan, ...], relays: tuple[RelayPlan, ...]) -> None:
    names = {relay.name for relay in relays}
    for server in servers:
        if server.relay and server.relay not in names:
            raise table.error("server", f"there is no [[relay]] {server.relay!r} before it; there are: {', '.join(sorted(names)) or 'none'}")


def _read_event(table: Table, server_count: int, duration_s: float) -> EventPlan:
    at_s = table.time("at", minimum=0.0)
    if at_s >= duration_s:
        raise table.error("at", f"happens after the end of the scenario ({duration_s:g} s)")
    every_s = table.time("every", 0.0, minimum=1.0) if "every" in table else 0.0
    kind = table.choice("kind", _HAPPENINGS)
    servers: tuple[int, ...] = ()
    if kind in _OF_SERVERS and "servers" in table:
        servers = tuple(number - 1 for number in table.wholes("servers"))
        if any(not 0 <= number < server_count for number in servers):
            raise table.error("servers", f"servers count from 1 to {server_count}")
    happening = _HAPPENINGS[kind](table)
    table.know("every")
    if kind in _OF_SERVERS:
        table.know("servers")
    table.end()
    return EventPlan(at_s=at_s, every_s=every_s, servers=servers, happening=happening)


_HAPPENINGS: dict[str, Callable[[Table], Happening]] = {
    "frequency-step": lambda table: FrequencyStep(table.rate("by")),
    "clock-step": lambda table: ClockStep(table.time("by")),
    "suspend": lambda table: Suspend(table.time("length", minimum=0.001), table.time("rtc-error", 0.0)),
    "route": lambda table: RouteChange(table.time("there", 0.0), table.time("back", 0.0)),
    "outage": lambda table: Outage(table.time("length", minimum=0.001)),
    "kiss": lambda table: Kiss(KISSES[table.choice("code", KISSES)], table.time("length", minimum=0.001)),
    "server-step": lambda table: ServerStep(table.time("by")),
    "server-ramp": lambda table: ServerRamp(table.rate("rate")),
}
_OF_SERVERS = {"route", "outage", "kiss", "server-step", "server-ramp"}


def _read_limits(table: Table | None, has_events: bool) -> Limits:
    if table is None:
        return Limits()
    after = table.table("after-event")
    if after is not None and not has_events:
        raise table.error("after-event", "there is no [[event]]")
    limits = Limits(
        rms_s=_optional_time(table, "rms"),
        p99_s=_optional_time(table, "p99"),
        maximum_s=_optional_time(table, "maximum"),
        packets=table.whole("packets", minimum=1, maximum=10**9) if "packets" in table else None,
        steps=table.whole("steps", minimum=0, maximum=10**6) if "steps" in table else None,
        below=_read_below(table),
        peak_after_event_s=_optional_time(after, "peak") if after is not None else None,
        below_after_event=_read_below(after) if after is not None else (),
        coverage=table.share("coverage") if "coverage" in table else None,
        probable_coverage=table.share("probable-coverage") if "probable-coverage" in table else None,
    )
    for key in ("packets", "steps", "coverage", "probable-coverage"):
        table.know(key)
    if after is not None:
        after.end()
    table.end()
    return limits


def _optional_time(table: Table, key: str) -> float | None:
    table.know(key)
    return table.time(key, minimum=0.0) if key in table else None


def _read_below(table: Table) -> tuple[Below, ...]:
    found = []
    for item in table.one_or_more("settled-below"):
        found.append(Below(item.time("limit", minimum=0.0), item.time("within", minimum=0.0)))
        item.end()
    return tuple(found)
