"""`ntp-ctl migrate`: from a file of chrony or ntpd to one of ours."""

from __future__ import annotations

import sys
from pathlib import Path

from ntp_ctl.arguments import Arguments
from ntp_ctl.exit_status import DONE, FAILED
from ntp_ctl.migrate.chrony import draft_of_chrony
from ntp_ctl.migrate.directive import Dialect, Reader, read_directives, words
from ntp_ctl.migrate.draft import Draft
from ntp_ctl.migrate.ntp import draft_of_ntp
from ntp_ctl.migrate.toml import render
from ntp_ctl.output import say
from ntp_ctl.style import ColorChoice, Style

__all__ = ["convert", "dialect_of", "migrate"]

_LARGEST = 1 << 20
_CHRONY_ONLY = words("makestep rtcsync maxupdateskew allow deny confdir sourcedir ntsdumpdir cmdport hwtimestamp local leapsectz")
_NTP_ONLY = words("restrict tinker tos fudge statistics filegen statsdir discard disable enable leapfile interface")


class _UnreadableError(Exception):
    """The file cannot be read; the text says why."""


def migrate(arguments: Arguments) -> int:
    """Write our configuration, and say what has no equivalent.

    Returns:
        The exit status.
    """
    assert arguments.file is not None, "the parser demands it"
    style = Style.of(sys.stderr, ColorChoice.NEVER)
    try:
        name, text = _read(arguments.file)
        draft = convert(text, name, _dialect(arguments.format, name, text), _include if arguments.file != Path("-") else None)
        _write(render(draft, name), arguments.output)
    except _UnreadableError as error:
        say(style.text(str(error)))
        return FAILED
    for note in draft.notes:
        sys.stderr.write(f"{style.text(str(note))}\n")
    where = arguments.output or "FILE"
    say(style.text(f"{_count(draft)}; look it through, then: ntp-ctl -c {where} validate" if arguments.output else _count(draft)))
    return DONE


def convert(text: str, name: str, dialect: Dialect, read: Reader | None = None) -> Draft:
    """The draft for the text of a file."""
    directives = read_directives(text, name, dialect, read)
    return draft_of_chrony(directives) if dialect is Dialect.CHRONY else draft_of_ntp(directives)


def dialect_of(name: str, text: str) -> Dialect | None:
    """Whose configuration it is, by its directives, or else by its name; None: nobody can tell."""
    names = [directive.name for directive in read_directives(text, name, Dialect.CHRONY)]
    chrony, ntp = sum(word in _CHRONY_ONLY for word in names), sum(word in _NTP_ONLY for word in names)
    if chrony != ntp:
        return Dialect.CHRONY if chrony > ntp else Dialect.NTP
    base = Path(name).name.lower()
    return Dialect.CHRONY if "chrony" in base else Dialect.NTP if base.startswith("ntp") else None


def _dialect(given: str | None, name: str, text: str) -> Dialect:
    dialect = Dialect(given) if given else dialect_of(name, text)
    if dialect is None:
        raise _UnreadableError(f"{name}: is it a chrony.conf or an ntp.conf? Give --format chrony or --format ntp")
    return dialect


def _count(draft: Draft) -> str:
    counts = ((len(draft.sources), "source"), (len(draft.listen), "server"), (len(draft.notes), "note"))
    return ", ".join(f"{count} {what}{'' if count == 1 else 's'}" for count, what in counts)


def _read(path: Path) -> tuple[str, str]:
    try:
        if path == Path("-"):
            return "standard input", sys.stdin.buffer.read(_LARGEST).decode("utf-8", "replace")
        with path.open("rb") as file:
            return str(path), file.read(_LARGEST).decode("utf-8", "replace")
    except OSError as error:
        raise _UnreadableError(f"{path}: cannot be read: {(error.strerror or str(error)).lower()}") from error


def _write(text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(text)
        return
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise _UnreadableError(f"{output}: cannot be written: {(error.strerror or str(error)).lower()}") from error


def _include(directive: str, argument: str) -> list[tuple[str, str]]:
    """The files that an including directive means; what cannot be read is as if it were empty, with a word about it."""
    path = Path(argument)
    if not path.is_absolute():
        say(f"{directive} {argument}: not read: it is no absolute path")
        return []
    match directive:
        case "confdir" | "sourcedir":
            paths = sorted(path.glob("*.conf" if directive == "confdir" else "*.sources"))
        case _:
            paths = sorted(Path("/").glob(argument.lstrip("/")))
            if not paths:
                say(f"{directive} {argument}: there is no such file")
    included = []
    for found in paths:
        try:
            included.append(_read(found))
        except _UnreadableError as error:
            say(str(error))
    return included
