"""An option parser in the words of a manual page: its synopsis, and the head of the entry of each option and command.

Markdown as in docs/man: bold is to be typed as it stands, italic is to be replaced.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator

__all__ = ["Entry", "command_terms", "option_entries", "synopsis"]

Entry = tuple[frozenset[str], str, str]
"""The names by which an option is found in a page, the head of its entry, and its help."""

_ENDING = ("help", "version")
_WIDTH = 160
_FEW = 8
"""So many commands have a line each in the synopsis."""


def synopsis(parser: argparse.ArgumentParser) -> list[str]:
    """The paragraphs of the synopsis: how the program is run, and how it is asked about itself."""
    groups = [group._group_actions for group in parser._mutually_exclusive_groups]  # noqa: SLF001 -- argparse shows them nowhere else
    ending = next((group for group in groups if any(action.dest in _ENDING for action in group)), [])
    asked = [*(action for action in ending if action.dest not in _ENDING), *_plain(parser, _ENDING, keep=True)]
    words = _nested([_in_brackets(group) for group in _usual(parser, groups, ending)])
    commands = [head for name, head, _ in command_terms(parser) if " " not in name]
    if commands and len(commands) <= _FEW:
        runs = [f"**{parser.prog}** {' '.join([*words[:-1], head])}" for head in commands]
    else:
        runs = [" ".join([f"**{parser.prog}**", *words])]
    asking = f"**{parser.prog}** " + " | ".join(f"**{_shown(action)}**{_value(action)}" for action in asked)
    return [_wrapped(line) for line in (*runs, asking)]


def option_entries(parser: argparse.ArgumentParser) -> Iterator[Entry]:
    """The options of the program itself, in the order of the parser; version and help last."""
    usual = [action for action in parser._actions if action.dest not in _ENDING and not _is_command(action)]  # noqa: SLF001
    for action in [*usual, *_plain(parser, _ENDING, keep=True)]:
        if action.option_strings:
            between = ", " if _is_letter_and_word(action) else f"{_value(action)}, "
            head = between.join(f"**{name}**" for name in action.option_strings) + _value(action)
        else:
            head = _positional(action).strip("[]").removesuffix("...")
        yield frozenset(action.option_strings or [str(action.metavar or action.dest)]), head, action.help or ""


def command_terms(parser: argparse.ArgumentParser, before: str = "") -> Iterator[tuple[str, str, str]]:
    """Each command: its name, the head of its entry, its help; commands of commands after their own."""
    for action in parser._actions:  # noqa: SLF001
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 -- it has no public name
            helps = {choice.dest: choice.help or "" for choice in action._choices_actions}  # noqa: SLF001
            for name, command in action.choices.items():
                common = {(one.dest, tuple(one.option_strings)) for one in parser._actions}  # noqa: SLF001
                actions = [one for one in command._actions if (one.dest, tuple(one.option_strings)) not in common]  # noqa: SLF001
                positional = [_positional(one) for one in actions if not one.option_strings and not _is_command(one)]
                options = [_in_brackets([one], every=True) for one in actions if one.option_strings]
                yield before + name, " ".join([f"**{before}{name}**", *positional, *options]), helps.get(name, "")
                yield from command_terms(command, f"{before}{name} ")


def _usual(parser: argparse.ArgumentParser, groups: list[list[argparse.Action]], ending: list[argparse.Action]) -> Iterator[list[argparse.Action]]:
    """What may be given together, options before the rest, those that exclude each other as one."""
    seen: set[int] = {id(action) for action in ending}
    actions = _plain(parser, _ENDING, keep=False)
    for action in sorted(actions, key=lambda one: (not one.option_strings, _is_command(one))):
        if id(action) not in seen:
            group = next((group for group in groups if action in group), [action])
            seen |= {id(one) for one in group}
            yield group


def _plain(parser: argparse.ArgumentParser, names: tuple[str, ...], *, keep: bool) -> list[argparse.Action]:
    chosen = [action for action in parser._actions if (action.dest in names) == keep]  # noqa: SLF001
    return sorted(chosen, key=lambda action: names[::-1].index(action.dest)) if keep else chosen


def _in_brackets(group: list[argparse.Action], *, every: bool = False) -> str:
    first = group[0]
    if _is_command(first):
        return "*COMMAND* [*OPTION*...]"
    if not first.option_strings:
        return _positional(first)
    words = [f"**{name}**{_value(one)}" for one in group for name in one.option_strings if every or name == _shown(one)]
    repeated = "..." if isinstance(first, argparse._AppendAction) else ""  # noqa: SLF001
    return f"[{' | '.join(words)}]{repeated}"


def _nested(words: list[str]) -> list[str]:
    """What may be left out only together with all that follows it: [HOST [PORT]] for [HOST] [PORT]."""
    count = next((n for n, word in enumerate(reversed(words)) if not re.fullmatch(r"\[\*[^*]+\*\]", word)), len(words))
    if count < 2:
        return words
    last = words[-count:]
    return [*words[:-count], " ".join(word.removesuffix("]") for word in last) + "]" * count]


def _shown(action: argparse.Action) -> str:
    return action.option_strings[0]


def _is_letter_and_word(action: argparse.Action) -> bool:
    """-c, --config, whose value is shown once; -listen and --listen show theirs each."""
    return min(map(len, action.option_strings)) == 2


def _value(action: argparse.Action) -> str:
    if action.nargs == 0 or not action.option_strings:
        return ""
    return " " + _replaced(_metavar(action))


def _positional(action: argparse.Action) -> str:
    name = _replaced(_metavar(action))
    match action.nargs:
        case "?":
            return f"[{name}]"
        case "*":
            return f"[{name}...]"
        case "+":
            return f"{name}..."
        case _:
            return name


def _metavar(action: argparse.Action) -> str:
    if isinstance(action.metavar, str):
        return action.metavar
    if action.choices is not None:
        return "|".join(map(str, action.choices))
    return action.dest.upper()


def _replaced(metavar: str) -> str:
    """Words in capitals, and ranges, are to be replaced; words in small letters are what may be typed."""
    if metavar != metavar.upper() or "|" in metavar:
        return re.sub(r"[\w-]+", lambda word: f"**{word[0]}**", metavar)
    if re.fullmatch(r"\d+-\d+", metavar):
        return "*NUMBER*"
    return re.sub(r"[A-Z][A-Z:=.]*[A-Z]|[A-Z]+", lambda word: f"*{word[0]}*", metavar)


def _is_command(action: argparse.Action) -> bool:
    return isinstance(action, argparse._SubParsersAction)  # noqa: SLF001


def _wrapped(text: str) -> str:
    """Broken between what stands in brackets, never within."""
    lines = [""]
    for part in re.findall(r"\[[^\[\]]*(?:\[[^\[\]]*\][^\[\]]*)*\](?:\.\.\.)?|\S+", text):
        if lines[-1] and len(lines[-1]) + 1 + len(part) > _WIDTH:
            lines.append("")
        lines[-1] += f" {part}" if lines[-1] else part
    return "\n".join(lines)
