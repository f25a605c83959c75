"""Whatever a document of the right form holds, the tools show it: a daemon gone mad is when they are needed most."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from ntp_ctl.openmetrics import render_metrics
from ntp_ctl.render import render_status
from ntp_ctl.render_server import render_clients, render_server
from ntp_ctl.render_sources import render_sources
from ntp_ctl.style import Style
from ntp_proto.observation import (
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

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
COUNTS = st.integers(0, 2**63)
TEXTS = st.text(max_size=30)

PROGRAMS = st.builds(
    ProgramState, name=TEXTS, version=TEXTS, pid=COUNTS, uptime_s=NUMBERS, time=TEXTS, clock=st.sampled_from(ClockMode), clock_reason=TEXTS
)
SYSTEMS = st.builds(
    SystemObservation,
    state=st.sampled_from(SyncState),
    reason=TEXTS,
    stratum=st.integers(-1, 300),
    leap=TEXTS,
    reference_id=TEXTS,
    reference=TEXTS,
    offset_s=NUMBERS,
    offset_error_s=st.none() | NUMBERS,
    frequency=NUMBERS,
    frequency_error=st.none() | NUMBERS,
    root_delay_s=NUMBERS,
    root_dispersion_s=NUMBERS,
    maximum_error_s=st.none() | NUMBERS,
    last_update_age_s=st.none() | NUMBERS,
    poll_interval_s=NUMBERS,
    step_count=COUNTS,
    accumulated_steps_s=NUMBERS,
    accumulated_step_panic_threshold_s=st.none() | NUMBERS,
    slewing=st.booleans(),
    displacement_count=COUNTS,
)
SOURCES = st.builds(
    SourceObservation,
    id=st.integers(-10, 10),
    name=TEXTS,
    address=TEXTS,
    mode=TEXTS,
    status=st.sampled_from(SourceStatus),
    reason=TEXTS,
    reach=st.integers(0, 255),
    poll_interval_s=NUMBERS,
    unanswered_polls=COUNTS,
    offset_s=st.none() | NUMBERS,
    offset_error_s=st.none() | NUMBERS,
    delay_s=st.none() | NUMBERS,
    minimum_delay_s=st.none() | NUMBERS,
    jitter_s=st.none() | NUMBERS,
    last_sample_age_s=st.none() | NUMBERS,
    stratum=st.integers(0, 255),
    reference_id=TEXTS,
    root_delay_s=NUMBERS,
    root_dispersion_s=NUMBERS,
    transmit_stamps=TEXTS,
    receive_stamps=TEXTS,
    requests=COUNTS,
    samples=COUNTS,
    rejections=st.dictionaries(TEXTS, COUNTS, max_size=3),
)
COUNTED = st.dictionaries(TEXTS, COUNTS, max_size=3)
SERVERS = st.builds(
    ServerObservation,
    address=TEXTS,
    workers=COUNTS,
    uptime_s=NUMBERS,
    requests=COUNTS,
    accepted=COUNTS,
    denied=COUNTS,
    ignored=COUNTS,
    requests_per_s=NUMBERS,
    answers=COUNTED,
    drops=COUNTED,
    kisses=COUNTED,
    refusals=COUNTED,
    bytes_in=COUNTS,
    bytes_out=COUNTS,
    send_errors=COUNTS,
    kernel_drops=COUNTS,
    slow_path=COUNTS,
    worker_restarts=COUNTS,
    log_lines_lost=COUNTS,
    clients=COUNTS,
)
SERVED = st.builds(
    ServedObservation,
    synchronized=st.booleans(),
    leap=TEXTS,
    stratum=st.integers(-1, 300),
    reference_id=TEXTS,
    root_delay_s=NUMBERS,
    root_dispersion_s=NUMBERS,
    time_offset_s=NUMBERS,
)
CLIENTS = st.builds(ClientObservation, address=TEXTS, requests=COUNTS, drops=COUNTS, idle_s=NUMBERS)
DOCUMENTS = st.builds(
    Observation,
    version=st.just(1),
    program=PROGRAMS,
    system=SYSTEMS,
    sources=st.lists(SOURCES, max_size=3, unique_by=lambda source: source.id).map(tuple),
    served=st.none() | SERVED,
    servers=st.lists(SERVERS, max_size=3, unique_by=lambda server: server.address).map(tuple),
    clients=st.lists(CLIENTS, max_size=3).map(tuple),
)


@settings(max_examples=60, deadline=None)
@given(DOCUMENTS, st.integers(20, 200), st.booleans())
def test_it_is_shown_as_printable_lines(document: Observation, width: int, unicode: bool) -> None:
    style = Style(width=width, unicode=unicode)
    for render in (render_status, render_sources, render_server, render_clients):
        text = render(document, style)
        assert text.endswith("\n")
        assert all(character.isprintable() or character == "\n" for character in text)
        assert unicode or text.isascii()


@settings(max_examples=40, deadline=None)
@given(DOCUMENTS)
def test_it_makes_valid_metrics(document: Observation) -> None:
    text, _ = render_metrics(document)
    assert len(list(text_string_to_metric_families(text.decode()))) > 30
