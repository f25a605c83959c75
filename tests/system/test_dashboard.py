"""The API of ntp-dashboard, against a real daemon with real clients."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ntp_ctl.apiclient import ApiError, AsyncClient, Client
from ntp_ctl.client import fetch_history, fetch_observation
from support.dashboards import TOKEN, Dashboard, Load, free_port, honest_servers, lying_servers, start_dashboard, start_scene, write_scene
from support.programs import wait_until


@dataclass(frozen=True, slots=True)
class Scene:
    """A daemon with sources and clients, and its dashboard."""

    folder: Path
    port: int
    dashboard: Dashboard

    @property
    def client(self) -> Client:
        return Client(self.dashboard.url + "/", TOKEN, timeout=10)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder, port = tmp_path_factory.mktemp("dashboard"), free_port()
    with honest_servers(3) as honest, lying_servers(0.4) as liars:
        write_scene(folder, [*honest, *liars], port=port)
        with start_scene(folder), start_dashboard(folder) as dashboard, Load(port):
            client = Client(dashboard.url, TOKEN, timeout=10)
            wait_until(lambda: client.health()["synced"] is True, "the clock is synchronised", 30)
            yield Scene(folder, port, dashboard)


def test_health_needs_no_token_and_says_the_time(scene: Scene) -> None:
    answer = scene.dashboard.ask("/healthz", token="")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    document = answer.json()
    assert set(document) == {"ok", "synced", "time"}
    assert document["ok"] is True
    assert str(document["time"]).endswith("Z")


STATUS_OF_NTP_SERVER = [
    "nowUTC",
    "listenAddress",
    "workers",
    "synced",
    "stratum",
    "offsetMillis",
    "referenceID",
    "referenceTime",
    "upstream",
    "lastSyncError",
    "clientRateLimitPerSecond",
    "globalRateLimitPerSecond",
]
STATS_OF_NTP_SERVER = [
    "startedAt",
    "uptimeSeconds",
    "requestsTotal",
    "responsesTotal",
    "malformedTotal",
    "aclDeniedTotal",
    "dnsDeniedTotal",
    "rateDeniedTotal",
    "kissOfDeathTotal",
    "bytesInTotal",
    "bytesOutTotal",
    "syncSuccessTotal",
    "syncFailureTotal",
]


def test_status_has_the_keys_of_ntp_server_first_and_says_what_the_daemon_says(scene: Scene) -> None:
    wait_until(lambda: scene.client.status()["state"] == "synchronized", "it has a majority", 30)
    status = scene.client.status()
    assert list(status)[:12] == STATUS_OF_NTP_SERVER
    seen = fetch_observation(scene.folder / "observe")
    assert status["listenAddress"] == f"127.0.0.1:{scene.port}"
    assert (status["stratum"], status["referenceID"], status["lastSyncError"]) == (2, "127.0.0.1", "")
    assert status["upstream"] in {source.name for source in seen.sources}
    assert status["clientRateLimitPerSecond"] == 5.0
    assert (status["state"], status["service"], status["clock"]) == ("synchronized", "running", "virtual")
    assert status["reason"] == seen.system.reason


def test_stats_have_the_keys_of_ntp_server_first_and_add_up(scene: Scene) -> None:
    def all_kinds() -> bool:
        stats = scene.client.stats()
        clients = stats["topClients"]
        assert isinstance(clients, list)
        counts = [stats[key] for key in ("answeredTotal", "rateDeniedTotal", "aclDeniedTotal", "malformedTotal")]
        return all(counts) and len(clients) == 10 and clients[0]["drops"] > 0

    wait_until(all_kinds, "requests of each kind")
    stats = scene.client.stats()
    assert list(stats)[:13] == STATS_OF_NTP_SERVER
    assert stats["requestsTotal"] == stats["answeredTotal"] + stats["rateDeniedTotal"] + stats["errorsTotal"]  # type: ignore[operator]
    assert stats["kissOfDeathTotal"] > 0  # type: ignore[operator]
    assert 0.0 < float(str(stats["meanProcessingMillis"])) < 1000.0
    clients = stats["topClients"]
    assert isinstance(clients, list)
    assert clients[0]["address"] == "127.0.0.40", "the greedy one asks most"


def test_sources_say_why(scene: Scene) -> None:
    def sources() -> list[dict[str, object]]:
        found = scene.client.sources()["sources"]
        assert isinstance(found, list)
        return found

    wait_until(lambda: [source["status"] for source in sources()] == ["selected"] * 3 + ["falseticker"], "one lies", 30)
    liar = sources()[3]
    assert liar["offsetMillis"] == pytest.approx(400, abs=50)
    assert "away from the majority" in str(liar["reason"])


def test_series_are_columns_of_what_was(scene: Scene) -> None:
    wait_until(lambda: len(scene.client.series()["ageSeconds"]) >= 2, "two rows", 30)  # type: ignore[arg-type]
    series, history = scene.client.series(), fetch_history(scene.folder / "observe", 900)
    columns = {key: value for key, value in series.items() if isinstance(value, list)}
    assert len({len(column) for column in columns.values()}) == 1
    assert (series["windowSeconds"], series["stepSeconds"]) == (900.0, 4.0)
    assert columns["answered"][:2] == list(history.answered[:2])
    assert columns["offsetMillis"][1] == pytest.approx(1e3 * (history.offset_s[1] or 0.0))
    assert sum(columns["answered"]) > 0
    assert sum(columns["limited"]) > 0
    assert columns["ageSeconds"] == sorted(columns["ageSeconds"], reverse=True)
    assert scene.client.series(86400)["stepSeconds"] == 480.0


@pytest.mark.parametrize("window", ["0", "-1", "nan", "inf", "1e9", "x", ""])
def test_a_window_that_is_none(scene: Scene, window: str) -> None:
    answer = scene.dashboard.ask(f"/v1/series?window={window}")
    assert (answer.status, list(answer.json())) == (400, ["error"])


def test_the_short_statistics_in_snake_case(scene: Scene) -> None:
    document = scene.dashboard.ask("/api/ntp/stats").json()
    assert list(document) == (
        [
            "timestamp",
            "ntp_enabled",
            "ntp_listen_address",
            "ntp_listen_port",
            "requests_total",
            "errors_total",
            "rate_limited_total",
            "running",
            "avg_processing_ms",
        ]
    )
    assert (document["ntp_enabled"], document["running"], document["ntp_listen_address"]) == (True, True, "127.0.0.1")
    assert document["ntp_listen_port"] == scene.port


def test_the_configuration_is_shown_without_secrets(scene: Scene) -> None:
    config = scene.client.config()["config"]
    assert isinstance(config, dict)
    assert config["clock"]["mode"] == "virtual"
    assert config["server"][0]["rate-limit"] == 5.0
    assert config["api"]["auth-token"] == ""


def test_metrics_are_those_of_the_exporter(scene: Scene) -> None:
    answer = scene.dashboard.ask("/metrics", token="")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    text = answer.body.decode()
    assert "\nntp_system_synchronized 1.0\n" in text
    assert f'\nntp_server_received_packets_total{{listen_address="127.0.0.1:{scene.port}"}}' in text


def test_the_stream_says_the_same_as_the_documents(scene: Scene) -> None:
    with scene.client.stats_stream() as stream:
        events = [next(stream) for _ in range(6)]
    assert [event.name for event in events] == ["status", "stats", "sources"] * 2
    assert list(events[0].data) == list(scene.client.status())
    assert list(events[1].data) == list(scene.client.stats())
    first, second = str(events[0].data["nowUTC"]), str(events[3].data["nowUTC"])
    assert first < second, "the second tick is later"


def test_single_requests_are_told_one_by_one(scene: Scene) -> None:
    with scene.client.requests_stream() as stream:
        outcomes = {str(next(stream).data["outcome"]) for _ in range(400)}
    assert {"time", "kiss: client-rate", "kiss: denylist", "bad-length"} <= outcomes
    requests = scene.client.requests()["requests"]
    assert isinstance(requests, list)
    assert 100 <= len(requests) <= 500
    assert list(requests[0]) == ["at", "clientIp", "clientPort", "length", "version", "mode", "stratum", "responded", "outcome"]


def test_the_server_is_stopped_started_and_restarted(scene: Scene) -> None:
    client = scene.client
    assert client.control("restart") == {"success": True, "message": "server restarted"}
    assert client.control("stop") == {"success": True, "message": "server stopped"}
    assert client.control("stop") == {"success": True, "message": "server is stopped already"}
    wait_until(lambda: client.status()["service"] == "stopped", "it is shown")
    before = str(client.status()["nowUTC"])
    wait_until(lambda: str(client.status()["nowUTC"]) > before, "the clock goes on")
    assert client.control("start") == {"success": True, "message": "server started"}
    assert client.control("start") == {"success": True, "message": "server is running already"}
    wait_until(lambda: client.status()["service"] == "running", "it is shown")
    alias = scene.dashboard.ask("/api/ntp/service/control", method="POST", body=b'{"action":"restart"}')
    assert alias.json()["success"] is True


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"action":"explode"}', "invalid action"),
        (b'{"action":1}', "invalid request"),
        (b'{"action":"stop","force":true}', "invalid request"),
        (b"[" * 4000, "invalid request"),
        (b"", "invalid request"),
        (b"\xff", "invalid request"),
    ],
)
def test_orders_that_make_no_sense(scene: Scene, body: bytes, error: str) -> None:
    answer = scene.dashboard.ask("/v1/service/control", method="POST", body=body)
    assert (answer.status, answer.json()) == (400, {"error": error})


def test_the_asynchronous_client(scene: Scene) -> None:
    async def use() -> None:
        client = AsyncClient(scene.dashboard.url, TOKEN, timeout=10)
        assert (await client.health())["ok"] is True
        for ask in (client.status, client.stats, client.sources, client.series, client.requests, client.config):
            assert await ask()
        async with contextlib.aclosing(client.stats_stream()) as stream:  # type: ignore[type-var]  # an asynchronous generator
            assert (await anext(stream)).name == "status"
        with pytest.raises(ApiError, match="invalid action") as caught:
            await client.control("explode")
        assert caught.value.status == 400

    asyncio.run(use())


def test_the_example_of_the_guide(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guide" / "dashboard.md").read_text(encoding="utf-8")
    example = guide.partition("```python\n")[2].partition("```")[0]
    exec(example.replace("http://127.0.0.1:8080", scene.dashboard.url).replace('"..."', repr(TOKEN)), {})
    assert abs(float(capsys.readouterr().out)) < 1000.0


def test_the_daemon_ends_and_comes_back(tmp_path: Path) -> None:
    port = free_port()
    with lying_servers(0.0) as servers:
        write_scene(tmp_path, servers, port=port)
        with start_dashboard(tmp_path) as dashboard:
            client = Client(dashboard.url, TOKEN, timeout=10)
            assert client.health() == {"ok": False, "synced": False, "time": None}
            assert dashboard.ask("/healthz").status == 503
            for path in ("/v1/status", "/v1/series", "/v1/config", "/metrics"):
                away = dashboard.ask(path)
                assert away.status == 503, path
                assert "the daemon is not running" in str(away.json()["error"]), path
            with client.stats_stream() as stream:
                assert next(stream).name == "unavailable"
                with start_scene(tmp_path):
                    assert any(event.name == "status" for event in stream), "the same stream goes on"
                    assert client.health()["ok"] is True
                assert any(event.name == "unavailable" for event in stream)
        lines = [line for line in dashboard.program.stderr.splitlines() if "daemon" in line and "serving" not in line]
        assert len([line for line in lines if "answers again" in line]) == 1
        assert len(lines) <= 4, "once for each change, not for each request"


def test_a_server_that_is_not_configured_cannot_be_started(tmp_path: Path) -> None:
    write_scene(tmp_path, ["127.0.0.1:9"], port=free_port())
    config = tmp_path / "ntp.toml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text[: text.index("[[server]]")], encoding="utf-8")
    with start_scene(tmp_path), start_dashboard(tmp_path) as dashboard:
        answer = dashboard.ask("/v1/service/control", method="POST", body=b'{"action":"start"}')
        assert (answer.status, answer.json()) == (409, {"error": "server disabled in configuration"})
        assert dashboard.ask("/v1/status").json()["service"] == "disabled"
        assert dashboard.ask("/v1/config").status == 403
        assert json.loads(dashboard.ask("/v1/stats").body)["requestsTotal"] == 0


def test_what_embeds_the_documents_is_described(scene: Scene) -> None:
    """Every answer has exactly the fields of its schema."""
    description = scene.dashboard.ask("/openapi.json", token="").json()
    schemas = description["components"]["schemas"]  # type: ignore[index]
    for path, name in (("/v1/status", "Status"), ("/v1/stats", "Stats"), ("/v1/series", "Series"), ("/healthz", "Health")):
        assert list(scene.dashboard.ask(path).json()) == list(schemas[name]["properties"])
