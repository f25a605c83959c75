"""Every `Source: RFC n §m` in a docstring has a row in docs/rfc-map.md that names tests, and every test named there exists.

A section counts as mapped when it or one that contains it has a row: §7.3 covers §7.3.1.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAP = ROOT / "docs" / "rfc-map.md"
_CITATION = re.compile(r"RFC (\d+)(.*?)(?=RFC \d|$)")
_SECTION = re.compile(r"§([\d.]*\d)")
_ROW = re.compile(r"^\| RFC (\d+) §([\d.]+) \|(.*)\|(.*)\|$", re.MULTILINE)
_TEST = re.compile(r"`([^`:]+\.py)(?:::(\w+))?(?:::(\w+))?`")


def docstrings(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def cited_sections() -> dict[tuple[str, str], Path]:
    """(RFC, section) to the module whose docstring names it as a source."""
    found: dict[tuple[str, str], Path] = {}
    for pattern in ("packages/*/src", "test_servers/src"):
        for root in ROOT.glob(pattern):
            for path in sorted(root.rglob("*.py")):
                for text in docstrings(path):
                    source = text.partition("Source:")[2].partition("\n\n")[0]
                    for rfc, sections in _CITATION.findall(" ".join(source.split())):
                        for section in _SECTION.findall(sections):
                            found.setdefault((rfc, section), path)
    return found


def mapped_sections() -> dict[tuple[str, str], str]:
    """(RFC, section) to the cell with the tests."""
    return {(rfc, section): tests for rfc, section, _, tests in _ROW.findall(MAP.read_text())}


def is_mapped(rfc: str, section: str, mapped: dict[tuple[str, str], str]) -> bool:
    parts = section.split(".")
    return any((rfc, ".".join(parts[:end])) in mapped for end in range(1, len(parts) + 1))


def test_every_cited_section_is_in_the_map() -> None:
    mapped = mapped_sections()
    missing = [
        f"| RFC {rfc} §{section} | what it says | `tests/unit/.../test_{path.stem}.py::test_name` |   <- cited in {path.relative_to(ROOT)}"
        for (rfc, section), path in sorted(cited_sections().items())
        if not is_mapped(rfc, section, mapped)
    ]
    assert not missing, "add these rows to docs/rfc-map.md, each with the test that holds it:\n" + "\n".join(missing)


def test_every_row_names_a_test_that_exists() -> None:
    wrong = []
    for (rfc, section), cell in mapped_sections().items():
        tests = _TEST.findall(cell)
        if not tests:
            wrong.append(f"RFC {rfc} §{section}: no test is named")
        for file, *names in tests:
            path = ROOT / file
            text = path.read_text() if path.is_file() else ""
            lost = [name for name in names if name and not re.search(rf"\b(def|class) {name}\b", text)]
            if not text or lost:
                wrong.append(f"RFC {rfc} §{section}: {file} {'has no ' + ', '.join(lost) if text else 'does not exist'}")
    assert not wrong, "docs/rfc-map.md:\n" + "\n".join(wrong)


def test_rows_are_ordered_and_unique() -> None:
    rows = [(int(rfc), [int(part) for part in section.split(".")]) for rfc, section, _, _ in _ROW.findall(MAP.read_text())]
    assert rows == sorted(rows)
    assert len(rows) == len(mapped_sections())


def test_the_citations_are_found() -> None:
    """The check itself: it reads "§7.3 and §7.4", and it does find what this project certainly cites."""
    assert _SECTION.findall(_CITATION.findall("RFC 5905 §7.3 and §7.4, as updated by RFC 7822 §3.")[0][1]) == ["7.3", "7.4"]
    assert {("5905", "7.3"), ("5905", "7.4"), ("7822", "3")} <= set(cited_sections())
