"""The comparison page: two sides, system by system, device by device, with whose share it is."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchsuite import attribution, plots
from benchsuite.attribution import ENERGY, OWNERS, SPLITTABLE, THROUGHPUT
from benchsuite.compare import System
from benchsuite.difference import Change, Comparison
from benchsuite.formatting import MINUS, cut, is_correlation, points, times
from benchsuite.metrics import METRICS
from benchsuite.pages import render_page
from benchsuite.pages.grids import Cell, Column, Grid, GridRow
from benchsuite.pages.moved import SPLIT_TITLES, choices_of, moved_between, split_data
from benchsuite.pages.numbers import figure_of, plain_of
from benchsuite.plots import Axis, Plot, Point, Roof
from benchsuite.ranking import pareto
from benchsuite.units import percent, quantity, significant

TEMPLATE = "comparison.html.j2"
# what a reader of two devices looks for, in this order
_RATIOS = (ENERGY, THROUGHPUT, "latency_p50", "latency_p99", "max_power", "mean_power",
           "fraction_of_roofline", "peak", "power_envelope", "peak_per_watt")  # fmt: skip
_OF_ENERGY = frozenset({ENERGY, "mean_power", "max_power"})
_PLOTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """A metric of the second side over the first, over all rows that can be compared.

    Attributes:
        said: The geometric mean; None where no row can be compared.
        spread: From the smallest to the largest ratio of a row.
        left_out: Reason to how many rows.
    """

    title: str
    said: str | None
    spread: str
    rows: int
    modelled: bool
    left_out: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """One side against the first."""

    id: str
    names: tuple[str, str]
    ratios: tuple[Ratio, ...]
    grid: Grid
    only: tuple[tuple[str, tuple[str, ...]], ...]


def render(comparisons: Sequence[Comparison], *, root: Path) -> str:
    """A comparison as a self-contained HTML page.

    Args:
        comparisons: Of one baseline with one or several others; at least one.
        root: The content folder that holds `reports/`.
    """
    systems = _systems(comparisons)
    pairings = [_pairing(each, place) for place, each in enumerate(comparisons)]
    changes = [change for each in comparisons for change in each.changes]
    default = _default(changes, systems)
    plots_shown = [*_rooflines(systems), *_scatters(systems)]
    view = {
        "title": "Comparison",
        "finding": _finding(comparisons[0], pairings[0]),
        "meta": [("side", cut(name)) for name in _names(comparisons)],
        "pairings": pairings,
        "moved": moved_between(*default, metric=THROUGHPUT) if default else None,
        "choices": choices_of(systems),
        "splittable": [(metric, SPLIT_TITLES[metric]) for metric in SPLITTABLE],
        "owners": OWNERS,
        "plots": plots_shown,
    }
    data = {
        "notes": [],
        "grids": {pairing.grid.id: pairing.grid.data() for pairing in pairings},
        **split_data(systems),
    }
    return render_page(
        root,
        TEMPLATE,
        style="page.css",
        script=("run.js", "table.js", "charts.js"),
        data=data,
        view=view,
    )


def _names(comparisons: Sequence[Comparison]) -> list[str]:
    return [comparisons[0].before.name, *(each.after.name for each in comparisons)]


def _systems(comparisons: Sequence[Comparison]) -> list[System]:
    """All systems of all sides, each under an id of its own and named with its side or device."""
    sides = [comparisons[0].before, *(each.after for each in comparisons)]
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


def _finding(comparison: Comparison, pairing: Pairing) -> str:
    before, after = (cut(name) for name in pairing.names)
    if not comparison.changes:
        return f"{after} and {before} share no system."
    parts = []
    for ratio in pairing.ratios:
        if ratio.title in (METRICS[THROUGHPUT].title, METRICS[ENERGY].title) and ratio.said:
            kind = "modelled " if ratio.modelled else ""
            parts.append(f"{kind}{ratio.title} {ratio.said}")
    rows = len(comparison.changes)
    what = f"{rows} system{'s' if rows != 1 else ''}"
    if not parts:
        return f"{after} against {before}: {what}, none with numbers that can be compared."
    return f"{after} against {before}, over {what}: {', '.join(parts)}."


def _pairing(comparison: Comparison, place: int) -> Pairing:
    only = (
        (comparison.before.name, comparison.only_before),
        (comparison.after.name, comparison.only_after),
    )
    return Pairing(
        id=f"pair-{place}",
        names=_side_names(comparison),
        ratios=tuple(
            ratio for metric in _RATIOS if (ratio := _ratio(comparison.changes, metric)) is not None
        ),
        grid=_grid(comparison, f"pairs-{place}"),
        only=tuple((name, labels) for name, labels in only if labels),
    )


def _side_names(comparison: Comparison) -> tuple[str, str]:
    """By their devices where each side has one and they differ, else as they were given."""
    sides = (comparison.before, comparison.after)
    devices = [{system.key.device_name for system in side.systems} for side in sides]
    if all(len(names) == 1 for names in devices) and devices[0] != devices[1]:
        return next(iter(devices[0])), next(iter(devices[1]))
    return sides[0].name, sides[1].name


def _comparable(change: Change, metric: str) -> tuple[float, float] | str:
    """Both values; or why they cannot be compared."""
    first, second = change.before.source(metric), change.after.source(metric)
    values = change.before.number(metric), change.after.number(metric)
    for value, system in zip(values, (change.before, change.after), strict=True):
        if value is None:
            return f"missing: {system.value(metric).reason or 'no reason was recorded'}"
        if value <= 0:
            return "not above 0"
    if first.scenario != second.scenario:
        return "not the same scenario"
    if first.frame != second.frame:
        return "not the same frame"
    if metric in _OF_ENERGY:
        origins = attribution.energy_origin(first), attribution.energy_origin(second)
        if None in origins or origins[0] != origins[1]:
            return "energy of another source or boundary"
    assert values[0] is not None
    assert values[1] is not None
    return values[0], values[1]


def _ratio(changes: Sequence[Change], metric: str) -> Ratio | None:
    logs, left = [], defaultdict[str, int](int)
    for change in changes:
        found = _comparable(change, metric)
        if isinstance(found, str):
            left[found] += 1
        else:
            logs.append(math.log(found[1] / found[0]))
    if not changes:
        return None
    spread = ""
    if len(logs) > 1:
        ends = [times(math.exp(end)) for end in (min(logs), max(logs))]
        spread = "" if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"
    return Ratio(
        title=METRICS[metric].title,
        said=times(math.exp(sum(logs) / len(logs))) if logs else None,
        spread=spread,
        rows=len(logs),
        modelled=metric in _OF_ENERGY and any(change.after.modelled for change in changes),
        left_out=tuple(left.items()),
    )


_SHOWN = (THROUGHPUT, "latency_p50", "latency_p99", ENERGY, "max_power", "fraction_of_roofline")


def _grid(comparison: Comparison, id: str) -> Grid:
    columns = (
        Column(key="system", title="system", numeric=False),
        Column(key="accuracy", title="accuracy"),
        *(Column(key=metric, title=METRICS[metric].title, falling=True) for metric in _SHOWN),
        Column(key="cause", title="what differs", numeric=False),
    )
    rows = []
    for change in comparison.changes:
        before, after = change.before, change.after
        here, there = before.number("accuracy"), after.number("accuracy")
        both = here is not None and there is not None
        rows.append(
            GridRow(
                cells=(
                    Cell(text=after.workload, sub=after.short),
                    Cell(
                        text=plain_of(after, "accuracy"),
                        sort=there,
                        sub=f"{points((there or 0) - (here or 0))} points" if both else "",
                    ),
                    *(_cell(change, metric) for metric in _SHOWN),
                    Cell(text=", ".join(change.cause.differing) or "nothing recorded"),
                )
            )
        )
    return Grid(id=id, title="System by system", columns=columns, rows=rows)


def _cell(change: Change, metric: str) -> Cell:
    found = _comparable(change, metric)
    before, after = (
        plain_of(system, metric).removesuffix("/query") for system in (change.before, change.after)
    )
    if isinstance(found, str):
        known = change.before.number(metric) is not None or change.after.number(metric) is not None
        return Cell(text=MINUS, sub=f"{before} to {after}: {cut(found)}" if known else "")
    return Cell(
        text=times(found[1] / found[0]),
        sort=found[1] / found[0],
        sub=f"{before} to {after}",
        soft=metric in _OF_ENERGY and change.after.modelled,
    )


# --- charts ---------------------------------------------------------------------------------------


def _rooflines(systems: Sequence[System]) -> list[Plot]:
    """Every system under its device's roof, at the precision it computes in."""
    known = [
        system
        for system in systems
        if all(_positive(system, m) for m in ("arithmetic_intensity", "achieved", "peak"))
        and _positive(system, "bandwidth")
    ]
    if not known:
        return []
    names = list(dict.fromkeys(_device(system) for system in known))
    roofs = []
    for place, name in enumerate(names):
        own = [system for system in known if _device(system) == name]
        best = max(own, key=lambda system: system.number("peak") or 0.0)
        roofs.append(
            Roof(
                label=cut(name),
                peak=best.number("peak") or 1.0,
                bandwidth=best.number("bandwidth") or 1.0,
                group=place,
            )
        )
    points = [
        Point(
            x=system.number("arithmetic_intensity") or 1.0,
            y=system.number("achieved") or 1.0,
            label=cut(system.label),
            group=names.index(_device(system)),
            labelled=False,
        )
        for system in known
    ]
    title = "Roofline"
    svg = plots.roofline(
        points,
        roofs,
        label=f"{title}: {len(points)} systems under {len(roofs)} roofs",
        said=Axis(
            title="achieved FLOP/s",
            said=lambda value: quantity(value, "FLOP/s", digits=2),
            log=True,
        ),
    )
    return [
        Plot(
            id="roofline",
            title=title,
            about="each roof is the measured peak and bandwidth of a device at a precision",
            svg=svg,
            groups=tuple(names),
            heads=("system", "device", "intensity", "achieved", "peak", "fraction of roofline"),
            table=tuple(
                (
                    system.label,
                    _device(system),
                    plain_of(system, "arithmetic_intensity"),
                    plain_of(system, "achieved"),
                    plain_of(system, "peak"),
                    plain_of(system, "fraction_of_roofline"),
                )
                for system in known
            ),
        )
    ]


def _scatters(systems: Sequence[System]) -> list[Plot]:
    """Accuracy against work and against energy, for each data set with several systems."""
    sets: dict[tuple[str, str | None, str | None], list[System]] = defaultdict(list)
    for system in systems:
        if system.number("accuracy") is not None and system.measured:
            key = system.key
            sets[key.scale, key.dataset, system.source("accuracy").measure].append(system)
    found: list[Plot] = []
    for (scale, dataset, measure), group in sets.items():
        for metric in ("work", ENERGY):
            own = [system for system in group if _positive(system, metric)]
            if metric == ENERGY:
                own = _one_origin(own)
            if len(own) < 2 or len({system.number(metric) for system in own}) < 2:
                continue
            found.append(
                _scatter(own, metric, measure or "accuracy", f"{scale}, {dataset or 'no data'}",
                         id=f"accuracy-{metric.replace('_', '-')}-{len(found)}")
            )  # fmt: skip
    return found[:_PLOTS]


def _one_origin(systems: Sequence[System]) -> list[System]:
    """Those of the energy source and boundary that most have."""
    groups: dict[attribution.Origin, list[System]] = defaultdict(list)
    for system in systems:
        origin = attribution.energy_origin(system.source(ENERGY))
        if origin is not None:
            groups[origin].append(system)
    return max(groups.values(), key=len, default=[])


def _scatter(group: Sequence[System], metric: str, measure: str, about: str, *, id: str) -> Plot:
    info = METRICS[metric]
    pairs = [(s.number(metric) or 1.0, s.number("accuracy") or 0.0) for s in group]
    front = pareto(pairs)
    names = list(dict.fromkeys(_device(system) for system in group))
    row = group[0].source("accuracy")
    correlation = is_correlation(measure)
    title = f"{cut(measure)} against {info.title}"
    origin = attribution.energy_origin(group[0].source(ENERGY))
    if metric == ENERGY and origin is not None:
        about += f"; energy {origin.source}, boundary {origin.boundary}"
    svg = plots.scatter(
        [
            Point(
                x=x,
                y=y,
                label=cut(system.label),
                group=names.index(_device(system)),
                hollow=metric == ENERGY and system.modelled,
                labelled=place in front,
            )
            for place, (system, (x, y)) in enumerate(zip(group, pairs, strict=True))
        ],
        x=Axis(
            title=f"{info.title}",
            said=lambda value: quantity(value, info.unit.partition("/")[0], digits=2),
            log=True,
        ),
        y=Axis(
            title=cut(measure),
            said=lambda value: significant(value, 4) if correlation else percent(value, digits=4),
        ),
        label=title,
        front=front,
    )
    return Plot(
        id=id,
        title=title,
        about=about,
        svg=svg,
        groups=tuple(names),
        heads=("system", "device", measure, info.title, "on the front"),
        table=tuple(
            (
                system.label,
                system.key.device_name,
                str(figure_of(pairs[place][1], "accuracy", row)),
                plain_of(system, metric),
                "yes" if place in front else "",
            )
            for place, system in enumerate(group)
        ),
    )


def _device(system: System) -> str:
    return cut(f"{system.key.device_name} {system.key.precision}")


def _positive(system: System, metric: str) -> bool:
    value = system.number(metric)
    return value is not None and value > 0
