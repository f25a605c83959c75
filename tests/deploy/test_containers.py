"""The image, its composition, and the manifests of Kubernetes: by their schemas, and by what was decided about them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

from ntp_daemon.config.load import parse
from ntp_daemon.config.model import Config
from ntp_proto.observation import ClockMode
from support.linters import lint

ROOT = Path(__file__).parents[2]
DOCKER, KUBERNETES = ROOT / "deploy" / "docker", ROOT / "deploy" / "kubernetes"
MANIFESTS = sorted(KUBERNETES.glob("*.yaml"))
PORT, METRICS, PAGE = 12300, 9975, 8080


def documents(manifest: Path) -> list[dict[str, dict[str, object]]]:
    return list(yaml.safe_load_all(manifest.read_text(encoding="utf-8")))


def of_kind(kind: str, name: str) -> Iterator[dict[str, dict[str, object]]]:
    for document in documents(KUBERNETES / name):
        if document["kind"] == kind:
            yield document


def configuration(name: str) -> Config:
    (document,) = of_kind("ConfigMap", name)
    text = document["data"]["ntp.toml"]
    assert isinstance(text, str)
    return parse(text)


@pytest.mark.peer
def test_hadolint_is_content() -> None:
    lint("hadolint", DOCKER / "Dockerfile")


@pytest.mark.peer
def test_the_composition_is_one() -> None:
    lint("check-jsonschema", "--builtin-schema", "vendor.compose-spec", DOCKER / "compose.yaml")


@pytest.mark.peer
@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.name)
def test_kubernetes_knows_every_field(manifest: Path) -> None:
    lint("kubernetes-validate", "--strict", manifest)


def test_the_image_is_not_root_and_has_the_ports() -> None:
    text = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
    final = text.rpartition("\nFROM ")[2]
    (user,) = re.findall(r"^USER (\d+):\d+$", final, re.MULTILINE)
    assert int(user) > 0
    assert re.findall(r"^EXPOSE (.*)$", final, re.MULTILINE) == [f"{PORT}/udp {PAGE}/tcp {METRICS}/tcp"]


def test_the_image_leaves_the_clock_of_its_host_alone() -> None:
    config = parse((DOCKER / "ntp.toml").read_text(encoding="utf-8"))
    assert config.clock.mode is ClockMode.VIRTUAL
    assert [server.listen.port for server in config.servers] == [PORT]
    assert config.observability.metrics_exporter_listen.endswith(f":{METRICS}")


def test_the_context_of_the_build_has_what_the_build_needs() -> None:
    """And no more: the patterns that let something in are all used."""
    lines = (DOCKER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = [line[1:] for line in lines if line.startswith("!")]
    copied = re.findall(r"^COPY (?!--from)(\S+) ", (DOCKER / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = [source for source in copied if source != "."] + ["pyproject.toml", "build_ext.py", "constraints.txt", "scripts/build.sh"]
    needed += [project["project"]["readme"], *project["project"]["license-files"], *project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]]
    lost = [path for path in needed if not any(fnmatch(path, pattern) or path.startswith(f"{pattern}/") for pattern in let_in)]
    assert lost == []
    assert [pattern for pattern in let_in if not (ROOT / pattern).exists()] == []


def test_services_share_the_sockets_and_publish_only_the_time() -> None:
    services = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))["services"]
    for name, service in services.items():
        assert any(volume.endswith(":/run/ntpd-py") for volume in service["volumes"]), name
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"] is True
    published = [port for service in services.values() for port in service["ports"]]
    assert [port for port in published if not port.startswith("127.0.0.1:")] == [f"{PORT}:{PORT}/udp"]


def test_only_the_daemon_of_the_node_has_a_capability_and_only_to_set_the_clock() -> None:
    for manifest in MANIFESTS:
        for document in documents(manifest):
            if document["kind"] not in ("DaemonSet", "Deployment"):
                continue
            pod = document["spec"]["template"]["spec"]  # type: ignore[index]
            assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
            for container in pod["containers"]:
                security = container["securityContext"]
                added = security["capabilities"].get("add", [])
                steers = document["kind"] == "DaemonSet" and container["name"] == "daemon"
                assert added == (["SYS_TIME"] if steers else [])
                assert security["capabilities"]["drop"] == ["ALL"]
                assert security["allowPrivilegeEscalation"] is False
                assert security["readOnlyRootFilesystem"] is True
                assert security.get("runAsUser", 12300) == (0 if steers else 12300)


def test_the_daemon_of_the_node_steers_and_serves_nobody() -> None:
    config = configuration("node-clock.yaml")
    assert config.clock.mode is ClockMode.STEER
    assert config.servers == ()


def test_requests_find_their_way_to_the_servers() -> None:
    config = configuration("server.yaml")
    (deployment,) = of_kind("Deployment", "server.yaml")
    (service,) = of_kind("Service", "server.yaml")
    template = deployment["spec"]["template"]
    labels = template["metadata"]["labels"]  # type: ignore[index]
    ports = {port["name"]: port for container in template["spec"]["containers"] for port in container.get("ports", [])}  # type: ignore[index]
    (route,) = service["spec"]["ports"]  # type: ignore[misc]
    assert config.clock.mode is ClockMode.VIRTUAL
    assert service["spec"]["selector"].items() <= labels.items()  # type: ignore[attr-defined]
    assert (route["port"], route["protocol"]) == (123, "UDP")  # type: ignore[index]
    assert [server.listen.port for server in config.servers] == [ports[route["targetPort"]]["containerPort"]] == [PORT]  # type: ignore[index]
    assert service["spec"]["externalTrafficPolicy"] == "Local", "limits are for each client, whose address has to stay"


@pytest.mark.parametrize("kind", ["Deployment", "PodDisruptionBudget", "NetworkPolicy"])
def test_selectors_select_the_pods(kind: str) -> None:
    (deployment,) = of_kind("Deployment", "server.yaml")
    (document,) = of_kind(kind, "server.yaml")
    selector = document["spec"].get("selector") or document["spec"]["podSelector"]
    labels = deployment["spec"]["template"]["metadata"]["labels"]  # type: ignore[index]
    assert selector["matchLabels"].items() <= labels.items()  # type: ignore[index]
    assert document["metadata"]["namespace"] == deployment["metadata"]["namespace"]
