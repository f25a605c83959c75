"""The keys of the configuration as entries of ntp.toml(5) and as the tables of CONFIGURATION.md."""

from __future__ import annotations

import itertools
import re
import textwrap

from manual.pages import replace_section, section
from ntp_daemon.config.default_file import KeyDescription, describe

__all__ = ["updated_configuration", "updated_page"]

_WIDTH = 150
_HEAD = "| key | meaning | value | unit | default |\n|---|---|---|---|---|"
_REPEATED = ("source", "server")
TABLES = {name: list(keys) for name, keys in itertools.groupby(describe(), key=lambda key: key.table)}


def updated_page(text: str) -> str:
    """ntp.toml(5) with the entries of the model; what stands between the heading of a table and its first entry stays."""
    parts = re.split(r"^### \[+([\w.-]+)\]+$", section(text, "KEYS"), flags=re.MULTILINE)
    written = dict(zip(parts[1::2], parts[2::2], strict=True))
    blocks = [parts[0].strip("\n")] if parts[0].strip() else []
    for table, keys in TABLES.items():
        kept = _before_the_keys(written.get(table, ""), keys)
        blocks += [f"### {_brackets(table)}", *kept, *map(_entry, keys)]
    return replace_section(text, "KEYS", "\n\n".join(blocks))


def updated_configuration(text: str) -> str:
    """CONFIGURATION.md with the tables of the model; the words around them stay."""
    for table, keys in TABLES.items():
        name = f"`{_brackets(table)}`"
        if f"\n## {name}\n" not in text:
            before = list(TABLES)[list(TABLES).index(table) - 1]
            body = section(text, f"`{_brackets(before)}`")
            text = replace_section(text, f"`{_brackets(before)}`", f"{body}\n\n## {name}\n\n{_HEAD}")
        body = section(text, name)
        lines = body.splitlines()
        rows = [n for n, line in enumerate(lines) if line.startswith("|")]
        mode = [line for line in lines if line.startswith("| `mode`")] if table == "source" else []
        new = [*_HEAD.splitlines(), *mode, *map(_row, keys)]
        lines[rows[0] : rows[-1] + 1] = new
        text = replace_section(text, name, "\n".join(lines))
    return text


def _brackets(table: str) -> str:
    return f"[[{table}]]" if table in _REPEATED else f"[{table}]"


def _before_the_keys(body: str, keys: list[KeyDescription]) -> list[str]:
    """The paragraphs and entries of a table that are not of the model."""
    names = {key.name for key in keys}
    blocks = [block for block in re.split(r"\n\n+", body.strip("\n")) if block]
    return [block for block in blocks if not ((head := re.match(r"\*\*([\w.-]+)\*\*\n:   ", block)) and head[1] in names)]


def _entry(key: KeyDescription) -> str:
    unit = f", in {key.unit}" if key.unit else ""
    words = f"{key.meaning} {key.expected[:1].upper()}{key.expected[1:]}{unit}. {_default(key)}"
    wrapped = textwrap.wrap(words, _WIDTH, initial_indent=":   ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
    return "\n".join([f"**{key.name}**", *wrapped])


def _default(key: KeyDescription) -> str:
    if key.default is not None:
        return f"Default: `{key.default}`."
    return f"Without it: {key.when_unset}." if key.when_unset else "Must be given."


def _row(key: KeyDescription) -> str:
    default = f"`{key.default}`" if key.default is not None else f"none: {key.when_unset}" if key.when_unset else "must be given"
    return f"| `{key.name}` | {key.meaning} | {key.expected} | {key.unit} | {default} |"
