"""Markdown as the manual pages use it, to roff with the macros of man(7).

Headings, paragraphs, entries ("head" and then ":   words"), lists ("- "), tables, blocks that are indented; bold, italic and `code` within a line.
Lines are short and plain ASCII, so that every formatter of manual pages reads them alike.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

__all__ = ["roff"]

_COLUMNS = 3
_INLINE = re.compile(r"(`[^`]+`|\*\*[^*]+\*\*|\*[^*]+\*|\[[^\]]+\]\([^)]+\))")


def roff(text: str, *, name: str, section: int, date: str, manual: str) -> str:
    """The page.

    Args:
        text: In Markdown; its first line is the title.
        name: Of what it describes.
        section: Of the manual.
        date: YYYY-MM-DD.
        manual: The title of the volume.
    """
    body = [line for block in _blocks(text.partition("\n")[2]) for line in _block(block)]
    table = ["'\\\" t"] if ".TS" in body else []
    head = [
        *table,
        '.\\" Made by scripts/make_manual.py; change the page in Markdown beside it.',
        f'.TH "{name.upper()}" "{section}" "{date}" "ntpd-py" "{manual}"',
    ]
    return "\n".join([*head, *_tidy(body)]) + "\n"


def _blocks(text: str) -> list[str]:
    """Parts between blank lines; what is indented behind an entry, or behind a block that is indented, belongs to it."""
    blocks: list[str] = []
    for part in re.split(r"\n\n+", text.strip("\n")):
        if part.startswith("    ") and blocks and ("\n:   " in blocks[-1] or blocks[-1].startswith("    ")):
            blocks[-1] += f"\n\n{part}"
        else:
            blocks.append(part)
    return blocks


def _block(block: str) -> Iterator[str]:
    if block.startswith("### "):
        yield f'.SS "{_inline(block[4:])}"'
    elif block.startswith("## "):
        yield f'.SH "{_inline(block[3:])}"'
    elif block.startswith("    "):
        yield from _example(block)
    elif block.startswith("|"):
        yield from _table(block.splitlines())
    elif block.startswith("- "):
        for item in re.split(r"\n(?=- )", block):
            yield '.IP "\\(bu" 2'
            yield from _filled(item[2:])
    elif "\n:   " in block:
        yield from _entry(block)
    else:
        yield ".PP"
        yield from _filled(block)


def _entry(block: str) -> Iterator[str]:
    head, _, body = block.partition("\n:   ")
    yield ".TP"
    yield from _filled(head)
    first, *more = body.split("\n\n")
    yield from _filled(textwrap.dedent(first.replace("\n    ", "\n")))
    for part in more:
        yield ".IP"
        yield from _filled(textwrap.dedent(part))


def _example(block: str) -> Iterator[str]:
    yield from (".PP", ".RS 4", ".nf")
    for line in textwrap.dedent(block).splitlines():
        yield _guarded(_escaped(line, code=True)) if line else "\\&"
    yield from (".fi", ".RE")


def _table(lines: list[str]) -> Iterator[str]:
    """As a table where it fits a terminal; with more than three columns as a list, its middle columns in brackets behind the first."""
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().removeprefix("|").removesuffix("|"))] for line in lines]
    head, _, *body = rows
    used = [n for n in range(len(head)) if any(row[n] for row in (head, *body))]
    yield from _listed(body, used) if len(used) > _COLUMNS else _tabled(head, body, used)


def _listed(body: list[list[str]], used: list[int]) -> Iterator[str]:
    for row in body:
        yield ".TP"
        middle = "; ".join(row[n] for n in used[1:-1] if row[n])
        yield from _filled(row[used[0]] + f" ({middle})" * bool(middle))
        yield from _filled(row[used[-1]])


def _tabled(head: list[str], body: list[list[str]], used: list[int]) -> Iterator[str]:
    yield from (".PP", ".ad l", ".TS", "tab(|);", " ".join("lb" for _ in used), " ".join(["l"] * (len(used) - 1) + ["lx."]))
    yield "|".join(f"\\&{_inline(head[n])}" for n in used)
    for row in body:
        yield "".join(f"\\&{_inline(row[n])}|" for n in used[:-1]) + "T{"
        yield from _filled(row[used[-1]])
        yield "T}"
    yield from (".TE", ".ad b")


def _filled(text: str) -> Iterator[str]:
    """A paragraph, a sentence on a line of its own, in lines of at most 78 characters."""
    words = " ".join(text.split())
    for sentence in re.split(r"(?<=[a-z0-9)`*][.:?!]) (?=[A-Z*`\"])", words):
        for line in _wrapped(_inline(sentence)):
            yield _guarded(line)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 78, break_long_words=False, break_on_hyphens=False) or [""]


def _inline(text: str) -> str:
    """Bold, italic and code as changes of font."""
    parts = []
    for part in _INLINE.split(text):
        if part.startswith("`"):
            parts.append(f"\\fB{_escaped(part[1:-1], code=True)}\\fR")
        elif part.startswith("**"):
            parts.append(f"\\fB{_escaped(part[2:-2], code=True)}\\fR")
        elif part.startswith("*") and len(part) > 2:
            parts.append(f"\\fI{_escaped(part[1:-1])}\\fR")
        elif part.startswith("[") and "](" in part:
            parts.append(_escaped(part[1:].partition("](")[0]))
        else:
            parts.append(_escaped(part))
    return "".join(parts)


def _escaped(text: str, *, code: bool = False) -> str:
    """What roff would take for itself; a hyphen of something to be typed is a minus, or it could not be copied."""
    text = text.replace("\\|", "|").replace("\\", "\\e").replace('"', "\\(dq")
    if code:
        text = text.replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga").replace("^", "\\(ha").replace("~", "\\(ti")
    return "".join(character if ord(character) < 0x7F else f"\\[u{ord(character):04X}]" for character in text)


def _guarded(line: str) -> str:
    """A line that would be taken for a request."""
    return f"\\&{line}" if line.startswith((".", "'")) else line


def _tidy(lines: list[str]) -> list[str]:
    """Without a paragraph that begins where a section has just begun."""
    return [line for n, line in enumerate(lines) if not (line == ".PP" and n and lines[n - 1].startswith((".SH", ".SS")))]
