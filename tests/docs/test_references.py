"""What the documents point at exists: files, modules, classes, methods, decisions."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import re
from functools import cache
from pathlib import Path

import pytest

import ntp_daemon
import ntp_os_clock
import ntp_proto
import ntp_sim
import ntp_udp
from ntp_daemon.config.default_file import describe

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(path.relative_to(ROOT) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
OF_TODAY = [path for path in DOCUMENTS if path.parts[:2] != ("docs", "decisions") and path.name != "CHANGELOG.md"]
"""Documents that describe the code as it is; a decision describes it as it was."""
NOT_YET = {"ntp_proto/server/", "ntp_proto/nts/", "ntp_daemon/serving/", "ntp_dashboard"}
NOT_OURS = {"ntp.toml"}
"""What people have on their machines."""
PACKAGES = (ntp_proto, ntp_udp, ntp_os_clock, ntp_daemon, ntp_sim)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_TREE = re.compile(r"[\w.-]+(?:/[\w.-]+)+/?|[\w-]+\.(?:py|md|toml|txt)")
_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")


def prose(document: Path) -> str:
    """The document without its blocks."""
    return re.sub(r"^```.*?^```$", "", (ROOT / document).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


@cache
def modules() -> dict[str, object]:
    """Every module of the packages, by its full name."""
    found: dict[str, object] = {}
    for package in PACKAGES:
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if not module.name.endswith("_abi") and "._" not in module.name:
                found[module.name] = importlib.import_module(module.name)
        found[package.__name__] = package
    return found


@cache
def classes() -> dict[str, list[type]]:
    found: dict[str, list[type]] = {}
    for name, module in modules().items():
        for value in vars(module).values():
            if isinstance(value, type) and value.__module__ == name:
                found.setdefault(value.__name__, []).append(value)
    return found


def has(owner: object, attributes: list[str]) -> bool:
    for attribute in attributes:
        annotated = attribute in getattr(owner, "__annotations__", {})
        if not hasattr(owner, attribute):
            return annotated
        owner = getattr(owner, attribute)
    return True


def is_known(name: str) -> bool:
    """Whether a dotted name is a module, something in one, or a member of a class of ours."""
    first, *rest = name.split(".")
    if any(has(owner, rest) for owner in classes().get(first, [])):
        return True
    for known, module in modules().items():
        for end in range(len(rest) + 1):
            head = ".".join([first, *rest[:end]])
            if (known == head or known.endswith(f".{head}")) and has(module, rest[end:]):
                return True
    return False


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_links_within_the_tree_resolve(document: Path) -> None:
    targets = [link.partition("#")[0] for link in _LINK.findall(prose(document)) if not re.match(r"[a-z]+:|#", link)]
    lost = [target for target in targets if not (ROOT / document.parent / target).exists()]
    assert not lost, f"{document} points at what does not exist: {lost}"


@pytest.mark.parametrize("document", OF_TODAY, ids=str)
def test_files_that_are_named_exist(document: Path) -> None:
    files = {str(path.relative_to(ROOT)) + "/" * path.is_dir() for path in ROOT.rglob("*") if ".venv" not in path.parts and ".git" not in path.parts}
    named = {code for code in _CODE.findall(prose(document)) if _TREE.fullmatch(code)} - NOT_YET - NOT_OURS
    ours = (code for code in sorted(named) if not code.startswith((".", "/")) and "NNNN" not in code)
    lost = [code for code in ours if not any(f"/{file}".endswith((f"/{code}", f"/{code}/")) for file in files)]
    assert not lost, f"{document} names files that do not exist: {lost}"


@pytest.mark.parametrize("document", OF_TODAY, ids=str)
def test_names_of_the_code_that_are_named_exist(document: Path) -> None:
    ours = {part for name in modules() for part in name.split(".")} | set(classes())
    keys = {f"{key.table}.{key.name}" for key in describe()}
    names = {code for code in _CODE.findall(prose(document)) if _NAME.fullmatch(code) and code.split(".")[0] in ours and not _TREE.fullmatch(code)}
    lost = sorted(name for name in names - keys if not is_known(name))
    assert not lost, f"{document} names what the code does not have: {lost}"


def test_the_check_of_names_can_fail() -> None:
    assert is_known("Discipline.measure")
    assert is_known("algorithm.path")
    assert is_known("ntp_proto.client.Client.handle_datagram")
    assert is_known("Measurement.delay")
    assert not is_known("Discipline.juggle")
    assert not is_known("algorithm.juggling")


def test_decisions_are_numbered_once_and_have_their_four_parts() -> None:
    decisions = sorted(ROOT.glob("docs/decisions/*.md"))
    numbers = [re.match(r"(\d{4})-[a-z0-9-]+\.md$", path.name) for path in decisions]
    assert all(numbers)
    assert len({number[1] for number in numbers if number}) == len(decisions) > 5
    for path in decisions:
        parts = re.findall(r"^## (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert parts == ["Context", "Choice", "Consequences", "What would change our mind"], path.name
