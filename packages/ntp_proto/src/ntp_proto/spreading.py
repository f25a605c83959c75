"""Spreading the requests to several servers over time.

Servers that are asked at the same moments tell the same thing several times and then nothing for long. Asked in turn, they watch the clock n times as
closely for the same number of packets, and a surprise is seen n times as soon. So each time a request is planned it is moved a little towards the
middle of the gap between the requests to other servers around it; after a few rounds they are evenly spread.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["shift_s"]

_LARGEST_PART = 0.125
"""The largest move, as a part of the interval: the interval itself must stay what it is said to be."""


def shift_s(due_at: float, interval_s: float, others_due_at: Iterable[float]) -> float:
    """How much later a request should be sent than planned, s; negative: earlier.

    Args:
        due_at: When it is planned, monotonic s.
        interval_s: Between requests to this server, s.
        others_due_at: When the next requests to other servers are planned.

    Returns:
        At most an eighth of the interval either way; 0.0 when there are no others.
    """
    ahead_s = [(other - due_at) % interval_s for other in others_due_at]
    if not ahead_s:
        return 0.0
    next_s, last_s = min(ahead_s), interval_s - max(ahead_s)
    limit_s = _LARGEST_PART * interval_s
    return max(-limit_s, min(limit_s, 0.5 * (next_s - last_s)))
