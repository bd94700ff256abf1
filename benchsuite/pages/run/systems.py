"""The tables of systems: one a class, a group a workload."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from benchsuite import charts, compare, formatting
from benchsuite.attribution import ENERGY, THROUGHPUT
from benchsuite.compare import OK, System
from benchsuite.formatting import NO_BREAK
from benchsuite.pages import Notes
from benchsuite.pages.numbers import Number, number_of, target_of
from benchsuite.pages.run.doubts import own_doubts
from benchsuite.types import UNRANKED
from benchsuite.units import percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A system's line in the table of its class."""

    system: System
    name: str
    detail: str
    best: bool
    reason: str | None
    doubts: int
    accuracy: Number
    beside: tuple[tuple[str, Number], ...]
    target: str | None
    met: bool | None
    throughput: Number
    speed: Markup
    latencies: tuple[Number, ...]
    energy: Number
    power: Number
    memory: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The systems of one workload within a table."""

    workload: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One class of results: ranked within itself, never beside another."""

    key: str
    title: str
    about: str
    groups: tuple[Group, ...]


def tables(systems: Sequence[System], notes: Notes) -> list[Table]:
    best = set(map(id, compare.best(systems).values()))
    found = []
    for key, about in compare.CLASSES.items():
        own = [system for system in systems if _class(system) == key]
        if not own:
            continue
        groups: dict[str, list[System]] = defaultdict(list)
        for system in own:
            groups[system.workload].append(system)
        found.append(
            Table(
                key=key,
                title=key.replace("-", " ").capitalize(),
                about=about,
                groups=tuple(
                    Group(
                        workload=workload,
                        rows=tuple(_row(each, group, id(each) in best, notes) for each in group),
                    )
                    for workload, group in groups.items()
                ),
            )
        )
    return found


def _class(system: System) -> str:
    """Of the row that stands for the system; one that is no known class is not ranked."""
    ok = next((row for row in (system.row, *system.rows.values()) if row.status == OK), system.row)
    return ok.rank_class if ok.rank_class in compare.CLASSES else UNRANKED


def _row(system: System, group: Sequence[System], best: bool, notes: Notes) -> Row:
    row = system.source("accuracy")
    fastest = max((each.number(THROUGHPUT) or 0.0 for each in group), default=0.0)
    speed = system.number(THROUGHPUT)
    key = system.key
    return Row(
        system=system,
        name=system.short,
        detail=f"batch {key.batch}" + (f", {compare.threads_said(key)}" if key.threads else ""),
        best=best,
        reason=compare.why_unranked(row),
        doubts=len(own_doubts(system)),
        accuracy=number_of(system, "accuracy", notes),
        beside=tuple(
            (name, _beside(name, value, system, notes)) for name, value in row.beside.items()
        ),
        target=target_of(row),
        met=system.target_met,
        throughput=number_of(system, THROUGHPUT, notes),
        speed=(
            charts.bar(
                speed / fastest,
                label=f"{percent(speed / fastest)} of the fastest here",
                owner="system",
            )
            if speed and fastest and len(group) > 1
            else Markup("")
        ),
        latencies=_latencies(system, notes),
        energy=number_of(system, ENERGY, notes),
        power=number_of(system, "mean_power", notes),
        memory=number_of(system, "peak_memory", notes),
    )


def _beside(name: str, value: float, system: System, notes: Notes) -> Number:
    """A figure from the same samples as the accuracy."""
    how = system.value("accuracy").how
    return Number(
        number=formatting.share(value).replace(" ", NO_BREAK),
        unit="",
        note=notes.add(
            f"{name} · {system.source('accuracy').scenario}", f"With the accuracy: {how}"
        ),
    )


def _latencies(system: System, notes: Notes) -> tuple[Number, ...]:
    """p50 and p90, p99 where it is known; a single dash where none is."""
    keys = ["latency_p50", "latency_p90", "latency_p99"]
    known = [key for key in keys if system.number(key) is not None]
    shown = [key for key in keys[:2] if known] + [key for key in known if key == keys[2]]
    return tuple(number_of(system, key, notes) for key in shown or keys[:1])
