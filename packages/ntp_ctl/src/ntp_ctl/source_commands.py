"""`ntp-ctl sources add | remove | online | offline | burst`: sources of the running daemon; its file stays as it is."""

from __future__ import annotations

import sys

from ntp_ctl.access import ask
from ntp_ctl.arguments import Arguments
from ntp_ctl.exit_status import WRONG_USAGE
from ntp_proto.control import AddSourceRequest, BurstRequest, RemoveSourceRequest, Request, SetOnlineRequest

__all__ = ["change_sources"]


def change_sources(action: str, arguments: Arguments) -> int:
    """Carry out one of the actions.

    Returns:
        The exit status.
    """
    if arguments.count is not None and not arguments.pool:
        sys.stderr.write("ntp-ctl: sources add: --count is for a --pool\n")
        return WRONG_USAGE
    return ask(arguments, _request(action, arguments))


def _request(action: str, arguments: Arguments) -> Request:
    match action:
        case "online" | "offline":
            return SetOnlineRequest(online=action == "online", address=arguments.address)
        case "burst":
            return BurstRequest(address=arguments.address)
        case "remove":
            return RemoveSourceRequest(address=_given(arguments))
        case _:
            minimum, maximum = arguments.poll or (None, None)
            return AddSourceRequest(address=_given(arguments), pool=arguments.pool, count=arguments.count, poll_minimum=minimum, poll_maximum=maximum)


def _given(arguments: Arguments) -> str:
    assert arguments.address is not None, "the parser demands it"
    return arguments.address
