"""A script for zsh: `_arguments` for each command of each program."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ntp_ctl.completion.outline import Command, Kind, Option, Value, walk

__all__ = ["zsh_script"]


def zsh_script(programs: Sequence[Command]) -> str:
    """The script for all of these: a file `_ntpd-py` in a directory of $fpath, or something to be sourced after compinit."""
    names = " ".join(program.name for program in programs)
    head = [
        f"#compdef {names}",
        "# Completion of ntpd-py for zsh, made by: ntp-ctl completion zsh",
        "# To use it at once, after compinit: source <(ntp-ctl completion zsh)",
        "",
    ]
    functions = [line for program in programs for command in walk(program) for line in _function(command)]
    return "\n".join([*head, *functions, *_dispatch(programs), ""])


def _dispatch(programs: Sequence[Command]) -> list[str]:
    cases = [f"        {program.name}) {_name(program)} ;;" for program in programs]
    names = " ".join(program.name for program in programs)
    return [
        "_ntpd_py() {",
        "    case $service in",
        *cases,
        "    esac",
        "}",
        # As a file of $fpath this text is the body of the function that completes; when it is sourced, it has to say what it is for.
        'if [[ $funcstack[1] == _ntpd-py ]]; then _ntpd_py "$@"; else compdef _ntpd_py ' + names + "; fi",
    ]


def _function(command: Command) -> list[str]:
    specs = [_option(option) for option in command.options]
    if not command.commands:
        specs += [f"{number}:{_escaped(value.name)}:{_action(value)}" for number, value in enumerate(command.values, start=1)]
        return [f"{_name(command)}() {{", "    _arguments -s \\", *_quoted(specs), "}", ""]
    described = [f"{inner.name}:{inner.help}" for inner in command.commands]
    return [
        f"{_name(command)}() {{",
        "    local curcontext=$curcontext state line ret=1",
        "    local -a commands",
        "    commands=(",
        *(f"        {_quote(text)}" for text in described),
        "    )",
        "    _arguments -s -C \\",
        *_quoted([*specs, "1: :->command", "*:: :->rest"]),
        "    case $state in",
        "        command) _describe -t commands command commands ;;",
        "        rest) case $line[1] in",
        *(f"            {inner.name}) {_name(inner)} ;;" for inner in command.commands),
        "        esac ;;",
        "    esac",
        "}",
        "",
    ]


def _quoted(specs: Sequence[str]) -> list[str]:
    lines = [f"        {_quote(spec)} \\" for spec in specs]
    return [*lines[:-1], lines[-1].removesuffix(" \\")] if lines else ["        :"]


def _option(option: Option) -> str:
    """The others of its names cannot follow it, unless it may be repeated."""
    value = "" if option.value is None else f":{_escaped(option.value.name)}:{_action(option.value)}"
    described = f"[{_escaped(option.help, brackets=True)}]{value}"
    if len(option.names) == 1:
        return f"{'*' if option.is_repeatable else ''}{option.names[0]}{described}"
    names = "{" + ",".join(option.names) + "}"
    return f"{'*' if option.is_repeatable else '(' + ' '.join(option.names) + ')'}\0{names}\0{described}"


def _action(value: Value) -> str:
    match value.kind:
        case Kind.WORDS:
            return f"({' '.join(value.words)})"
        case Kind.FILE:
            return "_files"
        case Kind.DIRECTORY:
            return "_files -/"
        case Kind.OTHER:
            return "()"  # nothing; a message would keep zsh from completing an option in its place


def _escaped(text: str, *, brackets: bool = False) -> str:
    """For a part of a spec, which ends at a colon, and a description, which ends at a bracket."""
    return re.sub(r"([\[\]:\\])" if brackets else r"([:\\])", r"\\\1", text)


def _quote(text: str) -> str:
    """In single quotes; a part between NULs stays outside of them, for the shell to expand its braces."""
    parts = text.split("\0")
    return "".join(part if number % 2 else "'" + part.replace("'", "'\\''") + "'" for number, part in enumerate(parts))


def _name(command: Command) -> str:
    return "_" + re.sub("[^a-z0-9]", "_", "__".join(command.path))
