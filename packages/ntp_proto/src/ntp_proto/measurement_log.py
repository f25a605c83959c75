"""The measurement log: all that goes into a discipline and all that it does to the clock, so that it can be replayed under other settings.

JSON lines. Each has a `type` and `at`, the monotonic instant, s. A run begins with a `start` line; a file may hold several runs, one after the
other. Timestamps are whole numbers of 2^-32 s since 1900, modulo 2^64, as on the wire; root delay and root dispersion are whole numbers
of 2^-32 s. A field may be added in any release; one is renamed or removed only with a new `version`.

Nothing here writes a file: a `Recorder` hands finished lines to whoever made it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields, replace

import msgspec

from ntp_proto.algorithm import DisciplineConfig, FrequencyPrior, StepThreshold
from ntp_proto.association import AssociationConfig, Measurement
from ntp_proto.client import SourceLabel
from ntp_proto.clock import Clock, ClockChange, ClockStatus
from ntp_proto.datagram import Address, StampSource
from ntp_proto.identifiers import LeapIndicator, ReferenceId
from ntp_proto.states import SourceStatus
from ntp_proto.time_types import NtpDuration, NtpTimestamp, PollInterval

__all__ = [
    "LOG_VERSION",
    "ChangeLine",
    "ConditionLine",
    "DisplacementLine",
    "Line",
    "MeasurementLine",
    "Recorder",
    "RemovedLine",
    "SourceLine",
    "StartLine",
    "decode_line",
]

LOG_VERSION = 1

Setting = float | int | bool | str | dict[str, float | None] | None


class _Line(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    at: float


class StartLine(_Line, frozen=True, kw_only=True, tag="start"):
    """A run begins.

    Attributes:
        version: `LOG_VERSION`.
        software: Name and version of the program.
        time: The clock that is disciplined, a timestamp.
        frequency: The correction in force, s/s.
        settings: The fields of `DisciplineConfig`; a limit that is null does not exist.
        prior_frequency: What the drift file said, s/s; null: there was none.
        prior_error: Its standard error, s/s.
    """

    version: int
    software: str
    time: int
    frequency: float
    settings: dict[str, Setting]
    prior_frequency: float | None = None
    prior_error: float | None = None

    @property
    def config(self) -> DisciplineConfig:
        """The settings, where this program knows them; others are passed over."""
        config = DisciplineConfig()
        known = {field.name: getattr(config, field.name) for field in fields(config)}
        changes = {name: _setting(self.settings[name], default) for name, default in known.items() if name in self.settings}
        return replace(config, **changes)  # type: ignore[arg-type]  # each value is of the type of its field

    @property
    def prior(self) -> FrequencyPrior | None:
        """What was known of the oscillator."""
        if self.prior_frequency is None or self.prior_error is None:
            return None
        return FrequencyPrior(self.prior_frequency, self.prior_error)


class SourceLine(_Line, frozen=True, kw_only=True, tag="source"):
    """A server is followed from now on; intervals are log2 s."""

    source: int
    name: str
    mode: str
    address: str
    poll_initial: int
    poll_minimum: int
    poll_maximum: int

    @property
    def poll(self) -> tuple[PollInterval, PollInterval, PollInterval]:
        """Its initial, shortest and longest interval."""
        return PollInterval(self.poll_initial), PollInterval(self.poll_minimum), PollInterval(self.poll_maximum)


class RemovedLine(_Line, frozen=True, kw_only=True, tag="removed"):
    """A server is forgotten."""

    source: int


class ConditionLine(_Line, frozen=True, kw_only=True, tag="condition"):
    """A source cannot be used, and why; null: it can."""

    source: int
    condition: SourceStatus | None


class MeasurementLine(_Line, frozen=True, kw_only=True, tag="measurement"):
    """A measurement is taken in: the fields of `Measurement`, and whose it is."""

    source: int
    name: str
    address: str
    origin: int
    receive: int
    transmit: int
    destination: int
    sent_at: float
    received_at: float
    stratum: int
    leap: int
    root_delay: int
    root_dispersion: int
    reference_id: int
    precision: int
    origin_source: StampSource
    destination_source: StampSource

    @property
    def measurement(self) -> Measurement:
        """As it was measured.

        Raises:
            ValueError: a number does not fit its field.
        """
        return Measurement(
            origin=NtpTimestamp(self.origin),
            receive=NtpTimestamp(self.receive),
            transmit=NtpTimestamp(self.transmit),
            destination=NtpTimestamp(self.destination),
            sent_at=self.sent_at,
            received_at=self.received_at,
            stratum=self.stratum,
            leap=LeapIndicator(self.leap),
            root_delay=NtpDuration(self.root_delay),
            root_dispersion=NtpDuration(self.root_dispersion),
            reference_id=ReferenceId(self.reference_id),
            precision=self.precision,
            origin_source=self.origin_source,
            destination_source=self.destination_source,
        )


class ChangeLine(_Line, frozen=True, kw_only=True, tag="change"):
    """The clock was changed: a `ClockChange`."""

    frequency: float
    step_s: float


class DisplacementLine(_Line, frozen=True, kw_only=True, tag="displacement"):
    """Something else has set the clock since the last look, s; > 0: forward."""

    displacement_s: float


Line = StartLine | SourceLine | RemovedLine | ConditionLine | MeasurementLine | ChangeLine | DisplacementLine


def decode_line(text: bytes) -> Line:
    """Read one line.

    Raises:
        ValueError: it is no line of this version, and why.
    """
    try:
        line = _DECODER.decode(text)
    except msgspec.MsgspecError as error:
        raise ValueError(f"not a line of a measurement log: {error}") from error
    if isinstance(line, StartLine) and line.version != LOG_VERSION:
        raise ValueError(f"measurement log version {line.version}, this program reads {LOG_VERSION}")
    return line


_DECODER: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


class Recorder:
    """Makes lines of what it is told: as the `Observer` of a client, and by the clock that it stands in front of.

    Args:
        write: Takes each finished line, with its end; must neither block nor raise.
    """

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._labels: dict[int, tuple[str, str]] = {}

    def start(self, software: str, config: DisciplineConfig, clock: Clock, prior: FrequencyPrior | None, now: float) -> None:
        """Begin a run, before the discipline is made."""
        self._put(
            StartLine(
                at=now,
                version=LOG_VERSION,
                software=software,
                time=clock.read().bits,
                frequency=clock.frequency(),
                settings={field.name: _plain(getattr(config, field.name)) for field in fields(config)},
                prior_frequency=prior.frequency if prior else None,
                prior_error=prior.error if prior else None,
            )
        )

    def clock(self, clock: Clock) -> Clock:
        """A clock that does what another does, and tells."""
        return _RecordedClock(clock, self._put)

    def source_added(self, source: int, label: SourceLabel, remote: Address, config: AssociationConfig, now: float) -> None:
        """See `Observer`."""
        self._labels[source] = label.name, str(remote)
        self._put(
            SourceLine(
                at=now,
                source=source,
                name=label.name,
                mode=label.mode,
                address=str(remote),
                poll_initial=config.poll_initial.log2,
                poll_minimum=config.poll_minimum.log2,
                poll_maximum=config.poll_maximum.log2,
            )
        )

    def source_removed(self, source: int, now: float) -> None:
        """See `Observer`."""
        del self._labels[source]
        self._put(RemovedLine(at=now, source=source))

    def condition_changed(self, source: int, condition: SourceStatus | None, now: float) -> None:
        """See `Observer`."""
        self._put(ConditionLine(at=now, source=source, condition=condition))

    def measured(self, source: int, measurement: Measurement, now: float) -> None:
        """See `Observer`."""
        name, address = self._labels[source]
        self._put(
            MeasurementLine(
                at=now,
                source=source,
                name=name,
                address=address,
                origin=measurement.origin.bits,
                receive=measurement.receive.bits,
                transmit=measurement.transmit.bits,
                destination=measurement.destination.bits,
                sent_at=measurement.sent_at,
                received_at=measurement.received_at,
                stratum=measurement.stratum,
                leap=measurement.leap,
                root_delay=measurement.root_delay.value,
                root_dispersion=measurement.root_dispersion.value,
                reference_id=measurement.reference_id.bits,
                precision=measurement.precision,
                origin_source=measurement.origin_source,
                destination_source=measurement.destination_source,
            )
        )

    def _put(self, line: Line) -> None:
        self._write(msgspec.json.encode(line) + b"\n")


class _RecordedClock:
    def __init__(self, clock: Clock, put: Callable[[Line], None]) -> None:
        self._clock = clock
        self._put = put

    def read(self) -> NtpTimestamp:
        return self._clock.read()

    def frequency(self) -> float:
        return self._clock.frequency()

    def set_frequency(self, frequency: float, now: float) -> ClockChange:
        return self._told(self._clock.set_frequency(frequency, now))

    def step(self, offset: NtpDuration, now: float) -> ClockChange:
        return self._told(self._clock.step(offset, now))

    def set_status(self, status: ClockStatus) -> None:
        self._clock.set_status(status)

    def displacement(self, now: float) -> float:
        displacement_s = self._clock.displacement(now)
        if displacement_s:
            self._put(DisplacementLine(at=now, displacement_s=displacement_s))
        return displacement_s

    def _told(self, change: ClockChange) -> ClockChange:
        self._put(ChangeLine(at=change.at, frequency=change.frequency, step_s=change.step_s))
        return change


def _plain(value: object) -> Setting:
    """A setting as JSON can hold it: infinity becomes null."""
    if isinstance(value, StepThreshold):
        return {"forward": _finite(value.forward), "backward": _finite(value.backward)}
    assert value is None or isinstance(value, float | int | str), "settings are numbers, words and thresholds"
    return value


def _finite(limit: float) -> float | None:
    return None if math.isinf(limit) else limit


def _setting(value: Setting, default: object) -> object:
    if isinstance(default, StepThreshold) and isinstance(value, dict):
        limits = [value.get(way) for way in ("forward", "backward")]
        return StepThreshold(*(math.inf if limit is None else limit for limit in limits))
    return value
