"""Tables of the leaderboard: the systems of a class, and those that are not ranked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchsuite import compare
from benchsuite.attribution import ENERGY, THROUGHPUT, energy_origin
from benchsuite.compare import System
from benchsuite.formatting import NO_BREAK, cut, date_said
from benchsuite.metrics import METRICS
from benchsuite.pages.grids import Cell, Column, Grid, GridRow
from benchsuite.pages.leaderboard import words
from benchsuite.pages.numbers import plain_of
from benchsuite.ranking import CLASSES, LATENCY, Entry
from benchsuite.units import MISSING

UNRANKED = "unranked"
_FILTERS = (("domain", "Domain"), ("device", "Device"), ("backend", "Backend"),
            ("precision", "Precision"), ("provenance", "Provenance"),
            ("goals", "Goals"))  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The systems of one class; `about` says what the class means."""

    title: str
    about: str
    grid: Grid


def filters(board: Sequence[Entry]) -> list[tuple[str, str, list[str]]]:
    """The selects above the tables: key, title, values; left out where there is no choice."""
    values: dict[str, list[str]] = {
        "domain": [entry.system.row.domain for entry in board],
        "device": [entry.system.key.device_name for entry in board],
        "backend": [entry.system.key.backend for entry in board],
        "precision": [entry.system.key.precision for entry in board],
        "provenance": [words.provenance(entry) for entry in board],
        "goals": [goals for entry in board if (goals := words.goals(entry.system)) != MISSING],
    }
    return [
        (key, title, sorted(set(values[key])))
        for key, title in _FILTERS
        if len(set(values[key])) > 1
    ]


_COLUMNS = (
    Column(key="workload", title="network", numeric=False),
    Column(key="backend", title="backend", numeric=False, filter="backend"),
    Column(key="precision", title="precision", numeric=False, filter="precision"),
    Column(key="device", title="device", numeric=False, filter="device", wide=True),
    Column(key="accuracy", title="accuracy", falling=True, about=METRICS["accuracy"].about),
    Column(key=THROUGHPUT, title="throughput", falling=True, about=METRICS[THROUGHPUT].about),
    Column(key=LATENCY, title="latency p90", about=METRICS[LATENCY].about),
    Column(key=ENERGY, title="energy per frame", about=METRICS[ENERGY].about),
    Column(key="measured", title="measured", falling=True),
)
_GOALS = Column(key="goals", title="goals", numeric=False, filter="goals")


def tables(board: Sequence[Entry], *, by_domain: bool, up: str = "") -> list[Table]:
    """The ranked systems, a table a class, or a class and domain."""
    found = []
    for rank_class in CLASSES:
        own = [entry for entry in board if entry.rank_class == rank_class]
        domains = sorted({entry.system.row.domain for entry in own}) if by_domain else [""]
        for domain in domains:
            group = [e for e in own if e.system.row.domain == domain] if by_domain else own
            if not group:
                continue
            title = words.class_title(rank_class)
            name = f"{rank_class}-{words.slug(domain)}" if by_domain else rank_class
            found.append(
                Table(
                    title=f"{title} · {domain}" if by_domain else title,
                    about=compare.CLASSES[rank_class],
                    grid=grid(name, f"{rank_class} {domain or 'systems'}", group, up=up),
                )
            )
    return found


def grid(id: str, title: str, group: Sequence[Entry], *, up: str = "") -> Grid:
    """Systems ordered by network and speed, so that those that compare stand together."""
    goals = any(entry.system.number("meets_goals") is not None for entry in group)
    origins = {energy_origin(e.system.source(ENERGY)) for e in group if ENERGY in e.places}
    ordered = sorted(group, key=_order)
    return Grid(
        id=id,
        title=title,
        columns=(*_COLUMNS, _GOALS) if goals else _COLUMNS,
        rows=[
            GridRow(
                cells=_cells(entry, goals=goals, meters=len(origins) > 1),
                link=f"{up}system/{entry.id}.html",
                tags=_tags(entry),
            )
            for entry in ordered
        ],
    )


def _order(entry: Entry) -> tuple[Any, ...]:
    key = entry.system.key
    placed = THROUGHPUT in entry.places
    speed = entry.system.number(THROUGHPUT) or 0.0
    return (key.workload, key.scale, key.dataset or "", not placed, -speed)


def _cells(entry: Entry, *, goals: bool, meters: bool = False) -> tuple[Cell, ...]:
    """A row.

    Args:
        entry: Whose it is.
        goals: Whether there is a column of goals.
        meters: Whether places by energy say of which meter, as the table has several.
    """
    system = entry.system
    key, row = system.key, system.row
    found = [
        Cell(text=key.workload, sub=f"{key.scale} · {key.dataset or 'no data'}"),
        Cell(
            text=key.backend,
            sub=words.configuration(key),
        ),
        Cell(text=key.precision),
        Cell(text=key.device_name, sub="" if key.device_count == 1 else f"x {key.device_count}"),
        Cell(
            text=plain_of(system, "accuracy"),
            sort=system.number("accuracy"),
            sub=words.target(system) + (f", {words.OWN_WEIGHTS}" if entry.own_weights else ""),
        ),
        *(_ranked(entry, metric) for metric in (THROUGHPUT, LATENCY)),
        _ranked(entry, ENERGY, among=_meter(system) if meters else ""),
        Cell(
            text=date_said(row.measured_at).partition(" ")[0],
            sort=row.measured_at,
            sub=words.provenance(entry),
        ),
    ]
    if goals:
        found.append(Cell(text=words.goals(system)))
    return tuple(found)


def _meter(system: System) -> str:
    """What a place by energy is among: one source of joules and one boundary."""
    origin = energy_origin(system.source(ENERGY))
    return "" if origin is None else cut(f", {origin.source}, {origin.boundary}")


def _ranked(entry: Entry, metric: str, *, among: str = "") -> Cell:
    system = entry.system
    place = entry.places.get(metric)
    reason = "" if entry.unranked else entry.reasons.get(metric, "")
    placed = str(place).replace(" ", NO_BREAK) + among
    return Cell(
        text=words.without_query(plain_of(system, metric)),
        sort=system.number(metric),
        sub=placed if place else cut(reason),
        soft=metric == ENERGY and system.modelled,
        doubt=words.doubts_said(entry.doubted(metric)) if system.number(metric) else "",
    )


def doubts(board: Sequence[Entry]) -> list[tuple[str, int]]:
    """What the ranked systems are doubted for, and how many are."""
    found = Counter(
        code
        for entry in board
        if entry.unranked is None
        for code in {doubt.code for own in entry.doubts.values() for doubt in own}
    )
    return [(cut(code.replace("_", " ")), n) for code, n in found.most_common()]


def apart(board: Sequence[Entry], *, up: str = "") -> Grid | None:
    """What is shown without a place, each with the reason; None where everything is ranked."""
    group = [entry for entry in board if entry.unranked]
    if not group:
        return None
    shown = [n for n, column in enumerate(_COLUMNS) if column.key not in (LATENCY, ENERGY)]
    rows = []
    for entry in sorted(group, key=_order):
        cells = _cells(entry, goals=False)
        rows.append(
            GridRow(
                cells=(*(cells[n] for n in shown), Cell(text=entry.unranked or "")),
                link=f"{up}system/{entry.id}.html",
                tags=_tags(entry),
            )
        )
    reason = Column(key="reason", title="why it is not ranked", numeric=False, wide=True)
    return Grid(
        id=UNRANKED,
        title="Unranked systems",
        columns=(*(_COLUMNS[n] for n in shown), reason),
        rows=rows,
    )


def _tags(entry: Entry) -> dict[str, str]:
    """What a row is filtered by that no column shows."""
    return {"domain": entry.system.row.domain, "provenance": words.provenance(entry)}
