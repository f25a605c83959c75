"""Words of the command line to values, for argparse: what is wrong is answered with what would be right."""

from __future__ import annotations

import argparse
import math
import re

from ntp_ctl.style import ColorChoice
from ntp_ctl.units import parse_duration
from ntp_proto.server_address import ServerAddress

__all__ = ["address", "color", "count", "duration", "finite_duration", "poll_limits", "positive_duration"]

_POLL_LIMITS = re.compile(r"(-?\d{1,2})\.\.(-?\d{1,2})", re.ASCII)


def duration(text: str) -> float:
    """A length of time, s; it may be infinite."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def finite_duration(text: str) -> float:
    """A length of time that ends, s."""
    value = duration(text)
    if math.isinf(value):
        raise argparse.ArgumentTypeError("must be finite")
    return value


def positive_duration(text: str) -> float:
    """A length of time between two things, s."""
    value = finite_duration(text)
    if value < 0.1:
        raise argparse.ArgumentTypeError("must be at least 100ms")
    return value


def color(text: str) -> ColorChoice:
    """When to use colours."""
    try:
        return ColorChoice(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not one of auto, always, never") from None


def poll_limits(text: str) -> tuple[int, int]:
    """The shortest and the longest poll interval, log2 s: "6..10"."""
    match = _POLL_LIMITS.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not MIN..MAX, such as 6..10: powers of two in seconds")
    minimum, maximum = int(match[1]), int(match[2])
    if minimum > maximum:
        raise argparse.ArgumentTypeError(f"the shortest interval ({minimum}) is above the longest ({maximum})")
    return minimum, maximum


def count(text: str) -> int:
    """How many, at least one."""
    if not re.fullmatch("[1-9][0-9]{0,8}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def address(text: str) -> str:
    """The name or numeric address of a server, with or without a port, in normal form."""
    try:
        return str(ServerAddress.parse(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
