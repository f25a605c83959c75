"""The `[[server]]` tables: where the daemon answers, whom, how often, and what it says while it has no time.

Apart from the rest of the model, and loaded only for a configuration that serves. Every limit is off at 0, and 0 is never taken for
"not given".
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated

from ntp_daemon.config import keys, server_keys
from ntp_daemon.config.keys import IpAddress, Key
from ntp_daemon.config.server_keys import IpNetwork
from ntp_proto.server_address import ServerAddress

__all__ = ["Allowlist", "DenyKiss", "Denylist", "DnsPolicyConfig", "FilterAction", "LookupFailure", "RequestLogConfig", "ServerConfig"]

_EVERYBODY = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))


class FilterAction(Enum):
    """What a client gets that is not to be served."""

    IGNORE = "ignore"
    """Nothing."""
    DENY = "deny"
    """A kiss of death, which asks it to stop or to ask more rarely. As long as its request, so nobody is flooded with it."""


class DenyKiss(Enum):
    """The kiss code of a denial.

    Source: RFC 5905 §7.4.
    """

    DENY = "DENY"
    RSTR = "RSTR"
    RATE = "RATE"


class LookupFailure(Enum):
    """What becomes of a client whose name cannot be found out."""

    ALLOW = "allow"
    DENY = "deny"


@dataclass(frozen=True, slots=True, kw_only=True)
class Denylist:
    """Who is not served, whatever else is said."""

    filter: Annotated[tuple[IpNetwork, ...], Key("Who is not served; judged before the allowlist.", server_keys.networks())] = ()
    action: Annotated[FilterAction, Key("What those get: nothing, or a kiss of death.", keys.one_of(FilterAction))] = FilterAction.IGNORE


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowlist:
    """Who is served at all."""

    filter: Annotated[tuple[IpNetwork, ...], Key("Who is served, unless denied; an empty list: nobody.", server_keys.networks())] = _EVERYBODY
    action: Annotated[FilterAction, Key("What all others get: nothing, or a kiss of death.", keys.one_of(FilterAction))] = FilterAction.IGNORE


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsPolicyConfig:
    """Judges clients by the names of their addresses. No request waits for that: one whose client's name is not known yet counts as nameless."""

    deny_suffixes: Annotated[tuple[str, ...], Key("Clients with a name in one of these domains are not served.", server_keys.domains())] = ()
    allow_suffixes: Annotated[
        tuple[str, ...], Key("When not empty: only clients with a name in one of these domains are served.", server_keys.domains())
    ] = ()
    action: Annotated[FilterAction, Key("What those who are not served get.", keys.one_of(FilterAction))] = FilterAction.IGNORE
    on_failure: Annotated[
        LookupFailure, Key("What becomes of clients whose name cannot be found out, or is not known yet.", keys.one_of(LookupFailure))
    ] = LookupFailure.ALLOW
    cache_ttl: Annotated[float, Key("How long a name, or that there is none, is remembered.", keys.number(above=0.0), "s")] = 300.0
    timeout: Annotated[float, Key("How long a name server may take.", keys.number(above=0.0, maximum=60.0), "s")] = 0.4
    nameservers: Annotated[tuple[IpAddress, ...], Key("The name servers to ask, in turn; none: those of the system.", keys.ip_addresses())] = ()

    @property
    def is_on(self) -> bool:
        """Whether anybody is judged by name."""
        return bool(self.deny_suffixes or self.allow_suffixes)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLogConfig:
    """A line for each request, in a file of its own. Lines that cannot be written fast enough are dropped and counted: serving never waits."""

    path: Annotated[str, Key("The file to which a line is written for each request.", keys.path())] = ""
    max_size_mb: Annotated[int, Key("A file of this size is moved away and a new one begun; 0: never.", keys.whole(0, 1_000_000), "MB")] = 100
    backups: Annotated[int, Key("How many files that were moved away are kept; 0: none.", keys.whole(0, 10_000))] = 10
    max_age_days: Annotated[int, Key("Those older than this are removed; 0: they may be of any age.", keys.whole(0, 100_000), "days")] = 30
    compress: Annotated[bool, Key("Whether those are compressed with gzip.", keys.boolean())] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """One address on which the daemon answers clients."""

    listen: Annotated[
        ServerAddress,
        Key("The address of this machine to answer on; without a port it is 123.", server_keys.serve_address(), "", "", '"0.0.0.0:123"'),
    ]
    denylist: Denylist = field(default_factory=Denylist)
    allowlist: Allowlist = field(default_factory=Allowlist)
    deny_kiss_code: Annotated[DenyKiss, Key('The kiss code for those whom action = "deny" turns away.', keys.one_of(DenyKiss))] = DenyKiss.DENY
    rate_limit: Annotated[float, Key("How many requests a second a client may send in the long run; 0: no limit.", server_keys.rate(), "1/s")] = 0.0
    rate_burst: Annotated[int, Key("How many it may send at once after a pause.", keys.whole(1, 1_000_000))] = 8
    rate_limiting_cutoff_ms: Annotated[int, Key("The shortest time between two requests of a client; 0: none.", keys.whole(0, 3_600_000), "ms")] = 0
    rate_limiting_action: Annotated[
        FilterAction, Key("What a client that asks too often gets: nothing, or a kiss of death with the code RATE.", keys.one_of(FilterAction))
    ] = FilterAction.DENY
    rate_limiting_leak: Annotated[
        int,
        Key(
            "One in 2 to the power of this requests beyond the limit is answered all the same, so that nobody who forges a client's address"
            " can silence it; 0: none.",
            keys.whole(0, 32),
            "log2",
        ),
    ] = 2
    rate_limiting_cache_size: Annotated[int, Key("How many clients each worker remembers.", keys.whole(1, 16_777_216))] = 16384
    rate_limiting_ipv4_prefix: Annotated[int, Key("IPv4 addresses that agree in so many bits are one client.", keys.whole(8, 32), "bits")] = 32
    rate_limiting_ipv6_prefix: Annotated[int, Key("IPv6 addresses that agree in so many bits are one client.", keys.whole(16, 128), "bits")] = 64
    global_rate_limit: Annotated[float, Key("How many requests a second all clients may send together; 0: no limit.", server_keys.rate(), "1/s")] = (
        0.0
    )
    global_rate_burst: Annotated[int, Key("How many they may send at once after a pause.", keys.whole(1, 1_000_000))] = 1000
    workers: Annotated[
        int | None,
        Key(
            "How many processes answer on this address; 0: the daemon itself does, in its own loop.",
            keys.whole(0, 256),
            "",
            "one for each core of the machine",
            "2",
        ),
    ] = None
    receive_buffer: Annotated[
        int, Key("How many bytes of requests may wait in the kernel; 0: as the system has it.", keys.whole(0, 1 << 30), "bytes")
    ] = 4_194_304
    send_buffer: Annotated[
        int, Key("How many bytes of answers may wait in the kernel; 0: as the system has it.", keys.whole(0, 1 << 30), "bytes")
    ] = 0
    serve_unsynchronized: Annotated[
        bool, Key("Whether clients are told that there is no time (leap indicator 3), or get no answer until there is one.", keys.boolean())
    ] = True
    interleaved_cache_size: Annotated[
        int, Key("How many answers each worker remembers for clients that use interleaved mode; 0: basic mode only.", keys.whole(0, 16_777_216))
    ] = 16384
    legacy_versions: Annotated[bool, Key("Whether NTP versions 1 and 2 and symmetric requests are answered too.", keys.boolean())] = False
    dns_policy: DnsPolicyConfig = field(default_factory=DnsPolicyConfig)
    request_log: RequestLogConfig = field(default_factory=RequestLogConfig)
