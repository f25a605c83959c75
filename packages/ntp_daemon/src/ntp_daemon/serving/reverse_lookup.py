"""Asks name servers for the names of an address: the only module that imports dnspython, which is 30 ms and 4 MiB.

Source: RFC 1035 §3.5, RFC 3596 §2.5.
"""

from __future__ import annotations

import ipaddress
import threading

import dns.exception
import dns.nameserver

# dnspython loads these when it first meets one in an answer, which a process in another root directory could not
import dns.rdtypes.ANY.CNAME
import dns.rdtypes.ANY.OPT
import dns.rdtypes.ANY.PTR
import dns.rdtypes.ANY.SOA
import dns.rdtypes.IN
import dns.resolver

__all__ = ["ReverseLookup"]


class ReverseLookup:
    """Blocks until the PTR records of an address are known. Threads may share one.

    Args:
        nameservers: Numeric, with a port where it is not 53; asked in turn. None: those of /etc/resolv.conf.
        timeout_s: For one look-up, over all name servers, s.

    Raises:
        ValueError: A name server is no numeric address, or the system has none.
    """

    def __init__(self, nameservers: tuple[str, ...], timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._turn = 0
        self._lock = threading.Lock()
        self._servers = [dns.nameserver.Do53Nameserver(*_place(text)) for text in nameservers]
        try:
            self._system = None if self._servers else dns.resolver.Resolver()
        except dns.resolver.NoResolverConfiguration as error:
            raise ValueError(f"the system has no name servers: {error}") from error

    def __call__(self, host: str) -> tuple[str, ...]:
        """The names; none when the name servers say that there are none.

        Raises:
            OSError: No answer, or none that makes sense.
        """
        try:
            answer = self._resolver().resolve_address(host, lifetime=self._timeout_s)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return ()
        except dns.exception.DNSException as error:
            raise OSError(str(error)) from error
        return tuple(_text(record.target.labels) for record in answer)

    def _resolver(self) -> dns.resolver.Resolver:
        """With the next name server first. Each look-up has its own: several may be under way."""
        if self._system is not None:
            return self._system
        with self._lock:
            self._turn = first = (self._turn + 1) % len(self._servers)
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = self._servers[first:] + self._servers[:first]
        resolver.timeout = self._timeout_s / len(self._servers)
        return resolver


def _place(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or (":" in host and not host.startswith("[")):
        host, port = text, "53"
    return str(ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))), int(port)


def _text(labels: tuple[bytes, ...]) -> str:
    """A name whose dots are all between labels: a label may hold one, and must not pass for two."""
    return ".".join(label.decode("ascii", "backslashreplace").replace(".", "\\056") for label in labels if label)
