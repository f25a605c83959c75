"""A configuration as a file that says the same, without what is secret."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ntp_daemon.config.keys import as_toml
from ntp_daemon.config.model import Config, PoolSource, ServerSource, Source
from ntp_daemon.config.read_tables import model_fields

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["MASK", "show"]

MASK = "***"
_SECRETS = frozenset(("auth-token",))


def show(config: Config) -> str:
    """Every key at its value; what has none is left out, as is what would say nothing.

    Args:
        config: As it is in force, with what came from options.
    """
    tables = [f'[[source]]\nmode = "{_mode(source)}"\n{_table(source)}' for source in config.sources]
    for section in model_fields(Config):
        if section.table is not None:
            table = getattr(config, section.name)
            tables.append(f"[{section.key}]\n{_table(table)}")
    tables += [f"[[server]]\n{_table(server)}" for server in config.servers]
    return "\n".join(tables)


def _mode(source: Source) -> str:
    return "server" if isinstance(source, ServerSource) else "pool"


def _table(table: DataclassInstance) -> str:
    return "".join(f"{key} = {value}\n" for key, value in _lines(table, ""))


def _lines(table: DataclassInstance, prefix: str) -> Iterator[tuple[str, str]]:
    # A source from the command line is of a class of its own, whose keys are those of a pool.
    described = model_fields(PoolSource if prefix == "" and hasattr(table, "count") else type(table))
    for item in described:
        value = getattr(table, item.name, None)
        if value is None:
            continue
        if item.table is not None:
            yield from _lines(value, f"{prefix}{item.key}.")
        elif item.rule is not None:
            secret = item.key in _SECRETS and value
            yield prefix + item.key, as_toml(MASK) if secret else item.rule.rule.render(value)
