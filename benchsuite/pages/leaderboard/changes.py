"""What is new in a store, as a page, as JSON and as an Atom feed.

Everything follows from the store: a system is new when it was first measured, and a level changed
where `history` says so. Two builds of one store give the same feed.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from xml.etree import ElementTree

from benchsuite import history
from benchsuite.formatting import cut, date_said
from benchsuite.history import Line
from benchsuite.metrics import METRICS
from benchsuite.pages.grids import Cell, Column, Grid, GridRow
from benchsuite.pages.leaderboard import site, words
from benchsuite.pages.leaderboard.fronts import Front
from benchsuite.pages.leaderboard.site import Page
from benchsuite.ranking import Entry

TEMPLATE = "changes.html.j2"
NEW, FRONT, WORSE, BETTER = "new entry", "on the front", "regression", "gain"
_MOST = 100
_ATOM = "http://www.w3.org/2005/Atom"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something new.

    Attributes:
        kind: `NEW`, `FRONT`, `WORSE` or `BETTER`.
        page: Of the system that it concerns.
    """

    at: str
    kind: str
    system: str
    said: str
    page: str


def events(board: Sequence[Entry], fronts: Sequence[Front], lines: Sequence[Line]) -> list[Event]:
    """Everything new, the newest first.

    Args:
        board: All systems.
        fronts: Those that the index shows.
        lines: Every row's course with its changes.
    """
    found = [*map(_entry, board)]
    for front in fronts:
        against = METRICS[front.metric].title.lower()
        for place in front.best:
            entry = front.entries[place]
            said = f"undominated in accuracy against {against} ({front.about})"
            found.append(_event(entry, entry.since, FRONT, said))
    by_series = {each.series: entry for entry in board for each in entry.stored.values()}
    for line in lines:
        if (own := by_series.get(line.course.series)) is not None:
            found += [_change(own, line, change) for change in line.changes]
    return sorted(found, key=lambda event: (event.at, event.page, event.kind), reverse=True)


def newest(board: Sequence[Entry], *, most: int) -> list[Event]:
    """The systems that were first measured last."""
    ordered = sorted(board, key=lambda entry: (entry.since, entry.number), reverse=True)
    return [_entry(entry) for entry in ordered[:most]]


def pages(found: Sequence[Event], *, root: Path) -> Iterator[Page]:
    """The page of changes, its JSON and the feed."""
    grid = _grid(found)
    kinds = [kind for kind in (NEW, FRONT, WORSE, BETTER) if any(e.kind == kind for e in found)]
    counts = ", ".join(
        words.count(sum(event.kind == kind for event in found), name)
        for kind, name in ((NEW, "new entry"), (WORSE, "regression"), (BETTER, "gain"))
        if kind in kinds
    ).replace("entrys", "entries")
    view = {
        "title": "Changes",
        "finding": f"{counts or 'Nothing yet'}.",
        "grid_shown": grid,
        "filters": [("kind", "Kind", kinds)] if len(kinds) > 1 else [],
    }
    yield site.page("changes.html", TEMPLATE, view, [grid], root=root)
    yield site.json_page("changes.json", {"changes": [asdict(event) for event in found]})
    yield Page(path="feed.xml", text=_atom(found[:_MOST]))


def _entry(entry: Entry) -> Event:
    standing = entry.places.get("throughput")
    place = f"place {standing} by throughput" if standing else ""
    said = f"unranked: {entry.unranked}" if entry.unranked else place or entry.rank_class
    return _event(entry, entry.since, NEW, said)


def _event(entry: Entry, at: str, kind: str, said: str) -> Event:
    name, device = entry.system.label, entry.system.key.device_name
    return Event(
        at=at,
        kind=kind,
        system=name if f" · {device}" in name else f"{name} on {device}",
        said=said,
        page=f"system/{entry.id}.html",
    )


def _change(entry: Entry, line: Line, change: history.Change) -> Event:
    drift = change.metric == history.CORRECTED
    metric = history.SPEED if drift else change.metric
    worse = (change.after > change.before) == (METRICS[metric].better == "lower")
    title = METRICS[metric].title + (" without drift" if drift else "")
    moved = words.change_said(line, change)
    said = f"{title} {moved}, {line.course.scenario}. {change.cause.text}"
    return _event(entry, change.measured_at, WORSE if worse else BETTER, said)


_COLUMNS = (
    Column(key="at", title="since", numeric=False, falling=True),
    Column(key="kind", title="what", numeric=False, filter="kind"),
    Column(key="system", title="system", numeric=False, wide=True),
    Column(key="said", title="how it stands", numeric=False, wide=True),
)


def _grid(found: Sequence[Event]) -> Grid:
    return Grid(
        id="changes",
        title="Changes",
        columns=_COLUMNS,
        rows=[
            GridRow(
                cells=(
                    Cell(text=date_said(event.at).partition(" ")[0], sort=event.at),
                    Cell(text=event.kind),
                    Cell(text=event.system),
                    Cell(text=event.said),
                ),
                link=event.page,
            )
            for event in found
        ],
    )


def _atom(found: Sequence[Event]) -> str:
    """The newest events as an Atom feed (RFC 4287); its links are relative to the site."""
    feed = ElementTree.Element("feed", xmlns=_ATOM)
    _add(feed, "title", "benchsuite leaderboard")
    _add(feed, "id", _urn("feed"))
    _add(feed, "updated", found[0].at if found else "1970-01-01T00:00:00+00:00")
    author = ElementTree.SubElement(feed, "author")
    _add(author, "name", "benchsuite")
    ElementTree.SubElement(feed, "link", rel="alternate", href="changes.html")
    for event in found:
        entry = ElementTree.SubElement(feed, "entry")
        _add(entry, "title", f"{event.kind}: {cut(event.system)}")
        _add(entry, "id", _urn(f"{event.at} {event.kind} {event.page} {event.said}"))
        _add(entry, "updated", event.at)
        ElementTree.SubElement(entry, "link", rel="alternate", href=event.page)
        _add(entry, "summary", event.said)
    ElementTree.indent(feed, " ")
    return ElementTree.tostring(feed, encoding="unicode", xml_declaration=True) + "\n"


def _add(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, name).text = _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _urn(text: str) -> str:
    sound = f"benchsuite:{text}".encode("utf-8", "replace").decode()
    return uuid.uuid5(uuid.NAMESPACE_URL, sound).urn
