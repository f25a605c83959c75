"""Documents of daemons in the states that the tools must show well."""

from __future__ import annotations

from typing import TypedDict, Unpack

import msgspec

from ntp_proto.observation import (
    DOCUMENT_VERSION,
    ClientObservation,
    ClockMode,
    Observation,
    ProgramState,
    ServedObservation,
    ServerObservation,
    SourceObservation,
    SourceStatus,
    SyncState,
    SystemObservation,
)

PROGRAM = ProgramState(
    name="ntp-daemon",
    version="0.1.0",
    pid=812,
    uptime_s=273_900.0,
    time="2031-05-04T03:02:01.678901Z",
    clock=ClockMode.STEER,
    clock_reason="",
)

SYSTEM = SystemObservation(
    state=SyncState.SYNCHRONIZED,
    reason="4 of 4 sources agree",
    stratum=3,
    leap="none",
    reference_id="192.0.2.10",
    reference="ntp1.example.net:123",
    offset_s=12.34e-6,
    offset_error_s=4.1e-6,
    frequency=23.41742e-6,
    frequency_error=0.0123e-6,
    root_delay_s=2.312e-3,
    root_dispersion_s=412e-6,
    statistical_error_s=52.7e-6,
    maximum_error_s=1.58e-3,
    last_update_age_s=3.2,
    poll_interval_s=16.0,
    step_count=1,
    accumulated_steps_s=0.1234,
    accumulated_step_panic_threshold_s=None,
    slewing=False,
    displacement_count=0,
)

SOURCE = SourceObservation(
    id=1,
    name="ntp1.example.net:123",
    address="192.0.2.10:123",
    mode="server",
    status=SourceStatus.SELECTED,
    reason="agrees with the majority",
    reach=0o377,
    poll_interval_s=16.0,
    unanswered_polls=0,
    offset_s=12.34e-6,
    offset_error_s=4.1e-6,
    delay_s=1.023e-3,
    minimum_delay_s=0.981e-3,
    jitter_s=11.9e-6,
    last_sample_age_s=3.2,
    stratum=2,
    reference_id="198.51.100.7",
    root_delay_s=1.2e-3,
    root_dispersion_s=0.3e-3,
    transmit_stamps="kernel",
    receive_stamps="kernel",
    requests=123,
    samples=120,
    rejections={},
)

UNMEASURED = msgspec.structs.replace(
    SOURCE,
    status=SourceStatus.STARTING,
    reason="no measurement yet",
    reach=0,
    offset_s=None,
    offset_error_s=None,
    delay_s=None,
    minimum_delay_s=None,
    jitter_s=None,
    last_sample_age_s=None,
    stratum=0,
    reference_id="",
    root_delay_s=0.0,
    root_dispersion_s=0.0,
    transmit_stamps="",
    receive_stamps="",
    requests=1,
    samples=0,
)


class SystemChanges(TypedDict, total=False):
    state: SyncState
    reason: str
    statistical_error_s: float | None
    maximum_error_s: float | None
    leap: str
    displacement_count: int


def source(number: int, base: SourceObservation = SOURCE) -> SourceObservation:
    """The same source with another identity."""
    return msgspec.structs.replace(base, id=number, name=f"ntp{number}.example.net:123", address=f"192.0.2.{9 + number}:123")


def document(
    system: SystemObservation = SYSTEM,
    sources: tuple[SourceObservation, ...] = (SOURCE,),
    program: ProgramState = PROGRAM,
    **changes: Unpack[SystemChanges],
) -> Observation:
    return Observation(version=DOCUMENT_VERSION, program=program, system=msgspec.structs.replace(system, **changes), sources=sources)


def synchronized() -> Observation:
    """Four sources that agree."""
    return document(sources=tuple(source(number) for number in range(1, 5)))


def starting() -> Observation:
    """A moment after the start: one request to each of four sources, no answer."""
    system = msgspec.structs.replace(
        SYSTEM,
        state=SyncState.STARTING,
        reason="0 of 3 required sources have answered",
        stratum=16,
        leap="unsynchronized",
        reference_id="INIT",
        reference="",
        offset_s=0.0,
        offset_error_s=None,
        frequency=0.0,
        frequency_error=None,
        root_delay_s=0.0,
        root_dispersion_s=0.0,
        statistical_error_s=None,
        maximum_error_s=None,
        last_update_age_s=None,
        step_count=0,
        accumulated_steps_s=0.0,
    )
    program = msgspec.structs.replace(PROGRAM, uptime_s=0.4)
    return document(system, tuple(source(number, UNMEASURED) for number in range(1, 5)), program)


UNRESOLVED = msgspec.structs.replace(
    UNMEASURED, id=-1, name="nosuch.invalid:123", address="", reason="cannot resolve nosuch.invalid", poll_interval_s=0.0, requests=0
)


def falseticker() -> Observation:
    """Four members of one pool; the second contradicts the others, the last has stopped to answer."""
    members = [msgspec.structs.replace(source(number), name="pool.ntp.org:123", mode="pool") for number in range(1, 5)]
    members[1] = msgspec.structs.replace(
        members[1],
        status=SourceStatus.FALSETICKER,
        reason="contradicts the majority: it is 1.204 s off, with an error bound of 3 ms",
        offset_s=1.204,
        offset_error_s=22e-6,
        rejections={"wrong-origin": 1, "not-requested": 2, "malformed": 0},
    )
    members[3] = msgspec.structs.replace(
        members[3],
        status=SourceStatus.UNREACHABLE,
        reason="the last 8 requests were not answered",
        address="[2001:db8:1234:5678:9abc:def0:1234:5678]:123",
        reach=0,
        unanswered_polls=8,
        poll_interval_s=1024.0,
        last_sample_age_s=9000.0,
    )
    return document(sources=tuple(members), reason="2 of 4 sources agree")


def holdover() -> Observation:
    """All sources went away a day ago."""
    gone = msgspec.structs.replace(
        SOURCE,
        status=SourceStatus.UNREACHABLE,
        reason="the last 8 requests were not answered",
        reach=0,
        unanswered_polls=8,
        last_sample_age_s=86_400.0,
        offset_s=-3.1e-3,
        offset_error_s=4.2e-3,
    )
    system = msgspec.structs.replace(
        SYSTEM,
        state=SyncState.HOLDOVER,
        reason="no measurement for 1 d 0 h; the error bound is 1.3 s and grows",
        offset_s=0.0,
        offset_error_s=4.2e-3,
        root_dispersion_s=1.296,
        statistical_error_s=0.11,
        maximum_error_s=1.3,
        last_update_age_s=86_400.0,
    )
    return document(system, (source(1, gone), source(2, gone)))


def panic() -> Observation:
    """The sources ask for an hour and a half."""
    off = msgspec.structs.replace(SOURCE, offset_s=5400.2, offset_error_s=1e-3)
    system = msgspec.structs.replace(
        SYSTEM,
        state=SyncState.PANIC,
        reason="the sources ask for a step of 1 h 30 min, more than the 1000 s that are allowed",
        offset_s=5400.2,
        offset_error_s=1e-3,
        statistical_error_s=None,
        maximum_error_s=None,
        stratum=16,
        leap="unsynchronized",
        step_count=2,
        accumulated_steps_s=2.5,
        accumulated_step_panic_threshold_s=1800.0,
    )
    return document(system, (source(1, off), source(2, off), source(3, off)))


def virtual() -> Observation:
    """Without the privilege to steer, while somebody else sets the clock and a leap second is near."""
    program = msgspec.structs.replace(
        PROGRAM, clock=ClockMode.VIRTUAL, clock_reason="CAP_SYS_TIME is missing; run the daemon with sudo or from its systemd unit"
    )
    return document(program=program, displacement_count=2, leap="insert")


SERVER = ServerObservation(
    address="0.0.0.0:123",
    workers=4,
    uptime_s=273_899.0,
    requests=1_000_450,
    accepted=1_000_000,
    denied=150,
    ignored=300,
    requests_per_s=12.3456,
    answers={"time": 999_000, "interleaved": 900, "unsynchronized": 100, "kiss": 150},
    drops={"bad-length": 17, "bad-mode": 3, "denylist": 80, "client-rate": 200, "hook": 0},
    kisses={"client-rate": 150},
    refusals={"malformed": 20, "acl_denied": 80, "rate_limited": 350, "misdirected": 0, "dns_denied": 0, "hook_denied": 0, "unsynchronized": 0},
    bytes_in=48_021_600,
    bytes_out=48_007_200,
    send_errors=2,
    kernel_drops=5,
    slow_path=1050,
    worker_restarts=1,
    log_lines_lost=0,
    clients=2071,
)
SERVED = ServedObservation(
    synchronized=True,
    leap="none",
    stratum=3,
    reference_id="192.0.2.10",
    root_delay_s=2.312e-3,
    root_dispersion_s=412e-6,
    time_offset_s=0.0,
)
CLIENTS = (
    ClientObservation(address="198.51.100.23", requests=90_000, drops=350, idle_s=0.2),
    ClientObservation(address="2001:db8:1:2::", requests=640, drops=0, idle_s=59.7),
)


def serving() -> Observation:
    """A server on two addresses, the second of them new."""
    unused = dict.fromkeys(SERVER.drops, 0)
    second = msgspec.structs.replace(
        SERVER,
        address="[::]:123",
        workers=0,
        uptime_s=3.0,
        requests=0,
        accepted=0,
        denied=0,
        ignored=0,
        requests_per_s=0.0,
        answers=dict.fromkeys(SERVER.answers, 0),
        drops=unused,
        kisses={},
        refusals=dict.fromkeys(SERVER.refusals, 0),
        bytes_in=0,
        bytes_out=0,
        send_errors=0,
        kernel_drops=0,
        slow_path=0,
        worker_restarts=0,
        log_lines_lost=4,
        clients=0,
    )
    return msgspec.structs.replace(document(), served=SERVED, servers=(SERVER, second), clients=CLIENTS)


STATES = {
    "starting": starting,
    "synchronized": synchronized,
    "falseticker": falseticker,
    "holdover": holdover,
    "panic": panic,
    "virtual": virtual,
    "serving": serving,
}
