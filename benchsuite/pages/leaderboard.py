"""The leaderboard: a static site over a store, with a page a workload and a page a system."""

from __future__ import annotations

import re
import shlex
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchsuite import compare, formatting, history, plots
from benchsuite.attribution import ENERGY, THROUGHPUT, energy_origin
from benchsuite.compare import System
from benchsuite.formatting import NO_BREAK, cut, date_said
from benchsuite.history import CORRECTED, SPEED, Line, Track
from benchsuite.metrics import METRICS
from benchsuite.pages import render_page
from benchsuite.pages.everything import everything_of
from benchsuite.pages.grids import Cell, Column, Grid, GridRow
from benchsuite.pages.numbers import figure_of, plain_of
from benchsuite.plots import Axis, Plot, Point
from benchsuite.ranking import CLASSES, LATENCY, Entry, entries, pareto
from benchsuite.store import Course, Store
from benchsuite.units import percent, quantity, significant

INDEX, WORKLOAD, SYSTEM = "leaderboard.html.j2", "workload.html.j2", "system.html.j2"
UNRANKED = "unranked"
NO_HYPHEN = "\N{NON-BREAKING HYPHEN}"
_FILTERS = (("domain", "Domain"), ("device", "Device"), ("backend", "Backend"),
            ("precision", "Precision"), ("goals", "Goals"))  # fmt: skip
_LONGEST_SLUG = 60
_RECENT = 10
_TITLES = {"speed-only": "Speed only"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One file of the site, by its path in the site's folder."""

    path: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The systems of one class and domain; `about` says what the class means."""

    title: str
    about: str
    grid: Grid


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackShown:
    """A metric's course with its changes in words."""

    plot: Plot
    changes: tuple[tuple[str, str, str, str], ...]


def render_site(store: Store, *, root: Path) -> Iterable[Page]:
    """Every page of the site, the index first.

    Args:
        store: Where the results are.
        root: The content folder that holds `reports/`.
    """
    latest = store.latest()
    board = entries(latest)
    slugs = _slugs(sorted({entry.system.workload for entry in board}))
    yield _index(board, slugs, root=root)
    groups: dict[str, list[Entry]] = defaultdict(list)
    for entry in board:
        groups[entry.system.workload].append(entry)
    for workload, group in groups.items():
        yield _workload(workload, group, slug=slugs[workload], root=root)
    lines = {line.course.series: line for line in history.lines(store.courses())}
    whole = store.whole([each.id for each in latest])
    for entry in board:
        rows = {name: whole[each.id] for name, each in entry.stored.items()}
        own = [lines[e.series] for e in entry.stored.values() if e.series in lines]
        full = System(id=entry.id, label=entry.system.label, short=entry.system.short, rows=rows)
        yield _system(entry, full, own, slug=slugs[entry.system.workload], root=root)


# --- the index ------------------------------------------------------------------------------------


def _index(board: Sequence[Entry], slugs: Mapping[str, str], *, root: Path) -> Page:
    tables = []
    for rank_class in CLASSES:
        own = [entry for entry in board if entry.rank_class == rank_class]
        for domain in sorted({entry.system.row.domain for entry in own}):
            group = [entry for entry in own if entry.system.row.domain == domain]
            tables.append(
                Table(
                    title=f"{_class_title(rank_class)} · {domain}",
                    about=compare.CLASSES[rank_class],
                    grid=_grid(f"{rank_class}-{_slug(domain)}", f"{rank_class} {domain}", group),
                )
            )
    apart = [entry for entry in board if entry.unranked]
    unranked = _apart(apart) if apart else None
    front = _front(board, place="system/")
    view = {
        "title": "Leaderboard",
        "finding": _finding(board),
        "front_said": front[1] if front else None,
        "plot": front[0] if front else None,
        "meta": _meta(board),
        "tables": tables,
        "apart": unranked,
        "filters": _filters(board),
        "workloads": [(name, f"workload/{slug}.html") for name, slug in slugs.items()],
    }
    return _page("index.html", INDEX, view, [t.grid for t in tables], unranked, root=root)


def _page(
    path: str,
    template: str,
    view: Mapping[str, Any],
    grids: Sequence[Grid],
    apart: Grid | None,
    *,
    root: Path,
) -> Page:
    every = [*grids, *([apart] if apart else [])]
    text = render_page(
        root,
        template,
        style="page.css",
        script=("table.js", "charts.js"),
        data={"grids": {grid.id: grid.data() for grid in every}},
        view=view,
    )
    return Page(path=path, text=text)


def _finding(board: Sequence[Entry]) -> str:
    if not board:
        return "Nothing is stored yet."
    ranked = sum(entry.unranked is None for entry in board)
    networks = len({entry.system.workload for entry in board})
    devices = len({entry.system.key.device_name for entry in board})
    said = f"{_count(len(board), 'system')} of {_count(networks, 'network')}"
    said += f" on {_count(devices, 'device')}: "
    return said + ("all are ranked" if ranked == len(board) else f"{ranked} are ranked") + "."


def _meta(board: Sequence[Entry]) -> list[tuple[str, str]]:
    times = [each.result.measured_at for entry in board for each in entry.stored.values()]
    runs = sum(each.runs for entry in board for each in entry.stored.values())
    found = [("results", f"{runs} results")]
    if times:
        found.append(("newest", f"newest {date_said(max(times))}"))
    return found


def _filters(board: Sequence[Entry]) -> list[tuple[str, str, list[str]]]:
    values: dict[str, list[str]] = {
        "domain": [entry.system.row.domain for entry in board],
        "device": [entry.system.key.device_name for entry in board],
        "backend": [entry.system.key.backend for entry in board],
        "precision": [entry.system.key.precision for entry in board],
        "goals": [goals for entry in board if (goals := _goals(entry.system)) != formatting.MINUS],
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
    Column(key="device", title="device", numeric=False, filter="device"),
    Column(key="accuracy", title="accuracy", falling=True, about=METRICS["accuracy"].about),
    Column(key=THROUGHPUT, title="throughput", falling=True, about=METRICS[THROUGHPUT].about),
    Column(key=LATENCY, title="latency p90", about=METRICS[LATENCY].about),
    Column(key=ENERGY, title="energy a frame", about=METRICS[ENERGY].about),
    Column(key="measured", title="measured", falling=True),
)
_GOALS = Column(key="goals", title="goals", numeric=False, filter="goals")


def _grid(id: str, title: str, group: Sequence[Entry], *, up: str = "") -> Grid:
    """Systems ordered by network and place, so that those that compare stand together."""
    goals = any(entry.system.number("meets_goals") is not None for entry in group)
    ordered = sorted(group, key=_order)
    return Grid(
        id=id,
        title=title,
        columns=(*_COLUMNS, _GOALS) if goals else _COLUMNS,
        rows=[
            GridRow(cells=_cells(entry, goals=goals), link=f"{up}system/{entry.id}.html")
            for entry in ordered
        ],
    )


def _order(entry: Entry) -> tuple[Any, ...]:
    key = entry.system.key
    place = entry.places.get(THROUGHPUT)
    return (key.workload, key.scale, key.dataset or "", place.place if place else 1 << 30)


def _cells(entry: Entry, *, goals: bool) -> tuple[Cell, ...]:
    system = entry.system
    key, row = system.key, system.row
    found = [
        Cell(text=key.workload, sub=f"{key.scale} · {key.dataset or 'no data'}"),
        Cell(
            text=key.backend,
            sub=f"batch {key.batch}, {compare.threads_said(key)}".replace(" ", NO_BREAK),
        ),
        Cell(text=key.precision),
        Cell(text=key.device_name, sub="" if key.device_count == 1 else f"x {key.device_count}"),
        Cell(
            text=plain_of(system, "accuracy"),
            sort=system.number("accuracy"),
            sub=_target(system),
        ),
        *(_ranked(entry, metric) for metric in (THROUGHPUT, LATENCY, ENERGY)),
        Cell(
            text=date_said(row.measured_at).partition(" ")[0],
            sort=row.measured_at,
            sub=_provenance(entry),
        ),
    ]
    if goals:
        found.append(Cell(text=_goals(system)))
    return tuple(found)


def _ranked(entry: Entry, metric: str) -> Cell:
    system = entry.system
    place = entry.places.get(metric)
    reason = "" if entry.unranked else entry.reasons.get(metric, "")
    return Cell(
        text=_without_query(plain_of(system, metric)),
        sort=system.number(metric),
        sub=f"{place.place} of {place.of}".replace(" ", NO_BREAK) if place else cut(reason),
        soft=metric == ENERGY and system.modelled,
    )


def _apart(group: Sequence[Entry]) -> Grid:
    columns = (
        *(column for column in _COLUMNS if column.key not in (LATENCY, ENERGY)),
        Column(key="reason", title="why it is not ranked", numeric=False),
    )
    return Grid(
        id=UNRANKED,
        title="Unranked systems",
        columns=columns,
        rows=[
            GridRow(
                cells=(
                    *(
                        cell
                        for column, cell in zip(_COLUMNS, _cells(entry, goals=False), strict=True)
                        if column.key not in (LATENCY, ENERGY)
                    ),
                    Cell(text=entry.unranked or ""),
                ),
                link=f"system/{entry.id}.html",
            )
            for entry in sorted(group, key=_order)
        ],
    )


# --- Pareto fronts --------------------------------------------------------------------------------


def _front(board: Sequence[Entry], *, place: str) -> tuple[Plot, str] | None:
    """Accuracy against energy of the largest set of systems whose numbers can be compared."""
    sets: dict[tuple[Any, ...], list[Entry]] = defaultdict(list)
    for entry in board:
        system = entry.system
        origin = energy_origin(system.source(ENERGY))
        if entry.unranked or origin is None or system.number("accuracy") is None:
            continue
        key = system.key
        row = system.source("accuracy")
        sets[
            entry.rank_class, row.domain, key.dataset, row.measure, key.device_name, origin
        ].append(entry)
    if not sets:
        return None
    # where a meter was read, that set; of several the one with the most networks, then systems
    (rank_class, _, dataset, measure, device, origin), group = max(
        sets.items(),
        key=lambda item: (
            not item[0][-1].modelled,
            len({entry.system.workload for entry in item[1]}),
            len(item[1]),
        ),
    )
    plot, front = _accuracy_against(group, ENERGY, place=place, about=(
        f"{rank_class}, {dataset or 'no data'}, {device}; energy {origin.source}, "
        f"boundary {origin.boundary}"
    ))  # fmt: skip
    networks = {entry.system.workload for entry in group}
    best = {group[i].system.workload for i in front}
    verb = "is" if len(best) == 1 else "are"
    kind = "modelled energy" if origin.modelled else "energy"
    said = (
        f"{len(best)} of {_count(len(networks), 'network')} {verb} undominated in "
        f"{measure or 'accuracy'} against {kind} per frame on {device}."
    )
    return plot, said


def _accuracy_against(
    group: Sequence[Entry], metric: str, *, place: str, about: str
) -> tuple[Plot, list[int]]:
    """A scatter of accuracy against a metric of which less is better, with its Pareto front."""
    info = METRICS[metric]
    pairs = [
        (entry.system.number(metric) or 0.0, entry.system.number("accuracy") or 0.0)
        for entry in group
    ]
    front = pareto(pairs)
    software = list(dict.fromkeys(_software(entry.system) for entry in group))
    several = len({entry.system.workload for entry in group}) > 1
    points = [
        Point(
            x=x,
            y=y,
            label=cut(entry.system.workload if several else entry.system.short),
            group=software.index(_software(entry.system)),
            hollow=metric == ENERGY and entry.system.modelled,
            labelled=i in front,
            link=f"{place}{entry.id}.html",
        )
        for i, (entry, (x, y)) in enumerate(zip(group, pairs, strict=True))
    ]
    row = group[0].system.source("accuracy")
    measure = row.measure or "accuracy"
    frames = {entry.system.row.frame for entry in group}
    frame = next(iter(frames)) if len(frames) == 1 else "frame"
    title = f"{cut(measure)} against {info.title.lower().replace('frame', cut(frame))}"
    axis_x = Axis(
        title=info.title.lower().replace("frame", cut(frame)),
        said=lambda value: quantity(value, info.unit.partition("/")[0], digits=2),
        log=True,
    )
    axis_y = Axis(title=cut(measure), said=_share_said(measure))
    plot = Plot(
        id=f"accuracy-{metric.replace('_', '-')}",
        title=title,
        about=about,
        svg=plots.scatter(points, x=axis_x, y=axis_y, label=title, front=front),
        groups=tuple(software),
        heads=("system", "device", measure, info.title, "on the front"),
        table=tuple(
            (
                entry.system.label,
                entry.system.key.device_name,
                plain_of(entry.system, "accuracy"),
                _without_query(plain_of(entry.system, metric)),
                "yes" if i in front else "",
            )
            for i, entry in enumerate(group)
        ),
    )
    return plot, front


# --- a workload -----------------------------------------------------------------------------------


def _workload(name: str, group: Sequence[Entry], *, slug: str, root: Path) -> Page:
    tables = []
    for rank_class in CLASSES:
        own = [entry for entry in group if entry.rank_class == rank_class]
        if own:
            tables.append(
                Table(
                    title=_class_title(rank_class),
                    about=compare.CLASSES[rank_class],
                    grid=_grid(rank_class, f"{rank_class} systems", own, up="../"),
                )
            )
    apart = [entry for entry in group if entry.unranked]
    unranked = _apart(apart) if apart else None
    if unranked:
        unranked = Grid(
            id=unranked.id,
            title=unranked.title,
            columns=unranked.columns,
            rows=[GridRow(cells=row.cells, link=f"../{row.link}") for row in unranked.rows],
        )
    view = {
        "title": cut(name),
        "name": name,
        "finding": _workload_finding(name, group),
        "meta": _meta(group),
        "tables": tables,
        "apart": unranked,
        "filters": [each for each in _filters(group) if each[0] != "domain"],
        "plots": _workload_plots(group),
    }
    grids = [table.grid for table in tables]
    return _page(f"workload/{slug}.html", WORKLOAD, view, grids, unranked, root=root)


def _workload_finding(name: str, group: Sequence[Entry]) -> str:
    first = [e for e in group if (place := e.places.get(THROUGHPUT)) and place.place == 1]
    best = max(first, key=lambda e: e.places[THROUGHPUT].of, default=None)
    if best is None:
        return f"{cut(name)}: no system is ranked."
    key = best.system.key
    of = best.places[THROUGHPUT].of
    among = f", the fastest of {of} {best.rank_class} systems" if of > 1 else ""
    return (
        f"{cut(name)} runs at {plain_of(best.system, THROUGHPUT)} with {cut(key.backend)} "
        f"{cut(key.precision)} on {cut(key.device_name)}{among}."
    )


def _workload_plots(group: Sequence[Entry]) -> list[Plot]:
    found = []
    for metric in (ENERGY, LATENCY):
        sets: dict[tuple[Any, ...], list[Entry]] = defaultdict(list)
        for entry in group:
            system = entry.system
            if entry.unranked or not system.number(metric) or system.number("accuracy") is None:
                continue
            origin = energy_origin(system.source(ENERGY)) if metric == ENERGY else None
            if metric == ENERGY and origin is None:
                continue
            key = system.key
            sets[entry.rank_class, key.scale, key.dataset, origin].append(entry)
        if not sets:
            continue
        (rank_class, scale, dataset, origin), own = max(
            sets.items(),
            key=lambda item: (item[0][3] is None or not item[0][3].modelled, len(item[1])),
        )
        about = ", ".join(dict.fromkeys((rank_class, scale, dataset or "no data")))
        if origin is not None:
            about += f"; energy {origin.source}, boundary {origin.boundary}"
        if len(own) > 1:
            found.append(_accuracy_against(own, metric, place="../system/", about=about)[0])
    return found


# --- a system -------------------------------------------------------------------------------------


def _system(entry: Entry, system: System, lines: Sequence[Line], *, slug: str, root: Path) -> Page:
    key, row = system.key, system.row
    view = {
        "title": cut(f"{key.workload} {key.backend} {key.precision}"),
        "entry": entry,
        "system": system,
        "workload": key.workload,
        "workload_page": f"../workload/{slug}.html",
        "finding": _system_finding(entry, system),
        "meta": [
            ("class", row.rank_class),
            ("device", key.device_name),
            ("run", f"run {row.run}"),
            ("measured", date_said(row.measured_at)),
            ("provenance", _provenance(entry)),
        ],
        "standing": _standing(entry, system),
        "command": _command(system),
        "tracks": [shown for line in lines for shown in _tracks(line, system)],
        "courses": [_course_table(line.course, system) for line in lines],
        "everything": everything_of(system),
        "doubts": list(
            dict.fromkeys((d.code, d.message) for r in system.rows.values() for d in r.doubts)
        ),
    }
    return _page(f"system/{entry.id}.html", SYSTEM, view, [], None, root=root)


def _system_finding(entry: Entry, system: System) -> str:
    key = system.key
    who = f"{cut(key.workload)} with {cut(key.backend)} {cut(key.precision)}"
    if system.number(THROUGHPUT) is None:
        return f"{who}: no speed was measured."
    said = f"{who} runs at {plain_of(system, THROUGHPUT)}"
    if place := entry.places.get(THROUGHPUT):
        if place.of > 1:
            said += f": place {place.place} of {place.of}"
    elif entry.unranked:
        said += ", unranked"
    return said + "."


def _standing(entry: Entry, system: System) -> list[tuple[str, str, str]]:
    """The figures one looks for first, each with its place or why it has none."""
    keys = ("accuracy", THROUGHPUT, "latency_p50", LATENCY, ENERGY, "mean_power", "max_power",
            "peak_memory", "work", "model_size", "fraction_of_roofline")  # fmt: skip
    found = []
    for metric in keys:
        if system.number(metric) is None:
            continue
        place = entry.places.get(metric)
        if place:
            beside = f"place {place.place} of {place.of}"
        elif metric == "accuracy":
            beside = _target(system)
        else:
            beside = entry.reasons.get(metric, "")
        found.append((METRICS[metric].title, _without_query(plain_of(system, metric)), beside))
    return found


def _command(system: System) -> str:
    """The command line that measures the system again."""
    key = system.key
    parts = ["benchsuite", "run", key.workload, "--scale", key.scale, "--backend", key.backend,
             "--precision", key.precision, "--batch", str(key.batch), "--scenario",
             ",".join(system.rows), "--device", system.row.device]  # fmt: skip
    if key.threads:
        parts += ["--threads", str(key.threads)]
    return shlex.join(parts)


def _tracks(line: Line, system: System) -> list[TrackShown]:
    """A row's metrics in time; speed with its drift-corrected course."""
    by_metric = {track.metric: track for track in line.tracks}
    found = []
    for track in line.tracks:
        if track.metric == CORRECTED or len(track.values) < 2:
            continue
        corrected = by_metric.get(CORRECTED) if track.metric == SPEED else None
        found.append(_track(track, corrected, line, system))
    return found


def _track(track: Track, corrected: Track | None, line: Line, system: System) -> TrackShown:
    row = system.rows[line.course.scenario]
    info = METRICS[track.metric]
    shown = corrected if corrected and len(corrected.values) == len(track.values) else track

    def said(value: float) -> str:
        if track.metric in history.LINEAR:
            return _share_said(row.measure)(value)
        return _without_query(str(figure_of(value, track.metric, row)))

    changes = [
        (
            date_said(change.measured_at).partition(" ")[0],
            change_said(change.metric, change.before, change.after),
            f"{said(change.before)} to {said(change.after)}",
            change.cause.text,
        )
        for change in shown.changes
    ]
    ends = tuple(date_said(track.moments[place].measured_at).partition(" ")[0] for place in (0, -1))
    modelled = "modelled " if track.modelled else ""
    title = f"{modelled}{info.title}, {line.course.scenario}"
    about = "without the device's drift; the pale line is as measured" if shown is corrected else ""
    plot = Plot(
        id=f"{track.metric}-{_slug(line.course.scenario)}".replace("_", "-"),
        title=title,
        about=about,
        svg=plots.course(
            shown.values,
            y=Axis(title=info.title.lower(), said=said),
            ends=(ends[0], ends[1]),
            changes=[
                (change.place, text)
                for change, (_, text, _, _) in zip(shown.changes, changes, strict=True)
            ],
            beside=track.values if shown is corrected else (),
            label=f"{title}: {_count(len(track.values), 'run')}, {_count(len(changes), 'change')}",
        ),
        groups=(),
        heads=("measured", "run", *(("as measured", "without drift") if shown is corrected
                                    else (info.title,))),
        table=tuple(
            (
                date_said(moment.measured_at),
                moment.run,
                said(value),
                *((said(shown.values[place]),) if shown is corrected else ()),
            )
            for place, (moment, value) in list(
                enumerate(zip(track.moments, track.values, strict=True))
            )[: -_RECENT - 1 : -1]
        ),
    )  # fmt: skip
    return TrackShown(plot=plot, changes=tuple(changes))


def change_said(metric: str, before: float, after: float) -> str:
    """A change of level as a ratio, or in points."""
    if metric in history.LINEAR:
        return f"{formatting.points(after - before)} points"
    return formatting.times(after / before)


def _course_table(course: Course, system: System) -> tuple[str, int, int]:
    """Scenario, how many results, and how many of them failed."""
    failed = sum(moment.digest.status != compare.OK for moment in course.moments)
    return course.scenario, len(course.moments), failed


# --- words ----------------------------------------------------------------------------------------


def _class_title(rank_class: str) -> str:
    return _TITLES.get(rank_class, rank_class.capitalize())


def _share_said(measure: str | None) -> Callable[[float], str]:
    """An accuracy with a digit more than in tables: on an axis neighbours must differ."""
    if formatting.is_correlation(measure):
        return lambda value: significant(value, 4)
    return lambda value: percent(value, digits=4)


def _software(system: System) -> str:
    return cut(f"{system.key.backend} {system.key.precision}")


def _target(system: System) -> str:
    row = system.source("accuracy")
    if row.target is None:
        return ""
    verb = {True: "reaches", False: "misses", None: "target"}[system.target_met]
    said = f"{verb} {formatting.target(row.target, measure=row.measure)}"
    return said.replace(" ", NO_BREAK)


def _goals(system: System) -> str:
    met = system.number("meets_goals")
    return formatting.MINUS if met is None else "met" if met else "missed"


def _provenance(entry: Entry) -> str:
    return f"raw{NO_BREAK}data" if entry.raw else f"self{NO_HYPHEN}reported"


def _without_query(text: str) -> str:
    return text.removesuffix("/query")


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _slugs(names: Sequence[str]) -> dict[str, str]:
    """File names that are safe everywhere, and different for different names."""
    return {name: _slug(name) for name in names}


def _slug(name: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_LONGEST_SLUG].strip("-")
    if plain.replace("-", "/", 1) == name or plain == name:
        return plain
    return f"{plain}-{zlib.crc32(name.encode('utf-8', 'replace')):08x}".lstrip("-")


__all__ = ["Page", "change_said", "render_site"]
