"""The comparison page: sides system by system or device by device, and whose share it is."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchsuite import difference, formatting, machines, spread
from benchsuite.attribution import ENERGY, OWNERS, SPLITTABLE, THROUGHPUT
from benchsuite.compare import System, threads_said
from benchsuite.difference import Change, Comparison, Side
from benchsuite.formatting import NO_BREAK, cut
from benchsuite.machines import RATIOS, Duel, Machine, Pair, Ratio
from benchsuite.metrics import METRICS
from benchsuite.pages import Notes, Texts, render_page
from benchsuite.pages.grids import Cell, Column, Grid, GridRow
from benchsuite.pages.machines import (
    Facts,
    Standing,
    accuracy_change,
    charts_of,
    disclosed,
    excluded_first,
    facts_of,
    how_first,
    interval_how,
    ratio_said,
    standing,
)
from benchsuite.pages.machines import finding as machines_finding
from benchsuite.pages.machines import grids as device_grids
from benchsuite.pages.machines import projected as projected_grid
from benchsuite.pages.moved import SPLIT_TITLES, choices_of, moved_between, split_data
from benchsuite.pages.numbers import note_of, plain_of
from benchsuite.pages.system_charts import rooflines, scatters
from benchsuite.plots import Plot
from benchsuite.projection import Projection
from benchsuite.spread import OF_ENERGY
from benchsuite.types import SystemKey
from benchsuite.units import MISSING

TEMPLATE = "comparison.html.j2"
_BASELINES = 6  # sides that may be picked as the baseline: each has all its ratios in the page


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """One side against the first.

    Attributes:
        who: The names with what sets the sides apart: `2 threads`.
    """

    id: str
    names: tuple[str, str]
    who: tuple[str, str]
    ratios: Facts
    grid: Grid
    only: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """What the page shows over one baseline; the reader picks which.

    Attributes:
        id: The baseline's place among the sides.
        baseline: The side's or the device's name.
        excluded: What the finding does not rest on: why, and which systems.
        how: On what its intervals rest.
        changes: Of its pairs, in the order of the sides.
    """

    id: int
    baseline: str
    finding: str
    excluded: Sequence[tuple[str, tuple[str, ...]]]
    how: str
    devices: Sequence[Standing]
    charts: Sequence[Plot]
    device_grids: Sequence[Grid]
    pairings: Sequence[Pairing]
    changes: Sequence[Change]

    @property
    def grids(self) -> list[Grid]:
        """All its tables."""
        return [*self.device_grids, *(pairing.grid for pairing in self.pairings)]


def render(
    sides: Sequence[Side],
    *,
    environments: Mapping[str, Mapping[str, Any]],
    projections: Sequence[Projection] = (),
    root: Path,
) -> str:
    """A comparison as a self-contained HTML page.

    Args:
        sides: The baseline, then what is compared with it.
        environments: Those that the sides' results name.
        projections: Of the sides' networks on devices that nobody ran.
        root: The content folder that holds `reports/`.
    """
    systems = _systems(sides)
    found = machines.machines(sides, environments)
    bases = found if len(found) > 1 else sides
    notes, texts = Notes(), Texts()
    views = [
        _against(sides, found, base, notes, projections=projections)
        for base in range(min(len(bases), _BASELINES))
    ]
    default = _default(views[0].changes, systems)
    projected = projected_grid(projections, notes) if projections else None
    view = {
        "title": "Comparison",
        "meta": [(f"run {side.run}", _named(side)) for side in sides],
        "views": views,
        "baselines": [cut(each.baseline) for each in views],
        "device_names": [each.name for each in found],
        "disclosed": disclosed(found),
        "projected": projected,
        "moved": moved_between(*default, metric=THROUGHPUT) if default else None,
        "choices": choices_of(systems),
        "interval_about": spread.ABOUT,
        "splittable": [(metric, SPLIT_TITLES[metric]) for metric in SPLITTABLE],
        "owners": OWNERS,
        "plots": [*rooflines(systems), *scatters(systems)],
    }
    shown = [grid for each in views for grid in each.grids]
    shown += [projected] if projected else []
    data = {
        "notes": notes.data(texts),
        "grids": {grid.id: grid.data() for grid in shown},
        **split_data(systems, texts),
        "texts": texts.listed(),
    }
    return render_page(
        root,
        TEMPLATE,
        style="page.css",
        script=("run.js", "table.js", "charts.js", "baseline.js"),
        data=data,
        view=view,
    )


def _against(
    sides: Sequence[Side],
    found: Sequence[Machine],
    base: int,
    notes: Notes,
    *,
    projections: Sequence[Projection],
) -> Against:
    """Everything over one device, or where all is of one device over one side."""
    if len(found) > 1:
        duels = [machines.duel(found[base], each) for each in found if each is not found[base]]
        base_side = sides[0]
    else:
        duels = []
        base_side = sides[base]
    mark = f"-{base}" if base else ""
    comparisons = [difference.compare(base_side, each) for each in sides if each is not base_side]
    pairings = [
        _pairing(each, f"{place}{mark}", notes)
        for place, each in enumerate(comparisons)
        if not duels
    ]
    return Against(
        id=base,
        baseline=found[base].name if duels else _named(base_side),
        finding=_finding([base_side], pairings, duels, projections),
        excluded=_excluded(pairings, duels),
        how=how_first(duels[0]) if duels else pairings[0].ratios.how if pairings else "",
        devices=[standing(each, f"{place}{mark}", notes) for place, each in enumerate(duels)],
        # projections are over what the first baseline measured
        charts=charts_of(duels, () if base else projections, suffix=mark),
        device_grids=device_grids(duels, notes, suffix=mark) if duels else [],
        pairings=pairings,
        changes=[change for each in comparisons for change in each.changes],
    )


def _named(side: Side) -> str:
    """A side by what was asked for and its run: `latest` is another one tomorrow."""
    return cut(side.name) if side.run in side.name else f"{cut(side.name)} (run {side.run})"


def _systems(sides: Sequence[Side]) -> list[System]:
    """All systems of all sides, each under an id of its own and named with its side or device."""
    rows = [(side, system) for side in sides for system in side.systems]
    found: list[System] = []
    seen: set[tuple[Hashable, ...]] = set()
    for side, system in rows:
        mark = (side.run, *sorted((r.scenario, r.key.batch) for r in system.rows.values()))
        identity = (mark, system.key)
        if identity in seen:
            continue
        seen.add(identity)
        apart = [other for _, other in rows if other.label == system.label]
        devices = {other.key.device_name for other in apart}
        name = system.key.device_name if len(devices) > 1 else side.name
        short = system.short if len(apart) == 1 else f"{system.short} · {name}"
        found.append(
            System(
                id=f"s{len(found)}",
                label=f"{system.workload} · {short}",
                short=short,
                rows=system.rows,
            )
        )
    return found


def _default(changes: Sequence[Change], systems: Sequence[System]) -> tuple[System, System] | None:
    """The first pair, as the systems that the selects name."""
    if not changes:
        return (systems[0], systems[1]) if len(systems) > 1 else None
    found = [
        next(s for s in systems if s.rows == side.rows)
        for side in (changes[0].before, changes[0].after)
    ]
    return (found[0], found[1]) if found[0] is not found[1] else None


def _finding(
    sides: Sequence[Side],
    pairings: Sequence[Pairing],
    duels: Sequence[Duel],
    projections: Sequence[Projection],
) -> str:
    if duels:
        return machines_finding(duels[0])
    if not pairings:
        return f"{_named(sides[0])}, {_projected_on(projections)}."
    pairing = pairings[0]
    before, after = pairing.who
    if not pairing.grid.rows:
        return f"{after} and {before} share no system."
    parts = []
    for fact in pairing.ratios.facts:
        if fact.title in (METRICS[THROUGHPUT].title, METRICS[ENERGY].title) and fact.said:
            kind = "modelled " if fact.modelled else ""
            wide = f" ({fact.interval})" if fact.interval else ""
            parts.append(f"{kind}{fact.title} {fact.said}{wide}")
    rows = len(pairing.grid.rows)
    what = f"{rows} system{'s' if rows != 1 else ''}"
    if not parts:
        return f"{after} against {before}: {what}, none with numbers that can be compared."
    return f"{after} against {before}, over {what}: {', '.join(parts)}."


def _projected_on(projections: Sequence[Projection]) -> str:
    """On what a lone side is projected; a device that was measured is no news."""
    ran = {each.device.key for each in projections if each.measured is not None}
    names = {
        each.device.key: each.device.name for each in projections if each.device.key not in ran
    }
    if not names:
        return "beside the projection of its own device"
    if len(names) == 1:
        return f"projected on {cut(*names.values())}, which nobody ran here"
    return f"projected on {len(names)} devices that nobody ran here"


def _excluded(
    pairings: Sequence[Pairing], duels: Sequence[Duel]
) -> list[tuple[str, tuple[str, ...]]]:
    if duels:
        return list(excluded_first(duels[0]))
    if not pairings:
        return []
    return [(f"only in {cut(name)}", tuple(map(cut, each))) for name, each in pairings[0].only]


def _who(comparison: Comparison) -> tuple[str, str]:
    """Both sides' names, with the backend, precision, batch or threads in which they differ."""
    sides = (comparison.before, comparison.after)
    said: list[list[str]] = [[], []]
    for of in (_backend, _precision, _batch, threads_said):
        own = [{of(system.key) for system in side.systems} for side in sides]
        if len(own[0]) == len(own[1]) == 1 and own[0] != own[1]:
            for side, values in zip(said, own, strict=True):
                side += values
    before, after = (_apart(cut(side.name), parts) for side, parts in zip(sides, said, strict=True))
    return before, after


def _apart(name: str, parts: Sequence[str]) -> str:
    """A side's name, and what sets it apart as far as the name does not say it."""
    told = [part for part in parts if part not in name]
    return f"{name} ({', '.join(told)})" if told else name


def _backend(key: SystemKey) -> str:
    return cut(key.backend)


def _precision(key: SystemKey) -> str:
    return key.precision


def _batch(key: SystemKey) -> str:
    return f"batch {key.batch}"


def _pairing(comparison: Comparison, place: str, notes: Notes) -> Pairing:
    only = (
        (comparison.before.name, comparison.only_before),
        (comparison.after.name, comparison.only_after),
    )
    pairs = [
        Pair(workload=change.after.workload, before=change.before, after=change.after)
        for change in comparison.changes
    ]
    return Pairing(
        id=f"pair-{place}",
        names=(comparison.before.name, comparison.after.name),
        who=_who(comparison),
        ratios=facts_of([machines.mean_of(pairs, metric) for metric in RATIOS if pairs], notes),
        grid=_grid(comparison, f"pairs-{place}", notes),
        only=tuple((name, labels) for name, labels in only if labels),
    )


_SHOWN = (THROUGHPUT, "latency_p50", "latency_p99", ENERGY, "max_power", "fraction_of_roofline")


def _grid(comparison: Comparison, id: str, notes: Notes) -> Grid:
    columns = (
        Column(key="system", title="system", numeric=False),
        Column(key="accuracy", title="accuracy"),
        *(Column(key=metric, title=METRICS[metric].title, falling=True) for metric in _SHOWN),
        Column(key="cause", title="what differs", numeric=False),
    )
    rows = []
    for change in comparison.changes:
        before, after = change.before, change.after
        threads = [threads_said(system.key) for system in (before, after)]
        rows.append(
            GridRow(
                cells=(
                    Cell(text=after.workload, sub=after.short),
                    Cell(
                        text=plain_of(after, "accuracy"),
                        sort=after.number("accuracy"),
                        sub=accuracy_change(before, after),
                        note=note_of(after, "accuracy", notes),
                    ),
                    *(_cell(change, metric, notes) for metric in _SHOWN),
                    Cell(
                        text=", ".join(change.cause.differing) or "nothing recorded",
                        sub="" if threads[0] == threads[1] else " to ".join(threads),
                    ),
                )
            )
        )
    return Grid(id=id, title="System by system", columns=columns, rows=rows)


def _cell(change: Change, metric: str, notes: Notes) -> Cell:
    found = machines.ratio(change.before, change.after, metric)
    note = notes.add(METRICS[metric].title, _cell_how(change, metric, found))
    before, after = (
        plain_of(system, metric).removesuffix("/query").replace(" ", NO_BREAK)
        for system in (change.before, change.after)
    )
    if isinstance(found, str):
        known = change.before.number(metric) is not None or change.after.number(metric) is not None
        return Cell(text=MISSING, sub=f"{before} to{NO_BREAK}{after}" if known else "", note=note)
    return Cell(
        text=formatting.times(found.value),
        sort=found.value,
        sub=f"{before} to{NO_BREAK}{after}",
        soft=metric in OF_ENERGY and change.after.modelled,
        note=note,
    )


def _cell_how(change: Change, metric: str, found: Ratio | str) -> str:
    """How both figures of a ratio were obtained, and on what its interval rests."""
    lines = []
    for name, system in (("from", change.before), ("to", change.after)):
        value = system.value(metric)
        how = f"missing: {value.reason}" if value.value is None else value.how
        lines.append(f"{name} {plain_of(system, metric)}: {how}")
    if isinstance(found, str):
        lines.append(f"no ratio: {cut(found)}")
    else:
        said, wide = ratio_said(found)
        lines.append(f"{said}{f' ({wide})' if wide else ''}; {interval_how(found)}")
    return "\n".join(lines)
