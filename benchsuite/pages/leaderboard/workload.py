"""The page of a workload: every system that runs it, its fronts, and the same as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from benchsuite.attribution import THROUGHPUT
from benchsuite.formatting import cut
from benchsuite.pages.leaderboard import fronts, site, tables
from benchsuite.pages.leaderboard.site import Page
from benchsuite.pages.numbers import plain_of
from benchsuite.ranking import Entry

TEMPLATE = "workload.html.j2"
_SYSTEMS = "../system/"


def pages(name: str, group: Sequence[Entry], *, slug: str, root: Path) -> Iterator[Page]:
    """The page of a workload and its JSON."""
    shown = tables.tables(group, by_domain=False, up="../")
    unranked = tables.apart(group, up="../")
    found = [
        front
        for metric in fronts.COSTS
        if (front := fronts.front(group, metric)) and len(front.entries) > 1
    ]
    view = {
        "title": cut(name),
        "name": name,
        "finding": _finding(name, group),
        "meta": site.meta(group),
        "tables": shown,
        "doubts": tables.doubts(group),
        "apart": unranked,
        "filters": [each for each in tables.filters(group) if each[0] != "domain"],
        "plots": [fronts.plot(front, place=_SYSTEMS) for front in found],
    }
    grids = [*(table.grid for table in shown), unranked]
    drawn = {fronts.plot_id(front): fronts.data(front, place=_SYSTEMS) for front in found}
    yield site.page(f"workload/{slug}.html", TEMPLATE, view, grids, root=root, fronts=drawn)
    told = {"workload": name, "entries": [site.entry_json(entry) for entry in group]}
    yield site.json_page(f"workload/{slug}.json", told)


def _finding(name: str, group: Sequence[Entry]) -> str:
    first = [e for e in group if (place := e.places.get(THROUGHPUT)) and place.place == 1]
    best = max(
        first,
        key=lambda e: (e.places[THROUGHPUT].of, e.system.number(THROUGHPUT) or 0.0),
        default=None,
    )
    if best is None:
        return f"{cut(name)}: no system is ranked."
    key = best.system.key
    place = best.places[THROUGHPUT]
    among = f", the fastest of {place.of} {best.rank_class} systems" if place.of > 1 else ""
    among += " (others are not told apart from it)" if place.tied else ""
    return (
        f"{cut(name)} runs at {plain_of(best.system, THROUGHPUT)} with {cut(key.backend)} "
        f"{cut(key.precision)} on {cut(key.device_name)}{among}."
    )
