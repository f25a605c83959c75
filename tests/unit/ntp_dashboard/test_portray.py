"""What the API says is what the daemon shows, in the API's words and units."""

from __future__ import annotations

import msgspec
import pytest

from ntp_dashboard import portray
from ntp_proto.observation import Observation, ServiceState, SyncState
from unit.ntp_ctl.documents import STATES


def serving() -> Observation:
    return msgspec.structs.replace(STATES["serving"](), service=ServiceState.RUNNING)


@pytest.mark.parametrize("state", STATES)
def test_every_state_can_be_shown(state: str) -> None:
    observation = STATES[state]()
    for document in (
        portray.health(observation),
        portray.status(observation),
        portray.stats(observation),
        portray.stats_alias(observation),
        portray.sources(observation),
    ):
        assert msgspec.json.decode(msgspec.json.encode(document), type=type(document)) == document


@pytest.mark.parametrize(
    ("state", "stratum", "is_synced"),
    [
        (SyncState.SYNCHRONIZED, 2, True),
        (SyncState.HOLDOVER, 3, True),
        (SyncState.HOLDOVER, 16, False),
        (SyncState.NO_MAJORITY, 2, False),
        (SyncState.PANIC, 2, False),
        (SyncState.STARTING, 16, False),
    ],
)
def test_synced_is_a_clock_that_can_be_trusted(state: SyncState, stratum: int, is_synced: bool) -> None:
    seen = STATES["synchronized"]()
    seen = msgspec.structs.replace(seen, system=msgspec.structs.replace(seen.system, state=state, stratum=stratum, reason="because"))
    status = portray.status(seen)
    assert (status.synced, portray.health(seen).synced) == (is_synced, is_synced)
    assert status.last_sync_error == ("" if is_synced else "because")


def test_a_daemon_that_is_away() -> None:
    assert msgspec.to_builtins(portray.health(None)) == {"ok": False, "synced": False, "time": None}


def test_the_spelling_is_that_of_ntp_server() -> None:
    keys = list(msgspec.to_builtins(portray.status(serving())))
    assert keys[:7] == ["nowUTC", "listenAddress", "workers", "synced", "stratum", "offsetMillis", "referenceID"]


def test_times_are_counted_back_from_the_daemons_clock() -> None:
    seen = STATES["synchronized"]()
    seen = msgspec.structs.replace(seen, system=msgspec.structs.replace(seen.system, last_update_age_s=121.678901))
    status = portray.status(seen)
    assert (status.now_utc, status.reference_time) == ("2031-05-04T03:02:01.678901Z", "2031-05-04T03:00:00.000000Z")
    assert portray.status(STATES["starting"]()).reference_time is None
    assert portray.stats(seen).started_at == "2031-04-30T22:57:01.678901Z", "its own start, for it serves nobody"


def test_requests_are_answered_limited_or_errors() -> None:
    seen = serving()
    stats = portray.stats(seen)
    assert stats.requests_total == sum(server.requests for server in seen.servers) > 0
    assert stats.requests_total == stats.answered_total + stats.rate_denied_total + stats.errors_total
    assert stats.responses_total == stats.answered_total + stats.kiss_of_death_total
    alias = portray.stats_alias(seen)
    assert (alias.requests_total, alias.errors_total, alias.rate_limited_total) == (stats.requests_total, stats.errors_total, stats.rate_denied_total)
    assert (alias.ntp_enabled, alias.running) == (True, True)
    assert f"{alias.ntp_listen_address}:{alias.ntp_listen_port}" in seen.servers[0].address.replace("[", "").replace("]", "")


def test_the_mean_time_is_over_all_answers() -> None:
    seen = serving()
    servers = tuple(msgspec.structs.replace(server, processing_s=0.5, accepted=30, denied=20) for server in seen.servers[:1])
    stats = portray.stats(msgspec.structs.replace(seen, servers=servers))
    assert stats.mean_processing_millis == pytest.approx(10.0)
    assert portray.stats(STATES["synchronized"]()).mean_processing_millis is None
    assert portray.stats_alias(STATES["synchronized"]()).avg_processing_ms == 0.0


@pytest.mark.parametrize(("service", "enabled", "running"), [("running", True, True), ("stopped", True, False), ("disabled", False, False)])
def test_run_states(service: str, enabled: bool, running: bool) -> None:
    seen = msgspec.structs.replace(STATES["synchronized"](), service=ServiceState(service))
    alias = portray.stats_alias(seen)
    assert (alias.ntp_enabled, alias.running, portray.status(seen).service) == (enabled, running, service)
    assert (alias.ntp_listen_address, alias.ntp_listen_port) == ("", 0)
