"""The leaderboard: a static site over a store, made only of what the store holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from benchsuite import history
from benchsuite.compare import System
from benchsuite.pages.leaderboard import (
    changes,
    fronts,
    site,
    system,
    tables,
    teams,
    words,
    workload,
)
from benchsuite.pages.leaderboard.again import again
from benchsuite.pages.leaderboard.fronts import Front
from benchsuite.pages.leaderboard.site import Page
from benchsuite.pages.leaderboard.words import change_said
from benchsuite.ranking import Entry, entries
from benchsuite.shipped import shipped_weights
from benchsuite.store import Store

TEMPLATE = "leaderboard.html.j2"
_NEWEST = 6
_MOST_FRONTS = 8  # device classes that the first chart can be of
_SYSTEMS = "system/"


def render_site(store: Store, *, root: Path) -> Iterable[Page]:
    """Every page of the site, the index first.

    Args:
        store: Where the results are.
        root: The content folder that holds `reports/`.
    """
    latest = store.latest()
    board = entries(latest, store.elsewhere(latest), shipped_weights(root))
    slugs = words.slugs(sorted({entry.system.workload for entry in board}))
    shown = [front for metric in fronts.COSTS if (front := fronts.front(board, metric))]
    yield from _index(board, shown, slugs, root=root)
    groups: dict[str, list[Entry]] = defaultdict(list)
    for entry in board:
        groups[entry.system.workload].append(entry)
    for name, group in groups.items():
        yield from workload.pages(name, group, slug=slugs[name], root=root)
    lines = history.lines(store.courses())
    yield from changes.pages(changes.events(board, shown, lines), root=root)
    whole = store.whole([each.id for each in latest])
    full = {
        entry.id: System(
            id=entry.id,
            label=entry.system.label,
            short=entry.system.short,
            rows={name: whole[each.id] for name, each in entry.stored.items()},
        )
        for entry in board
    }
    yield from teams.pages([(entry, full[entry.id]) for entry in board], root=root)
    runs = {run.id: run for run in store.runs()}
    environments = store.environments(sorted({entry.system.row.environment for entry in board}))
    by_series = {line.course.series: line for line in lines}
    for entry in board:
        own = [by_series[e.series] for e in entry.stored.values() if e.series in by_series]
        slug = slugs[entry.system.workload]
        row = full[entry.id].row
        repeat = again(full[entry.id], runs.get(row.run), environments.get(row.environment))
        yield from system.pages(entry, full[entry.id], own, repeat, slug=slug, root=root)


def _index(
    board: Sequence[Entry], shown: Sequence[Front], slugs: Mapping[str, str], *, root: Path
) -> Iterator[Page]:
    found = tables.tables(board, by_domain=True)
    unranked = tables.apart(board)
    by_metric = {front.metric: front for front in shown}
    energy, work = (by_metric.get(metric) for metric in fronts.COSTS[:2])
    drawn = [front for front in shown if len(front.entries) > 1]
    # the first chart is of one device class; the reader may choose another one
    first = energy or work
    others = [
        front
        for front in (fronts.fronts(board, first.metric)[1:_MOST_FRONTS] if first else ())
        if len(front.entries) > 1 and drawn and drawn[0].metric == front.metric
    ]
    named = {fronts.plot_id(front): front for front in drawn}
    named |= {fronts.plot_id(front, first=False): front for front in others}
    view = {
        "title": "Leaderboard",
        "finding": _finding(board),
        "front_chart": fronts.plot_id(first) if first and first in drawn else None,
        "front_said": fronts.sentence(energy, work),
        # named by their sets: which one is the first changes with the store
        "choices": [
            (fronts.plot_id(front, first=False), front.about)
            for front in named.values()
            if others and front.metric == drawn[0].metric
        ],
        "plots": [fronts.plot(front, place=_SYSTEMS) for front in drawn],
        "other_plots": [fronts.plot(front, place=_SYSTEMS, first=False) for front in others],
        "meta": site.meta(board),
        "tables": found,
        "doubts": tables.doubts(board),
        "apart": unranked,
        "filters": tables.filters(board),
        "workloads": [(name, f"workload/{slug}.html") for name, slug in slugs.items()],
        "teams": teams.LINKS if board else (),
        "newest": changes.newest(board, most=_NEWEST),
    }
    grids = [*(table.grid for table in found), unranked]
    told_of = {name: fronts.data(front, place=_SYSTEMS) for name, front in named.items()}
    if first and told_of:
        lead = "" if energy else fronts.NO_ENERGY
        told_of = {name: {**own, "lead": lead} for name, own in told_of.items()}
    yield site.page("index.html", TEMPLATE, view, grids, root=root, fronts=told_of)
    told = {"finding": view["finding"], "entries": [site.entry_json(entry) for entry in board]}
    yield site.json_page("index.json", told)


def _finding(board: Sequence[Entry]) -> str:
    if not board:
        return "Nothing is stored yet."
    ranked = sum(entry.unranked is None for entry in board)
    networks = len({entry.system.workload for entry in board})
    devices = len({entry.system.key.device_name for entry in board})
    said = f"{words.count(len(board), 'system')} of {words.count(networks, 'network')}"
    said += f" on {words.count(devices, 'device')}: "
    all_of = "it is ranked" if len(board) == 1 else "all are ranked"
    said += (
        all_of if ranked == len(board) else f"{ranked} are ranked" if ranked else "none is ranked"
    )
    doubted = sum(entry.unranked is None and bool(entry.doubts) for entry in board)
    if doubted:
        verb = "carries" if doubted == 1 else "carry"
        said += f", {doubted} of them {verb} a doubt ({words.DOUBT})"
    return said + "."


__all__ = ["Page", "change_said", "render_site"]
