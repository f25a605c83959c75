"""Where a server listens, as it is written."""

from __future__ import annotations

from dataclasses import replace

from ntp_proto.datagram import Address
from ntp_proto.errors import ConfigError
from ntp_proto.server_address import ServerAddress

__all__ = ["listen_address"]


def listen_address(text: str) -> Address:
    """With a port of 0 too, which no address to ask has.

    Raises:
        ConfigError: It is not a numeric address.
    """
    takes_any = text.endswith(":0") and (text.count(":") == 1 or "]" in text)
    try:
        numeric = ServerAddress.parse(text[:-1] + "1" if takes_any else text).numeric()
    except ValueError as error:
        raise ConfigError(f"cannot listen on {text!r}: {error}") from error
    if numeric is None:
        raise ConfigError(f"cannot listen on {text!r}: it takes a numeric address, such as 127.0.0.1:123 or [::1]:123")
    return replace(numeric, port=0) if takes_any else numeric
