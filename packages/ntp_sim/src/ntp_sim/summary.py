"""Several runs of one scenario in one line."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from ntp_sim.result import Result
from ntp_sim.words import seconds, share, whole_seconds

__all__ = ["COLUMNS", "Summary", "summarize"]

COLUMNS = (
    "scenario",
    "seeds",
    "RMS",
    "(least..most)",
    "p99",
    "largest",
    "packets",
    "to 1 ms",
    "to 100 µs",
    "event: peak",
    "to 100 µs",
    "bound",
    "99.9 %",
    "limits",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Figures over the seeds: root mean square of the RMS, the worst of the maxima, the medians of the rest; None: never, in most of them."""

    seeds: int
    rms_s: float
    least_rms_s: float
    most_rms_s: float
    p99_s: float
    maximum_s: float
    packets: float
    to_1ms_s: float | None
    to_100us_s: float | None
    peak_after_event_s: float | None
    after_event_to_100us_s: float | None
    coverage: float | None
    probable_coverage: float | None
    broken_seeds: int

    def row(self, name: str) -> tuple[str, ...]:
        """The line of the table, as in `COLUMNS`."""
        return (
            name,
            str(self.seeds),
            seconds(self.rms_s),
            f"{seconds(self.least_rms_s)}..{seconds(self.most_rms_s)}",
            seconds(self.p99_s),
            seconds(self.maximum_s),
            f"{self.packets:.0f}",
            whole_seconds(self.to_1ms_s),
            whole_seconds(self.to_100us_s),
            seconds(self.peak_after_event_s),
            whole_seconds(self.after_event_to_100us_s),
            share(self.coverage),
            share(self.probable_coverage),
            f"broken in {self.broken_seeds}" if self.broken_seeds else "kept",
        )


def summarize(results: Sequence[Result]) -> Summary:
    """One line for the runs of a scenario."""
    peaks = [result.peak_after_event_s for result in results if result.peak_after_event_s is not None]
    return Summary(
        seeds=len(results),
        rms_s=math.sqrt(statistics.fmean(result.rms_s**2 for result in results)),
        least_rms_s=min(result.rms_s for result in results),
        most_rms_s=max(result.rms_s for result in results),
        p99_s=statistics.median(result.p99_s for result in results),
        maximum_s=max(result.maximum_s for result in results),
        packets=statistics.median(result.packets for result in results),
        to_1ms_s=_median([result.to_1ms_s for result in results]),
        to_100us_s=_median([result.to_100us_s for result in results]),
        peak_after_event_s=statistics.median(peaks) if peaks else None,
        after_event_to_100us_s=_median([result.after_event_to_100us_s for result in results]),
        coverage=_mean([result.coverage for result in results]),
        probable_coverage=_mean([result.probable_coverage for result in results]),
        broken_seeds=sum(bool(result.broken) for result in results),
    )


def _median(times: Sequence[int | None]) -> float | None:
    """The median, where never is later than any time."""
    median = statistics.median(math.inf if time is None else time for time in times)
    return None if math.isinf(median) else median


def _mean(shares: Sequence[float | None]) -> float | None:
    known = [share for share in shares if share is not None]
    return statistics.fmean(known) if known else None
