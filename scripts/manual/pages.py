"""A manual page in Markdown, brought up to date: its synopsis and the heads of its entries are the parser's, its words stay.

What is new gets the parser's help for its words; what the parser has no more is removed.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable

from manual.options import command_terms, option_entries, synopsis

__all__ = ["replace_section", "section", "updated"]

_ENTRY = re.compile(r"^(?P<head>\S.*)\n(?P<body>:   .*(?:\n(?:    .*|(?=\n    ))?)*)", re.MULTILINE)


def updated(text: str, parser: argparse.ArgumentParser) -> str:
    """The page as it is to be.

    Args:
        text: The page as it is.
        parser: Of the program that it describes.
    """
    text = replace_section(text, "SYNOPSIS", "\n\n".join(synopsis(parser)))
    text = replace_section(text, "OPTIONS", _options(section(text, "OPTIONS"), parser))
    commands = list(command_terms(parser))
    if commands:
        text = replace_section(text, "COMMANDS", _commands(section(text, "COMMANDS"), commands))
    return text


def section(text: str, name: str) -> str:
    """What stands under a heading of the second level, without blank lines around it."""
    _, heading, rest = text.partition(f"\n## {name}\n")
    if not heading:
        raise ValueError(f"the page has no section {name}")
    return rest.partition("\n## ")[0].strip("\n")


def replace_section(text: str, name: str, body: str) -> str:
    """The text with another body under a heading of the second level."""
    before, heading, rest = text.partition(f"\n## {name}\n")
    _, next_heading, after = rest.partition("\n## ")
    return f"{before}{heading}\n{body}\n{next_heading}{after}"


def _options(body: str, parser: argparse.ArgumentParser) -> str:
    blocks = _blocks(body)
    first = next((n for n, block in enumerate(blocks) if _ENTRY.fullmatch(block)), len(blocks))
    last = max((n for n, block in enumerate(blocks) if _ENTRY.fullmatch(block)), default=first - 1)
    words = {name: match["body"] for block in blocks if (match := _ENTRY.fullmatch(block)) for name in _names(match["head"])}
    entries = []
    for names, head, help_ in option_entries(parser):
        text = next((words[name] for name in sorted(names, key=len, reverse=True) if name in words), None)
        entries.append(f"{head}\n{text or ':   ' + _sentence(help_)}")
    return "\n\n".join([*blocks[:first], *entries, *blocks[last + 1 :]])


def _commands(body: str, commands: list[tuple[str, str, str]]) -> str:
    heads = {name: head for name, head, _ in commands}
    blocks, described = [], set()
    for block in _blocks(body):
        match = _ENTRY.fullmatch(block)
        if match is None or match["head"].startswith("**-"):
            blocks.append(block)
        elif (name := _command(match["head"], heads)) is not None:
            described.add(name)
            blocks.append(f"{heads[name]}\n{match['body']}")
    new = [f"{head}\n:   {_sentence(help_)}" for name, head, help_ in commands if name not in described]
    last = max((n for n, block in enumerate(blocks) if _ENTRY.fullmatch(block) and not block.startswith("**-")), default=-1)
    return "\n\n".join([*blocks[: last + 1], *new, *blocks[last + 1 :]])


def _command(head: str, known: Iterable[str]) -> str | None:
    """Which command an entry is about; the longest name counts: `sources add` before `sources`."""
    words = re.sub(r"[*\[\]]", "", head)
    return next((name for name in sorted(known, key=len, reverse=True) if re.match(rf"{re.escape(name)}(\s|$)", words)), None)


def _names(head: str) -> list[str]:
    return re.findall(r"\*\*(--?[\w-]+)\*\*", head) or re.findall(r"\*([A-Z][A-Z:-]*)\*", head)


def _blocks(body: str) -> list[str]:
    """Entries and paragraphs; a paragraph that is indented belongs to the entry before it."""
    blocks: list[str] = []
    for part in re.split(r"\n\n+", body.strip("\n")):
        if part.startswith("    ") and blocks and _ENTRY.fullmatch(blocks[-1]):
            blocks[-1] += f"\n\n{part}"
        else:
            blocks.append(part)
    return blocks


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return f"{text[:1].upper()}{text[1:]}."
