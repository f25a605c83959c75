"""One request to one address, and what comes back: no sockets here, so that every case can be tried.

The daemon asks the same server for months and has states for that (`ntp_proto.association.Association`); here one request is all there is. What is an
answer, and whether it measures anything, is decided by the same two functions.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ntp_proto.association import AssociationConfig, Departure, Measurement, Rejection, Request, identify, judge
from ntp_proto.datagram import Address, Datagram
from ntp_proto.identifiers import KissCode
from ntp_proto.packet import Header, client_request
from ntp_proto.time_types import NtpTimestamp, PollInterval

if TYPE_CHECKING:
    import random

__all__ = ["Answer", "Inquiry"]

_NO_INTERVAL = PollInterval(0)  # we do not poll: the field says nothing
_NOWHERE = "0.0.0.0"  # noqa: S104 — nothing is bound to it


@dataclass(frozen=True, slots=True)
class Answer:
    """The server's answer: what it says, and what that is worth."""

    header: Header
    verdict: Measurement | KissCode | Rejection


class Inquiry:
    """A request that is outstanding.

    Args:
        remote: The server.
        rng: For the nonce; a `random.SystemRandom` but in tests.
        now: The monotonic instant, s.
        timeout_s: A later answer does not count, nor one with a longer round trip, s, above 0.
        version: Of the request, 3 or 4.
    """

    def __init__(self, remote: Address, rng: random.Random, now: float, timeout_s: float, version: int = 4) -> None:
        self._remote = remote
        self._config = AssociationConfig(version=version, response_timeout_s=timeout_s, maximum_delay_s=timeout_s)
        self._request = Request(0, NtpTimestamp(rng.randrange(1, 1 << 64)), now, now + timeout_s)
        self.rejections: Counter[Rejection] = Counter()
        """Datagrams that were not the answer, by reason."""

    @property
    def request(self) -> bytes:
        """What is to be sent."""
        return client_request(self._request.nonce, _NO_INTERVAL, self._config.version).to_bytes()

    def handle_datagram(self, datagram: Datagram, departure: Departure, now: float) -> Answer | None:
        """Take a datagram.

        Args:
            datagram: What arrived.
            departure: When the request left.
            now: The monotonic instant of arrival, s.

        Returns:
            The answer, or None when it is not the answer to the request: then it is counted in `rejections`, and to be forgotten.
        """
        header = identify(datagram, self._remote, self._request, self._config.version, now)
        if isinstance(header, Rejection):
            self.rejections[header] += 1
            return None
        # A server that follows this machine is no source for it, but may well be asked: without our address nobody can tell that it does.
        unnamed = replace(datagram, local=Address(_NOWHERE, datagram.local.port))
        return Answer(header, judge(header, unnamed, replace(self._request, departure=departure), self._config, now))
