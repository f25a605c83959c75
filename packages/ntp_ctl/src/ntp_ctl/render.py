"""The state of the daemon on one screen: `ntp-ctl status`.

From the top: may the clock be trusted, and why or why not; what else deserves attention; the numbers; each source, and for each one that is
not used the reason. Pure functions from a document to text.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass

from ntp_ctl.style import Color, Style
from ntp_ctl.table import Column, Row, fit, table_lines
from ntp_ctl.units import UNKNOWN, coarse_duration, duration, duration_with_error, frequency_with_error
from ntp_ctl.words import reach_dots, source_color, source_state, system_color, system_state
from ntp_proto.observation import (
    ClockMode,
    Observation,
    ProgramState,
    ServerObservation,
    ServiceState,
    SourceObservation,
    SourceStatus,
    SyncState,
    SystemObservation,
)

__all__ = ["attention_lines", "clock_words", "heading_lines", "number_lines", "poll_words", "render_status", "source_lines", "wrapped"]

_NTP_PORT = ":123"
_CLOCKS = {
    ClockMode.STEER: "the system clock",
    ClockMode.VIRTUAL: "a virtual clock, the system clock is left alone",
    ClockMode.MIRROR: "the system clock as it is, served with the state of a source",
    ClockMode.LOCAL: "the system clock as it is, served without sources",
}


@dataclass(frozen=True, slots=True)
class _Field:
    label: str
    value: str


def render_status(observation: Observation, style: Style) -> str:
    """The screen of `ntp-ctl status`, with a line feed at its end."""
    lines = [
        *heading_lines(observation.system, style),
        *attention_lines(observation, style),
        "",
        *number_lines(observation, style),
        "",
        *source_lines(observation.sources, style),
    ]
    return "\n".join(lines) + "\n"


def wrapped(text: str, style: Style, *, indent: str, first: str | None = None) -> list[str]:
    """`text` over as many lines as it needs; those after the first, or all without `first`, begin with `indent`."""
    lines = textwrap.wrap(style.text(text), max(style.width, 40), initial_indent=indent if first is None else first, subsequent_indent=indent)
    return lines or [first or indent]


def clock_words(program: ProgramState, system: SystemObservation) -> str:
    """Which clock is disciplined and what is being done to it."""
    name = _CLOCKS[program.clock]
    return f"{name}; an offset is being slewed out" if system.slewing else name


def poll_words(interval_s: float) -> str:
    """A poll interval in seconds, as people know them: "64 s". Zero is that of a source that is not asked, its name being unresolved."""
    return f"{interval_s:g} s" if interval_s else UNKNOWN


def heading_lines(system: SystemObservation, style: Style) -> list[str]:
    """Whether the clock can be trusted, and why or why not."""
    words = f"{system_state(system.state)}: {system.reason}" if system.reason else system_state(system.state)
    return [style.paint(line, system_color(system.state)) for line in wrapped(words, style, indent="  ", first="")]


def attention_lines(observation: Observation, style: Style) -> list[str]:
    """What somebody should know who looks for the cause of a trouble and has not asked for it."""
    program, system = observation.program, observation.system
    notes = []
    if system.state is SyncState.PANIC:
        notes.append("To accept this correction: ntp-ctl force-sync")
    if program.clock is ClockMode.VIRTUAL and program.clock_reason:
        notes.append(f"The system clock is not corrected: {program.clock_reason}")
    if system.displacement_count:
        times = "once" if system.displacement_count == 1 else f"{system.displacement_count} times"
        notes.append(f"Something else has set the clock {times}: is another time service running?")
    if observation.service is ServiceState.STOPPED:
        notes.append("Nobody is served, though it is configured: see ntp-ctl server")
    if system.leap in ("insert", "delete"):
        notes.append(f"A leap second will be {'inserted' if system.leap == 'insert' else 'deleted'} at the end of this month (UTC)")
    return [style.paint(line, Color.DOUBTFUL) for note in notes for line in wrapped(note, style, indent="  ", first="! ")]


def _bounds(system: SystemObservation) -> str:
    """The hard bound, and what the error stays below 99.9 % of the time."""
    if system.statistical_error_s is None:
        return duration(system.maximum_error_s)
    return f"{duration(system.maximum_error_s)} (99.9 %: {duration(system.statistical_error_s)})"


def number_lines(observation: Observation, style: Style) -> list[str]:
    """The numbers of the clock, and the daemon."""
    program, system = observation.program, observation.system
    estimated = system.offset_error_s is not None
    pairs = [
        (_Field("Offset", _offset(system)), _Field("Frequency", frequency_with_error(system.frequency, system.frequency_error))),
        (_Field("Max error", _bounds(system)), _Field("Last update", _ago(system.last_update_age_s))),
        (
            _Field("Root delay", duration(system.root_delay_s if estimated else None)),
            _Field("Dispersion", duration(system.root_dispersion_s if estimated else None)),
        ),
        (_Field("Stratum", str(system.stratum) if system.stratum < 16 else UNKNOWN), _Field("Steps", _steps(system))),
    ]
    single = [
        _Field("Reference", _reference(system)),
        _Field("Clock", clock_words(program, system)),
        *([_Field("Server", _server(observation.servers))] if observation.servers else []),
        _Field("Daemon", f"{program.name} {program.version}, pid {program.pid}, up {coarse_duration(program.uptime_s)}, {_second(program.time)}"),
    ]
    return _fields(pairs, single, style)


def _server(servers: tuple[ServerObservation, ...]) -> str:
    rate = sum(server.requests_per_s for server in servers)
    refused = sum(server.denied + server.ignored for server in servers)
    answered = sum(server.accepted for server in servers)
    lost = sum(server.kernel_drops for server in servers)
    places = ", ".join(server.address for server in servers)
    return f"{places}: {rate:.3g} requests/s, {answered} answered, {refused} refused" + (f", {lost} lost in the kernel" if lost else "")


def _second(time: str) -> str:
    """An ISO time to the second: "2031-05-04 03:02:01 UTC"; any other text stays."""
    match = re.fullmatch(r"(\d{4,}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?Z", time, re.ASCII)
    return f"{match[1]} {match[2]} UTC" if match else time


def _offset(system: SystemObservation) -> str:
    if system.offset_error_s is None:
        return UNKNOWN
    side = "" if system.offset_s == 0 else " (behind)" if system.offset_s > 0 else " (ahead)"
    return duration_with_error(system.offset_s, system.offset_error_s) + side


def _ago(age_s: float | None) -> str:
    return UNKNOWN if age_s is None else f"{coarse_duration(age_s)} ago"


def _steps(system: SystemObservation) -> str:
    if not system.step_count:
        return "none"
    limit = "" if system.accumulated_step_panic_threshold_s is None else f" of {system.accumulated_step_panic_threshold_s:g} s"
    return f"{system.step_count} ({duration(system.accumulated_steps_s)}{limit})"


def _reference(system: SystemObservation) -> str:
    if system.state is SyncState.STARTING or not (system.reference or system.reference_id):
        return UNKNOWN
    return f"{system.reference} ({system.reference_id})" if system.reference else system.reference_id


def _fields(pairs: list[tuple[_Field, _Field]], single: list[_Field], style: Style) -> list[str]:
    """Two fields to a line where the terminal has room for it, else one."""
    label_width = max(len(field.label) for field in [*(left for left, _ in pairs), *single]) + 2
    right_label_width = max(len(right.label) for _, right in pairs) + 2
    left_texts = [left.label.ljust(label_width) + style.text(left.value) for left, _ in pairs]
    right_texts = [right.label.ljust(right_label_width) + style.text(right.value) for _, right in pairs]
    column = max(*(len(text) for text in left_texts), label_width + 26) + 2
    if column + max(len(text) for text in right_texts) <= style.width:
        lines = [left.ljust(column) + right for left, right in zip(left_texts, right_texts, strict=True)]
    else:
        label_width = max(label_width, right_label_width)
        lines = [field.label.ljust(label_width) + style.text(field.value) for pair in pairs for field in pair]
    for field in single:
        lines += wrapped(field.value, style, indent=" " * label_width, first=field.label.ljust(label_width))
    return lines


def source_lines(sources: tuple[SourceObservation, ...], style: Style) -> list[str]:
    """A table of the sources, with the reason below each one that is not used."""
    if not sources:
        return ["No sources."]
    names = tuple(style.text(_without_port(source.name)) for source in sources)
    addresses = tuple(style.text(_without_port(source.address) or UNKNOWN) for source in sources)

    def cells(texts: list[str]) -> tuple[str, ...]:
        return tuple(style.text(text) for text in texts)

    columns = [
        Column("  State", cells([source_state(source.status) for source in sources])),
        Column("Name", names, minimum=12),
        Column("Address", addresses, minimum=15, cut_middle=True),
        Column("Reach", cells([reach_dots(source.reach, source.requests) for source in sources])),
        Column("Poll", cells([poll_words(source.poll_interval_s) for source in sources]), numeric=True),
        Column("Offset", cells([duration_with_error(source.offset_s, source.offset_error_s) for source in sources]), numeric=True),
        Column("Delay", cells([duration(source.delay_s) for source in sources]), numeric=True),
        Column("Stamps", cells([_stamps(source) for source in sources])),
    ]
    if all(address in (name, UNKNOWN) for name, address in zip(names, addresses, strict=True)):
        columns = [column for column in columns if column.title != "Address"]
    # Members of a pool share a name, so there the address says which is which.
    least_telling = "Address" if len(set(names)) == len(names) else "Name"
    rows = [Row(source_color(source.status), _note(source, style)) for source in sources]
    return table_lines(fit(columns, style.width, ("Stamps", least_telling, "Delay", "Poll")), rows, style)


def _without_port(name: str) -> str:
    """A name or address without the port that everybody expects; any other stays."""
    bare = name.removesuffix(_NTP_PORT)
    return bare.strip("[]") if bare != name else name


def _stamps(source: SourceObservation) -> str:
    """Who stamps requests and answers, in one word when it is the same."""
    kinds = [kind for kind in (source.transmit_stamps, source.receive_stamps) if kind]
    return "/".join(dict.fromkeys(kinds)) or UNKNOWN


def _note(source: SourceObservation, style: Style) -> tuple[str, ...]:
    """Why a source is not used; of a silent one also how old its numbers are."""
    if source.status is SourceStatus.SELECTED or not source.reason:
        return ()
    silent = source.status in (SourceStatus.UNREACHABLE, SourceStatus.DENIED, SourceStatus.OFFLINE) and source.last_sample_age_s is not None
    age = f"; last measured {coarse_duration(source.last_sample_age_s)} ago" if silent else ""
    return tuple(wrapped(source.reason + age, style, indent="    "))
