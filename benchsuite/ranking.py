"""Systems ranked over a whole store, each only among those that it can be compared with.

Comparable are results of one class, workload, scale, data set and scenario; for energy, of one
source and boundary too. Modelled energy is no measurement and takes no place.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import msgspec

from benchsuite import compare
from benchsuite.attribution import ENERGY, THROUGHPUT, energy_origin
from benchsuite.compare import OK, System
from benchsuite.places import Place, placed
from benchsuite.shipped import own_weights
from benchsuite.spread import QUANTILE, spread_of
from benchsuite.stats import PROCESS_SPREAD
from benchsuite.store import Elsewhere, Latest
from benchsuite.types import UNRANKED, Doubt, Result, SystemKey, Value

LATENCY = "latency_p90"
RANKED = (THROUGHPUT, LATENCY, ENERGY)
SELF_REPORTED = "self-reported"
RECOMPUTED = "recomputed from raw"
DISAGREES = "raw data disagree"
CLASSES = ("qualified", "speed-only", "embedded")
_LONGEST_NAME = 60
_DIGITS = 10  # of the hash in a system's name


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A system on the leaderboard.

    Attributes:
        system: Its newest rows by scenario.
        stored: Scenario to where the row is in the store.
        rank_class: One of `CLASSES`, or `unranked`.
        places: Metric of `RANKED` to the place.
        reasons: Metric of `RANKED` to why there is no place, for those that have a value.
        unranked: Why the system as a whole is not ranked.
        own_weights: It was measured on other weights than those that travel with its workload.
        doubts: Scenario to what its row is doubted for; rows without a doubt are left out.
        reproduced: How many independent sources measured the same: the same network, weights,
            device model, backend, precision, batch and threads, by another submitter or on another
            machine, with throughput (and energy, of one source and boundary) within the interval
            of two lone processes, and accuracies whose intervals meet.
    """

    system: System
    stored: Mapping[str, Latest]
    rank_class: str
    places: Mapping[str, Place]
    reasons: Mapping[str, str]
    unranked: str | None
    own_weights: bool = False
    doubts: Mapping[str, tuple[Doubt, ...]] = field(default_factory=dict)
    reproduced: int = 0

    @property
    def id(self) -> str:
        """A file name that follows from the system alone: another store names it the same."""
        key = self.system.row.key
        plain = re.sub(r"[^a-z0-9]+", "-", f"{key.workload} {key.backend} {key.precision}".lower())
        whole = sha256(msgspec.json.encode(key)).hexdigest()
        return f"{plain[:_LONGEST_NAME].strip('-')}-{whole[:_DIGITS]}"

    @property
    def number(self) -> int:
        """The order in which systems came into the store: its leading row's series."""
        return self.stored[self.system.row.scenario].series

    @property
    def raw(self) -> bool:
        """Whether raw windows stand behind all its measured rows."""
        return all(each.raw for each in self.stored.values() if each.result.status == OK)

    @property
    def provenance(self) -> str:
        """How far the numbers can be checked."""
        if self.reproduced:
            return f"reproduced by {self.reproduced}"
        if not self.raw or not self.system.measured:
            return SELF_REPORTED
        measured = [each for each in self.stored.values() if each.result.status == OK]
        return RECOMPUTED if all(each.recomputed for each in measured) else DISAGREES

    def doubted(self, metric: str) -> tuple[Doubt, ...]:
        """The doubts of the row that a metric is read from."""
        return self.doubts.get(self.system.source(metric).scenario, ())

    @property
    def since(self) -> str:
        """When the system was measured first."""
        return min(each.since for each in self.stored.values())


def entries(
    latest: Iterable[Latest],
    elsewhere: Iterable[Elsewhere] = (),
    shipped: Callable[[SystemKey], str | None] | None = None,
) -> list[Entry]:
    """Every system of a store, ranked; in the order in which they first appeared.

    Args:
        latest: The newest result of each row.
        elsewhere: Those of other sources.
        shipped: Gives the hash of the weights that travel with a workload (`shipped_weights`).
    """
    stored = list(latest)
    others: dict[int, list[Elsewhere]] = defaultdict(list)
    for each in elsewhere:
        others[each.series].append(each)
    where = {id(each.result): each for each in stored}
    systems = compare.join([each.result for each in stored], over_runs=True)
    unranked = {system.id: _unranked(system) for system in systems}
    sets: dict[tuple[str, tuple[Hashable, ...]], list[System]] = defaultdict(list)
    reasons: dict[str, dict[str, str]] = defaultdict(dict)
    for system in systems:
        for metric in RANKED:
            if system.number(metric) is None:
                continue
            if reason := unranked[system.id] or _no_place(system, metric):
                reasons[system.id][metric] = reason
            else:
                sets[metric, comparable(system, metric)].append(system)
    places: dict[str, dict[str, Place]] = defaultdict(dict)
    for (metric, _), group in sets.items():
        variances = {each.id: spread_of(each, metric).variance for each in group}
        for system, place in placed(group, metric, variances=variances):
            places[system.id][metric] = place
    return [
        Entry(
            system=system,
            stored={name: where[id(row)] for name, row in system.rows.items()},
            rank_class=UNRANKED if unranked[system.id] else system.row.rank_class,
            places=places[system.id],
            reasons=reasons[system.id],
            unranked=unranked[system.id],
            own_weights=own_weights(
                system.row.fingerprint.weights if system.row.fingerprint else None,
                shipped(system.key) if shipped else None,
            ),
            doubts={name: row.doubts for name, row in system.rows.items() if row.doubts},
            reproduced=sum(
                reproduces(system.row, other.result)
                for other in others[where[id(system.row)].series]
            ),
        )
        for system in systems
    ]


def reproduces(row: Result, other: Result) -> bool:
    """Whether another source's result of the same row is the same but for noise."""
    mine, theirs = row.fingerprint, other.fingerprint
    if row.status != OK or other.status != OK or mine is None or theirs is None:
        return False
    if (mine.network, mine.weights) != (theirs.network, theirs.weights):
        return False
    if not _close(row.metrics[THROUGHPUT], other.metrics[THROUGHPUT]):
        return False
    origins = energy_origin(row), energy_origin(other)
    metered = origins[0] is not None and not origins[0].modelled and origins[0] == origins[1]
    if metered and not _close(row.metrics[ENERGY], other.metrics[ENERGY]):
        return False
    one, two = row.metrics["accuracy"], other.metrics["accuracy"]
    if one.value is None or two.value is None:
        return one.value is two.value
    lows = [v.value if v.low is None else v.low for v in (one, two)]
    highs = [v.value if v.high is None else v.high for v in (one, two)]
    return max(filter(None, lows), default=0.0) <= min(filter(None, highs), default=0.0)


def _close(one: Value, two: Value) -> bool:
    """Whether two lone processes' values agree within the 95 % interval of their ratio."""
    if not one.value or not two.value:
        return False
    wide = QUANTILE * PROCESS_SPREAD * math.sqrt(2)
    return abs(math.log(one.value / two.value)) <= wide


def comparable(system: System, metric: str) -> tuple[Hashable, ...]:
    """What two systems must share to be ranked by a metric."""
    row = system.source(metric)
    origin = energy_origin(row) if metric == ENERGY else None
    key = row.key
    return (row.rank_class, key.workload, key.scale, key.dataset, row.scenario, row.frame, origin)


def pareto(points: Sequence[tuple[float, float]]) -> list[int]:
    """The places of the points that no other beats: less of the first, more of the second.

    In ascending order of the first; of points that coincide all are kept.
    """
    order = sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1]))
    found: list[int] = []
    for i in order:
        if not found or points[i][1] > points[found[-1]][1] or points[i] == points[found[-1]]:
            found.append(i)
    return found


def _unranked(system: System) -> str | None:
    row = system.row
    if row.status != OK:
        return f"{row.status}: {row.reason or 'no reason was recorded'}"
    if row.rank_class not in CLASSES:
        return compare.why_unranked(row) or "no reason was recorded"
    if system.target_met is False:
        return "the accuracy misses its target"
    return None


def _no_place(system: System, metric: str) -> str | None:
    row = system.source(metric)
    if row.rank_class not in CLASSES:
        return compare.why_unranked(row) or "no reason was recorded"
    if metric == ENERGY:
        origin = energy_origin(row)
        if origin is None:
            return "its source and boundary are not told"
        if origin.modelled:
            return "modelled, not measured"
    return None
