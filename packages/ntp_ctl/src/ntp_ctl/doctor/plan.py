"""What the configuration file wants, read leniently: whether it is right is the daemon's to judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ntp_proto.server_address import ServerAddress

__all__ = ["Plan", "load_plan"]

DEFAULT_DRIFT_FILE = Path("/var/lib/ntpd-py/drift")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is needed of it here.

    Attributes:
        sources: Whom the daemon is to follow.
        listen: Where it is to answer.
        mode: Which clock.
        drift_file: Where the frequency is kept; None: nowhere.
    """

    sources: tuple[ServerAddress, ...] = ()
    listen: tuple[ServerAddress, ...] = ()
    mode: str = "steer"
    drift_file: Path | None = field(default=DEFAULT_DRIFT_FILE)


def load_plan(file: Path) -> Plan:
    """The plan of a file; what is not there, or cannot be read, is as by default."""
    import tomli  # noqa: PLC0415 - deferred: only the doctor reads all of it

    try:
        document: dict[str, object] = tomli.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Plan()
    drift = _text(_table(document, "synchronization"), "drift-file", str(DEFAULT_DRIFT_FILE))
    return Plan(
        _addresses(document, "source", "address"),
        _addresses(document, "server", "listen"),
        _text(_table(document, "clock"), "mode", "steer"),
        Path(drift) if drift else None,
    )


def _table(document: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = document.get(key, {})
    return value if isinstance(value, dict) else {}


def _text(table: Mapping[str, object], key: str, default: str) -> str:
    value = table.get(key, default)
    return value if isinstance(value, str) else default


def _addresses(document: Mapping[str, object], array: str, key: str) -> tuple[ServerAddress, ...]:
    tables = document.get(array, [])
    found = []
    for table in tables if isinstance(tables, list) else []:
        try:
            found.append(ServerAddress.parse(_text(table if isinstance(table, dict) else {}, key, "")))
        except ValueError:
            continue
    return tuple(found)
