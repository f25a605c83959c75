"""The documents of the API, as types: what is served, what the OpenAPI document says, and what clients may rely on come from here.

Keys are camelCase, times ISO 8601 in UTC. Offsets are positive when our clock is behind, frequencies are dimensionless and positive when our
clock is made to run faster. null is what is not known. Fields may be added in any release; ignore those that you do not know.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

__all__ = [
    "Client",
    "ConfigDocument",
    "ControlAnswer",
    "ControlOrder",
    "Failure",
    "Health",
    "RequestEventDocument",
    "Requests",
    "Series",
    "Source",
    "Sources",
    "Stats",
    "StatsAlias",
    "Status",
]


class _Document(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What they have in common."""


class Failure(_Document, frozen=True, kw_only=True):
    """Every answer that is no success.

    Attributes:
        error: What is wrong, in words.
    """

    error: str


class Health(_Document, frozen=True, kw_only=True):
    """Whether the daemon is there, and has the time.

    Attributes:
        ok: Whether the daemon answers.
        synced: Whether its clock follows its sources.
        time: Its clock; null while it does not answer.
    """

    ok: bool
    synced: bool
    time: str | None


class Status(_Document, frozen=True, kw_only=True):
    """The clock. The first twelve fields are those of ntp-server, the Go program.

    Attributes:
        now_utc: The daemon's clock.
        listen_address: Where clients are answered, joined by commas; "" when nobody is.
        workers: Processes that answer them; 0: the daemon itself.
        synced: Whether the clock can be trusted.
        stratum: 16 while it cannot.
        offset_millis: What is still to be corrected, ms.
        reference_id: Whom we follow: an address, or letters.
        reference_time: When the clock was corrected last; null: never.
        upstream: The name of the source that we follow.
        last_sync_error: Why the clock is not synchronised, "" when it is.
        client_rate_limit_per_second: What one client may ask; 0: no limit.
        global_rate_limit_per_second: What all of them may ask; 0: no limit.
        state: "starting", "synchronized", "holdover", "no-majority", "panic" or "unsynchronized".
        reason: The same as one sentence.
        service: "running", "stopped" or "disabled": whether clients are answered, or would be if nobody had stopped it.
        leap: "none", "insert", "delete" or "unsynchronized".
        clock: Which clock is disciplined or served: "steer", "virtual", "mirror" or "local".
        clock_reason: Why it is not the system clock, "" otherwise.
        version: Of the daemon.
        uptime_seconds: Of the daemon.
        offset_error_millis: Standard error of the offset, ms.
        statistical_error_millis: What the clock's error stays below 99.9 % of the time, ms.
        maximum_error_millis: The hard bound of the clock's error, ms.
        frequency: The correction of the oscillator's frequency in force, s/s.
        frequency_error: Its standard error, s/s.
        root_delay_millis: Round trip to the primary reference, ms.
        root_dispersion_millis: Bound of all further error, ms.
        last_update_age_seconds: Since the last measurement that was used.
        poll_interval_seconds: The shortest over the sources.
        slewing: Whether an offset is being slewed out now.
        step_count: How often the clock was set.
    """

    now_utc: str = msgspec.field(name="nowUTC")
    listen_address: str
    workers: int
    synced: bool
    stratum: int
    offset_millis: float
    reference_id: str = msgspec.field(name="referenceID")
    reference_time: str | None
    upstream: str
    last_sync_error: str
    client_rate_limit_per_second: float
    global_rate_limit_per_second: float
    state: str
    reason: str
    service: str
    leap: str
    clock: str
    clock_reason: str
    version: str
    uptime_seconds: float
    offset_error_millis: float | None
    statistical_error_millis: float | None
    maximum_error_millis: float | None
    frequency: float
    frequency_error: float | None
    root_delay_millis: float
    root_dispersion_millis: float
    last_update_age_seconds: float | None
    poll_interval_seconds: float
    slewing: bool
    step_count: int


class Client(_Document, frozen=True, kw_only=True):
    """One who asks.

    Attributes:
        address: Numeric.
        requests: Since it was new to us.
        drops: Of these, how many were beyond the limits.
        idle_seconds: Since the last of them.
    """

    address: str
    requests: int
    drops: int
    idle_seconds: float


class Stats(_Document, frozen=True, kw_only=True):
    """What became of the requests of clients. The first thirteen fields are those of ntp-server, the Go program.

    `requestsTotal` = `answeredTotal` + `rateDeniedTotal` + `errorsTotal`.

    Attributes:
        started_at: When the daemon began to answer clients, or itself when it answers none.
        uptime_seconds: Since then.
        requests_total: Datagrams that were looked at.
        responses_total: Answers of every kind.
        malformed_total: Refused: no requests.
        acl_denied_total: Refused by the lists.
        dns_denied_total: Refused for the client's name.
        rate_denied_total: Refused by a limit.
        kiss_of_death_total: Kisses of death sent.
        bytes_in_total: Octets of requests.
        bytes_out_total: Octets of answers.
        sync_success_total: Answers of sources that were used.
        sync_failure_total: Answers of sources that were not.
        answered_total: Answered with the time, or with "not synchronised".
        errors_total: Refused for any other reason than a limit.
        unsynced_dropped_total: Refused because there was no time to serve.
        unsynced_answered_total: Told that there is no time.
        send_errors_total: Answers that the kernel did not take.
        kernel_drops_total: Datagrams that the kernel dropped before anybody saw them.
        requests_per_second: Over the last seconds.
        mean_processing_millis: From the arrival of a request to the departure of its answer, over all answers, ms; null before the first.
        unique_clients: Clients that are remembered.
        top_clients: The ten who ask most.
    """

    started_at: str
    uptime_seconds: float
    requests_total: int
    responses_total: int
    malformed_total: int
    acl_denied_total: int
    dns_denied_total: int
    rate_denied_total: int
    kiss_of_death_total: int
    bytes_in_total: int
    bytes_out_total: int
    sync_success_total: int
    sync_failure_total: int
    answered_total: int
    errors_total: int
    unsynced_dropped_total: int
    unsynced_answered_total: int
    send_errors_total: int
    kernel_drops_total: int
    requests_per_second: float
    mean_processing_millis: float | None
    unique_clients: int
    top_clients: tuple[Client, ...]


class StatsAlias(msgspec.Struct, frozen=True, kw_only=True):
    """The short statistics of `/api/ntp/stats`, in snake_case.

    Attributes:
        timestamp: The daemon's clock.
        ntp_enabled: Whether serving is configured.
        ntp_listen_address: Host of the first address on which clients are answered.
        ntp_listen_port: Its port, 0 without one.
        requests_total: As in `Stats`.
        errors_total: As in `Stats`.
        rate_limited_total: As `rateDeniedTotal` in `Stats`.
        running: Whether clients are answered.
        avg_processing_ms: As `meanProcessingMillis` in `Stats`, 0 before the first answer.
    """

    timestamp: str
    ntp_enabled: bool
    ntp_listen_address: str
    ntp_listen_port: int
    requests_total: int
    errors_total: int
    rate_limited_total: int
    running: bool
    avg_processing_ms: float


class Source(_Document, frozen=True, kw_only=True):
    """One server that the daemon asks.

    Attributes:
        id: Unique in this run of the daemon.
        name: As configured, with the port.
        address: Numeric, "" while the name is not resolved.
        mode: "server" or "pool".
        status: Why it is, or is not, used.
        reason: The same as one sentence.
        reach: The last eight requests, newest in the lowest bit; a 1 was answered.
        stratum: 0 before the first answer.
        reference_id: Whom the server follows.
        offset_millis: From this source alone, ms.
        offset_error_millis: Its standard error, ms.
        delay_millis: Round trip of the last measurement, ms.
        jitter_millis: Typical queueing, ms.
        poll_interval_seconds: Between requests.
        last_sample_age_seconds: Since the last measurement.
        requests: Sent so far.
        samples: Measurements so far.
        rejections: Answers not used, by reason.
    """

    id: int
    name: str
    address: str
    mode: str
    status: str
    reason: str
    reach: int
    stratum: int
    reference_id: str
    offset_millis: float | None
    offset_error_millis: float | None
    delay_millis: float | None
    jitter_millis: float | None
    poll_interval_seconds: float
    last_sample_age_seconds: float | None
    requests: int
    samples: int
    rejections: dict[str, int]


class Sources(_Document, frozen=True, kw_only=True):
    """The servers that the daemon asks.

    Attributes:
        sources: In the order of their ids.
    """

    sources: tuple[Source, ...]


class Series(_Document, frozen=True, kw_only=True):
    """The past in columns of equal length, the oldest row first. A row is what was in so many seconds; null: nothing was measured then.

    Attributes:
        time: The daemon's clock now.
        window_seconds: How far back the rows may go.
        step_seconds: The length of a row.
        age_seconds: From the end of each row until `time`.
        offset_millis: What was still to be corrected, the mean, ms.
        offset_low_millis: The least.
        offset_high_millis: The most.
        statistical_error_millis: What the clock's error stayed below 99.9 % of the time, ms.
        maximum_error_millis: The hard bound of the clock's error, ms.
        frequency: The correction of the oscillator's frequency, the mean, s/s.
        answered: Requests that were answered with the time.
        unsynchronized: Requests that were told that there is no time, or not answered for that.
        limited: Requests beyond a limit.
        denied: Requests that were refused for who asked.
        malformed: Datagrams that were no requests, or not for us.
        processing_millis: From the arrival of a request to the departure of its answer, the mean, ms.
    """

    time: str
    window_seconds: float
    step_seconds: float
    age_seconds: tuple[float, ...]
    offset_millis: tuple[float | None, ...]
    offset_low_millis: tuple[float | None, ...]
    offset_high_millis: tuple[float | None, ...]
    statistical_error_millis: tuple[float | None, ...]
    maximum_error_millis: tuple[float | None, ...]
    frequency: tuple[float | None, ...]
    answered: tuple[int, ...]
    unsynchronized: tuple[int, ...]
    limited: tuple[int, ...]
    denied: tuple[int, ...]
    malformed: tuple[int, ...]
    processing_millis: tuple[float | None, ...]


class RequestEventDocument(_Document, frozen=True, kw_only=True):
    """What became of one request.

    Attributes:
        at: Its arrival, on the served clock.
        client_ip: Numeric.
        client_port: Of the client.
        length: Bytes.
        version: As the request says it.
        mode: The same.
        stratum: Of the answer; 0 is a kiss of death; null without an answer.
        responded: Whether there was an answer.
        outcome: What was answered, or why nothing was.
    """

    at: str
    client_ip: str
    client_port: int
    length: int
    version: int
    mode: int
    stratum: int | None
    responded: bool
    outcome: str


class Requests(_Document, frozen=True, kw_only=True):
    """The last requests, the newest last.

    Attributes:
        requests: At most 500, since somebody has begun to watch.
        lost: How many could not be shown: more came than a reader is told.
    """

    requests: tuple[RequestEventDocument, ...]
    lost: int


class ConfigDocument(_Document, frozen=True, kw_only=True):
    """The configuration in force.

    Attributes:
        config: Its tables; secrets are "***".
    """

    config: Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"type": "object"})]


class ControlOrder(_Document, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to do with the serving of clients; the clock goes on being disciplined.

    Attributes:
        action: To start what runs and to stop what does not changes nothing, and is no failure.
    """

    action: Literal["start", "stop", "restart"]


class ControlAnswer(_Document, frozen=True, kw_only=True):
    """It was done, or was so already.

    Attributes:
        success: true.
        message: What was done.
    """

    success: bool
    message: str
