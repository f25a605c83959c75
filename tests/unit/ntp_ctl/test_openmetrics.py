from __future__ import annotations

import msgspec
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from ntp_ctl.openmetrics import OPENMETRICS, render_metrics
from ntp_proto.observation import ClockMode, Observation, SourceStatus, SyncState
from unit.ntp_ctl import documents
from unit.ntp_ctl.documents import STATES, document

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]

SOURCE = {"name": "ntp1.example.net:123", "address": "192.0.2.10:123", "id": "1"}


def samples(observation: Observation) -> Samples:
    """Read back by prometheus-client's strict parser."""
    text, content_type = render_metrics(observation)
    assert content_type.startswith("application/openmetrics-text")
    assert text.endswith(b"# EOF\n")
    found: Samples = {}
    for family in parse_openmetrics(text.decode()):
        assert family.documentation.endswith(".")
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found
            found[key] = sample.value
    return found


def value(found: Samples, metric: str, /, **labels: str) -> float | None:
    return found.get((metric, frozenset(labels.items())))


@pytest.mark.parametrize("state", STATES)
def test_every_document_makes_valid_openmetrics(state: str) -> None:
    assert len(samples(STATES[state]())) > 30


NTPD_RS_SYSTEM = {
    "ntp_system_poll_interval_seconds": 16.0,
    "ntp_system_accumulated_steps_seconds": 0.1234,
    "ntp_system_accumulated_steps_threshold_seconds": -1.0,
    "ntp_system_leap_indicator": 0.0,
    "ntp_system_root_delay_seconds": 2.312e-3,
    "ntp_system_root_dispersion_seconds": 412e-6,
    "ntp_system_stratum": 3.0,
}
NTPD_RS_SOURCE = {
    "ntp_source_poll_interval_seconds": 16.0,
    "ntp_source_unanswered_polls": 0.0,
    "ntp_source_offset_seconds": 12.34e-6,
    "ntp_source_delay_seconds": 1.023e-3,
    "ntp_source_uncertainty_seconds": 4.1e-6,
    "ntp_source_root_delay_seconds": 1.2e-3,
    "ntp_source_root_dispersion_seconds": 0.3e-3,
}
OURS_SYSTEM = {
    "ntp_system_synchronized": 1.0,
    "ntp_system_slewing": 0.0,
    "ntp_system_frequency_ratio": 23.41742e-6,
    "ntp_system_frequency_error_ratio": 0.0123e-6,
    "ntp_system_offset_seconds": 12.34e-6,
    "ntp_system_offset_error_seconds": 4.1e-6,
    "ntp_system_maximum_error_seconds": 1.58e-3,
    "ntp_system_last_update_age_seconds": 3.2,
    "ntp_system_steps_total": 1.0,
    "ntp_system_displacements_total": 0.0,
}
OURS_SOURCE = {
    "ntp_source_reach": 255.0,
    "ntp_source_minimum_delay_seconds": 0.981e-3,
    "ntp_source_jitter_seconds": 11.9e-6,
    "ntp_source_last_sample_age_seconds": 3.2,
    "ntp_source_stratum": 2.0,
    "ntp_source_selected": 1.0,
    "ntp_source_requests_total": 123.0,
    "ntp_source_samples_total": 120.0,
}


def test_the_values_of_the_clock() -> None:
    found = samples(document())
    for name, expected in (NTPD_RS_SYSTEM | OURS_SYSTEM).items():
        assert value(found, name) == expected, name
    assert value(found, "ntp_uptime_seconds", version="0.1.0") == 273_900.0
    assert value(found, "ntp_build_info", version="0.1.0") == 1.0


def test_the_values_of_a_source() -> None:
    found = samples(document())
    for name, expected in (NTPD_RS_SOURCE | OURS_SOURCE).items():
        assert value(found, name, **SOURCE) == expected, name


def test_units_are_declared() -> None:
    text, _ = render_metrics(document())
    declared = {line.split()[2] for line in text.decode().splitlines() if line.startswith("# UNIT")}
    assert declared == {name for name, _ in samples(document()) if name.endswith("_seconds")}


@pytest.mark.parametrize("state", SyncState)
def test_the_state_that_holds_is_one_and_all_others_are_zero(state: SyncState) -> None:
    found = samples(document(state=state))
    assert {other: value(found, "ntp_system_state", state=other.value) for other in SyncState} == {
        other: float(other is state) for other in SyncState
    }
    assert value(found, "ntp_system_synchronized") == float(state is SyncState.SYNCHRONIZED)


@pytest.mark.parametrize("status", SourceStatus)
def test_the_status_of_a_source_is_one_and_all_others_are_zero(status: SourceStatus) -> None:
    found = samples(document(sources=(msgspec.structs.replace(documents.SOURCE, status=status),)))
    for other in SourceStatus:
        assert value(found, "ntp_source_status", status=other.value, **SOURCE) == float(other is status)
    assert value(found, "ntp_source_selected", **SOURCE) == float(status is SourceStatus.SELECTED)


@pytest.mark.parametrize("mode", ClockMode)
def test_the_clock_mode(mode: ClockMode) -> None:
    found = samples(document(program=msgspec.structs.replace(documents.PROGRAM, clock=mode)))
    assert {other: value(found, "ntp_clock_mode", mode=other.value) for other in ClockMode} == {other: float(other is mode) for other in ClockMode}


@pytest.mark.parametrize(("leap", "number"), [("none", 0.0), ("insert", 1.0), ("delete", 2.0), ("unsynchronized", 4.0), ("something new", 3.0)])
def test_leap_indicators_have_the_numbers_of_ntpd_rs(leap: str, number: float) -> None:
    assert value(samples(document(leap=leap)), "ntp_system_leap_indicator") == number


def test_a_threshold_is_shown() -> None:
    assert value(samples(documents.panic()), "ntp_system_accumulated_steps_threshold_seconds") == 1800.0


def test_rejections_are_counted_by_reason() -> None:
    found = samples(documents.falseticker())
    source = {"name": "pool.ntp.org:123", "address": "192.0.2.11:123", "id": "2"}
    assert value(found, "ntp_source_rejections_total", reason="not-requested", **source) == 2.0
    assert value(found, "ntp_source_rejections_total", reason="wrong-origin", **source) == 1.0
    assert value(found, "ntp_source_rejections_total", reason="malformed", **source) == 0.0


def test_what_is_not_known_has_no_sample() -> None:
    found = samples(documents.starting())
    system = {name for name, _ in found if name.startswith("ntp_system_")}
    assert not system & {
        "ntp_system_offset_seconds",
        "ntp_system_offset_error_seconds",
        "ntp_system_frequency_error_ratio",
        "ntp_system_maximum_error_seconds",
        "ntp_system_root_delay_seconds",
        "ntp_system_root_dispersion_seconds",
        "ntp_system_last_update_age_seconds",
    }
    assert {name for name, labels in found if dict(labels).get("id") == "1"} == {
        "ntp_source_poll_interval_seconds",
        "ntp_source_unanswered_polls",
        "ntp_source_reach",
        "ntp_source_selected",
        "ntp_source_status",
        "ntp_source_requests_total",
        "ntp_source_samples_total",
    }


def test_labels_are_escaped() -> None:
    name = 'a"b\\c\nd'
    found = samples(document(sources=(msgspec.structs.replace(documents.SOURCE, name=name),)))
    assert value(found, "ntp_source_selected", name=name, address=SOURCE["address"], id="1") == 1.0


@pytest.mark.parametrize("accept", ["", "*/*", "text/plain;version=0.0.4;q=0.5", "text/html", ";;,=,"])
def test_who_does_not_ask_for_openmetrics_gets_the_text_format(accept: str) -> None:
    text, content_type = render_metrics(document(), accept)
    assert content_type.startswith("text/plain; version=0.0.4")
    assert b"# EOF" not in text
    assert {family.name for family in parse_text(text.decode())} >= {"ntp_system_stratum", "ntp_source_requests"}


def test_what_prometheus_sends_gets_openmetrics() -> None:
    accept = f"{OPENMETRICS};version=1.0.0;q=0.6,{OPENMETRICS};version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.3"
    text, content_type = render_metrics(document(), accept)
    assert content_type.startswith(f"{OPENMETRICS}; version=1.0.0")
    assert text.endswith(b"# EOF\n")


def test_a_source_that_is_not_asked_has_no_poll_interval() -> None:
    found = samples(document(sources=(documents.UNRESOLVED,)))
    assert "ntp_source_poll_interval_seconds" not in {name for name, _ in found}
    assert value(found, "ntp_source_selected", name="nosuch.invalid:123", address="", id="-1") == 0.0


def test_a_daemon_that_serves_nobody_has_no_metrics_of_a_server() -> None:
    assert not [name for name, _ in samples(document()) if name.startswith("ntp_server_")]


NTPD_RS_SERVER = {
    "ntp_server_received_packets_total": 1_000_450,
    "ntp_server_accepted_packets_total": 1_000_000,
    "ntp_server_denied_packets_total": 150,
    "ntp_server_ignored_packets_total": 300,
    "ntp_server_rate_limited_packets_total": 350,
    "ntp_server_response_send_errors_total": 2,
}
NTP_SERVER = {
    "ntp_server_uptime_seconds": 273_899.0,
    "ntp_server_requests_total": 1_000_451,
    "ntp_server_responses_total": 1_000_150,
    "ntp_server_malformed_total": 20,
    "ntp_server_acl_denied_total": 80,
    "ntp_server_dns_denied_total": 0,
    "ntp_server_rate_denied_total": 350,
    "ntp_server_kiss_of_death_total": 150,
    "ntp_server_bytes_in_total": 48_021_600,
    "ntp_server_bytes_out_total": 48_007_200,
    "ntp_server_sync_success_total": 120,
    "ntp_server_sync_failure_total": 3,
}


def test_what_is_served_has_the_names_of_both_families() -> None:
    first, second = documents.serving().servers
    source = msgspec.structs.replace(documents.SOURCE, rejections={"bad-delay": 1, "malformed": 2})
    found = samples(msgspec.structs.replace(documents.serving(), sources=(source,), servers=(first, msgspec.structs.replace(second, requests=1))))
    for name, expected in NTPD_RS_SERVER.items():
        assert value(found, name, listen_address="0.0.0.0:123") == expected, name
    assert value(found, "ntp_server_received_packets_total", listen_address="[::]:123") == 1
    for name, expected in NTP_SERVER.items():
        assert value(found, name) == expected, name


def test_refused_requests_have_their_reason_and_what_was_sent() -> None:
    found = samples(documents.serving())
    place = {"listen_address": "0.0.0.0:123"}
    assert value(found, "ntp_server_refused_packets_total", **place, reason="client-rate", sent="nothing") == 200
    assert value(found, "ntp_server_refused_packets_total", **place, reason="client-rate", sent="kiss") == 150
    assert value(found, "ntp_server_refused_packets_total", **place, reason="hook", sent="nothing") == 0
    assert value(found, "ntp_server_clients", **place) == 2071
    assert value(found, "ntp_server_workers", **place) == 4
    assert value(found, "ntp_server_kernel_dropped_packets_total", **place) == 5
