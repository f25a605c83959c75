"""What can be asked of a running daemon on its configuration socket, and what it answers.

One request and one reply for each connection. Both are JSON objects; each travels as a frame: its length in 8 bytes, most significant
first, and then so many bytes. The observation document travels in the same frame. `docs/protocol-sockets.md` is the description for other programs.
"""

from __future__ import annotations

import math
from enum import Enum
from typing import Literal

import msgspec

from ntp_proto.server_address import ServerAddress

__all__ = [
    "FRAME_PREFIX_BYTES",
    "MAXIMUM_DOCUMENT_BYTES",
    "MAXIMUM_REQUEST_BYTES",
    "AddSourceRequest",
    "BurstRequest",
    "ConfigRequest",
    "ForceSyncRequest",
    "LogFilter",
    "ReloadRequest",
    "RemoveSourceRequest",
    "Reply",
    "Request",
    "ServiceAction",
    "ServiceRequest",
    "SetOnlineRequest",
    "ShowConfigRequest",
    "decode_reply",
    "decode_request",
    "encode",
    "frame",
    "frame_length",
]

FRAME_PREFIX_BYTES = 8
MAXIMUM_REQUEST_BYTES = 4096
MAXIMUM_DOCUMENT_BYTES = 1 << 20
"""The longest reply and the longest observation document."""

LogFilter = Literal["trace", "debug", "info", "warn", "error"]


class ConfigRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="command", tag="config"):
    """Change settings of the running daemon; they hold until its end, or until a reload finds them changed in the file.

    Attributes:
        log_filter: The least severity that is logged; None: as it is.
        panic_threshold: The largest correction of the clock once it was synchronised, both ways, s, finite and 0 or more; None: as it is.
    """

    log_filter: LogFilter | None = None
    panic_threshold: float | None = None

    def __post_init__(self) -> None:
        threshold = self.panic_threshold
        if threshold is not None and not (math.isfinite(threshold) and threshold >= 0.0):
            raise ValueError(f"panic_threshold must be a finite number of seconds of 0 or more, got {threshold}")
        if threshold is None and self.log_filter is None:
            raise ValueError("config changes nothing: give log_filter or panic_threshold")


class ForceSyncRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="command", tag="force-sync"):
    """Correct the clock now, however large the offset that the sources agree on."""


class ReloadRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="command", tag="reload"):
    """Read the configuration file again, as on SIGHUP. An invalid file changes nothing."""


class AddSourceRequest(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="command", tag="add-source"
):
    """Follow one more server, or pool, until the daemon's end. Its limits are checked as those of a `[[source]]` are.

    Attributes:
        address: Name or numeric address, with or without a port.
        pool: Whether the name stands for many servers.
        count: How many of a pool are used at a time; None: as many as by default.
        poll_minimum: The shortest poll interval, log2 s; None: as `[source-defaults]` has it.
        poll_maximum: The longest.
    """

    address: str
    pool: bool = False
    count: int | None = None
    poll_minimum: int | None = None
    poll_maximum: int | None = None

    def __post_init__(self) -> None:
        ServerAddress.parse(self.address)
        if self.count is not None and not self.pool:
            raise ValueError("count is only for a pool")


class RemoveSourceRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="command", tag="remove-source"):
    """Forget a source, whether it comes from the configuration or was added at run time.

    Attributes:
        address: As it is shown, with or without the port 123.
    """

    address: str

    def __post_init__(self) -> None:
        ServerAddress.parse(self.address)


class SetOnlineRequest(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="command", tag="set-online"
):
    """Do not ask a source while the way to it is closed, or ask it again; what is known of it is kept.

    Attributes:
        online: Whether it is asked from now on.
        address: As it is shown; None: all sources.
    """

    online: bool
    address: str | None = None

    def __post_init__(self) -> None:
        if self.address is not None:
            ServerAddress.parse(self.address)


class BurstRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="command", tag="burst"):
    """Ask a source several times in a row, as at the start.

    Attributes:
        address: As it is shown; None: all sources.
    """

    address: str | None = None

    def __post_init__(self) -> None:
        if self.address is not None:
            ServerAddress.parse(self.address)


class ServiceAction(Enum):
    """What can be done with the serving of clients."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"


class ServiceRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="command", tag="service"):
    """Answer clients, or answer them no more. The clock is disciplined all the same.

    Attributes:
        action: To start what runs and to stop what does not changes nothing, and is accepted.
    """

    action: ServiceAction


class ShowConfigRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="command", tag="show-config"):
    """Tell the configuration in force, as a file that says the same; secrets are "***". It comes in `Reply.text`."""


Request = (
    ConfigRequest
    | ForceSyncRequest
    | ReloadRequest
    | AddSourceRequest
    | RemoveSourceRequest
    | SetOnlineRequest
    | BurstRequest
    | ServiceRequest
    | ShowConfigRequest
)


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to every request.

    Attributes:
        accepted: Whether it was done.
        message: What was done, or why not, in one sentence for people.
        details: More sentences, such as one for each error in a configuration file.
        text: What was asked for, where that is a text.
    """

    accepted: bool
    message: str
    details: tuple[str, ...] = ()
    text: str = ""


def encode(document: Request | Reply) -> bytes:
    """A request or reply as JSON, UTF-8."""
    return msgspec.json.encode(document)


def decode_request(data: bytes) -> Request:
    """Read a request.

    Raises:
        ValueError: it is not one; the text says what is wrong.
    """
    try:
        request: Request = msgspec.json.decode(data, type=Request)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"not a request: {error}") from error
    return request


def decode_reply(data: bytes) -> Reply:
    """Read a reply.

    Raises:
        ValueError: it is not one; the text says what is wrong.
    """
    try:
        return msgspec.json.decode(data, type=Reply)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"not a reply: {error}") from error


def frame(document: bytes) -> bytes:
    """The document with its length before it."""
    return len(document).to_bytes(FRAME_PREFIX_BYTES, "big") + document


def frame_length(prefix: bytes, maximum: int) -> int:
    """How many bytes follow the prefix of a frame.

    Args:
        prefix: Exactly the first `FRAME_PREFIX_BYTES` bytes.
        maximum: The most that the reader accepts, bytes.

    Raises:
        ValueError: the frame is longer than that.
    """
    length = int.from_bytes(prefix, "big")
    if length > maximum:
        raise ValueError(f"a document of {length} bytes; at most {maximum} are allowed")
    return length
