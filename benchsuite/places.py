"""Places that a system may have in a comparable set, as far as the measurements tell.

The best is one more than the number of systems that are told to be better, whose ratio to it lies
outside the 95 % interval of two such values (`spread`); below the last are those told to be worse.
Intervals of unequal width make being told apart intransitive, so that one number a system would
read oddly (1, 1, 2, 4); a range follows from its two counts alone. Cf. Mogstad, Romano, Shaikh,
Wilhelm: Inference for Ranks, Review of Economic Studies 91(1), 2024; here each pair has its 95 %.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchsuite.compare import System
from benchsuite.metrics import METRICS
from benchsuite.spread import QUANTILE


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The places that a system may have in a comparable set.

    Attributes:
        place: The best.
        last: The last; the same where the system is told apart from every other.
        of: How many systems there are.
    """

    place: int
    last: int
    of: int

    @property
    def tied(self) -> bool:
        """Whether another system is not told apart from it."""
        return self.last > self.place

    def __str__(self) -> str:
        last = f"\N{EN DASH}{self.last}" if self.tied else ""
        return f"{self.place}{last} of {self.of}"


def placed(
    group: Sequence[System], metric: str, *, variances: Mapping[str, float]
) -> list[tuple[System, Place]]:
    """The systems of a set with their places, the best value first.

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
    found = []
    for system, cost in zip(ordered, logs, strict=True):
        own = variances[system.id]
        # farther than the widest interval reaches, every system is told apart
        reach = QUANTILE * math.sqrt(own + widest)
        first, end = bisect_left(logs, cost - reach), bisect_right(logs, cost + reach)
        told = [
            (logs[i] < cost)
            for i in range(first, end)
            if abs(cost - logs[i]) > QUANTILE * math.sqrt(own + variances[ordered[i].id])
        ]
        better, worse = first + sum(told), len(logs) - end + len(told) - sum(told)
        place = Place(place=better + 1, last=len(group) - worse, of=len(group))
        found.append((system, place))
    return found


def _log(value: float | None) -> float:
    return math.log(value) if value and value > 0 else -math.inf
