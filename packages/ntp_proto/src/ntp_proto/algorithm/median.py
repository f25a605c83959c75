"""The median of the servers with the shortest round trips: a clock without memory, for those who want to check it by hand.

Each server counts with its newest measurement. A long round trip is a doubtful one, so only the shortest few count; of their offsets the
middle one is taken, so that a minority of wrong clocks does not matter however wrong they are. Nothing is weighed, nothing is remembered.

Not done: estimating the frequency, or the paths. The filter does both, and is the better clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ntp_proto.association.measurement import Measurement
from ntp_proto.time_types import NtpDuration

__all__ = ["MEDIAN_OF", "MedianChoice", "select_median"]

MEDIAN_OF = 5
"""How many servers count at most."""


@dataclass(frozen=True, slots=True)
class MedianChoice:
    """The result.

    Attributes:
        offset: What the clock is behind by.
        nearest: The source with the shortest round trip, whose stratum and error bounds are passed on.
        counted: The sources that counted, by round trip.
    """

    offset: NtpDuration
    nearest: int
    counted: tuple[int, ...]


def select_median(measurements: Iterable[tuple[int, Measurement]], limit: NtpDuration | None) -> MedianChoice | None:
    """The median of the `MEDIAN_OF` measurements with the shortest round trips; of an even number the upper one.

    Args:
        measurements: The newest of each source that can be used.
        limit: A measurement that is further off, either way, does not count; None: no limit.

    Returns:
        The choice, or None when nothing is left to choose from.
    """
    within = [(source, measured) for source, measured in measurements if limit is None or abs(measured.offset) <= limit]
    nearest = sorted(within, key=lambda item: (item[1].delay, item[0]))[:MEDIAN_OF]
    if not nearest:
        return None
    offsets = sorted(measured.offset for _, measured in nearest)
    return MedianChoice(offsets[len(offsets) // 2], nearest[0][0], tuple(source for source, _ in nearest))
