"""A script for fish: one `complete` for each option, command and value, with the condition under which it is offered."""

from __future__ import annotations

from collections.abc import Sequence

from ntp_ctl.completion.outline import Command, Kind, Option, Value, walk

__all__ = ["fish_script"]

_HEAD = """\
# Completion of ntpd-py for fish, made by: ntp-ctl completion fish
# To use it at once: ntp-ctl completion fish | source

# Whether the commands that were typed are exactly these.
function __ntpd_py_in
    set -l typed
    set -l commands $__ntpd_py_commands
    set -l words (commandline -opc)
    set -e words[1]
    for word in $words
        if contains -- (string join -- ' ' $typed $word) $commands
            set -a typed $word
        end
    end
    set -l path (string join -- ' ' $typed)
    test "$path" = "$argv"
end
"""


def fish_script(programs: Sequence[Command]) -> str:
    """The script for all of these."""
    commands = dict.fromkeys(" ".join(command.path[1:]) for program in programs for command in walk(program) if len(command.path) > 1)
    known = "set -g __ntpd_py_commands " + " ".join(_quote(path) for path in commands)
    lines = [line for program in programs for command in walk(program) for line in _complete(program, command)]
    return "\n".join([_HEAD, known, "", *lines, ""])


def _complete(program: Command, command: Command) -> list[str]:
    path = " ".join(command.path[1:])
    start = f"complete -c {program.name} -n {_quote(f'__ntpd_py_in {path}'.strip())}"
    lines = [f"{start} {_option(option)}" for option in command.options]
    lines += [f"{start} -f -a {_quote(inner.name)} -d {_quote(inner.help)}" for inner in command.commands]
    if command.commands or not command.values:
        return [*lines, f"{start} -f"]
    return [*lines, *(f"{start} {_value(value)}" for value in command.values)]


def _option(option: Option) -> str:
    names = " ".join(_flag(name) for name in option.names)
    value = "" if option.value is None else f" -r {_value(option.value)}"
    return f"{names}{value} -d {_quote(option.help)}"


def _flag(name: str) -> str:
    if name.startswith("--"):
        return f"-l {name[2:]}"
    return f"-s {name[1:]}" if len(name) == 2 else f"-o {name[1:]}"


def _value(value: Value) -> str:
    match value.kind:
        case Kind.WORDS:
            return f"-f -a {_quote(' '.join(value.words))}"
        case Kind.FILE:
            return "-F"
        case Kind.DIRECTORY:
            return "-f -a '(__fish_complete_directories)'"
        case Kind.OTHER:
            return "-f"


def _quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
