"""The configuration as a reference: every key with its meaning, unit, range and default, and the file of defaults made from it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING

from ntp_daemon.config.keys import Key
from ntp_daemon.config.model import Config, PoolSource
from ntp_daemon.config.read_tables import ModelField, model_fields
from ntp_daemon.config.server import ServerConfig

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["KeyDescription", "describe", "print_default"]

_HEADER = """\
# The configuration of ntp-daemon. Every key is at its default; one behind a # has none, and what holds without it is said.
# Unknown keys are errors. `ntp-daemon --check-config -c FILE` checks a file; SIGHUP or `ntp-ctl reload` makes a running
# daemon read its file again. An invalid file changes nothing.

# One [[source]] table for each server or pool. With three or more independent servers a wrong one is outvoted.
# [[source]]
# mode = "pool"                                        # or "server"
# address = "pool.ntp.org"                             # "host", "host:port", "192.0.2.1", "[2001:db8::1]:123"
# poll-interval-limits = { min = 6, max = 10 }         # log2 s; what is left out comes from [source-defaults]
# initial-poll-interval = 6                            # log2 s, within the limits
# count = 4                                            # pool only: how many of its servers are used at a time
# ignore = ["192.0.2.1", "2001:db8::1"]                # pool only: addresses that are never used
"""
_SERVER_HEADER = """\
# One [[server]] table for each address on which clients are answered; without one the daemon is a client alone. 0.0.0.0
# and [::] are all addresses of this machine, each of its kind. What follows is one such table with its defaults.
# [[server]]
"""


@dataclass(frozen=True, slots=True)
class KeyDescription:
    """One key as it is documented.

    Attributes:
        table: The table it stands in, dotted.
        name: The key; dotted when it stands in a table that is written in one line.
        meaning: What it does.
        expected: What it may be.
        unit: Of the number, "" when it has none.
        default: As it is written in the file, None when there is none.
        when_unset: What holds without the key when it has no default; "" when it must be there.
        example: A value for a key without a default, as it is written in the file.
    """

    table: str
    name: str
    meaning: str
    expected: str
    unit: str
    default: str | None
    when_unset: str
    example: str


def describe() -> tuple[KeyDescription, ...]:
    """Every key of the configuration, in the order of the model, the sources first and the servers last."""
    sections = [section for section in model_fields(Config) if section.table is not None]
    keys = (key for section in sections if section.table for key in _table(section.table, section.key))
    return (*_table(PoolSource, "source"), *keys, *_table(ServerConfig, "server"))


def _table(table: type[DataclassInstance], name: str, prefix: str = "") -> Iterator[KeyDescription]:
    defaults = {item.name: item.default for item in fields(table)}
    for item in sorted(model_fields(table), key=lambda item: item.key == "algorithm"):
        if item.rule is not None:
            yield _key(item, item.rule, defaults[item.name], name, prefix)
        elif item.table is not None and item.key == "algorithm":
            yield from _table(item.table, f"{name}.{item.key}")
        elif item.table is not None:
            yield from _table(item.table, name, f"{item.key}.")


def _key(item: ModelField, key: Key, default: object, table: str, prefix: str) -> KeyDescription:
    written = None if default is MISSING or default is None else key.rule.render(default)
    return KeyDescription(table, prefix + item.key, key.meaning, key.rule.expected, key.unit, written, key.when_unset, key.example)


def print_default() -> str:
    """A TOML file with every key, commented; to read it gives the built-in defaults."""
    lines = [_HEADER.rstrip()]
    for key in describe():
        if key.table in ("source", "server"):  # tables that need not be there: an example in the header, or one that is commented out
            continue
        header = f"[{key.table}]"
        if header not in lines:
            lines += ["", header]
        lines += _with_comment(key, "" if key.default is not None else "# ")
    lines += ["", _SERVER_HEADER.rstrip()]
    for key in _table(ServerConfig, "server"):
        lines += _with_comment(key, "# ")
    return "\n".join(lines) + "\n"


def _with_comment(key: KeyDescription, before: str) -> list[str]:
    value = key.example if key.default is None else key.default
    return [*textwrap.wrap(_comment(key), 118, initial_indent="# ", subsequent_indent="# "), f"{before}{key.name} = {value}"]


def _comment(key: KeyDescription) -> str:
    unit = f" Unit: {key.unit}." if key.unit else ""
    unset = f" Without it: {key.when_unset}." if key.when_unset else ""
    return f"{key.meaning} {key.expected[:1].upper()}{key.expected[1:]}.{unit}{unset}"
