"""A drawn world and what became of it, in some lines that people read."""

from __future__ import annotations

from ntp_sim.scenario import scenario_from
from ntp_sim.scenario.model import ServerPlan
from ntp_sim.survey.distributions import Document
from ntp_sim.survey.reference import path_noise
from ntp_sim.survey.world import WorldFigures
from ntp_sim.words import seconds, share, whole_seconds

__all__ = ["describe"]


def describe(figures: WorldFigures, document: Document) -> str:
    """The figures of a world, its clock, its servers and what happens."""
    scenario = scenario_from(document, f"world {figures.seed}")
    oscillator, association = scenario.clock.oscillator, scenario.servers[0].association
    figures_line = (
        f"world {figures.seed}: RMS {figures.rms:.2f}, late {figures.late:.1f}, early {figures.early:.1f} standard errors of "
        f"{seconds(figures.reference_s)}; bounds held {share(figures.probable_coverage)} and {share(figures.coverage)}; "
        f"{figures.packets} requests, {figures.steps} steps"
    )
    clock_line = (
        f"  clock: {seconds(scenario.clock.offset_s)} ahead, {oscillator.frequency * 1e6:+.3g} ppm, wander {oscillator.wander:.2g}, "
        f"white noise {seconds(oscillator.white)}; poll {association.poll_minimum.log2} to {association.poll_maximum.log2}"
    )
    lines = [
        figures_line,
        clock_line,
        *(f"  server {number}: {_path(plan, number, scenario.duration_s)}" for number, plan in enumerate(scenario.servers, start=1)),
    ]
    if scenario.events:
        event = scenario.events[0]
        outcome = f"peak {seconds(figures.peak_s)}, recovered after {whole_seconds(figures.recovered_s)}"
        lines.append(f"  {event.happening} at {event.at_s:.0f} s: {outcome}")
    return "\n".join(lines)


def _path(plan: ServerPlan, number: int, duration_s: float) -> str:
    there, back = plan.make_there(), plan.make_back()
    lost = f", {share(there.loss)} lost" if there.loss else ""
    return f"{seconds(there.base_s)} there, {seconds(back.base_s)} back, spread {seconds(path_noise(plan, number - 1, duration_s))}{lost}"
