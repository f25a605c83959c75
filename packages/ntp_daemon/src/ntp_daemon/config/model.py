"""The configuration as frozen values: one class for each table of the file, one field with a default for each key.

A key is the field's name with hyphens. Names follow ntpd-rs 1.x, so that its users feel at home. What a field may be, its unit and its
meaning stand in its `Key`, from which the reader, the file of defaults and CONFIGURATION.md are made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Annotated

from ntp_daemon.config import keys
from ntp_daemon.config.api import ApiConfig
from ntp_daemon.config.keys import IpAddress, Key
from ntp_proto.algorithm.config import DisciplineConfig, StepThreshold
from ntp_proto.association import AssociationConfig
from ntp_proto.identifiers import ReferenceId
from ntp_proto.server_address import ServerAddress
from ntp_proto.states import ClockMode
from ntp_proto.time_types import PollInterval

if TYPE_CHECKING:
    from ntp_daemon.config.server import ServerConfig  # loaded by those who serve

__all__ = [
    "AlgorithmConfig",
    "AutoSource",
    "ClockConfig",
    "ClockSelection",
    "Config",
    "LogFormat",
    "LogLevel",
    "ObservabilityConfig",
    "PollLimits",
    "PollSettings",
    "PoolSource",
    "ServerSource",
    "Source",
    "SourceDefaults",
    "SourcePollLimits",
    "SynchronizationConfig",
    "default_config",
]

_ASSOCIATION = AssociationConfig()
_DISCIPLINE = DisciplineConfig()
_LOCAL_CLOCK = ReferenceId.from_ascii("LOCL")
_NOBODY = ReferenceId.from_ascii("INIT")

# RFC 5905 §7.2 has MINPOLL 4 and MAXPOLL 17. Shorter intervals are for servers and networks of one's own.
_POLL = keys.whole(-6, 17)


class LogLevel(Enum):
    """The least severity that is logged."""

    TRACE = "trace"
    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"


class LogFormat(Enum):
    """How a line of the log looks."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class PollLimits:
    """The shortest and the longest poll interval, as exponents of two in seconds."""

    min: Annotated[int, Key("The shortest interval between two requests to one server: 6 is 64 s.", _POLL, "log2 s")] = 6
    max: Annotated[int, Key("The longest interval: 10 is 1024 s.", _POLL, "log2 s")] = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePollLimits:
    """The same for one source; what is left out comes from `[source-defaults]`."""

    min: Annotated[int | None, Key("The shortest interval for this source.", _POLL, "log2 s", "source-defaults.poll-interval-limits.min")] = None
    max: Annotated[int | None, Key("The longest interval for this source.", _POLL, "log2 s", "source-defaults.poll-interval-limits.max")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceDefaults:
    """What holds for every source that does not say otherwise."""

    poll_interval_limits: PollLimits = field(default_factory=PollLimits)
    initial_poll_interval: Annotated[
        int | None,
        Key("The interval after the burst at the start, within the limits.", _POLL, "log2 s", "poll-interval-limits.min", "6"),
    ] = None
    response_timeout: Annotated[
        float, Key("How long a server may take to answer; what comes later is not used.", keys.number(above=0.0, maximum=60.0), "s")
    ] = _ASSOCIATION.response_timeout_s


@dataclass(frozen=True, slots=True, kw_only=True)
class PollSettings:
    """How one source is asked once the defaults are filled in: minimum <= initial <= maximum, and how long it may take to answer."""

    minimum: PollInterval
    maximum: PollInterval
    initial: PollInterval
    response_timeout_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    address: Annotated[ServerAddress, Key("The server's or pool's name or address; without a port it is 123.", keys.server_address())]
    poll_interval_limits: SourcePollLimits = field(default_factory=SourcePollLimits)
    initial_poll_interval: Annotated[
        int | None,
        Key(
            "The interval after the burst at the start, within the limits.",
            _POLL,
            "log2 s",
            "source-defaults.initial-poll-interval, or else poll-interval-limits.min",
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSource(_Source):
    """One server: the first address that its name resolves to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSource(_Source):
    """A name behind which there are many servers, of which `count` are used; dead and unwilling ones are replaced."""

    count: Annotated[int, Key("How many servers of the pool are used at a time.", keys.whole(1, 16))] = 4
    ignore: Annotated[tuple[IpAddress, ...], Key("Addresses that are never used.", keys.ip_addresses())] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoSource(_Source):
    """A name from the command line: a single server when it has one address, else a pool of up to `count` of them."""

    count: int = 4


Source = ServerSource | PoolSource | AutoSource


@dataclass(frozen=True, slots=True, kw_only=True)
class AlgorithmConfig:
    """The discipline's finer settings. The defaults are those of `ntp_proto.algorithm.config.DisciplineConfig`."""

    step_threshold: Annotated[
        float, Key("A smaller offset than this is slewed out even at the start; a larger one is stepped then.", keys.number(), "s")
    ] = _DISCIPLINE.step_threshold_s
    step_updates: Annotated[
        int, Key("During how many clock updates after the start the clock may be stepped; 0: never.", keys.whole(0, 1_000_000))
    ] = _DISCIPLINE.step_updates
    slew_maximum_frequency_offset: Annotated[
        float, Key("The fastest slew: how much faster or slower the clock is run to take out an offset.", keys.number(above=0.0, maximum=0.1), "s/s")
    ] = _DISCIPLINE.slew_maximum_frequency
    maximum_frequency_steer: Annotated[
        float, Key("The largest correction of the oscillator's frequency.", keys.number(above=0.0, maximum=0.1), "s/s")
    ] = _DISCIPLINE.maximum_frequency
    initial_frequency_uncertainty: Annotated[
        float,
        Key("The standard error of the oscillator's frequency when there is no drift file.", keys.number(above=0.0, maximum=0.1), "s/s"),
    ] = _DISCIPLINE.initial_frequency_uncertainty
    maximum_source_distance: Annotated[
        float, Key("A source whose error bound (root distance) is larger is not used.", keys.number(above=0.0), "s")
    ] = _DISCIPLINE.maximum_source_distance_s
    frequency_tolerance: Annotated[float, Key("How fast every error bound grows with time.", keys.number(maximum=0.1), "s/s")] = (
        _DISCIPLINE.frequency_tolerance
    )
    holdover_limit: Annotated[
        float,
        Key(
            "Without sources the clock counts as unsynchronised once its error bound (root dispersion) has grown past this.",
            keys.number(above=0.0),
            "s",
        ),
    ] = _DISCIPLINE.holdover_limit_s


@dataclass(frozen=True, slots=True, kw_only=True)
class SynchronizationConfig:
    """When the clock is touched and how far; what survives a restart."""

    minimum_agreeing_sources: Annotated[
        int | None,
        Key("How many sources must agree before the clock is touched.", keys.whole(1, 1000), "", "the smaller of 3 and half of the sources + 1", "3"),
    ] = _DISCIPLINE.minimum_agreeing_sources
    single_step_panic_threshold: Annotated[
        StepThreshold,
        Key(
            "The largest correction once the clock was synchronised; beyond it the clock is left alone and the status says why.",
            keys.threshold(),
            "s",
        ),
    ] = _DISCIPLINE.single_step_panic_threshold
    startup_step_panic_threshold: Annotated[StepThreshold, Key("The largest correction before the first synchronisation.", keys.threshold(), "s")] = (
        _DISCIPLINE.startup_step_panic_threshold
    )
    accumulated_step_panic_threshold: Annotated[
        float | None,
        Key("The largest sum of all steps in one run, both directions counted as positive; 0: no limit.", keys.number(), "s", "no limit", "1800.0"),
    ] = _DISCIPLINE.accumulated_step_panic_threshold_s
    target_error: Annotated[
        float | None,
        Key(
            "What the error should stay below 99.9 % of the time; the poll intervals are chosen for it, within their limits.",
            keys.duration(),
            "s",
            "the intervals are chosen by what a sample is worth",
            '"100us"',
        ),
    ] = _DISCIPLINE.target_error_s
    drift_file: Annotated[str, Key("Where the oscillator's frequency is kept, so that a restart begins with it.", keys.path())] = (
        "/var/lib/ntpd-py/drift"
    )
    algorithm: AlgorithmConfig = field(default_factory=AlgorithmConfig)

    def discipline(self) -> DisciplineConfig:
        """The same as the discipline takes it."""
        algorithm = self.algorithm
        return DisciplineConfig(
            minimum_agreeing_sources=self.minimum_agreeing_sources,
            startup_step_panic_threshold=self.startup_step_panic_threshold,
            single_step_panic_threshold=self.single_step_panic_threshold,
            accumulated_step_panic_threshold_s=self.accumulated_step_panic_threshold or None,
            step_threshold_s=algorithm.step_threshold,
            step_updates=algorithm.step_updates,
            slew_maximum_frequency=algorithm.slew_maximum_frequency_offset,
            maximum_frequency=algorithm.maximum_frequency_steer,
            initial_frequency_uncertainty=algorithm.initial_frequency_uncertainty,
            maximum_source_distance_s=algorithm.maximum_source_distance,
            frequency_tolerance=algorithm.frequency_tolerance,
            holdover_limit_s=algorithm.holdover_limit,
            target_error_s=self.target_error,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservabilityConfig:
    """What the daemon says of itself, and where."""

    log_level: Annotated[LogLevel, Key("The least severity that is logged.", keys.one_of(LogLevel))] = LogLevel.INFO
    log_format: Annotated[LogFormat, Key("Lines for people, or one JSON object a line.", keys.one_of(LogFormat))] = LogFormat.TEXT
    observation_path: Annotated[str, Key("The Unix socket that shows the daemon's state; read only.", keys.socket_path())] = "/run/ntpd-py/observe"
    observation_permissions: Annotated[int, Key("Who may connect to it.", keys.permissions())] = 0o666
    configuration_path: Annotated[str, Key("The Unix socket that takes commands.", keys.socket_path())] = "/run/ntpd-py/configure"
    configuration_permissions: Annotated[int, Key("Who may connect to it.", keys.permissions())] = 0o660
    measurement_log: Annotated[
        str, Key("A file to which every measurement and every change of the clock is appended, for ntp-sim replay.", keys.path())
    ] = ""
    metrics_exporter_listen: Annotated[str, Key("Where ntp-metrics-exporter listens; the daemon itself does not.", keys.listen_address())] = (
        "127.0.0.1:9975"
    )


class ClockSelection(Enum):
    """How a virtual clock is made from the sources."""

    FILTER = "filter"
    """As the system clock is disciplined: a filter that knows the clock's frequency and the paths' delays."""
    MEDIAN = "median"
    """The system clock, and the median offset of the servers with the shortest delays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockConfig:
    """Which clock is disciplined and served."""

    mode: Annotated[
        ClockMode,
        Key(
            "steer: the system clock is corrected. The other modes leave it alone and need no privilege. virtual: a corrected clock inside the"
            " daemon. mirror: the system clock is served as it is, with what the first available source says of its time."
            " local: the system clock is served as it is, without sources.",
            keys.one_of(ClockMode),
        ),
    ] = ClockMode.STEER
    select: Annotated[
        ClockSelection,
        Key(
            "How a virtual clock is made: by the filter that disciplines the system clock in mode steer, or as the system clock and the median"
            " offset of the up to 5 servers with the shortest delays.",
            keys.one_of(ClockSelection),
        ),
    ] = ClockSelection.FILTER
    max_accepted_offset: Annotated[
        float | None,
        Key('With select = "median": a server that is further off is not counted.', keys.number(), "s", "no limit", "1.5"),
    ] = None
    local_stratum: Annotated[int, Key("The stratum that is served in mode local.", keys.whole(1, 15))] = 2
    local_reference_id: Annotated[ReferenceId, Key("The reference id that is served in mode local.", keys.reference_id())] = _LOCAL_CLOCK
    unsynchronized_stratum: Annotated[
        int, Key("The stratum that is served while there is no time, with leap indicator 3. RFC 5905 has 16.", keys.whole(1, 16))
    ] = 16
    unsynchronized_reference_id: Annotated[ReferenceId, Key("The reference id that is served meanwhile.", keys.reference_id())] = _NOBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole configuration. `sources` are the `[[source]]` tables and `servers` the `[[server]]` tables, in their order."""

    sources: tuple[Source, ...] = ()
    servers: tuple[ServerConfig, ...] = ()
    source_defaults: SourceDefaults = field(default_factory=SourceDefaults)
    synchronization: SynchronizationConfig = field(default_factory=SynchronizationConfig)
    observability: ObservabilityConfig = field(default_factory=ObservabilityConfig)
    clock: ClockConfig = field(default_factory=ClockConfig)
    api: ApiConfig = field(default_factory=ApiConfig)

    def poll_settings(self, source: Source) -> PollSettings:
        """The poll intervals of one of the sources."""
        limits, defaults = source.poll_interval_limits, self.source_defaults
        minimum = defaults.poll_interval_limits.min if limits.min is None else limits.min
        maximum = defaults.poll_interval_limits.max if limits.max is None else limits.max
        initial = source.initial_poll_interval
        if initial is None:
            # A default lies within the default limits; a source with narrower ones gets the nearest that they allow.
            wanted = defaults.initial_poll_interval
            initial = minimum if wanted is None else max(minimum, min(wanted, maximum))
        return PollSettings(
            minimum=PollInterval(minimum),
            maximum=PollInterval(maximum),
            initial=PollInterval(initial),
            response_timeout_s=defaults.response_timeout,
        )


def default_config() -> Config:
    """The built-in configuration: no sources, everything else at its default."""
    return Config()
