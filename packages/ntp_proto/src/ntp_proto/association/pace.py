"""How often a server is asked.

Three parties have a say. The discipline wants an interval, within the configured limits. The server may send RATE, which sets a minimum
of its own. And a silent server is asked ever more rarely (`reachability`).

RATE: "the client MUST immediately reduce its polling interval to that server and continue to reduce it each time it receives a RATE
kiss code" (RFC 5905 §7.4; "reduce" means: ask more rarely). So each one sets the minimum one step above the present interval, beyond the
configured maximum if need be: that limit is our wish for fresh measurements, and the server's refusal outranks it. The end is MAXPOLL,
2^17 s. The minimum comes down again by one step after eight measurements, since the limit at a server may pass; one that still minds
says so again. At eight steps down, the whole way costs fewer requests than the server has just declared too many.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ntp_proto.association.config import AssociationConfig
from ntp_proto.time_types import PollInterval

__all__ = ["Pace"]

_POLL_CAP = PollInterval(17)
_DECAY_AFTER = 8


@dataclass(frozen=True, slots=True)
class Pace:
    """The interval between requests.

    Attributes:
        config: The limits.
        wanted: What the discipline asks for, within the configured limits.
        burst_left: Requests still to be sent at the burst's spacing.
        rate_minimum: The shortest interval that the server bears, or None when it has not complained.
        measured: Measurements since that minimum last changed.

    Source: RFC 5905 §7.4 and §13.
    """

    config: AssociationConfig
    wanted: PollInterval
    burst_left: int
    rate_minimum: PollInterval | None = None
    measured: int = 0

    @classmethod
    def at_start(cls, config: AssociationConfig) -> Pace:
        """The pace of a new association: a burst, then the initial interval."""
        return cls(config, config.poll_initial, config.burst_count)

    @property
    def burst_spacing_s(self) -> float:
        """Until the next request of a burst, s: doubled from the fifth on.

        The first requests find the offset and the path; the frequency needs a long base line, and the same number of requests gives a longer one
        when they thin out until they reach the poll interval.
        """
        sent = self.config.burst_count - self.burst_left
        return self.config.burst_interval_s * 2.0 ** min(max(0, sent - 4), _POLL_CAP.log2)  # limited, since 2.0**1024 would raise

    def interval(self, back_off: int) -> PollInterval:
        """The present interval, outside of a burst.

        Args:
            back_off: Steps by which it is lengthened, up to the configured maximum, because the server is silent.
        """
        base = self.wanted if self.rate_minimum is None else max(self.wanted, self.rate_minimum)
        if not back_off:
            return base
        longest = max(self.config.poll_maximum, base)
        return PollInterval(min(base.log2 + back_off, longest.log2))

    def with_wanted(self, wanted: PollInterval) -> Pace:
        """The discipline asks for another interval."""
        return replace(self, wanted=wanted.clamped(self.config.poll_minimum, self.config.poll_maximum))

    def with_burst(self) -> Pace:
        """A burst begins, unless the server has complained of too many requests."""
        return self if self.rate_minimum is not None else replace(self, burst_left=self.config.burst_count)

    def without_burst(self) -> Pace:
        """A burst, if there is one, ends."""
        return replace(self, burst_left=0) if self.burst_left else self

    def after_request(self) -> Pace:
        """One request of a burst, if there is one, has been sent."""
        return replace(self, burst_left=self.burst_left - 1) if self.burst_left else self

    def after_rate_kiss(self, present: PollInterval) -> Pace:
        """The server wants fewer requests than one in `present`."""
        return replace(self, burst_left=0, rate_minimum=present.longer(_POLL_CAP), measured=0)

    def after_measurement(self) -> Pace:
        """The server bears the present interval."""
        if self.rate_minimum is None:
            return self
        if self.measured + 1 < _DECAY_AFTER:
            return replace(self, measured=self.measured + 1)
        minimum = self.rate_minimum.shorter(self.config.poll_minimum)
        return replace(self, rate_minimum=minimum if minimum > self.config.poll_minimum else None, measured=0)
