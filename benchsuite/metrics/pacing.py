"""Frames that a fixed rate offered and that came too late, or were not run at all."""

from __future__ import annotations

from dataclasses import dataclass

from benchsuite.types import REAL_TIME, Window
from benchsuite.units import NANOSECOND_S

# MLPerf's limit when its MultiStream had a fixed arrival time: "No more than 1% of the queries may
# produce one or more skipped intervals" (Reddi et al., MLPerf Inference Benchmark, ISCA 2020,
# arXiv:1911.02549, section III-C)
MOST_MISSED = 0.01
_OUTLIERS = 1  # our own choice, for windows of under 100 queries: one says nothing of a share


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How a `RealTime` window kept to its rate.

    Attributes:
        offered: Queries of the schedule.
        late: Of them, answered after the next was due.
        dropped: Of them, not run, as they could not begin before the next was due.
    """

    offered: int
    late: int
    dropped: int

    @property
    def missed(self) -> float:
        """Share of the queries that were late or dropped."""
        return (self.late + self.dropped) / self.offered

    @property
    def valid(self) -> bool:
        """Whether so few were missed that the system keeps up with the rate."""
        return self.late + self.dropped <= max(_OUTLIERS, MOST_MISSED * self.offered)


def kept(window: Window) -> Kept | None:
    """How a window kept to its rate; None where none was offered (all but `RealTime`)."""
    pace = window.pace
    if window.scenario != REAL_TIME or pace is None:
        return None
    period_ns = round(pace.deadline_s / NANOSECOND_S)
    return Kept(
        offered=window.queries + pace.dropped,
        late=sum(latency > period_ns for latency in window.durations_ns),
        dropped=pace.dropped,
    )
