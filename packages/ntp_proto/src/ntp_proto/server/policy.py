"""Who is served, and what becomes of those who are not: the configuration of a server as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum

from ntp_proto.identifiers import KissCode
from ntp_proto.server.client_table import ClientLimits
from ntp_proto.server.prefix_table import PrefixTable
from ntp_proto.server.rate_limit import Rate
from ntp_proto.server.verdict import DropReason

__all__ = ["AccessList", "RefusalAction", "ServerPolicy"]


class RefusalAction(Enum):
    """What a refused client hears."""

    IGNORE = "ignore"
    """Nothing."""
    DENY = "deny"
    """A kiss of death: DENY from the lists and the name policy, RATE from the limits."""


@dataclass(frozen=True, slots=True)
class AccessList:
    """Prefixes, and what becomes of the clients that they refuse."""

    prefixes: PrefixTable
    action: RefusalAction = RefusalAction.IGNORE


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerPolicy:
    """How a server judges requests.

    Attributes:
        denylist: Clients that are refused, before anything else is asked; None: nobody.
        allowlist: The only clients that are served; None: everybody.
        name_action: What a client hears whose host name is refused.
        deny_kiss: The kiss of the lists and of the name policy: DENY, RSTR or RATE.
        clients: The limit of each client, and the size of the table.
        global_limit: The limit of all clients together; None: none.
        limit_action: What a client over a limit hears.
        serves_legacy: Whether versions 1 and 2, and symmetric active requests, are answered.
        serves_unsynchronized: Whether requests are answered (leap 3, stratum 16) while the clock is not synchronised; False: silence.
        interleaved_size: Answers remembered for interleaved mode; 0: basic mode only.

    Raises:
        ValueError: `deny_kiss` refuses nobody.
    """

    denylist: AccessList | None = None
    allowlist: AccessList | None = None
    name_action: RefusalAction = RefusalAction.IGNORE
    deny_kiss: KissCode = KissCode.DENY
    clients: ClientLimits = field(default_factory=ClientLimits)
    global_limit: Rate | None = None
    limit_action: RefusalAction = RefusalAction.IGNORE
    serves_legacy: bool = False
    serves_unsynchronized: bool = True
    interleaved_size: int = 16384

    def __post_init__(self) -> None:
        if self.deny_kiss not in (KissCode.DENY, KissCode.RSTR, KissCode.RATE):
            raise ValueError(f"a client is refused by DENY, RSTR or RATE, not by {self.deny_kiss.value}")
        if not 0 <= self.interleaved_size <= 1 << 24:
            raise ValueError(f"interleaved_size is 0 to {1 << 24}, got {self.interleaved_size}")

    def judge_address(self, client: bytes) -> DropReason | None:
        """Whether the lists refuse this packed address: deny first, then allow."""
        if self.denylist is not None and client in self.denylist.prefixes:
            return DropReason.DENYLIST
        if self.allowlist is not None and client not in self.allowlist.prefixes:
            return DropReason.ALLOWLIST
        return None

    def kiss_for(self, reason: DropReason) -> KissCode | None:
        """The kiss that a request refused for this reason is answered with; None: silence."""
        match reason:
            case DropReason.DENYLIST:
                action, kiss = self.denylist.action if self.denylist else RefusalAction.IGNORE, self.deny_kiss
            case DropReason.ALLOWLIST:
                action, kiss = self.allowlist.action if self.allowlist else RefusalAction.IGNORE, self.deny_kiss
            case DropReason.NAME_DENIED:
                action, kiss = self.name_action, self.deny_kiss
            case DropReason.CLIENT_RATE | DropReason.GLOBAL_RATE:
                action, kiss = self.limit_action, KissCode.RATE
            case _:  # what is no request of a client that exists gets no answer, and a hook's refusal is silent
                return None
        return kiss if action is RefusalAction.DENY else None

    def shared_by(self, workers: int) -> ServerPolicy:
        """The policy of one of several workers that serve together: its part of the limit of all clients.

        Each client meets one worker only, so that the limits of the clients stay as they are.

        Args:
            workers: How many, at least 1.
        """
        if self.global_limit is None:
            return self
        share = Rate(self.global_limit.per_s / workers, max(1, self.global_limit.burst // workers))
        return replace(self, global_limit=share)
