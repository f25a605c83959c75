"""Every command line in deploy/ is one that the program understands, and names files that are there."""

from __future__ import annotations

import argparse
import plistlib
import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path, PurePosixPath

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PARSERS = {
    "ntp-daemon": "ntp_daemon.arguments",
    "ntp-ctl": "ntp_ctl.arguments",
    "ntp-serve": "ntp_daemon.serve_command",
    "ntp-mirror": "ntp_daemon.mirror_command",
    "ntp-metrics-exporter": "ntp_metrics_exporter.__main__",
    "ntp-dashboard": "ntp_dashboard.arguments",
}


def of_units() -> Iterator[tuple[str, list[str]]]:
    for unit in sorted(DEPLOY.glob("systemd/*.service")):
        for line in re.findall(r"^ExecStart=(.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE):
            yield unit.name, shlex.split(line)


def of_launchd() -> Iterator[tuple[str, list[str]]]:
    for path in sorted(DEPLOY.glob("launchd/*.plist")):
        yield path.name, plistlib.loads(path.read_bytes())["ProgramArguments"]


def of_dockerfile() -> Iterator[tuple[str, list[str]]]:
    for line in re.findall(r"CMD (\[.*\])$", (DEPLOY / "docker" / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE):
        yield "Dockerfile", yaml.safe_load(line)


def of_compose() -> Iterator[tuple[str, list[str]]]:
    for name, service in yaml.safe_load((DEPLOY / "docker" / "compose.yaml").read_text(encoding="utf-8"))["services"].items():
        if "command" in service:
            yield f"compose.yaml: {name}", service["command"]


def of_kubernetes() -> Iterator[tuple[str, list[str]]]:
    for path in sorted(DEPLOY.glob("kubernetes/*.yaml")):
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            for container in document.get("spec", {}).get("template", {}).get("spec", {}).get("containers", []):
                where = f"{path.name}: {container['name']}"
                yield where, container["args"]
                for probe in ("readinessProbe", "livenessProbe"):
                    if probe in container:
                        yield f"{where}, {probe}", container[probe]["exec"]["command"]


LINES = [*of_units(), *of_launchd(), *of_dockerfile(), *of_compose(), *of_kubernetes()]


def understand(command: list[str]) -> argparse.Namespace:
    parser: argparse.ArgumentParser = import_module(PARSERS[PurePosixPath(command[0]).name]).make_parser()
    return parser.parse_args(command[1:])


@pytest.mark.parametrize(("where", "command"), LINES, ids=[f"{where}: {' '.join(command)}" for where, command in LINES])
def test_the_program_understands_it(where: str, command: list[str]) -> None:
    understand(command)


def test_there_are_lines_of_every_kind() -> None:
    assert all([*map(list, (of_units(), of_launchd(), of_dockerfile(), of_compose(), of_kubernetes()))])
    assert {PurePosixPath(command[0]).name for _, command in LINES} >= {"ntp-daemon", "ntp-serve", "ntp-metrics-exporter", "ntp-dashboard", "ntp-ctl"}


def test_the_check_can_fail() -> None:
    with pytest.raises(SystemExit):
        understand(["/opt/ntpd-py/bin/ntp-serve", "--juggle"])


@pytest.mark.parametrize("path", [path for path in sorted(DEPLOY.rglob("*")) if path.is_file()], ids=lambda path: str(path.relative_to(DEPLOY)))
def test_no_file_is_forgotten_by_the_guide(path: Path) -> None:
    """What lies there is explained in the README of its directory, or in that of deploy/."""
    guides = [folder / "README.md" for folder in (path.parent, DEPLOY) if (folder / "README.md").exists()]
    assert any(path.name in guide.read_text(encoding="utf-8") for guide in guides) or path.name == "README.md"


@pytest.mark.parametrize("guide", sorted(DEPLOY.rglob("README.md")), ids=lambda path: str(path.relative_to(DEPLOY)))
def test_links_of_the_guides_resolve(guide: Path) -> None:
    links = re.findall(r"\[[^\]]*\]\(([^)\s#]+)[^)]*\)", guide.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (guide.parent / link).exists()] == []
