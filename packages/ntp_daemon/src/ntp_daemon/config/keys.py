"""What a configuration value may be: the rule that reads it, and the words that describe it.

Each field of the model carries one `Key`. The reader of the file, the file of defaults and CONFIGURATION.md all work from it, so that
what is documented is what is checked.
"""

from __future__ import annotations

import contextlib
import ipaddress
import math
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from ntp_proto.algorithm.config import StepThreshold
from ntp_proto.identifiers import ReferenceId
from ntp_proto.server_address import ServerAddress

__all__ = [
    "BrokenRuleError",
    "IpAddress",
    "Key",
    "Rule",
    "as_number",
    "as_text",
    "as_toml",
    "boolean",
    "duration",
    "ip_addresses",
    "listen_address",
    "number",
    "one_of",
    "path",
    "permissions",
    "reference_id",
    "server_address",
    "shown",
    "socket_path",
    "threshold",
    "whole",
]

_MAXIMUM_SOCKET_PATH = 107  # unix(7): sun_path has 108 bytes, the last of them 0

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def as_toml(value: object) -> str:
    """A value as it is written in a TOML file."""
    match value:
        case Enum():
            text = as_toml(value.value)
        case str():
            text = f'"{"".join(map(_escaped, value))}"'
        case bool():
            text = "true" if value else "false"
        case float() if math.isinf(value):
            text = '"inf"'
        case StepThreshold(forward=forward, backward=backward) if forward == backward:
            text = as_toml(forward)
        case StepThreshold(forward=forward, backward=backward):
            text = f"{{ forward = {as_toml(forward)}, backward = {as_toml(backward)} }}"
        case ServerAddress():
            text = as_toml(str(value))
        case tuple():
            text = "[" + ", ".join(as_toml(str(item)) for item in value) + "]"
        case _:
            text = str(value)
    return text


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def shown(value: object) -> str:
    """A value as it is quoted in an error message: as in the file, but short and on one line."""
    match value:
        case dict():
            return "a table"
        case list():
            return "a list"
        case _:
            text = as_toml(value)
    return text if len(text) <= 64 else text[:61] + "..."


class BrokenRuleError(ValueError):
    """The value is not what `Rule.expected` says; there is nothing to add."""


class Rule(NamedTuple):
    """What a value may be.

    Attributes:
        expected: Completes the sentence "must be …".
        parse: From the value in the file to the value in the model. Raises `ValueError` for a value that breaks the rule, with the reason as
            its text when there is more to say than `expected`.
        render: The value as it is written in the file.
    """

    expected: str
    parse: Callable[[object], object]
    render: Callable[[object], str] = as_toml


class Key(NamedTuple):
    """One key of the configuration file.

    Attributes:
        meaning: What it does, in a sentence or two.
        rule: What it may be.
        unit: Of the number, "" when it has none.
        when_unset: What holds while the key is absent, for keys without a default of their own.
        example: A value for those keys, as in the file.
    """

    meaning: str
    rule: Rule
    unit: str = ""
    when_unset: str = ""
    example: str = ""


def _range(minimum: float, maximum: float) -> str:
    return f"from {minimum} to {maximum}" if math.isfinite(maximum) else f"of {minimum} or more"


def _integer(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise BrokenRuleError


def as_number(value: object) -> float:
    """A whole number or one with a fraction.

    Raises:
        BrokenRuleError: It is neither.
    """
    if isinstance(value, float):
        return value
    whole_number = _integer(value)
    return float(whole_number) if abs(whole_number) < 1 << 1000 else math.nan  # a float cannot hold more; no limit is as high


def as_text(value: object) -> str:
    """A text.

    Raises:
        BrokenRuleError: It is none.
    """
    if isinstance(value, str):
        return value
    raise BrokenRuleError


def boolean() -> Rule:
    """True or false."""

    def parse(value: object) -> bool:
        if isinstance(value, bool):
            return value
        raise BrokenRuleError

    return Rule("true or false", parse)


def whole(minimum: int, maximum: float = math.inf) -> Rule:
    """A whole number within the limits, both included."""

    def parse(value: object) -> int:
        result = _integer(value)
        if not minimum <= result <= maximum:
            raise BrokenRuleError
        return result

    return Rule(f"a whole number {_range(minimum, maximum)}", parse)


def number(*, above: float | None = None, maximum: float = math.inf) -> Rule:
    """A finite number of at least zero, or above `above`, and at most `maximum`."""

    def parse(value: object) -> float:
        result = as_number(value)
        if not (math.isfinite(result) and (result >= 0.0 if above is None else result > above) and result <= maximum):
            raise BrokenRuleError
        return result

    limits = _range(0, maximum) if above is None else f"above {above:g}" + (f" and at most {maximum:g}" if math.isfinite(maximum) else "")
    return Rule(f"a number {limits}", parse)


def duration() -> Rule:
    """A length of time above zero: seconds, or a text with a unit."""

    def parse(value: object) -> float:
        if not isinstance(value, str):
            seconds = as_number(value)
            if not (math.isfinite(seconds) and seconds > 0.0):
                raise BrokenRuleError
            return seconds
        for unit, scale in _DURATION_UNITS:
            number = value.removesuffix(unit).strip()
            if value.endswith(unit) and number.replace(".", "", 1).isdecimal() and float(number) > 0.0:
                return float(number) * scale
        raise BrokenRuleError

    return Rule('a length of time above 0: seconds, or a text like "100us", "1ms" or "2 s"', parse)


_DURATION_UNITS = (("ns", 1e-9), ("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("s", 1.0))
"""The shorter endings last: every one of them ends in s."""


def one_of(choices: type[Enum]) -> Rule:
    """One of the values of an enumeration of strings."""
    by_name: dict[str, Enum] = {choice.value: choice for choice in choices}
    names = [as_toml(name) for name in by_name]

    def parse(value: object) -> Enum:
        choice = by_name.get(as_text(value))
        if choice is None:
            raise BrokenRuleError
        return choice

    return Rule(f"{', '.join(names[:-1])} or {names[-1]}", parse)


def _path(value: object) -> str:
    text = as_text(value)
    if "\0" in text or (text and not text.startswith("/")):
        raise BrokenRuleError
    return text


def path() -> Rule:
    """An absolute path, or nothing."""
    return Rule('an absolute path, or "" for none', _path)


def socket_path() -> Rule:
    """An absolute path that fits the kernel's address of a Unix socket, or nothing."""

    def parse(value: object) -> str:
        text = _path(value)
        if len(text.encode()) > _MAXIMUM_SOCKET_PATH:
            raise ValueError(f"is too long for a socket: {len(text.encode())} bytes, at most {_MAXIMUM_SOCKET_PATH} are possible")
        return text

    return Rule('an absolute path, or "" for none', parse)


def permissions() -> Rule:
    """The permissions of a file, written in octal."""
    expected = "octal permissions from 0o000 to 0o777"

    def parse(value: object) -> int:
        result = _integer(value)
        if 0 <= result <= 0o777 and result not in _FORGOTTEN_PREFIX:
            return result
        if result in _FORGOTTEN_PREFIX:
            raise ValueError(f"must be {expected}, got {result}; did you mean 0o{result}?")
        raise BrokenRuleError

    return Rule(expected, parse, lambda value: f"0o{value:03o}")


# Everybody writes 660 for 0o660 once. As decimal numbers these would be valid, and strange: 0o1224, 0o1232, …
_FORGOTTEN_PREFIX = (600, 644, 660, 664, 666, 700, 750, 755, 770, 775, 777)


def server_address() -> Rule:
    """A server: a name or a numeric address, with or without a port."""
    return Rule(
        'the address of a server: "host", "host:port", "192.0.2.1", "2001:db8::1" or "[2001:db8::1]:123"',
        lambda value: ServerAddress.parse(as_text(value)),
    )


def listen_address() -> Rule:
    """An address of this machine with a port."""

    def parse(value: object) -> str:
        address = ServerAddress.parse(as_text(value), default_port=0)
        if address.port == 0 or address.numeric() is None:
            raise BrokenRuleError
        return str(address)

    return Rule('a numeric address with a port, like "127.0.0.1:9975" or "[::1]:9975"', parse)


def reference_id() -> Rule:
    """A reference id as it is sent: letters, or an IPv4 address."""

    def parse(value: object) -> ReferenceId:
        text = as_text(value)
        try:
            return ReferenceId(int(ipaddress.IPv4Address(text)))
        except ValueError:
            return ReferenceId.from_ascii(text)

    return Rule('1 to 4 letters, like "LOCL", or an IPv4 address', parse, lambda value: as_toml(_reference_text(value)))


def _reference_text(value: object) -> str:
    assert isinstance(value, ReferenceId), "the rule reads nothing else"
    return value.to_text(1)


def ip_addresses() -> Rule:
    """A list of numeric addresses without ports."""

    def parse(value: object) -> tuple[IpAddress, ...]:
        if not isinstance(value, list):
            raise BrokenRuleError
        return tuple(_ip_address(item) for item in value)

    return Rule('a list of IP addresses without ports, like ["192.0.2.1", "2001:db8::1"]', parse)


def _ip_address(value: object) -> IpAddress:
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            return ipaddress.ip_address(value)
    raise ValueError(f"must be a list of IP addresses without ports, and {shown(value)} is not one")


def threshold() -> Rule:
    """A limit for setting the clock: one for both directions, or one for each."""

    def parse(value: object) -> StepThreshold:
        if not isinstance(value, dict):
            limit = _limit(value)
            return StepThreshold(limit, limit)
        unknown = sorted(str(key) for key in value if key not in ("forward", "backward"))
        if unknown:
            raise ValueError(f"has no key {shown(unknown[0])}; there are forward and backward")
        return StepThreshold(_limit(value.get("forward", "inf")), _limit(value.get("backward", "inf")))

    return Rule('a number of seconds of 0 or more, "inf", or a table of those, like {forward="inf",backward=60}', parse)


def _limit(value: object) -> float:
    limit = math.inf if value == "inf" else as_number(value)
    if not limit >= 0.0:  # a NaN is not
        raise BrokenRuleError
    return limit
