"""What can be set for one association; each field with its meaning, unit, range and default."""

from __future__ import annotations

from dataclasses import dataclass

from ntp_proto.time_types import PollInterval

__all__ = ["AssociationConfig"]

_POLL_MINIMUM = PollInterval(6)
_POLL_MAXIMUM = PollInterval(10)
_POLL_LIMITS = (PollInterval(-6), PollInterval(17))  # 15.6 ms, for tests on a local wire, and MAXPOLL of RFC 5905 §7.2: 36 hours


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationConfig:
    """How one server is asked, and what is believed of its answers.

    Attributes:
        poll_minimum: The shortest interval between requests, 2^-6 to 2^17 s; below 2^4 s for servers of one's own only.
        poll_maximum: The longest interval that we choose, `poll_minimum` to 2^17 s; a server that sends RATE may ask for longer ones.
        poll_initial: The interval until the discipline asks for another, within the two.
        version: Of the requests, 3 or 4.
        burst_count: Requests in the burst at the start and after a gap, 0 or more; 0: no burst.
        burst_interval_s: Between the first of them, s, above 0; doubled from the fifth on, up to the poll interval.
        response_timeout_s: A later answer is not used and the request's socket is closed, s, above 0.
        maximum_delay_s: An answer with a longer round trip is not used, s, above 0.
        maximum_root_distance_s: Nor one with root delay / 2 + root dispersion at or above this, s, above 0.
        poll_randomization: Each interval is multiplied by a random factor within 1 ± this, 0 to 0.5, so that the requests of many clients spread.

    Raises:
        ValueError: A field is outside its range; the message names it.

    Source: poll intervals are those of RFC 5905 §7.2 (MINPOLL, MAXPOLL); maximum_delay_s and the burst follow common practice.
    """

    poll_minimum: PollInterval = _POLL_MINIMUM
    poll_maximum: PollInterval = _POLL_MAXIMUM
    poll_initial: PollInterval = _POLL_MINIMUM
    version: int = 4
    burst_count: int = 8
    burst_interval_s: float = 2.0
    response_timeout_s: float = 4.0
    maximum_delay_s: float = 3.0
    maximum_root_distance_s: float = 3.0
    poll_randomization: float = 0.02

    def __post_init__(self) -> None:
        shortest, longest = _POLL_LIMITS
        if not shortest <= self.poll_minimum <= self.poll_maximum <= longest:
            raise ValueError(
                f"poll_minimum and poll_maximum are ordered exponents from {shortest.log2} to {longest.log2}, "
                f"got {self.poll_minimum.log2} and {self.poll_maximum.log2}"
            )
        if not self.poll_minimum <= self.poll_initial <= self.poll_maximum:
            raise ValueError(f"poll_initial lies from {self.poll_minimum.log2} to {self.poll_maximum.log2}, got {self.poll_initial.log2}")
        if self.version not in (3, 4):
            raise ValueError(f"version is 3 or 4, got {self.version}")
        if self.burst_count < 0:
            raise ValueError(f"burst_count is not negative, got {self.burst_count}")
        for name in ("burst_interval_s", "response_timeout_s", "maximum_delay_s", "maximum_root_distance_s"):
            value: float = getattr(self, name)
            if not 0.0 < value < float("inf"):
                raise ValueError(f"{name} is above 0 and finite, got {value}")
        if not 0.0 <= self.poll_randomization <= 0.5:
            raise ValueError(f"poll_randomization is from 0 to 0.5, got {self.poll_randomization}")
