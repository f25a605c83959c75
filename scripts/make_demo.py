#!/usr/bin/env python3
"""Makes docs/index.html, a page without a server behind it, from a real run of the daemon.

    ./dev python scripts/make_demo.py                    record two minutes on this machine alone, and make the page
    ./dev python scripts/make_demo.py --peer HOST        the same against real servers; the true error is not known then
    ./dev python scripts/make_demo.py --page             make the page from the run that docs/demo-result.json holds
    ./dev python scripts/make_demo.py --check            write nothing; exit status 1 when the page is not that run's

Neither needs root: the daemon keeps a virtual clock.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parent))

from demo.page import render
from demo.record import Result, record

__all__ = ["load", "main"]

DOCS = Path(__file__).parents[1] / "docs"


def load(path: Path) -> Result:
    """A run that was recorded."""
    return msgspec.json.decode(path.read_bytes(), type=Result)


def main(argv: list[str] | None = None) -> int:
    """Record, render, or check."""
    parser = argparse.ArgumentParser(description="Make the demonstration page from a real run.")
    parser.add_argument("--seconds", type=float, default=120.0, help="how long to record (default: 120)")
    parser.add_argument("--peer", action="append", default=[], metavar="HOST[:PORT]", help="follow this server or pool instead of those made up here")
    parser.add_argument("--out", type=Path, default=DOCS, metavar="DIR", help="where index.html and demo-result.json go (default: docs)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--page", action="store_true", help="make the page of the recorded run")
    what.add_argument("--check", action="store_true", help="only say whether it is that")
    arguments = parser.parse_args(argv)
    page, recorded = arguments.out / "index.html", arguments.out / "demo-result.json"
    if not (arguments.page or arguments.check):
        arguments.out.mkdir(parents=True, exist_ok=True)
        result = record(arguments.seconds, arguments.peer, lambda line: print(line, file=sys.stderr))  # noqa: T201
        recorded.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
    text = render(load(recorded))
    if arguments.check:
        return int(page.read_text(encoding="utf-8") != text)
    page.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
