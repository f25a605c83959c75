"""The workflows of continuous integration are well formed, and build what the project says it builds."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from support.linters import lint

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.peer
@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_actionlint_is_content(workflow: Path) -> None:
    lint("actionlint", workflow)
    lint("check-jsonschema", "--builtin-schema", "vendor.github-workflows", workflow)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_no_job_may_do_more_than_read_or_run_for_ever(workflow: Path) -> None:
    document = yaml.safe_load(workflow.read_text(encoding="utf-8"))
    assert document["permissions"] == {"contents": "read"}
    assert all("timeout-minutes" in job for job in document["jobs"].values())


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_the_scripts_that_it_runs_exist(workflow: Path) -> None:
    steps = [step for job in yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"].values() for step in job["steps"]]
    lines = [step["run"] for step in steps if "run" in step]
    assert lines
    for path in re.findall(r"(?:^|\s)(\./dev|scripts/[\w.-]+)", "\n".join(lines)):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_nothing_of_a_stranger_gets_into_a_command(workflow: Path) -> None:
    """What is typed in or named by others comes through the environment, where a shell does not execute it."""
    steps = [step for job in yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"].values() for step in job["steps"]]
    assert [step["run"] for step in steps if re.search(r"\$\{\{\s*(inputs|github)\.", step.get("run", ""))] == []


def test_the_tests_run_on_the_oldest_python_and_the_wheels_are_for_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    oldest = project["requires-python"].removeprefix(">=")
    ci = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    wheels = (ROOT / ".github/workflows/wheels.yml").read_text(encoding="utf-8")
    assert oldest == ci["jobs"]["test"]["strategy"]["matrix"]["python"][0]
    assert f"cp{oldest.replace('.', '')}-manylinux" in wheels
