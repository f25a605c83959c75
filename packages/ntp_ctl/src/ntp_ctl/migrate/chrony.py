"""From the directives of chrony.conf(5) to a draft. What it does not know, or we cannot do, becomes a note."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from ntp_ctl.migrate.chrony_words import KNOWN, MEANS_NOTHING, NEVER_PLAIN, SOURCE_NOTES, SOURCE_VALUES
from ntp_ctl.migrate.directive import Directive, Options, integer, number
from ntp_ctl.migrate.draft import Draft, Network, Setting, whole_network
from ntp_proto.server_address import ServerAddress

__all__ = ["draft_of_chrony"]

_PPM = 1e-6


def draft_of_chrony(directives: Iterable[Directive]) -> Draft:
    """A draft that does what the directives say, as far as that can be done."""
    chrony = _Chrony()
    for directive in directives:
        chrony.take(directive)
    return chrony.finished()


class _Chrony:
    def __init__(self) -> None:
        self._draft = Draft()
        self._access: dict[Network, bool] = {}
        self._access_given: Directive | None = None
        self._bound: list[ServerAddress] = []
        self._port = 123
        self._local: tuple[int, Directive] | None = None
        self._handlers: dict[str, Callable[[Directive], None]] = {
            "server": self._source,
            "peer": self._source,
            "pool": self._source,
            "makestep": self._makestep,
            "maxchange": self._maxchange,
            "maxslewrate": lambda d: self._number(d, "synchronization.algorithm", "slew-maximum-frequency-offset", _PPM, 1e-12, 0.1),
            "maxclockerror": lambda d: self._number(d, "synchronization.algorithm", "frequency-tolerance", _PPM, 0.0, 0.1),
            "maxdistance": lambda d: self._number(d, "synchronization.algorithm", "maximum-source-distance", 1.0, 1e-9, 1e9),
            "minsources": self._minsources,
            "allow": lambda d: self._allow(d, allowed=True),
            "deny": lambda d: self._allow(d, allowed=False),
            "port": self._serve_port,
            "bindaddress": self._bind,
            "local": self._take_local,
            "ratelimit": self._ratelimit,
        }

    def take(self, directive: Directive) -> None:
        handler = self._handlers.get(directive.name)
        if handler is not None:
            handler(directive)
        elif directive.name in MEANS_NOTHING:
            self._draft.note(directive, MEANS_NOTHING[directive.name])
        elif directive.name in KNOWN:
            self._draft.note(directive, "no equivalent")
        else:
            self._draft.note(directive, "not a directive of chrony; left out")

    def finished(self) -> Draft:
        """After the last directive: what only all of them together say."""
        self._finish_server()
        if self._local is not None:
            stratum, directive = self._local
            if self._draft.sources:
                self._draft.note(directive, "no equivalent while there are sources: without them clients are told so")
            else:
                self._draft.set("clock", "mode", "local", directive)
                self._draft.set("clock", "local-stratum", stratum, directive)
        return self._draft

    def _source(self, directive: Directive) -> None:
        if not directive.words:
            self._draft.note(directive, "left out: it names nobody")
            return
        options, subject = Options(directive.words[1:], SOURCE_VALUES), f"{directive.name} {directive.words[0]}"
        credential = next((word for word in NEVER_PLAIN if word in options.flags or word in options.values), None)
        if credential is not None:
            kind = "NTS" if credential == "nts" else "a symmetric key"
            self._draft.note(directive, f"left out: it is asked with {kind}, which is not supported yet, and it must not be asked without", subject)
            return
        if directive.name == "peer":
            self._draft.note(directive, "followed as a server: there are no symmetric peers; let it follow this one too if it should", subject)
        limits = options.take_integer("minpoll"), options.take_integer("maxpoll")
        port, count = options.take_integer("port"), options.take_integer("maxsources")
        mode = "pool" if directive.name == "pool" else "server"
        address = self._draft.add_source(mode, directive.words[0], port if port is not None and 1 <= port <= 65535 else None, limits, directive)
        if address is not None and mode == "pool" and count is not None:
            self._draft.sources[-1] = replace(self._draft.sources[-1], count=min(16, max(1, count)))
        for rest in options.rest() if address is not None else []:
            text = SOURCE_NOTES.get(rest.split()[0], "no equivalent")
            if text:
                self._draft.note(directive, text, f"{subject}, {rest}")

    def _makestep(self, directive: Directive) -> None:
        threshold, limit = (*map(number, directive.words[:2]), None, None)[:2]
        if threshold is None or limit is None or threshold < 0.0:
            self._draft.note(directive, "left out: it has no threshold and limit")
            return
        self._draft.set("synchronization.algorithm", "step-threshold", threshold, directive)
        self._draft.set("synchronization.algorithm", "step-updates", int(limit) if 0 <= limit <= 1_000_000 else 1_000_000, directive)
        if limit < 0:
            self._draft.note(directive, "steps are allowed in the first 1000000 updates, which is for years, not for ever")

    def _maxchange(self, directive: Directive) -> None:
        limit = number(directive.words[0]) if directive.words else None
        if limit is None or limit < 0.0:
            self._draft.note(directive, "left out: it has no limit")
            return
        self._draft.set("synchronization", "single-step-panic-threshold", limit, directive)
        text = "beyond it the clock is left alone, and the daemon goes on; before the first synchronization startup-step-panic-threshold holds"
        self._draft.note(directive, text)

    def _minsources(self, directive: Directive) -> None:
        count = integer(directive.words[0]) if directive.words else None
        if count is None or not 1 <= count <= 1000:
            self._draft.note(directive, "left out: not a number of sources")
            return
        self._draft.set("synchronization", "minimum-agreeing-sources", count, directive)

    def _number(self, directive: Directive, table: str, key: str, scale: float, minimum: float, maximum: float) -> None:
        value = number(directive.words[0]) if directive.words else None
        if value is None or not minimum <= value * scale <= maximum:
            self._draft.note(directive, f"left out: {key} cannot be {' '.join(directive.words) or 'nothing'}")
            return
        self._draft.set(table, key, value * scale, directive)

    def _allow(self, directive: Directive, *, allowed: bool) -> None:
        words = [word for word in directive.words if word.lower() != "all"]
        networks = [whole_network(4), whole_network(6)] if not words else [_network(words[0])]
        for network in networks:
            if network is None:
                self._draft.note(directive, f"left out: {words[0]} is no network; names are not looked up", f"{directive.name} {words[0]}")
                continue
            if len(words) < len(directive.words):
                self._access = {known: value for known, value in self._access.items() if not _lies_in(known, network)}
            self._access.pop(network, None)
            self._access[network] = allowed
        self._access_given = directive

    def _serve_port(self, directive: Directive) -> None:
        port = integer(directive.words[0]) if directive.words else None
        if port is None or not 0 <= port <= 65535:
            self._draft.note(directive, "left out: not a port")
            return
        self._port = port

    def _bind(self, directive: Directive) -> None:
        try:
            address = ipaddress.ip_address(directive.words[0] if directive.words else "")
        except ValueError:
            self._draft.note(directive, "left out: not a numeric address")
            return
        self._bound.append(ServerAddress(str(address)))

    def _take_local(self, directive: Directive) -> None:
        options = Options(directive.words, frozenset(("stratum", "distance", "activate", "waitsynced", "waitunsynced")))
        stratum = options.take_integer("stratum")
        self._local = (stratum if stratum is not None and 1 <= stratum <= 15 else 10), directive
        for rest in options.rest():
            self._draft.note(directive, "no equivalent", f"local {rest}")

    def _ratelimit(self, directive: Directive) -> None:
        options = Options(directive.words, frozenset(("interval", "burst", "leak", "kod")))
        interval, burst, leak = options.take_integer("interval"), options.take_integer("burst"), options.take_integer("leak")
        interval = 3 if interval is None else min(12, max(-19, interval))
        self._draft.server["rate-limit"] = Setting(2.0**-interval, directive.place)
        self._draft.server["rate-burst"] = Setting(min(255, max(1, 8 if burst is None else burst)), directive.place)
        self._draft.server["rate-limiting-leak"] = Setting(min(4, max(1, 2 if leak is None else leak)), directive.place)
        self._draft.server["rate-limiting-action"] = Setting("deny" if "kod" in options.values else "ignore", directive.place)

    def _finish_server(self) -> None:
        """Chrony serves as soon as anybody is allowed, and the most specific network decides; here every denial outranks every permission."""
        allowed = [network for network, value in self._access.items() if value]
        denied = [network for network, value in self._access.items() if not value]
        if self._access_given is None or not allowed:
            return
        if self._port == 0:
            self._draft.note(self._access_given, "nobody is served: the port is 0")
            return
        for inner in allowed:
            outer = next((network for network in denied if _lies_in(inner, network) and inner != network), None)
            if outer is not None:
                text = f"not served: it lies in {outer}, which is denied, and a denial outranks every permission here"
                self._draft.note(self._access_given, text, f"allow {inner}")
        families = sorted({network.version for network in allowed})
        hosts = self._bound or [ServerAddress("0.0.0.0" if family == 4 else "::") for family in families]  # noqa: S104 - as chrony does
        self._draft.listen = list(dict.fromkeys(ServerAddress(address.host, self._port) for address in hosts))
        everybody = all(whole_network(version) in allowed for version in (4, 6))
        self._draft.allow = None if everybody else allowed
        self._draft.deny = [network for network in denied if any(_lies_in(network, outer) for outer in allowed)]


def _lies_in(inner: Network, outer: Network) -> bool:
    return inner.version == outer.version and inner.network_address in outer and inner.prefixlen >= outer.prefixlen


_PART = re.compile(r"(\d{1,3}(?:\.\d{1,3}){0,3})(?:/(\d{1,2}))?", re.ASCII)


def _network(text: str) -> Network | None:
    """A network as chrony has it: missing bytes at the end of an IPv4 address are part of the host."""
    match = _PART.fullmatch(text)
    if match is not None:
        parts = match[1].split(".")
        text = f"{'.'.join([*(str(int(part)) for part in parts), *['0'] * (4 - len(parts))])}/{match[2] or 8 * len(parts)}"
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
