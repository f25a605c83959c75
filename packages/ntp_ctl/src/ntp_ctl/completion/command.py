"""`ntp-ctl completion`: the script for a shell, on the standard output."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from ntp_ctl.arguments import Arguments
from ntp_ctl.completion.bash import bash_script
from ntp_ctl.completion.fish import fish_script
from ntp_ctl.completion.outline import Command
from ntp_ctl.completion.programs import PROGRAMS, load
from ntp_ctl.completion.zsh import zsh_script
from ntp_ctl.exit_status import DONE, WRONG_USAGE
from ntp_ctl.output import say

__all__ = ["completion"]

_SCRIPTS: dict[str, Callable[[Sequence[Command]], str]] = {"bash": bash_script, "zsh": zsh_script, "fish": fish_script}


def completion(arguments: Arguments) -> int:
    """Write the script; a program whose extra is not installed is passed over, unless it was asked for.

    Returns:
        The exit status.
    """
    unknown = [name for name in arguments.program or () if name not in PROGRAMS]
    if unknown:
        say(f"completion: there is no program {unknown[0]}; there are {', '.join(PROGRAMS)}")
        return WRONG_USAGE
    programs = []
    for name in arguments.program or PROGRAMS:
        try:
            programs.append(load(name))
        except ImportError as error:
            if arguments.program:
                say(f"completion: {name} cannot be loaded: {error}")
                return WRONG_USAGE
    sys.stdout.write(_SCRIPTS[arguments.shell](programs))
    return DONE
