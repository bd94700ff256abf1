"""Two sides compared: the systems they share, each one's change and the teams' shares of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from benchsuite.attribution import SPLITTABLE, Cause, Missing, Split, cause, credited, split
from benchsuite.compare import System, join
from benchsuite.errors import BadInput
from benchsuite.store import Store
from benchsuite.types import SystemKey

# what `@key=value` of a SPEC may name, and how it is read off a system's key
_KEYS: Mapping[str, Callable[[SystemKey], str | None]] = {
    "backend": lambda key: key.backend,
    "precision": lambda key: key.precision,
    "scale": lambda key: key.scale,
    "threads": lambda key: str(key.threads),
    "batch": lambda key: str(key.batch),
    "data": lambda key: key.dataset,
    "device": lambda key: key.device_name,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one name of the command line means: a run, or some of its systems."""

    name: str
    run: str
    systems: tuple[System, ...]
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """From one system to another.

    Attributes:
        splits: Metric to its split, or the reason why there is none.
    """

    before: System
    after: System
    splits: Mapping[str, Split | Missing]
    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two sides; `only_before` and `only_after` name systems that the other side lacks."""

    before: Side
    after: Side
    changes: tuple[Change, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]


def select(store: Store, name: str) -> Side:
    """The side that `RUN` or `RUN#WORKLOAD[@KEY=VALUE,...]` names.

    Raises:
        BadInput: No such run, an unknown key, or no measured system that fits.
    """
    run_name, _, spec = name.partition("#")
    run = store.find_run(run_name)
    systems = tuple(system for system in join(store.results(run.id)) if system.measured)
    if not systems:
        raise BadInput(f"{name}: run {run.id} has no measured system")
    if spec:
        systems = tuple(system for system in systems if fits(system.key, spec))
        if not systems:
            have = ", ".join(sorted({s.label for s in join(store.results(run.id))}))
            raise BadInput(f"{name}: no measured system of run {run.id} fits; it has: {have}")
    return Side(name=name, run=run.id, systems=systems, labels=run.labels)


def compare(before: Side, after: Side) -> Comparison:
    """Pairs the systems of two sides and splits each change.

    Two sides of one system each are a pair whatever they are; else systems are paired that have
    the same identity. Where none has, as on two devices, those are that differ in the device and
    its threads alone.
    """
    if len(before.systems) == len(after.systems) == 1:
        pairs = [(before.systems[0], after.systems[0])]
        return _comparison(before, after, pairs)
    return _comparison(
        before, after, _pairs(before, after, _identity) or _pairs(before, after, _like)
    )


def as_json(comparison: Comparison) -> dict[str, Any]:
    """A comparison as `compare --json` gives it."""
    return {
        "before": {"name": comparison.before.name, "run": comparison.before.run},
        "after": {"name": comparison.after.name, "run": comparison.after.run},
        "changes": [
            {
                "before": change.before.label,
                "after": change.after.label,
                "cause": asdict(change.cause),
                "metrics": {key: split_json(value) for key, value in change.splits.items()},
            }
            for change in comparison.changes
        ],
        "only_before": list(comparison.only_before),
        "only_after": list(comparison.only_after),
    }


def fits(key: SystemKey, spec: str) -> bool:
    """Whether `WORKLOAD[@KEY=VALUE,...]` means a system.

    Raises:
        BadInput: An unknown key.
    """
    pattern, _, rest = spec.partition("@")
    if pattern and not fnmatchcase(key.workload, pattern):
        return False
    for pair in filter(None, rest.split(",")):
        name, equals, value = pair.partition("=")
        if not equals or name not in _KEYS:
            raise BadInput(f"{spec}: write WORKLOAD@KEY=VALUE with a KEY of {', '.join(_KEYS)}")
        if _KEYS[name](key) != value:
            return False
    return True


def _comparison(before: Side, after: Side, pairs: list[tuple[System, System]]) -> Comparison:
    paired = {id(system) for pair in pairs for system in pair}
    return Comparison(
        before=before,
        after=after,
        changes=tuple(_change(first, second) for first, second in pairs),
        only_before=tuple(s.label for s in before.systems if id(s) not in paired),
        only_after=tuple(s.label for s in after.systems if id(s) not in paired),
    )


def _change(before: System, after: System) -> Change:
    why = cause(before.row, after.row)
    return Change(
        before=before,
        after=after,
        splits={
            metric: credited(split(before.source(metric), after.source(metric), metric), why)
            for metric in SPLITTABLE
        },
        cause=why,
    )


def _identity(system: System) -> SystemKey:
    return replace(system.key, batch=0)


def _like(system: System) -> SystemKey:
    return replace(system.key, batch=0, device_name="", device_count=1, threads=0)


def _pairs(
    before: Side, after: Side, identity: Callable[[System], SystemKey]
) -> list[tuple[System, System]]:
    """The systems that are alike; what is alike to several on one side is left out."""
    mine, theirs = (Counter(identity(s) for s in side.systems) for side in (before, after))
    found = {identity(system): system for system in after.systems}
    return [
        (system, found[key])
        for system in before.systems
        if mine[key := identity(system)] == 1 == theirs[key]
        or (key in found and identity is _identity)
    ]


def split_json(found: Split | Missing) -> dict[str, Any]:
    """A split, or the reason why there is none, for JSON."""
    if isinstance(found, Missing):
        return {"split": None, "reason": found.reason}
    return {
        "before": found.before,
        "after": found.after,
        "ratio": found.ratio if found.before else None,
        "scale": found.scale,
        "modelled": found.modelled,
        "split": [
            {
                "key": share.key,
                "owner": share.owner,
                "amount": share.amount,
                "ratio": share.ratio if found.scale == "log" else None,
            }
            for share in found.shares
        ],
    }
