"""From tables to clocks, machines, links and servers."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from ntp_proto.algorithm import FrequencyPrior
from ntp_proto.association import AssociationConfig
from ntp_proto.datagram import StampSource
from ntp_proto.identifiers import KissCode, LeapIndicator
from ntp_sim import queueing
from ntp_sim.network import Link
from ntp_sim.node import Machine
from ntp_sim.oscillator import Oscillator, Temperature, TemperatureCycle, TemperatureRamps
from ntp_sim.queueing import Queue
from ntp_sim.scenario.model import ClockPlan, ServerPlan
from ntp_sim.scenario.settings import read_association
from ntp_sim.scenario.table import Table
from ntp_sim.server import Behaviour

__all__ = ["KISSES", "read_clock", "read_machine", "read_servers"]

KISSES = {kiss.value: kiss for kiss in KissCode if kiss is not KissCode.OTHER}
_STAMPS = {source.value: source for source in StampSource}
_LEAPS = {
    "none": LeapIndicator.NO_WARNING,
    "insert": LeapIndicator.INSERT,
    "delete": LeapIndicator.DELETE,
    "unsynchronized": LeapIndicator.UNSYNCHRONIZED,
}
_MOST_SERVERS = 64

MakeQueue = Callable[[], Queue]
"""A queue may have a state, so every run makes its own."""


def read_clock(table: Table | None) -> ClockPlan:
    """`[clock]`: oscillator, offset and drift file."""
    if table is None:
        return ClockPlan()
    oscillator = Oscillator(
        frequency=table.rate("frequency", 0.0),
        wander=table.rate("wander", 0.0, minimum=0.0),
        white=table.time("white", 0.0, minimum=0.0),
        flicker=table.rate("flicker", 0.0, minimum=0.0),
        temperature=_read_temperature(table.table("temperature")),
    )
    offset_s = table.time("offset", 0.0)
    drift = table.table("drift-file")
    prior = FrequencyPrior(drift.rate("frequency"), drift.rate("error", minimum=0.0)) if drift is not None else None
    if drift is not None:
        drift.end()
    table.end()
    return ClockPlan(oscillator=oscillator, offset_s=offset_s, prior=prior)


def _read_temperature(table: Table | None) -> Temperature | None:
    if table is None:
        return None
    coefficient = table.rate("coefficient")
    temperature: Temperature
    if "ramps" in table:
        points = table.pairs("ramps")
        if any(later[0] <= earlier[0] for earlier, later in itertools.pairwise(points)):
            raise table.error("ramps", "the times of the points must increase")
        temperature = TemperatureRamps(coefficient, points)
    else:
        amplitude, period_s = table.number("amplitude", minimum=0.0), table.time("period", 86400.0, minimum=1.0)
        temperature = TemperatureCycle(coefficient, amplitude, period_s, table.share("phase", 0.0))
    table.end()
    return temperature


def read_machine(table: Table | None) -> Callable[[], Machine]:
    """`[machine]`: who stamps, how well, and how long the process waits."""
    if table is None:
        return Machine
    stamps = _STAMPS[table.choice("stamps", _STAMPS, StampSource.KERNEL.value)]
    noise_s = table.time("stamp-noise", 0.0, minimum=0.0)
    make_latency = _read_queues(table, "latency")
    table.end()
    return lambda: Machine(stamps, noise_s, make_latency())


def read_servers(tables: list[Table], association: AssociationConfig) -> tuple[ServerPlan, ...]:
    """`[[server]]`: each as often as its `count` says."""
    plans: list[ServerPlan] = []
    for table in tables:
        count = table.whole("count", 1, minimum=1, maximum=_MOST_SERVERS)
        plans += [_read_server(table, association)] * count
        table.end()
    return tuple(plans)


def _read_server(table: Table, association: AssociationConfig) -> ServerPlan:
    there = table.table("there")
    if there is None:
        raise table.error("there", "is missing: every server needs a way to it, with a base delay")
    make_there = _read_link(there)
    back = table.table("back")
    own_clock = table.table("clock")
    shared = table.text("shared-clock", "")
    if shared and own_clock is None:
        raise table.error("shared-clock", "needs a clock: write the same [server.clock] for all of them")
    relay = table.text("relay", "")
    if relay and (own_clock is not None or "stratum" in table):
        raise table.error("relay", "a relay shows its own clock and stratum: leave clock and stratum out")
    return ServerPlan(
        make_there=make_there,
        make_back=_read_link(back) if back is not None else make_there,
        behaviour=_read_behaviour(table),
        association=read_association(table, association),
        clock=read_clock(own_clock) if own_clock is not None else None,
        shared_clock=shared,
        relay=relay,
        asymmetry=table.share("asymmetry", 0.0),
    )


def _read_behaviour(table: Table) -> Behaviour:
    offset_s, ramp, ramp_from_s = table.time("offset", 0.0), table.rate("ramp", 0.0), table.time("ramp-from", 0.0, minimum=0.0)
    kiss = table.choice("kiss", KISSES, "") if "kiss" in table else ""
    table.know("kiss")
    return Behaviour(
        ahead_s=lambda now: offset_s + ramp * max(0.0, now - ramp_from_s),
        stratum=table.whole("stratum", 1, minimum=1, maximum=16),
        leap=_LEAPS[table.choice("leap", _LEAPS, "none")],
        root_dispersion_s=table.time("root-dispersion", 0.0, minimum=0.0),
        root_delay_s=table.time("root-delay", 0.0, minimum=0.0),
        kiss=KISSES[kiss] if kiss else None,
        is_silent=table.flag("silent", default=False),
        stamp_noise_s=table.time("stamp-noise", 0.0, minimum=0.0),
        processing_s=table.time("processing", 0.0, minimum=0.0),
    )


def _read_link(table: Table) -> Callable[[], Link]:
    base_s = table.time("base", minimum=0.0)
    make_queue = _read_queues(table, "queue")
    loss, duplication, reordering = table.share("loss", 0.0), table.share("duplication", 0.0), table.share("reordering", 0.0)
    holdup_s = table.time("holdup", 1.0, minimum=0.0)
    table.end()
    return lambda: Link(base_s, make_queue(), loss, duplication, reordering, holdup_s)


def _read_queues(table: Table, key: str) -> MakeQueue:
    makers = [_read_queue(queue) for queue in table.one_or_more(key)]
    if len(makers) == 1:
        return makers[0]
    return lambda: queueing.together([make() for make in makers])


def _read_queue(table: Table) -> MakeQueue:
    make = _KINDS[table.choice("kind", _KINDS)](table)
    make = _limited(table, make)
    table.end()
    return make


def _limited(table: Table, make: MakeQueue) -> MakeQueue:
    """The keys that any kind may have: it meets not all datagrams, or not at all times."""
    if "probability" in table:
        probability, inner = table.share("probability"), make
        make = lambda: queueing.spikes(probability, inner())  # noqa: E731 — one of a chain of wrappers
    if "period" in table:
        period_s, length_s, start_s, steady = table.time("period", minimum=1e-3), table.time("length"), table.time("start", 0.0), make
        make = lambda: queueing.congestion(steady(), period_s, length_s, start_s)  # noqa: E731
    if "spacing" in table:
        spacing_s, burst_s, calm = table.time("spacing", minimum=1e-3), table.time("length", minimum=1e-3), make
        make = lambda: queueing.bursts(calm(), spacing_s, burst_s)  # noqa: E731
    for key in ("probability", "period", "length", "start", "spacing"):
        table.know(key)
    return make


def _constant(table: Table) -> MakeQueue:
    delay_s = table.time("delay", minimum=0.0)
    return lambda: queueing.constant(delay_s)


def _exponential(table: Table) -> MakeQueue:
    mean_s = table.time("mean", minimum=0.0)
    return lambda: queueing.exponential(mean_s)


def _pareto(table: Table) -> MakeQueue:
    scale_s, shape = table.time("scale", minimum=0.0), table.number("shape", minimum=0.1)
    return lambda: queueing.pareto(scale_s, shape)


def _lognormal(table: Table) -> MakeQueue:
    median_s, sigma = table.time("median", minimum=0.0), table.number("sigma", minimum=0.0)
    return lambda: queueing.lognormal(median_s, sigma)


def _normal(table: Table) -> MakeQueue:
    sigma_s = table.time("sigma", minimum=0.0)
    return lambda: queueing.two_sided(sigma_s)


_KINDS: dict[str, Callable[[Table], MakeQueue]] = {
    "constant": _constant,
    "exponential": _exponential,
    "pareto": _pareto,
    "lognormal": _lognormal,
    "normal": _normal,
}
