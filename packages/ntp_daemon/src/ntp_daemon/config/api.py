"""The table `[api]`: for ntp-dashboard, which reads the same file. The daemon only checks it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from ntp_daemon.config import keys
from ntp_daemon.config.keys import BrokenRuleError, Key, Rule
from ntp_proto.server_address import ServerAddress

__all__ = ["ApiConfig"]


def _token() -> Rule:
    """A secret: what is wrong with it is told without it."""
    expected = 'printable ASCII characters without spaces, or "" for none'

    def parse(value: object) -> str:
        if not isinstance(value, str) or not all(0x21 <= ord(character) <= 0x7E for character in value):
            raise ValueError(f"must be {expected}")
        return value

    return Rule(expected, parse)


def _listen() -> Rule:
    """An address of this machine, or localhost, with a port."""

    def parse(value: object) -> str:
        text = keys.as_text(value)
        address = ServerAddress.parse(text, default_port=0)
        if address.port == 0 or (address.numeric() is None and address.host != "localhost"):
            raise BrokenRuleError
        return text

    return Rule('a numeric address or localhost, with a port, like "127.0.0.1:8080" or "[::1]:8080"', parse)


def _host_names() -> Rule:
    expected = 'a list of names, like ["ntp.example.com"]'

    def parse(value: object) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise BrokenRuleError
        return tuple(_name(item, expected) for item in value)

    return Rule(expected, parse)


def _name(value: object, expected: str) -> str:
    text = value if isinstance(value, str) else ""
    try:
        if ServerAddress.parse(f"{text}:1").numeric() is None and ":" not in text:
            return text.lower()
    except ValueError:
        pass
    raise ValueError(f"must be {expected}, and {keys.shown(value)} is not one")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiConfig:
    """Where ntp-dashboard listens, and whom it lets in."""

    listen: Annotated[
        str,
        Key("Where ntp-dashboard listens; the daemon itself does not. Beyond this machine only with a token.", _listen()),
    ] = "127.0.0.1:8080"
    auth_token: Annotated[
        str,
        Key(
            "What a client must send (Authorization: Bearer TOKEN). Better in a file of its own, or in the environment variable NTP_API_TOKEN.",
            _token(),
        ),
    ] = field(default="", repr=False)
    auth_token_file: Annotated[str, Key("A file with the token in its first line, in place of auth-token.", keys.path())] = ""
    allow_unauthenticated: Annotated[
        bool, Key("Whether it may listen beyond this machine without a token: everybody can read the state then.", keys.boolean())
    ] = False
    expose_config: Annotated[bool, Key("Whether /v1/config shows the configuration in force, without the token.", keys.boolean())] = False
    metrics_auth: Annotated[bool, Key("Whether /metrics takes the token too.", keys.boolean())] = False
    host_names: Annotated[
        tuple[str, ...],
        Key("By which names, besides addresses and localhost, a browser may call it; those behind a proxy belong here.", _host_names()),
    ] = ()
