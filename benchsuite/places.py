"""Places of systems in a comparable set; what cannot be told apart shares one.

A system's place is one more than the number of systems that are told to be better: whose ratio to
it lies outside the 95 % interval of two such values (`spread`).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchsuite.compare import System
from benchsuite.metrics import METRICS
from benchsuite.spread import QUANTILE


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A system's place in a comparable set.

    Attributes:
        tied: Another system has the same place, as the two are not told apart.
    """

    place: int
    of: int
    tied: bool = False

    def __str__(self) -> str:
        return f"{self.place}{'=' if self.tied else ''} of {self.of}"


def placed(
    group: Sequence[System], metric: str, *, variances: Mapping[str, float]
) -> list[tuple[System, Place]]:
    """The systems of a set with their places, the best first.

    Args:
        group: Systems that can be compared, each with a value above 0.
        metric: By which they are ranked.
        variances: By the system's id, of the logarithm of its value.
    """
    sign = -1.0 if METRICS[metric].better == "higher" else 1.0
    costs = {system.id: sign * _log(system.number(metric)) for system in group}
    ordered = sorted(group, key=lambda system: costs[system.id])
    logs = [costs[system.id] for system in ordered]
    widest = max((variances[system.id] for system in group), default=0.0)
    better = []
    for system, cost in zip(ordered, logs, strict=True):
        own = variances[system.id]
        # farther than the widest interval reaches, every system is told to be better
        sure = bisect_left(logs, cost - QUANTILE * math.sqrt(own + widest))
        near = bisect_left(logs, cost)
        better.append(
            sure
            + sum(
                cost - logs[i] > QUANTILE * math.sqrt(own + variances[ordered[i].id])
                for i in range(sure, near)
            )
        )
    sharing = Counter(better)
    return [
        (system, Place(place=more + 1, of=len(group), tied=sharing[more] > 1))
        for system, more in zip(ordered, better, strict=True)
    ]


def _log(value: float | None) -> float:
    return math.log(value) if value and value > 0 else -math.inf
