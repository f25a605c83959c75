"""From the tables of a parsed TOML document to the model, along the `Key`s of the model's fields. Every fault is noted, not only the first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, TypeVar, get_args, get_origin, get_type_hints

from ntp_daemon.config.keys import Key, shown
from ntp_daemon.config.model import Config, PoolSource, ServerSource, Source
from ntp_daemon.config.toml_lines import KeyPath, line_of
from ntp_proto.errors import ConfigError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from ntp_daemon.config.server import ServerConfig

    Table = TypeVar("Table", bound=DataclassInstance)

__all__ = ["SOURCE_MODES", "Document", "ModelField", "Places", "model_fields", "read_config"]

Item = TypeVar("Item")

SOURCE_MODES: dict[str, type[ServerSource | PoolSource]] = {"server": ServerSource, "pool": PoolSource}
_MODE_EXPECTED = '"server" or "pool"'


@dataclass(slots=True)
class Document:
    """A configuration while it is being read, with what was found wrong so far.

    Attributes:
        file: Its name in error messages, "" for none.
        find_lines: Finds the lines of the keys; called only when there is an error to place.
        errors: What is wrong with it.
    """

    file: str
    find_lines: Callable[[], dict[KeyPath, int]]
    errors: list[ConfigError] = field(default_factory=list)
    _lines: dict[KeyPath, int] | None = None

    def fail(self, path: KeyPath, message: str) -> None:
        """Note an error at a key; a key that is not written in the file counts as part of the table around it."""
        if self._lines is None:
            self._lines = self.find_lines()
        key = ".".join(part for part in path if isinstance(part, str))
        self.errors.append(ConfigError(message, file=self.file or None, line=line_of(self._lines, path), key=key or None))


@dataclass(frozen=True, slots=True)
class ModelField:
    """One field of a table.

    Attributes:
        name: In the model.
        key: In the file.
        rule: Its `Key`, None for a table within the table.
        table: The class of the table within the table, None for a value.
        is_required: Whether it has no default.
    """

    name: str
    key: str
    rule: Key | None
    table: type[DataclassInstance] | None
    is_required: bool


@cache
def model_fields(table: type[DataclassInstance]) -> tuple[ModelField, ...]:
    """The fields of a class of the model that can be written in a file."""
    hints = get_type_hints(table, localns={"ServerConfig": object}, include_extras=True)  # those are read apart from the sections
    described = (_describe(item, hints[item.name]) for item in fields(table))
    return tuple(item for item in described if item.rule is not None or item.table is not None)


def _describe(item: Field[object], hint: object) -> ModelField:
    rule = next((part for part in get_args(hint) if isinstance(part, Key)), None) if get_origin(hint) is Annotated else None
    return ModelField(
        name=item.name,
        key=item.name.replace("_", "-"),
        rule=rule,
        table=hint if isinstance(hint, type) and is_dataclass(hint) else None,
        is_required=item.default is MISSING and item.default_factory is MISSING,
    )


@dataclass(frozen=True, slots=True)
class Places:
    """Where the tables of a configuration that could be read stand in the file.

    Attributes:
        sources: The place of each of its sources among the `[[source]]` tables, from 0.
        servers: The same for the `[[server]]` tables.
    """

    sources: tuple[int, ...]
    servers: tuple[int, ...]


def read_config(root: Mapping[str, object], document: Document) -> tuple[Config, Places]:
    """The configuration that the root table describes, and the places of its tables.

    What is wrong goes to `document`, and the default, or no table, stands in its place, so that the rest can be looked at nevertheless.
    """
    sections = {item.key: item for item in model_fields(Config)}
    sources: dict[int, Source] = {}
    servers: dict[int, ServerConfig] = {}
    values: dict[str, object] = {}
    for key, value in root.items():
        section = sections.get(key)
        if key == "source":
            sources = _read_array(key, value, _read_source, document)
        elif key == "server":
            servers = _read_array(key, value, _read_server, document)
        elif section is None:
            document.fail((key,), _unknown(key, (), ["source", "server", *sections]))
        else:
            values[section.name] = _read_value(section, value, (key,), document)
    intact = {name: value for name, value in values.items() if value is not None}
    # type: each value was read as the type of its field
    config = Config(sources=tuple(sources.values()), servers=tuple(servers.values()), **intact)  # type: ignore[arg-type]
    return config, Places(tuple(sources), tuple(servers))


def _read_array(key: str, value: object, read: Callable[[object, KeyPath, Document], Item | None], document: Document) -> dict[int, Item]:
    """The tables of an array that are right, by their place in it."""
    if not isinstance(value, list):
        document.fail((key,), f"{key}s are written as [[{key}]], in double brackets: one such table for each")
        return {}
    items = ((index, read(item, (key, index), document)) for index, item in enumerate(value))
    return {index: item for index, item in items if item is not None}


def _read_server(value: object, path: KeyPath, document: Document) -> ServerConfig | None:
    from ntp_daemon.config.server import ServerConfig  # noqa: PLC0415 — not every daemon serves

    return _read_table(ServerConfig, value, path, document)


def _read_source(value: object, path: KeyPath, document: Document) -> Source | None:
    if not isinstance(value, dict):
        document.fail(path, f"must be a table, got {shown(value)}")
        return None
    if "mode" not in value:
        document.fail((*path, "mode"), f"is missing; it is {_MODE_EXPECTED}")
        return None
    mode = value["mode"]
    table = SOURCE_MODES.get(mode) if isinstance(mode, str) else None
    if table is None:
        document.fail((*path, "mode"), f"must be {_MODE_EXPECTED}, got {shown(mode)}")
        return None
    return _read_table(table, {key: item for key, item in value.items() if key != "mode"}, path, document)


def _read_table(table: type[Table], value: object, path: KeyPath, document: Document) -> Table | None:
    if not isinstance(value, dict):
        document.fail(path, f"must be a table, got {shown(value)}")
        return None
    errors_before = len(document.errors)
    known = {item.key: item for item in model_fields(table)}
    values: dict[str, object] = {}
    for key, item in value.items():
        if key in known:
            values[known[key].name] = _read_value(known[key], item, (*path, key), document)
        else:
            document.fail((*path, key), _unknown(key, path, known))
    for missing in (item for item in known.values() if item.is_required and item.key not in value):
        document.fail((*path, missing.key), f"is missing; it is {missing.rule.rule.expected}" if missing.rule else "is missing")
    return table(**values) if len(document.errors) == errors_before else None


def _read_value(described: ModelField, value: object, path: KeyPath, document: Document) -> object:
    """The value for the model, or None when it is wrong."""
    if described.table is not None:
        return _read_table(described.table, value, path, document)
    assert described.rule is not None, "a field has a rule or is a table"
    rule = described.rule.rule
    try:
        return rule.parse(value)
    except ValueError as error:
        document.fail(path, str(error) or f"must be {rule.expected}, got {shown(value)}")
        return None


def _unknown(key: str, path: KeyPath, known: Iterable[str]) -> str:
    """What to say of a key that does not exist here."""
    place = next((place for place, names in _all_keys() if key in names), None)
    if path[:1] == ("source",) and key in ("count", "ignore"):
        return 'is only for sources with mode = "pool"'
    if place is not None:
        return f"does not belong here but in {place}"
    import difflib  # noqa: PLC0415 — only an error needs it

    close = difflib.get_close_matches(key.lower().replace("_", "-"), known, n=1, cutoff=0.5)
    return f"unknown key; did you mean {close[0]}?" if close else f"unknown key; there are {', '.join(sorted(known))}"


def _all_keys() -> Iterable[tuple[str, set[str]]]:
    """Every table but the sources, with its keys, for those who wrote a key into the wrong one."""
    from ntp_daemon.config.server import ServerConfig  # noqa: PLC0415 — only an error needs it

    for section in model_fields(Config):
        assert section.table is not None, "the configuration consists of tables"
        parts = model_fields(section.table)
        yield f"[{section.key}]", {part.key for part in parts}
        yield from ((f"[{section.key}.{part.key}]", {item.key for item in model_fields(part.table)}) for part in parts if part.table is not None)
    yield "[[server]]", {part.key for part in model_fields(ServerConfig)}
