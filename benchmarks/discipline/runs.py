"""The file that run.py writes with --json: one simulation on each line. Whatever else a file may hold is one sentence."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_type_hints

from figures import Figures
from scenarios import SCENARIOS

__all__ = ["Run", "RunsError", "read_runs"]


class RunsError(Exception):
    """A file is not what run.py has written; the text names the file and the line and says in one sentence why."""


@dataclass(frozen=True, slots=True)
class Run:
    """One simulation: `figures`, or the `error` that stands in their place."""

    scenario: str
    daemon: str
    seed: int
    attempts: int
    figures: Figures | None
    error: str | None

    def to_json(self) -> str:
        """One line of the file."""
        return json.dumps(asdict(self))


_RUN = {name: kind for name, kind in get_type_hints(Run).items() if name != "figures"}
_FIGURES = get_type_hints(Figures)
_PAIR = tuple[float | None, float | None]


def read_runs(paths: Iterable[Path]) -> list[Run]:
    """All runs of these files.

    Raises:
        RunsError: one of the files cannot be read, is empty, or holds something else.
    """
    return [run for path in paths for run in _read(path)]


def _read(path: Path) -> list[Run]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise RunsError(f"{path}: cannot be read: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError as error:
        raise RunsError(f"{path}: is not UTF-8 text") from error
    if not lines:
        raise RunsError(f"{path}: there is no run in it")
    return [_run(line, f"{path}: line {number}") for number, line in enumerate(lines, start=1)]


def _run(line: str, where: str) -> Run:
    try:
        document: object = json.loads(line)
    except json.JSONDecodeError as error:
        raise RunsError(f"{where}: is not JSON: {error.msg.lower()}") from error
    values = _checked(document, _RUN | {"figures": object}, where, "")
    figures, scenario = values["figures"], values["scenario"]
    if scenario not in SCENARIOS:
        raise RunsError(f"{where}: there is no scenario {scenario!r}")
    if figures is not None:
        inner = _checked(figures, _FIGURES, where, "figures.")
        values = {**values, "figures": Figures(**{name: tuple(value) if isinstance(value, list) else value for name, value in inner.items()})}
    return Run(**values)


def _checked(document: object, kinds: Mapping[str, object], where: str, path: str) -> dict:
    """The same, when it is an object with these names and kinds of values.

    Raises:
        RunsError: it is not.
    """
    problem = None
    if not isinstance(document, dict):
        problem = f"'{path.rstrip('.')}' is not an object" if path else "it is not an object"
    elif missing := [name for name in kinds if name not in document]:
        problem = f"'{path}{missing[0]}' is missing"
    elif unknown := [name for name in document if name not in kinds]:
        problem = f"'{path}{unknown[0]}' is unknown"
    elif wrong := [name for name, kind in kinds.items() if not _is(document[name], kind)]:
        problem = f"'{path}{wrong[0]}' is {json.dumps(document[wrong[0]])[:40]}"
    if problem:
        raise RunsError(f"{where}: is not a run that run.py wrote: {problem}")
    return document


def _is(value: object, kind: object) -> bool:
    if kind == _PAIR:
        return isinstance(value, list) and len(value) == 2 and all(_is(item, float | None) for item in value)
    if isinstance(value, bool):
        return kind is object
    return isinstance(value, (kind | int) if kind in (float, float | None) else kind)
