"""The configuration that is being made: what has been found so far, and the notes about what could not be taken over."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from ntp_ctl.migrate.directive import Directive
from ntp_proto.server_address import ServerAddress

__all__ = ["DEFAULT_POLL", "POLL", "Draft", "Network", "Note", "Setting", "SourceDraft", "whole_network"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

POLL = (-6, 17)
"""What a poll interval may be here, log2 s."""
DEFAULT_POLL = (6, 10)


@dataclass(frozen=True, slots=True)
class Note:
    """Something that is not as it was.

    Attributes:
        place: File and line of the directive, "" when it is about none.
        subject: The directive, or the option of it.
        text: What becomes of it, in words that complete "SUBJECT: ...".
    """

    place: str
    subject: str
    text: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.place, self.subject, self.text) if part)


@dataclass(frozen=True, slots=True)
class SourceDraft:
    """A `[[source]]`.

    Attributes:
        mode: "server" or "pool".
        address: Its name or address.
        poll: The shortest and the longest interval, where the file says something else than the defaults.
        count: Of a pool.
        place: Where it comes from.
    """

    mode: str
    address: ServerAddress
    poll: tuple[int, int] | None
    count: int | None
    place: str


@dataclass(frozen=True, slots=True)
class Setting:
    """A key with its value: a number, a text, or True."""

    value: float | int | str | bool
    place: str


@dataclass(slots=True)
class Draft:
    """What there will be in the file.

    Attributes:
        sources: In their order.
        settings: By table and key.
        listen: Addresses to serve on; empty: nobody is served.
        server: Keys of each `[[server]]`.
        allow: Networks to serve; None: all of them.
        deny: Networks not to serve.
        notes: In the order of the directives.
    """

    sources: list[SourceDraft] = field(default_factory=list)
    settings: dict[tuple[str, str], Setting] = field(default_factory=dict)
    listen: list[ServerAddress] = field(default_factory=list)
    server: dict[str, Setting] = field(default_factory=dict)
    allow: list[Network] | None = None
    deny: list[Network] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def note(self, directive: Directive, text: str, subject: str = "") -> None:
        """Say that something could not be taken over as it is; the subject is the directive itself unless it is given."""
        self.notes.append(Note(directive.place, subject or directive.name, text))

    def set(self, table: str, key: str, value: float | str | bool, directive: Directive) -> None:
        """Set a key; a later directive outranks an earlier one."""
        self.settings[table, key] = Setting(value, directive.place)

    def add_source(self, mode: str, host: str, port: int | None, limits: tuple[int | None, int | None], directive: Directive) -> ServerAddress | None:
        """Add a source, unless it cannot be one or is there already, and say so then."""
        try:
            address = ServerAddress.parse(f"[{host}]" if host.count(":") > 1 else host)
            address = ServerAddress(address.host, port or address.port)
        except ValueError as error:
            self.note(directive, f"left out: {error}")
            return None
        if any(source.address == address for source in self.sources):
            self.note(directive, f"left out: {address} is there already, and would vote twice")
            return None
        self.sources.append(SourceDraft(mode, address, self._poll(limits, directive), None, directive.place))
        return address

    def _poll(self, limits: tuple[int | None, int | None], directive: Directive) -> tuple[int, int] | None:
        """One limit without the other moves the default of the other, where they would contradict each other."""
        if limits == (None, None):
            return None
        clamped = [None if limit is None else min(POLL[1], max(POLL[0], limit)) for limit in limits]
        if clamped != list(limits):
            self.note(directive, f"the poll interval is cut to {POLL[0]}..{POLL[1]}")
        minimum = clamped[0] if clamped[0] is not None else min(DEFAULT_POLL[0], clamped[1] if clamped[1] is not None else DEFAULT_POLL[0])
        maximum = clamped[1] if clamped[1] is not None else max(DEFAULT_POLL[1], minimum)
        return min(minimum, maximum), maximum


def whole_network(version: int) -> Network:
    """Every address of IPv4 or IPv6."""
    return ipaddress.ip_network("0.0.0.0/0" if version == 4 else "::/0")
