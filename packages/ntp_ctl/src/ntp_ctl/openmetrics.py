"""The observation document as Prometheus metrics: names and labels as ntpd-rs 1.x has them, and what its users miss.

A value that is not known has no sample; nothing stands for "unknown" but the two numbers that ntpd-rs defines (-1 for no threshold, leap
indicator 3). States are a gauge with one series for each state, 1 for the one that holds. This module needs prometheus-client and is
imported only where metrics are wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ntp_proto.observation import ClockMode, Observation, ProgramState, SourceObservation, SourceStatus, SyncState, SystemObservation

__all__ = ["OPENMETRICS", "collect", "render_metrics"]

OPENMETRICS = "application/openmetrics-text"
"""The media type to accept for the OpenMetrics format."""

_LEAP_INDICATORS = {"none": 0, "insert": 1, "delete": 2, "unsynchronized": 4}
_LEAP_UNKNOWN = 3
_SOURCE_LABELS = ("name", "address", "id")


class _DocumentCollector(Collector):
    """One document in the shape that the encoders of prometheus-client ask for."""

    def __init__(self, observation: Observation) -> None:
        self._observation = observation

    def collect(self) -> Iterator[Metric]:
        return collect(self._observation)


def render_metrics(observation: Observation, accept: str = OPENMETRICS) -> tuple[bytes, str]:
    """The metrics in the format that the client prefers.

    Args:
        observation: What the daemon shows.
        accept: The Accept header of a scrape; anything that prometheus-client does not know gives the plain text format.

    Returns:
        The text, and its content type.
    """
    encoder, content_type = choose_encoder(accept)
    return encoder(_DocumentCollector(observation)), content_type


def collect(observation: Observation) -> Iterator[Metric]:
    """All metric families of a document."""
    yield from _program(observation.program)
    yield from _system(observation.system)
    yield from _sources(observation.sources)
    yield from _source_states(observation.sources)
    yield from _source_counters(observation.sources)
    if observation.servers:
        from ntp_ctl.server_metrics import collect_servers  # noqa: PLC0415 — most daemons serve nobody

        yield from collect_servers(observation)


def _gauge(name: str, documentation: str, value: float | None, *, unit: str = "") -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, documentation, labels=(), unit=unit)
    if value is not None:
        family.add_metric((), value)
    return family


def _states(name: str, documentation: str, label: str, states: type[SyncState | ClockMode], current: SyncState | ClockMode) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, documentation, labels=(label,))
    for state in states:
        family.add_metric((state.value,), float(state is current))
    return family


def _program(program: ProgramState) -> Iterator[Metric]:
    uptime = GaugeMetricFamily("ntp_uptime_seconds", "Time since the daemon was started.", labels=("version",), unit="seconds")
    uptime.add_metric((program.version,), program.uptime_s)
    yield uptime
    build = GaugeMetricFamily("ntp_build_info", "The version of the daemon; the value is always 1.", labels=("version",))
    build.add_metric((program.version,), 1)
    yield build
    yield _states("ntp_clock_mode", "Which clock is disciplined or served.", "mode", ClockMode, program.clock)


def _system(system: SystemObservation) -> Iterator[Metric]:
    threshold = system.accumulated_step_panic_threshold_s
    estimated = system.offset_error_s is not None
    yield _states("ntp_system_state", "Whether the clock can be trusted: 1 for the state that holds.", "state", SyncState, system.state)
    yield _gauge("ntp_system_synchronized", "Whether the clock follows its sources.", float(system.state is SyncState.SYNCHRONIZED))
    yield _gauge("ntp_system_stratum", "Stratum of this host, 16 while it is not synchronized.", system.stratum)
    leap = _LEAP_INDICATORS.get(system.leap, _LEAP_UNKNOWN)
    yield _gauge("ntp_system_leap_indicator", "Leap second: 0 none, 1 leap61, 2 leap59, 3 unknown, 4 unsynchronized.", leap)
    yield _gauge("ntp_system_slewing", "Whether an offset is being slewed out.", float(system.slewing))
    frequency = "Frequency correction in force, seconds per second; positive: the clock is made to run faster."
    yield _gauge("ntp_system_frequency_ratio", frequency, system.frequency)
    yield _gauge("ntp_system_frequency_error_ratio", "Standard error of the frequency, seconds per second.", system.frequency_error)
    seconds: tuple[tuple[str, str, float | None], ...] = (
        ("offset", "Offset still to be corrected; positive: the clock is behind.", system.offset_s if estimated else None),
        ("offset_error", "Standard error of the offset.", system.offset_error_s),
        ("statistical_error", "What the clock's error stays below 99.9 % of the time.", system.statistical_error_s),
        ("maximum_error", "Hard bound of the clock's error.", system.maximum_error_s),
        ("root_delay", "Round trip to the primary reference.", system.root_delay_s if estimated else None),
        ("root_dispersion", "Bound of all further error.", system.root_dispersion_s if estimated else None),
        ("last_update_age", "Time since the last measurement that was used.", system.last_update_age_s),
        ("poll_interval", "Shortest poll interval of the sources.", system.poll_interval_s),
        ("accumulated_steps", "Sum of the absolute values of all steps.", system.accumulated_steps_s),
        ("accumulated_steps_threshold", "Limit of that sum, -1 when there is none.", -1 if threshold is None else threshold),
    )
    for name, documentation, value in seconds:
        yield _gauge(f"ntp_system_{name}_seconds", documentation, value, unit="seconds")
    yield CounterMetricFamily("ntp_system_steps", "How often the daemon has set the clock.", value=system.step_count)
    yield CounterMetricFamily("ntp_system_displacements", "How often something else has set the clock.", value=system.displacement_count)


def _labels(source: SourceObservation) -> tuple[str, str, str]:
    return source.name, source.address, str(source.id)


def _answered(source: SourceObservation, value: float) -> float | None:
    """What the server said of itself; nothing before its first answer."""
    return value if source.stratum else None


_SOURCE_GAUGES: tuple[tuple[str, str, str, Callable[[SourceObservation], float | None]], ...] = (
    ("poll_interval_seconds", "Present interval between requests.", "seconds", lambda source: source.poll_interval_s or None),
    ("unanswered_polls", "Requests since the last answer, at most 8.", "", lambda source: source.unanswered_polls),
    ("reach", "The last eight requests as bits, newest lowest: 255 when all were answered, 0 when none.", "", lambda source: source.reach),
    ("offset_seconds", "Offset estimated from this source alone; positive: the clock is behind.", "seconds", lambda source: source.offset_s),
    ("uncertainty_seconds", "Standard error of the offset.", "seconds", lambda source: source.offset_error_s),
    ("delay_seconds", "Round trip of the last measurement.", "seconds", lambda source: source.delay_s),
    ("minimum_delay_seconds", "Estimated round trip without queueing.", "seconds", lambda source: source.minimum_delay_s),
    ("jitter_seconds", "Typical queueing.", "seconds", lambda source: source.jitter_s),
    ("last_sample_age_seconds", "Time since the last measurement.", "seconds", lambda source: source.last_sample_age_s),
    ("stratum", "Stratum of the server.", "", lambda source: _answered(source, source.stratum)),
    ("root_delay_seconds", "Root delay of the server.", "seconds", lambda source: _answered(source, source.root_delay_s)),
    ("root_dispersion_seconds", "Root dispersion of the server.", "seconds", lambda source: _answered(source, source.root_dispersion_s)),
    ("selected", "Whether the source is used.", "", lambda source: float(source.status is SourceStatus.SELECTED)),
)


def _sources(sources: tuple[SourceObservation, ...]) -> Iterator[Metric]:
    for name, documentation, unit, value_of in _SOURCE_GAUGES:
        family = GaugeMetricFamily(f"ntp_source_{name}", documentation, labels=_SOURCE_LABELS, unit=unit)
        for source in sources:
            if (value := value_of(source)) is not None:
                family.add_metric(_labels(source), value)
        yield family


def _source_states(sources: tuple[SourceObservation, ...]) -> Iterator[Metric]:
    family = GaugeMetricFamily("ntp_source_status", "Why a source is or is not used: 1 for the status it has.", labels=(*_SOURCE_LABELS, "status"))
    for source in sources:
        for status in SourceStatus:
            family.add_metric((*_labels(source), status.value), float(source.status is status))
    yield family


def _source_counters(sources: tuple[SourceObservation, ...]) -> Iterator[Metric]:
    requests = CounterMetricFamily("ntp_source_requests", "Requests sent.", labels=_SOURCE_LABELS)
    samples = CounterMetricFamily("ntp_source_samples", "Answers used as measurements.", labels=_SOURCE_LABELS)
    rejections = CounterMetricFamily("ntp_source_rejections", "Answers not used, by reason.", labels=(*_SOURCE_LABELS, "reason"))
    for source in sources:
        requests.add_metric(_labels(source), source.requests)
        samples.add_metric(_labels(source), source.samples)
        for reason, count in source.rejections.items():
            rejections.add_metric((*_labels(source), reason), count)
    yield from (requests, samples, rejections)
