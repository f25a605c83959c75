"""From the directives of ntp.conf(5), of ntpd and of NTPsec, to a draft. What it does not know, or we cannot do, becomes a note."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ntp_ctl.migrate.directive import Directive, Options
from ntp_ctl.migrate.draft import Draft, Network, Setting, whole_network
from ntp_ctl.migrate.ntp_words import KNOWN, MEANS_NOTHING, NEVER_PLAIN, QUERIES, REFUSING, SOURCE_NOTES, SOURCE_VALUES
from ntp_proto.server_address import ServerAddress

__all__ = ["draft_of_ntp"]


@dataclass(frozen=True, slots=True)
class _Rule:
    network: Network
    serves: bool
    directive: Directive


def draft_of_ntp(directives: Iterable[Directive]) -> Draft:
    """A draft that does what the directives say, as far as that can be done."""
    ntp = _Ntp()
    for directive in directives:
        ntp.take(directive)
    return ntp.finished()


class _Ntp:
    def __init__(self) -> None:
        self._draft = Draft()
        self._rules: list[_Rule] = []
        self._limited: Directive | None = None
        self._discard: dict[str, int] = {}
        self._listen: list[ServerAddress] = []
        self._stays_silent = False
        self._local: Directive | None = None
        self._local_stratum = 5
        self._handlers: dict[str, Callable[[Directive], None]] = {
            "server": self._source,
            "peer": self._source,
            "pool": self._source,
            "driftfile": self._drift_file,
            "tinker": self._tinker,
            "tos": self._tos,
            "restrict": self._restrict,
            "discard": self._take_discard,
            "limit": self._take_discard,
            "interface": self._interface,
            "nic": self._interface,
            "fudge": self._fudge,
            "enable": lambda directive: self._switch(directive, enabled=True),
            "disable": lambda directive: self._switch(directive, enabled=False),
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
            self._draft.note(directive, "not a directive of ntpd; left out")

    def finished(self) -> Draft:
        """After the last directive: what only all of them together say."""
        if self._local is not None:
            if self._draft.sources:
                self._draft.note(self._local, "no equivalent while there are sources: without them clients are told so", "the local clock")
            else:
                self._draft.set("clock", "mode", "local", self._local)
                self._draft.set("clock", "local-stratum", self._local_stratum, self._local)
        self._finish_server()
        return self._draft

    def _source(self, directive: Directive) -> None:
        words = [word for word in directive.words if word not in ("-4", "-6")]
        if not words:
            self._draft.note(directive, "left out: it names nobody")
            return
        host, subject = words[0], f"{directive.name} {words[0]}"
        if host.startswith("127.127."):
            self._refclock(host, directive)
            return
        options = Options(tuple(words[1:]), SOURCE_VALUES)
        credential = next((word for word in NEVER_PLAIN if word in options.flags or word in options.values), None)
        if credential is not None:
            kind = "a symmetric key" if credential == "key" else credential.upper() if credential == "nts" else "Autokey"
            self._draft.note(directive, f"left out: it is asked with {kind}, which is not supported, and it must not be asked without", subject)
            return
        if directive.name == "peer":
            self._draft.note(directive, "followed as a server: there are no symmetric peers; let it follow this one too if it should", subject)
        if len(words) < len(directive.words):
            self._draft.note(directive, "-4 and -6 have no equivalent: give a numeric address", subject)
        limits = options.take_integer("minpoll"), options.take_integer("maxpoll")
        address = self._draft.add_source("pool" if directive.name == "pool" else "server", host, None, limits, directive)
        for rest in options.rest() if address is not None else []:
            text = SOURCE_NOTES.get(rest.split()[0], "no equivalent")
            if text:
                self._draft.note(directive, text, f"{subject}, {rest}")

    def _refclock(self, host: str, directive: Directive) -> None:
        if host.startswith("127.127.1."):
            self._local = directive
        else:
            self._draft.note(directive, "left out: reference clocks are not supported yet", f"{directive.name} {host}")

    def _fudge(self, directive: Directive) -> None:
        options = Options(directive.words[1:], frozenset(("stratum", "refid", "time1", "time2")))
        stratum = options.take_integer("stratum")
        if directive.words and directive.words[0].startswith("127.127.1."):
            self._local_stratum = min(15, max(1, stratum if stratum is not None else 5))
        else:
            self._draft.note(directive, MEANS_NOTHING["fudge"])

    def _drift_file(self, directive: Directive) -> None:
        old = " ".join(directive.words)
        text = "the format is ours, the place is not: to begin with its frequency, copy it to /var/lib/ntpd-py/drift"
        self._draft.note(directive, text, f"driftfile {old}".strip())

    def _tinker(self, directive: Directive) -> None:
        options = Options(
            directive.words,
            frozenset(["allan", "codec", "dispersion", "freq", "huffpuff", "panic", "step", "stepback", "stepfwd", "stepout", "tick"]),
        )
        panic, step = options.take_number("panic"), options.take_number("step")
        if panic is not None and panic >= 0.0:
            self._draft.set("synchronization", "single-step-panic-threshold", panic or "inf", directive)
            self._draft.note(directive, "beyond it the clock is left alone, and the daemon goes on", "tinker panic")
        if step is not None and step >= 0.0:
            if step == 0.0:
                self._draft.set("synchronization.algorithm", "step-updates", 0, directive)
            else:
                self._draft.set("synchronization.algorithm", "step-threshold", step, directive)
                self._draft.note(directive, "the clock is stepped in the first updates only, and slewed afterwards; see step-updates", "tinker step")
        for rest in options.rest():
            self._draft.note(directive, "no equivalent", f"tinker {rest}")

    def _tos(self, directive: Directive) -> None:
        names = [
            "bcpollbstep",
            "beacon",
            "ceiling",
            "cohort",
            "floor",
            "maxclock",
            "maxdist",
            "minclock",
            "mindist",
            "minsane",
            "orphan",
            "orphanwait",
            "basedate",
            "minstepout",
        ]
        options = Options(directive.words, frozenset(names))
        sane, distance_s = options.take_integer("minsane"), options.take_number("maxdist")
        if sane is not None and 1 <= sane <= 1000:
            self._draft.set("synchronization", "minimum-agreeing-sources", sane, directive)
        if distance_s is not None and 0.0 < distance_s < 1e9:
            self._draft.set("synchronization.algorithm", "maximum-source-distance", distance_s, directive)
        for rest in options.rest():
            self._draft.note(
                directive,
                "no equivalent: `count` of a pool says how many are used" if rest.startswith("maxclock") else "no equivalent",
                f"tos {rest}",
            )

    def _restrict(self, directive: Directive) -> None:
        words = [word for word in directive.words if word not in ("-4", "-6")]
        families = [version for version, flag in ((4, "-4"), (6, "-6")) if flag in directive.words] or [4, 6]
        if not words:
            self._draft.note(directive, "left out: it names nobody")
            return
        subject = words.pop(0)
        mask = words.pop(1) if len(words) >= 2 and words[0].lower() == "mask" else None
        flags = [word.lower() for word in words if word.lower() != "mask"]
        if subject.lower() == "source":
            return  # what servers may do to us beside answering: nothing
        networks = [whole_network(version) for version in families] if subject.lower() == "default" else _networks(subject, mask)
        if not networks:
            self._draft.note(directive, f"left out: {subject} is no numeric address; names are not looked up")
            return
        self._rules += [_Rule(network, not REFUSING.intersection(flags), directive) for network in networks]
        if "limited" in flags and not REFUSING.intersection(flags):
            self._limited = directive
            self._discard.setdefault("kod", int("kod" in flags))
        for flag in flags:
            if flag not in QUERIES | REFUSING | {"limited"}:
                self._draft.note(directive, "no equivalent", f"restrict {subject} {flag}")

    def _take_discard(self, directive: Directive) -> None:
        options = Options(directive.words, frozenset(("average", "minimum", "monitor", "burst", "kod")))
        for name in ("average", "minimum"):
            value = options.take_integer(name)
            if value is not None:
                self._discard[name] = value
        for rest in options.rest():
            self._draft.note(directive, "no equivalent", f"{directive.name} {rest}")

    def _interface(self, directive: Directive) -> None:
        action, which = (*directive.words, "", "")[:2]
        if action == "listen":
            try:
                address = ipaddress.ip_address(which)
            except ValueError:
                self._draft.note(directive, "no equivalent: give the numeric addresses of the interface", f"{directive.name} listen {which}".strip())
            else:
                self._listen.append(ServerAddress(str(address)))
        elif action in ("ignore", "drop") and which in ("all", "wildcard", "ipv4", "ipv6"):
            self._stays_silent = self._stays_silent or which == "all"
        else:
            self._draft.note(
                directive, "no equivalent: `listen` in [[server]] says where clients are answered", f"{directive.name} {action} {which}".strip()
            )

    def _switch(self, directive: Directive, *, enabled: bool) -> None:
        for word in directive.words:
            usual = {"ntp": True, "kernel": True, "monitor": True, "auth": True, "stats": True}.get(word.lower())
            if word.lower() == "ntp" and not enabled:
                self._draft.set("clock", "mode", "virtual", directive)
            elif usual is not enabled:
                self._draft.note(directive, "no equivalent", f"{directive.name} {word}")

    def _finish_server(self) -> None:
        """Ntpd answers everybody who is not refused; the most specific rule decides, here every denial outranks every permission."""
        rules = {rule.network: rule for rule in self._rules}
        served = [network for version in (4, 6) for network in [whole_network(version)] if network not in rules or rules[network].serves]
        allowed = served + [rule.network for rule in rules.values() if rule.serves and not any(_lies_in(rule.network, whole) for whole in served)]
        denied = [rule.network for rule in rules.values() if not rule.serves and rule.network.prefixlen > 0]
        local = [network for network in allowed if not network.is_loopback]
        if not local or (self._stays_silent and not self._listen):
            return  # only this machine could ask, and it has the clock itself
        for rule in rules.values():
            outer = next((network for network in denied if rule.serves and _lies_in(rule.network, network) and rule.network != network), None)
            if outer is not None:
                text = f"not served: it lies in {outer}, which is denied, and a denial outranks every permission here"
                self._draft.note(rule.directive, text, f"restrict {rule.network}")
        self._draft.listen = list(dict.fromkeys(self._listen)) or [ServerAddress("0.0.0.0"), ServerAddress("::")]  # noqa: S104 - as ntpd does
        self._draft.allow = None if len(served) == 2 else allowed
        self._draft.deny = denied
        self._limit_rates()

    def _limit_rates(self) -> None:
        """Ntpd's `average` is the least mean interval, log2 s, and `minimum` the least of all, s; RFC 5905 has 3 and 2."""
        if self._limited is None:
            return
        place = self._limited.place
        average, minimum = min(12, max(-10, self._discard.get("average", 3))), min(3600, max(0, self._discard.get("minimum", 2)))
        self._draft.server["rate-limit"] = Setting(2.0**-average, place)
        self._draft.server["rate-limiting-cutoff-ms"] = Setting(1000 * minimum, place)
        self._draft.server["rate-limiting-action"] = Setting("deny" if self._discard.get("kod") else "ignore", place)


def _lies_in(inner: Network, outer: Network) -> bool:
    return inner.version == outer.version and inner.network_address in outer and inner.prefixlen >= outer.prefixlen


def _networks(address: str, mask: str | None) -> list[Network]:
    try:
        host = ipaddress.ip_address(address)
        if mask is None:
            return [ipaddress.ip_network(str(host))]
        bits = int(ipaddress.ip_address(mask))
    except ValueError:
        return []
    width = host.max_prefixlen
    length = bits.bit_count()
    is_mask = bits == ((1 << length) - 1) << (width - length)
    return [ipaddress.ip_network(f"{host}/{length}", strict=False)] if is_mask and length <= width else []
