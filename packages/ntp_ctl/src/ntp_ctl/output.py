"""What commands write beside tables: JSON and metrics, and sentences about themselves."""

from __future__ import annotations

import sys

import msgspec

__all__ = ["say", "write_json", "write_utf8"]


def say(text: str) -> None:
    """A sentence of the program itself, on the standard error."""
    sys.stderr.write(f"ntp-ctl: {text}\n")


def write_utf8(data: bytes) -> None:
    """JSON and metrics are UTF-8 by definition, whatever the terminal's encoding is."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)


def write_json(document: object) -> None:
    """A document of structs, dataclasses, lists and numbers, indented."""
    write_utf8(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")
