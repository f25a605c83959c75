"""A draft as the text of a configuration file: every value with the line that it comes from, every note as a comment."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ntp_ctl.migrate.draft import Draft, Network, Setting, SourceDraft

__all__ = ["render"]

_TABLES = ("synchronization", "synchronization.algorithm", "clock")


def render(draft: Draft, origin: str) -> str:
    """The file.

    Args:
        draft: What it is to say.
        origin: The name of the file that it was made of.
    """
    head = f"# Made by ntp-ctl migrate of {_comment(origin)}."
    blocks = [[head, "# Left out is whatever has its default; `ntp-daemon --print-default-config` shows all keys."]]
    if draft.notes:
        blocks.append(["# Not as it was:", *(f"#   {_comment(str(note))}" for note in draft.notes)])
    if not draft.sources and ("clock", "mode") not in draft.settings:
        blocks.append(["# There are no sources: the daemon needs -p HOST, or a [[source]] here."])
    blocks += [_source(source) for source in draft.sources]
    blocks += [_table(table, draft) for table in _TABLES]
    blocks += [_server(str(address), draft) for address in draft.listen]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _source(source: SourceDraft) -> list[str]:
    lines = [f"[[source]]  # {_comment(source.place)}", f"mode = {_text(source.mode)}", f"address = {_text(_address(source))}"]
    if source.count is not None:
        lines.append(f"count = {source.count}")
    if source.poll is not None:
        lines.append(f"poll-interval-limits = {{ min = {source.poll[0]}, max = {source.poll[1]} }}")
    return lines


def _address(source: SourceDraft) -> str:
    """Without the port that everybody expects."""
    return source.address.host if source.address.port == 123 else str(source.address)


def _table(table: str, draft: Draft) -> list[str]:
    lines = [_line(key, setting) for (name, key), setting in draft.settings.items() if name == table]
    return [f"[{table}]", *lines] if lines else []


def _server(address: str, draft: Draft) -> list[str]:
    lines = ["[[server]]", f"listen = {_text(address)}", *(_line(key, setting) for key, setting in draft.server.items())]
    if draft.allow is not None:
        lines.append(f"allowlist = {{ filter = {_networks(draft.allow)} }}")
    if draft.deny:
        lines.append(f"denylist = {{ filter = {_networks(draft.deny)} }}")
    return lines


def _line(key: str, setting: Setting) -> str:
    value = setting.value
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, str):
        text = _text(value)
    else:
        text = repr(value)
    return f"{key} = {text}  # {_comment(setting.place)}"


def _networks(networks: Iterable[Network]) -> str:
    return "[" + ", ".join(_text(str(network)) for network in networks) + "]"


def _text(text: str) -> str:
    """A string of JSON without characters beyond ASCII is one of TOML."""
    return json.dumps(text)


def _comment(text: str) -> str:
    """TOML forbids control characters in comments, and a line feed would end one."""
    return "".join(character if character.isprintable() else "?" for character in text)
