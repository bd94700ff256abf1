"""What every page of the site is made of: a file, its template, the JSON beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchsuite.digest import DIGESTED
from benchsuite.formatting import date_said
from benchsuite.pages import render_page
from benchsuite.pages.grids import Grid
from benchsuite.pages.leaderboard import words
from benchsuite.ranking import Entry

SCHEMA = "benchsuite/leaderboard/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One file of the site, by its path in the site's folder."""

    path: str
    text: str


def page(
    path: str,
    template: str,
    view: Mapping[str, Any],
    grids: Sequence[Grid | None],
    *,
    root: Path,
    fronts: Mapping[str, Any] | None = None,
) -> Page:
    """Fills a template.

    Args:
        path: In the site's folder.
        template: A file of `reports/pages/`.
        view: What it reads.
        grids: The tables that its script draws.
        root: The content folder that holds `reports/`.
        fronts: By the chart's id what the script needs to filter it.
    """
    text = render_page(
        root,
        template,
        style="page.css",
        script=("fronts.js", "table.js", "charts.js") if fronts else ("table.js", "charts.js"),
        data={
            "grids": {grid.id: grid.data() for grid in grids if grid is not None},
            **({"fronts": fronts} if fronts else {}),
        },
        view={**view, "json": f"{path.rpartition('/')[2].removesuffix('.html')}.json"},
    )
    return Page(path=path, text=text)


def json_page(path: str, found: Mapping[str, Any]) -> Page:
    """The JSON beside a page."""
    text = json.dumps({"schema": SCHEMA, **found}, indent=1, allow_nan=False)
    return Page(path=path, text=text + "\n")


def entry_json(entry: Entry) -> dict[str, Any]:
    """A system with its places, or why it has none."""
    system = entry.system
    return {
        "id": entry.id,
        "page": f"system/{entry.id}.html",
        **asdict(system.key),
        "domain": system.row.domain,
        "scenarios": list(system.rows),
        "class": entry.rank_class,
        "unranked": entry.unranked,
        "provenance": entry.provenance,
        "own_weights": entry.own_weights,
        "reproduced": entry.reproduced,
        "run": system.row.run,
        "since": entry.since,
        "measured_at": system.row.measured_at,
        "places": {name: [each.place, each.of] for name, each in entry.places.items()},
        "last_places": {name: each.last for name, each in entry.places.items()},
        "tied": [name for name, each in entry.places.items() if each.tied],
        "doubts": {
            scenario: [doubt.message for doubt in own] for scenario, own in entry.doubts.items()
        },
        "reasons": dict(entry.reasons),
        "metrics": {name: system.number(name) for name in DIGESTED},
    }


def grid_json(grid: Grid) -> list[dict[str, Any]]:
    """A table's rows: by column the number, or the text where it has none."""
    keys = [column.key for column in grid.columns]
    return [
        {
            key: cell.text if cell.sort is None and not column.numeric else cell.sort
            for key, column, cell in zip(keys, grid.columns, row.cells, strict=True)
        }
        | ({"page": row.link} if row.link else {})
        for row in grid.rows
    ]


def meta(board: Sequence[Entry]) -> list[tuple[str, str]]:
    """How many results there are, and of when."""
    times = [each.result.measured_at for entry in board for each in entry.stored.values()]
    runs = sum(each.runs for entry in board for each in entry.stored.values())
    found = [("results", words.count(runs, "result"))]
    if times:
        found.append(("newest", f"newest {date_said(max(times))}"))
    return found
