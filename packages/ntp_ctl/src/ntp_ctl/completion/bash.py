"""A script for bash: one function for each program, which walks along the words to the command that is meant, and offers what may follow."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from ntp_ctl.completion.outline import Command, Kind, Value, walk

__all__ = ["bash_script"]

_HEAD = """\
# Completion of ntpd-py for bash, made by: ntp-ctl completion bash
# To use it at once: source <(ntp-ctl completion bash)

# What starts with $1 of: words (w), files (f), directories (d) or nothing known (o), into COMPREPLY.
_ntpd_py_offer() {
    case $2 in
        w) mapfile -t COMPREPLY < <(compgen -W "$3" -- "$1") ;;
        f) compopt -o filenames 2>/dev/null || :; mapfile -t COMPREPLY < <(compgen -f -- "$1") ;;
        d) compopt -o filenames 2>/dev/null || :; mapfile -t COMPREPLY < <(compgen -d -- "$1") ;;
    esac
}
"""


def bash_script(programs: Sequence[Command]) -> str:
    """The script for all of these."""
    return "\n".join([_HEAD, *(_program(program) for program in programs)])


def _program(program: Command) -> str:
    """The words before the one at hand are taken one by one: an option with a value takes the next, a command goes into itself."""
    function = f"_{re.sub('[^a-z0-9]', '_', program.name)}"
    lines = [
        f"{function}() {{",
        "    local cur=${COMP_WORDS[COMP_CWORD]} path= word i takes= position=0",
        "    COMPREPLY=()",
        "    for ((i = 1; i < COMP_CWORD; i++)); do",
        "        word=${COMP_WORDS[i]}",
        '        if [[ -n $takes && $word == "=" ]]; then continue; fi',  # bash makes three words of --option=value
        "        if [[ -n $takes ]]; then takes=; continue; fi",
        '        case "$path $word" in',
        *_steps(program),
        "            *' -'*) ;;",
        "            *) position=$((position + 1)) ;;",
        "        esac",
        "    done",
        '    if [[ $cur == "=" ]]; then cur=; fi',
        '    if [[ -n $takes ]]; then _ntpd_py_offer "$cur" "${takes%%:*}" "${takes#*:}"; return; fi',
        "    case $path in",
        *(line for command in walk(program) for line in _offers(command)),
        "    esac",
        "}",
        f"complete -F {function} {program.name}",
        "",
    ]
    return "\n".join(lines)


def _steps(program: Command) -> list[str]:
    """What each word does that stands in a command: begins another one, or announces a value."""
    steps = []
    for command in walk(program):
        path = _path(command)
        steps += [f"            {shlex.quote(f'{path} {inner.name}')}) path={shlex.quote(_path(inner))}; position=0 ;;" for inner in command.commands]
        for option in command.options:
            if option.value is not None:
                patterns = "|".join(shlex.quote(f"{path} {name}") for name in option.names)
                steps.append(f"            {patterns}) takes={shlex.quote(_code(option.value))} ;;")
    return steps


def _offers(command: Command) -> list[str]:
    options = " ".join(name for option in command.options for name in option.names)
    lines = [
        f"        {shlex.quote(_path(command))})",
        f'            if [[ $cur == -* ]]; then _ntpd_py_offer "$cur" w {shlex.quote(options)}; return; fi',
    ]
    if command.commands:
        lines.append(f'            _ntpd_py_offer "$cur" w {shlex.quote(" ".join(inner.name for inner in command.commands))} ;;')
        return lines
    if not command.values:
        return [*lines, "            ;;"]
    lines.append("            case $position in")
    for number, value in enumerate(command.values):
        kind, _, words = _code(value).partition(":")
        lines.append(f'                {number}) _ntpd_py_offer "$cur" {kind} {shlex.quote(words)} ;;')
    return [*lines, "            esac ;;"]


def _path(command: Command) -> str:
    """Without the name of the program."""
    return " ".join(command.path[1:])


def _code(value: Value) -> str:
    """For `takes`: the kind, and the words."""
    letter = {Kind.WORDS: "w", Kind.FILE: "f", Kind.DIRECTORY: "d", Kind.OTHER: "o"}[value.kind]
    return f"{letter}:{' '.join(value.words)}"
