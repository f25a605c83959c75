"""The documents that a running daemon shows on its observation socket: the one interface of every tool that reads its state.

Keys carry their unit (`_s`, seconds); frequencies are dimensionless (s/s). A field may be added in any release; one is renamed or removed
only with a new `version`. `json_schema()` prints the schema.
"""

from __future__ import annotations

import msgspec

from ntp_proto.states import ClockMode, ServiceState, SourceStatus, SyncState

__all__ = [
    "DOCUMENT_VERSION",
    "ClientObservation",
    "ClockMode",
    "Observation",
    "ProgramState",
    "ServedObservation",
    "ServerObservation",
    "ServiceState",
    "SourceObservation",
    "SourceStatus",
    "SyncState",
    "SystemObservation",
    "decode",
    "encode",
    "json_schema",
]

DOCUMENT_VERSION = 1


class ProgramState(msgspec.Struct, frozen=True, kw_only=True):
    """The daemon as a process.

    Attributes:
        name: "ntp-daemon".
        version: Of the program.
        pid: Process id.
        uptime_s: Seconds since its start.
        time: The disciplined clock when the document was made, ISO 8601, UTC.
        clock: Which clock is disciplined.
        clock_reason: Why it is not the system clock, "" when it is or when the operator asked for it.
    """

    name: str
    version: str
    pid: int
    uptime_s: float
    time: str
    clock: ClockMode
    clock_reason: str


class SystemObservation(msgspec.Struct, frozen=True, kw_only=True):
    """The clock and what is known of it.

    Attributes:
        state: Whether the clock can be trusted.
        reason: The same as one sentence.
        stratum: 16 while not synchronised.
        leap: "none", "insert", "delete" or "unsynchronized".
        reference_id: Whom we follow, as text.
        reference: The name of that source, "" when there is none.
        offset_s: What is still to be corrected, s; > 0: our clock is behind.
        offset_error_s: Standard error of `offset_s`; null before the first estimate.
        frequency: The correction of the oscillator's frequency in force (without a slew), s/s; > 0: the clock is made to run faster.
        frequency_error: Standard error of the frequency; null before the first estimate.
        root_delay_s: Round trip to the primary reference.
        root_dispersion_s: Bound of all further error, grown to now.
        statistical_error_s: What the clock's error stays below 99.9 % of the time, if the paths are as symmetric as the model assumes; null while
            stratum is 16.
        maximum_error_s: The hard bound: root delay / 2 + root dispersion, grown to now; null while stratum is 16.
        last_update_age_s: Since the last measurement that was used; null when there is none.
        poll_interval_s: Shortest interval over the sources.
        step_count: How often the clock was set.
        accumulated_steps_s: Sum of the absolute values of all steps.
        accumulated_step_panic_threshold_s: The limit of that sum; null when there is none.
        slewing: Whether an offset is being slewed out now.
        displacement_count: How often something else has set the clock.
    """

    state: SyncState
    reason: str
    stratum: int
    leap: str
    reference_id: str
    reference: str
    offset_s: float
    offset_error_s: float | None
    frequency: float
    frequency_error: float | None
    root_delay_s: float
    root_dispersion_s: float
    statistical_error_s: float | None
    maximum_error_s: float | None
    last_update_age_s: float | None
    poll_interval_s: float
    step_count: int
    accumulated_steps_s: float
    accumulated_step_panic_threshold_s: float | None
    slewing: bool
    displacement_count: int


class SourceObservation(msgspec.Struct, frozen=True, kw_only=True):
    """One server.

    Attributes:
        id: Unique in this run of the daemon.
        name: As configured, with the port.
        address: Numeric address and port.
        mode: "server" or "pool".
        status: Why it is, or is not, used.
        reason: The same as one sentence.
        reach: The last eight requests, newest in the lowest bit; a 1 was answered.
        poll_interval_s: Present interval between requests.
        unanswered_polls: Requests since the last answer, at most 8.
        offset_s: The estimate from this source alone, s; > 0: our clock is behind. Null before a measurement, as are the next five.
        offset_error_s: Its standard error.
        delay_s: Round trip of the last measurement.
        minimum_delay_s: The path's estimated round trip without queueing.
        jitter_s: Typical queueing, s.
        last_sample_age_s: Since the last measurement.
        stratum: The server's, 0 before the first answer.
        reference_id: Whom the server follows, "" before the first answer.
        root_delay_s: The server's.
        root_dispersion_s: The server's.
        transmit_stamps: Who stamps our requests: "daemon", "kernel" or "hardware", "" before the first.
        receive_stamps: Who stamps the answers.
        requests: Sent so far.
        samples: Measurements so far.
        rejections: Answers not used, by reason.
    """

    id: int
    name: str
    address: str
    mode: str
    status: SourceStatus
    reason: str
    reach: int
    poll_interval_s: float
    unanswered_polls: int
    offset_s: float | None
    offset_error_s: float | None
    delay_s: float | None
    minimum_delay_s: float | None
    jitter_s: float | None
    last_sample_age_s: float | None
    stratum: int
    reference_id: str
    root_delay_s: float
    root_dispersion_s: float
    transmit_stamps: str
    receive_stamps: str
    requests: int
    samples: int
    rejections: dict[str, int]


class ServedObservation(msgspec.Struct, frozen=True, kw_only=True):
    """What clients are told now.

    Attributes:
        synchronized: Whether they are told the time, and not that there is none.
        leap: "none", "insert", "delete" or "unsynchronized".
        stratum: 16 while there is no time, unless configured otherwise.
        reference_id: As text.
        root_delay_s: Round trip to the primary reference.
        root_dispersion_s: Bound of all further error, grown to now.
        time_offset_s: The time that is served less the system clock's, s.
    """

    synchronized: bool
    leap: str
    stratum: int
    reference_id: str
    root_delay_s: float
    root_dispersion_s: float
    time_offset_s: float


class ClientObservation(msgspec.Struct, frozen=True, kw_only=True):
    """A client that a server remembers.

    Attributes:
        address: Numeric; of a network that counts as one client its first address.
        requests: How many reached the limits since the client was new; those that were denied are not among them.
        drops: Of these, how many were beyond the limits.
        idle_s: Since the last of them.
    """

    address: str
    requests: int
    drops: int
    idle_s: float


class ServerObservation(msgspec.Struct, frozen=True, kw_only=True):
    """One address on which clients are answered. Counters go on over a reload, and over the death of a worker.

    Attributes:
        address: Numeric address and port.
        workers: Processes that answer; 0: the daemon's own loop.
        uptime_s: Since it began to answer.
        requests: Datagrams that were looked at: `accepted` + `denied` + `ignored`.
        accepted: Answered with the time, or with "not synchronised".
        denied: Answered with a kiss of death.
        ignored: Not answered.
        requests_per_s: Over the last seconds.
        answers: Answers by kind: "time", "interleaved", "unsynchronized", "kiss".
        drops: Requests without an answer, by reason.
        kisses: Requests that got a kiss of death, by reason.
        refusals: Both together in groups: "malformed", "misdirected", "acl_denied", "dns_denied", "rate_limited", "hook_denied", "unsynchronized".
        bytes_in: Of all requests.
        bytes_out: Of all answers.
        send_errors: Answers that the kernel did not take.
        kernel_drops: Datagrams that the kernel dropped before anybody saw them: the receive buffer was full.
        slow_path: Requests that the fast path left to the slow one.
        worker_restarts: Workers that ended by themselves and were replaced.
        log_lines_lost: Lines that the request log could not take.
        clients: Clients that are remembered: that have sent something in the last minutes, as far as there is room.
        rate_limit: What one client may ask, 1/s; 0: no limit.
        global_rate_limit: What all clients may ask together, 1/s; 0: no limit.
        processing_s: From the arrival of a request to the departure of its answer, summed over all answers.
    """

    address: str
    workers: int
    uptime_s: float
    requests: int
    accepted: int
    denied: int
    ignored: int
    requests_per_s: float
    answers: dict[str, int]
    drops: dict[str, int]
    kisses: dict[str, int]
    refusals: dict[str, int]
    bytes_in: int
    bytes_out: int
    send_errors: int
    kernel_drops: int
    slow_path: int
    worker_restarts: int
    log_lines_lost: int
    clients: int
    rate_limit: float = 0.0
    global_rate_limit: float = 0.0
    processing_s: float = 0.0


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """The whole document.

    Attributes:
        version: `DOCUMENT_VERSION`.
        program: The daemon as a process.
        system: The clock.
        sources: The servers, in the order of their ids.
        served: What clients are told; null when nobody is served.
        servers: The addresses on which clients are answered, in the order of the configuration.
        clients: Those of their clients who ask most, the busiest first, as of a few seconds ago.
        service: Whether clients are answered.
    """

    version: int
    program: ProgramState
    system: SystemObservation
    sources: tuple[SourceObservation, ...]
    served: ServedObservation | None = None
    servers: tuple[ServerObservation, ...] = ()
    clients: tuple[ClientObservation, ...] = ()
    service: ServiceState = ServiceState.DISABLED


def encode(observation: Observation) -> bytes:
    """The document as JSON, UTF-8."""
    return msgspec.json.encode(observation)


def decode(data: bytes) -> Observation:
    """Read a document.

    Raises:
        ValueError: not a document of this version, with the place of the fault.
    """
    try:
        observation = msgspec.json.decode(data, type=Observation)
    except msgspec.MsgspecError as error:
        raise ValueError(f"not an observation document: {error}") from error
    if observation.version != DOCUMENT_VERSION:
        raise ValueError(f"observation document version {observation.version}, this program reads {DOCUMENT_VERSION}")
    return observation


def json_schema() -> bytes:
    """The JSON schema of the document, as JSON."""
    return msgspec.json.format(msgspec.json.encode(msgspec.json.schema(Observation)), indent=2)
