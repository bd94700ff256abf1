"""A backend's profile of several queries as one: the median of each step."""

from __future__ import annotations

from collections.abc import Sequence

from benchsuite.stats import median
from benchsuite.types import Step

WARM_UP = 3
PROFILED = 10

Named = tuple[tuple[str, ...], float]


def medians(queries: Sequence[Sequence[Named]]) -> list[Step]:
    """Each step's median over queries that all have the same steps, in the same order.

    Args:
        queries: Of each query the steps' module paths and seconds.
    """
    return [
        Step(names=step[0][0], seconds=median([seconds for _, seconds in step]))
        for step in zip(*queries, strict=True)
    ]
