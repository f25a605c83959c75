#!/usr/bin/env python3
"""Brings docs/man, the tables of CONFIGURATION.md and the figures of README.md up to date with the programs and with what was measured.

    ./dev python scripts/make_manual.py            write what is stale, and name it
    ./dev python scripts/make_manual.py --check    only name it; exit status 1 when there is any

The pages are written by hand in Markdown, but for their synopsis, the heads of their entries, and the keys of ntp.toml(5). From each page
a file for man(1) is made beside it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from manual.figures import updated_readme
from manual.keys import updated_configuration, updated_page
from manual.pages import updated
from manual.programs import PROGRAMS
from manual.roff import roff

__all__ = ["main", "wanted"]

ROOT = Path(__file__).parents[1]
MAN = ROOT / "docs" / "man"
DATE = "2026-11-20"
"""Of the pages; changed with a release, so that making them again changes nothing."""
_VOLUMES = {1: "User Commands", 5: "File Formats", 8: "System Administration"}


def wanted() -> Iterator[tuple[Path, str]]:
    """Every file that is made, and what is to be in it."""
    configuration = ROOT / "CONFIGURATION.md"
    yield configuration, updated_configuration(configuration.read_text(encoding="utf-8"))
    readme, accuracy = ROOT / "README.md", ROOT / "docs" / "accuracy.md"
    yield readme, updated_readme(readme.read_text(encoding="utf-8"), accuracy.read_text(encoding="utf-8"))
    pages = [(program.name, program.section, program.parser()) for program in PROGRAMS]
    for name, number, parser in (*pages, ("ntp.toml", 5, None)):
        source = MAN / f"{name}.{number}.md"
        text = source.read_text(encoding="utf-8")
        text = updated_page(text) if parser is None else updated(text, parser)
        yield source, text
        yield MAN / f"{name}.{number}", roff(text, name=name, section=number, date=DATE, manual=_VOLUMES[number])


def main(argv: list[str] | None = None) -> int:
    """Write, or check."""
    parser = argparse.ArgumentParser(description="Bring the manual up to date with the programs.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 when something is stale")
    is_check = parser.parse_args(argv).check
    stale = [(path, text) for path, text in wanted() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path, text in stale:
        print(path.relative_to(ROOT))  # noqa: T201
        if not is_check:
            path.write_text(text, encoding="utf-8")
    return int(is_check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
