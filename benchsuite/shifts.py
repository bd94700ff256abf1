"""Changes of level that came together: one cause in one night is one shift, however many rows."""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from benchsuite import history
from benchsuite.attribution import Cause, versions_between
from benchsuite.history import CORRECTED, LINEAR, SPEED, Change, Line, range_of
from benchsuite.metrics import METRICS
from benchsuite.stats import median
from benchsuite.store import Store
from benchsuite.types import SystemKey

_ORDER = (CORRECTED, SPEED, "latency_p50", "latency_p90", "energy_per_frame", "accuracy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A change of level and the row that it befell."""

    line: Line
    change: Change

    @property
    def better(self) -> bool:
        """Whether the new level is the better one: a latency that falls, a speed that rises."""
        metric = METRICS[SPEED if self.change.metric == CORRECTED else self.change.metric]
        return (self.change.after > self.change.before) == (metric.better == "higher")

    @property
    def amount(self) -> float:
        """After over before; of a share, after less before."""
        before, after = self.change.before, self.change.after
        return after - before if self.change.metric in LINEAR else after / before

    @property
    def modelled(self) -> bool:
        """Whether it is of energy that no meter measured."""
        return any(t.modelled for t in self.line.tracks if t.metric == self.change.metric)

    @property
    def measure(self) -> str | None:
        """The accuracy's measure, which says whether it is a share; None of another metric."""
        if self.change.metric not in LINEAR:
            return None
        return self.line.course.moments[-1].digest.measure


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """How far a shift moved one metric in one direction.

    Attributes:
        better: Whether to the better.
        systems: How many, whatever the scenario.
        middle, low, high: Median, least and largest `Place.amount`.
        modelled: Whether it is energy that no meter measured.
        measure: The accuracy's; None of another metric.
    """

    metric: str
    better: bool
    places: tuple[Place, ...]
    systems: int
    middle: float
    low: float
    high: float
    modelled: bool
    measure: str | None = None


@dataclass(frozen=True, kw_only=True)
class Shift:
    """Changes of level in one run with one cause.

    Attributes:
        run, measured_at: The first run on the new levels, and when it measured the first of them.
        run_before: The run before it; where systems took turns, the earliest of theirs.
        commits: `abc1234..def5678` between these two; None where neither is known.
        cause: What differs there.
        packages: `onnxruntime 1.23 -> 1.24` for each package that differs.
        places: The rows, the largest change first.
    """

    run: str
    measured_at: str
    run_before: str
    commits: str | None
    cause: Cause
    packages: tuple[str, ...]
    places: tuple[Place, ...]

    @cached_property
    def systems(self) -> int:
        """How many systems changed, whatever the scenario."""
        return _systems(self.places)

    @cached_property
    def moved(self) -> tuple[Moved, ...]:
        """What moved, the metrics in their order; to the worse before to the better."""
        groups: dict[tuple[int, bool, bool, str], list[Place]] = defaultdict(list)
        for place in self.places:
            order = _ORDER.index(place.change.metric)
            groups[order, place.better, place.modelled, place.measure or ""].append(place)
        return tuple(_moved(groups[key]) for key in sorted(groups))


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All rows of a store over time.

    Attributes:
        lines: The rows.
        shifts: Their changes by what came together, the newest first.
    """

    lines: tuple[Line, ...]
    shifts: tuple[Shift, ...]


def read(store: Store) -> History:
    """The history of a store."""
    with _uncollected():
        lines = history.lines(store.courses(), store.labels())
    ids = sorted({e for line in lines for change in line.changes for e in change.environments})
    facts = store.environments(ids) if ids else {}
    return History(lines=tuple(lines), shifts=together(lines, facts))


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without garbage collection: nothing that is made has cycles, and each pass would look at all
    of hundreds of thousands of objects.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def together(
    lines: Iterable[Line], environments: Mapping[str, Mapping[str, Any]]
) -> tuple[Shift, ...]:
    """Changes of the same run, with the same fingerprints and versions differing, as one.

    Args:
        lines: Rows over time.
        environments: By id, of the moments beside each change.

    Returns:
        The newest first; of one night, what got worse first, then what befell most systems.
    """
    pairs: dict[tuple[str, str], tuple[str, ...]] = {}
    groups: dict[tuple[str, Cause, tuple[str, ...]], list[Place]] = defaultdict(list)
    for line in lines:
        for change in line.changes:
            sides = change.environments
            if sides not in pairs:
                pairs[sides] = versions_between(*(environments.get(each, {}) for each in sides))
            groups[change.run, change.cause, pairs[sides]].append(Place(line=line, change=change))
    begun: dict[str, str] = {}
    for (run, _, _), places in groups.items():
        first = min(place.change.measured_at for place in places)
        begun[run] = min(first, begun.get(run, first))
    found = [_shift(run, cause, packages, each) for (run, cause, packages), each in groups.items()]

    def urgency(shift: Shift) -> tuple[str, str, bool, int]:
        worse = any(not each.better for each in shift.moved)
        return begun[shift.run], shift.run, worse, shift.systems

    return tuple(sorted(found, key=urgency, reverse=True))


def _shift(run: str, cause: Cause, packages: tuple[str, ...], places: Sequence[Place]) -> Shift:
    earliest = min((place.change for place in places), key=lambda each: each.before_at)
    return Shift(
        run=run,
        measured_at=min(place.change.measured_at for place in places),
        run_before=earliest.run_before,
        commits=range_of(earliest.commit_before, places[0].change.commit),
        cause=cause,
        packages=packages,
        places=tuple(sorted(places, key=_extent, reverse=True)),
    )


def _extent(place: Place) -> tuple[bool, float]:
    """Shares first, which exact metrics are; then by how far the level moved."""
    if place.change.metric in LINEAR:
        return True, abs(place.amount)
    return False, max(place.amount, 1 / place.amount)


def _moved(places: Sequence[Place]) -> Moved:
    """Of places that share metric, direction, measure and whether they are modelled."""
    amounts = [place.amount for place in places]
    return Moved(
        metric=places[0].change.metric,
        better=places[0].better,
        places=tuple(places),
        systems=_systems(places),
        middle=median(amounts),
        low=min(amounts),
        high=max(amounts),
        modelled=places[0].modelled,
        measure=places[0].measure,
    )


def _systems(places: Iterable[Place]) -> int:
    return len({_system(place.line.key) for place in places})


def _system(key: SystemKey) -> SystemKey:
    """What scenarios of a system share: all but the batch."""
    return replace(key, batch=0)
