"""Devices side by side: like for like and each at its best, what was left out, who gained what.

A geometric mean is taken only over rows that both devices have and that can be compared. Its
interval is that of the measurement, row by row (`spread`); how far the rows differ from one
another stands beside it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchsuite import compare, exclusions, spread
from benchsuite.attribution import (
    ENERGY,
    LOG,
    THROUGHPUT,
    Missing,
    Share,
    Split,
    energy_origin,
    split,
)
from benchsuite.compare import System
from benchsuite.difference import Side, split_json
from benchsuite.exclusions import Excluded, Identity, identity_of
from benchsuite.spread import OF_ENERGY, QUANTILE, Spread, spread_of
from benchsuite.types import UNRANKED, SystemKey, Value

ALIKE, BEST = "alike", "best"
# what a reader of two devices looks for, in this order
RATIOS = (ENERGY, THROUGHPUT, "latency_p50", "latency_p99", "max_power", "mean_power",
          "fraction_of_roofline", "fraction_of_peak", "peak", "power_envelope",
          "peak_per_watt")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One device with everything that was measured on it.

    Attributes:
        name: The device's, with how many act as one where they are several.
        disclosed: What a reader must know of it, by name.
    """

    name: str
    systems: tuple[System, ...]
    disclosed: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The same network on two devices."""

    workload: str
    before: System
    after: System

    @property
    def name(self) -> str:
        """The network and what ran it, on either side where that differs."""
        keys = (self.before.key, self.after.key)
        ran = dict.fromkeys(f"{key.backend} {key.precision}" for key in keys)
        return f"{self.workload} · {' to '.join(ran)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """One number over another with its 95 % interval; `how` says on what that rests."""

    value: float
    low: float
    high: float
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """A geometric mean of ratios.

    Attributes:
        ratio: With the interval of the measurement; None where no row can be compared.
        least, most: The smallest and largest ratio of a row.
        rows: How many rows it is taken over.
        left_out: Reason to the names of the pairs that were left out for it.
    """

    metric: str
    ratio: Ratio | None
    least: float | None
    most: float | None
    rows: int
    modelled: bool
    left_out: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Duel:
    """A device against the baseline.

    Attributes:
        pairs: `ALIKE` (same backend, precision and batch) and `BEST` (the fastest system of each
            that may be ranked) to their pairs.
        means: The same to the means over those pairs, in the order of `RATIOS`.
        gains: The same to the mean change of throughput as shares that multiply to it exactly; a
            reason where no pair can be split.
        excluded: The same to what has no partner on the other device.
    """

    before: Machine
    after: Machine
    pairs: Mapping[str, tuple[Pair, ...]]
    means: Mapping[str, tuple[Mean, ...]]
    gains: Mapping[str, Split | Missing]
    excluded: Mapping[str, tuple[Excluded, ...]]

    def mean(self, metric: str, *, kind: str = ALIKE) -> Mean:
        """One mean."""
        return next(mean for mean in self.means[kind] if mean.metric == metric)


def machines(sides: Sequence[Side], environments: Mapping[str, Mapping[str, Any]]) -> list[Machine]:
    """The devices that the sides' systems were measured on, in the order of the sides."""
    groups: dict[str, list[tuple[Side, System]]] = defaultdict(list)
    seen: set[tuple[Hashable, ...]] = set()
    for side in sides:
        for system in side.systems:
            identity = (side.run, system.key, *sorted(system.rows))
            if identity not in seen:
                seen.add(identity)
                groups[device_of(system.key)].append((side, system))
    return [
        Machine(
            name=name,
            systems=tuple(system for _, system in group),
            disclosed=tuple(_disclosed(group, environments)),
        )
        for name, group in groups.items()
    ]


def device_of(key: SystemKey) -> str:
    """A device by name, with how many there are where they are several."""
    return key.device_name if key.device_count == 1 else f"{key.device_count} x {key.device_name}"


def duel(before: Machine, after: Machine) -> Duel:
    """Compares a device with the baseline."""
    pairs = {ALIKE: _alike(before, after), BEST: _best(before, after)}
    return Duel(
        before=before,
        after=after,
        pairs=pairs,
        means={
            kind: tuple(mean_of(own, metric) for metric in RATIOS) for kind, own in pairs.items()
        },
        gains={kind: _gain(own) for kind, own in pairs.items()},
        excluded={
            ALIKE: tuple(
                each
                for machine, paired in (
                    (before, [pair.before for pair in pairs[ALIKE]]),
                    (after, [pair.after for pair in pairs[ALIKE]]),
                )
                for each in exclusions.alike(machine.name, machine.systems, paired=paired)
            ),
            BEST: tuple(
                each
                for here, there in ((before, after), (after, before))
                for each in exclusions.best(
                    here.name, here.systems, other=there.name, others=there.systems
                )
            ),
        },
    )


def comparable(before: System, after: System, metric: str) -> tuple[Value, Value] | str:
    """Both values; or why they cannot be compared."""
    first, second = before.source(metric), after.source(metric)
    values = before.value(metric), after.value(metric)
    for value in values:
        if value.value is None:
            return f"missing: {value.reason or 'no reason was recorded'}"
        if value.value <= 0:
            return "not above 0"
    if first.scenario != second.scenario:
        return "not the same scenario"
    if first.frame != second.frame:
        return "not the same frame"
    if metric in OF_ENERGY:
        origins = energy_origin(first), energy_origin(second)
        if origins[0] is None or origins[1] is None:
            return "energy of unknown source or boundary"
        if origins[0] != origins[1]:
            if origins[0].kind != origins[1].kind:
                return "modelled energy against measured"
            return "energy of another source or boundary"
    return values


def ratio(before: System, after: System, metric: str) -> Ratio | str:
    """A metric of the second over that of the first, with its interval; or why there is none."""
    found = comparable(before, after, metric)
    if isinstance(found, str):
        return found
    log, spreads = _log_ratio(before, after, metric)
    return _exponential(log, sum(each.variance for each in spreads), spreads)


def mean_of(pairs: Sequence[Pair], metric: str) -> Mean:
    """The geometric mean over the pairs that can be compared, the others named."""
    logs: list[float] = []
    spreads: list[Spread] = []
    left: dict[str, list[str]] = defaultdict(list)
    modelled = False
    for pair in pairs:
        found = _unranked(pair) or comparable(pair.before, pair.after, metric)
        if isinstance(found, str):
            left[found].append(pair.name)
            continue
        log, own = _log_ratio(pair.before, pair.after, metric)
        logs.append(log)
        spreads += own
        modelled = modelled or (metric in OF_ENERGY and pair.after.modelled)
    n = len(logs)
    variance = sum(each.variance for each in spreads)
    return Mean(
        metric=metric,
        ratio=_exponential(sum(logs) / n, variance / n**2, spreads) if n else None,
        least=math.exp(min(logs)) if n else None,
        most=math.exp(max(logs)) if n else None,
        rows=n,
        modelled=modelled,
        left_out={reason: tuple(names) for reason, names in left.items()},
    )


def as_json(found: Duel) -> dict[str, Any]:
    """A duel as `compare --json` gives it."""

    def mean(each: Mean) -> dict[str, Any]:
        ends = each.ratio
        return {
            "ratio": None if ends is None else ends.value,
            "low": None if ends is None else ends.low,
            "high": None if ends is None else ends.high,
            "how": None if ends is None else f"95 % interval: {ends.how}",
            "least": each.least,
            "most": each.most,
            "rows": each.rows,
            "modelled": each.modelled,
            "left_out": {reason: list(names) for reason, names in each.left_out.items()},
        }

    return {
        "before": found.before.name,
        "after": found.after.name,
        "disclosed": {each.name: dict(each.disclosed) for each in (found.before, found.after)},
        **{
            kind: {
                "rows": [[pair.before.label, pair.after.label] for pair in pairs],
                "excluded": [asdict(each) for each in found.excluded[kind]],
                "metrics": {each.metric: mean(each) for each in found.means[kind]},
                "throughput": split_json(found.gains[kind]),
            }
            for kind, pairs in found.pairs.items()
        },
    }


# --- pairs ----------------------------------------------------------------------------------------


def _alike(before: Machine, after: Machine) -> tuple[Pair, ...]:
    """Pairs of one backend, precision and batch; of several thread counts the fastest."""
    mine, theirs = (_fastest(machine.systems) for machine in (before, after))
    return tuple(
        Pair(workload=system.workload, before=system, after=theirs[identity])
        for identity, system in mine.items()
        if identity in theirs
    )


def _fastest(systems: Iterable[System]) -> dict[Identity, System]:
    found: dict[Identity, System] = {}
    for system in systems:
        if not system.measured:
            continue
        identity = identity_of(system.key)
        held = found.get(identity)
        if held is None or (system.number(THROUGHPUT) or 0) > (held.number(THROUGHPUT) or 0):
            found[identity] = system
    return found


def _best(before: Machine, after: Machine) -> tuple[Pair, ...]:
    """The fastest system of each network that may be ranked, on either device."""
    mine, theirs = compare.best(before.systems), compare.best(after.systems)
    return tuple(
        Pair(workload=place.workload, before=system, after=theirs[place])
        for place, system in mine.items()
        if place in theirs
    )


def _unranked(pair: Pair) -> str | None:
    for system in (pair.before, pair.after):
        if system.row.rank_class == UNRANKED:
            why = compare.why_unranked(system.row) or "no reason was recorded"
            return f"unranked on {device_of(system.key)}: {why}"
    return None


# --- ratios and gains -----------------------------------------------------------------------------


def _log_ratio(before: System, after: System, metric: str) -> tuple[float, tuple[Spread, Spread]]:
    """Logarithm of the ratio of two values that can be compared, and how far each strays."""
    values = before.number(metric), after.number(metric)
    assert values[0] is not None
    assert values[1] is not None
    spreads = spread_of(before, metric), spread_of(after, metric)
    return math.log(values[1] / values[0]), spreads


def _exponential(log: float, variance: float, spreads: Sequence[Spread]) -> Ratio:
    wide = QUANTILE * math.sqrt(variance)
    return Ratio(
        value=math.exp(log),
        low=math.exp(log - wide),
        high=math.exp(log + wide),
        how=spread.said(spreads),
    )


def _gain(pairs: Sequence[Pair]) -> Split | Missing:
    """The mean split of throughput: the mean of logarithms keeps the shares' sum exact."""
    splits, reason = [], "no network was measured on both"
    for pair in pairs:
        why = _unranked(pair)
        found = Missing(reason=why) if why else split(pair.before.row, pair.after.row, THROUGHPUT)
        if isinstance(found, Missing):
            reason = found.reason
        else:
            splits.append(found)
    if not splits:
        return Missing(reason=reason)
    amounts: dict[str, list[Share]] = defaultdict(list)
    for each in splits:
        for share in each.shares:
            amounts[share.key].append(share)
    shares = tuple(
        Share(
            key=own[0].key,
            title=own[0].title,
            owner=own[0].owner,
            amount=sum(share.amount for share in own) / len(splits),
        )
        for own in amounts.values()
    )
    return Split(
        metric=THROUGHPUT,
        scale=LOG,
        before=1.0,
        after=math.exp(sum(share.amount for share in shares)),
        shares=shares,
        modelled=False,
    )


# --- disclosure -----------------------------------------------------------------------------------


def _disclosed(
    group: Sequence[tuple[Side, System]], environments: Mapping[str, Mapping[str, Any]]
) -> Iterable[tuple[str, str]]:
    """Power, cooling, meter and software of a device: what its figures depend on."""
    systems = [system for _, system in group]
    for title, metric in (("power envelope", "power_envelope"), ("power cap", "power_cap")):
        yield title, _listed(_said(system.value(metric)) for system in systems)
    cooling = {side.labels.get("cooling", "") for side, _ in group}
    yield (
        "cooling",
        _listed(label or "not recorded (--label cooling=air says it)" for label in cooling),
    )
    origins = [energy_origin(system.source(ENERGY)) for system in systems]
    yield (
        "energy",
        _listed(
            "not measured" if each is None else f"{each.source}, boundary {each.boundary}"
            for each in origins
        ),
    )
    facts = [environments.get(system.row.environment, {}) for system in systems]
    for title, path in (("clock governor", ("machine", "frequency governor")),
                        ("turbo", ("machine", "turbo")),
                        ("virtual machine", ("machine", "hypervisor")),
                        ("driver", ("device", "driver"))):  # fmt: skip
        found = [_at(each, path) for each in facts]
        if any(found):
            yield title, _listed(each or "not told" for each in found)
    yield "threads", _listed(str(system.key.threads) for system in systems if system.key.threads)
    yield "runs", _listed(side.run for side, _ in group)


def _said(value: Value) -> str:
    if value.value is None:
        return value.reason or "not known"
    return f"{value.value:.4g} W ({value.how})"


def _at(facts: Mapping[str, Any], path: Sequence[str]) -> str | None:
    found: Any = facts
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return None if found is None else str(found)


def _listed(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(texts)) or "none of its own"
