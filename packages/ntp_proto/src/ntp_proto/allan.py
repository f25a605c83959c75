"""The Allan deviation: how much a clock's rate changes from one averaging time to the next."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["allan_deviation", "octaves"]


def allan_deviation(time_errors_s: Sequence[float], spacing: int, interval_s: float = 1.0) -> float:
    """The overlapping Allan deviation, s/s.

    Args:
        time_errors_s: A clock's error at equal intervals, s.
        spacing: The averaging time in intervals; at most a third of the samples makes sense.
        interval_s: Between two samples, s.

    Raises:
        ValueError: there are not enough samples.

    Source: Riley, "Handbook of Frequency Stability Analysis", NIST SP 1065 (2008), §5.2.4.
    """
    count = len(time_errors_s) - 2 * spacing
    if spacing < 1 or count < 1:
        raise ValueError(f"an averaging time of {spacing} intervals needs more than {2 * max(1, spacing)} samples, got {len(time_errors_s)}")
    triples = zip(time_errors_s, time_errors_s[spacing:], time_errors_s[2 * spacing :], strict=False)  # as many as the shortest has
    total = math.fsum((after - 2.0 * middle + before) ** 2 for before, middle, after in triples)
    return math.sqrt(total / (2.0 * count)) / (spacing * interval_s)


def octaves(samples: int) -> list[int]:
    """Averaging times, in intervals, each twice the one before, up to a quarter of the samples."""
    spacings: list[int] = []
    spacing = 1
    while 4 * spacing <= samples:
        spacings.append(spacing)
        spacing *= 2
    return spacings
