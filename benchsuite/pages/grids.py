"""Tables that a reader sorts and filters: drawn in part by the template, in windows by table.js."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

FIRST_ROWS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column.

    Attributes:
        numeric: Whether it is sorted by number, and set to the right.
        falling: Whether the first click puts the largest first.
        filter: The key of the page's filter that looks at it.
        wide: Whether it holds names or sentences that must not be squeezed.
    """

    key: str
    title: str
    numeric: bool = True
    falling: bool = False
    filter: str | None = None
    wide: bool = False
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell.

    Attributes:
        sort: What it is sorted by; None goes last.
        sub: A second, softer line.
        soft: Whether the value is modelled.
        tone: `better` or `worse`, for its colour.
        doubt: What the value is doubted for; it is marked.
        note: The place of the note on how it was obtained, on a page that shows notes.
    """

    text: str
    sort: float | str | None = None
    sub: str = ""
    soft: bool = False
    tone: str = ""
    doubt: str = ""
    note: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GridRow:
    """A row.

    Attributes:
        link: Where its first cell leads.
        tags: What it is filtered by that no column shows, by the filter's key.
    """

    cells: tuple[Cell, ...]
    link: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A table."""

    id: str
    title: str
    columns: tuple[Column, ...]
    rows: Sequence[GridRow]

    @property
    def first(self) -> Sequence[GridRow]:
        """The rows that are drawn without a script."""
        return self.rows[:FIRST_ROWS]

    def data(self) -> dict[str, Any]:
        """What table.js reads: column by column."""
        columns = []
        for place, column in enumerate(self.columns):
            cells = [row.cells[place] for row in self.rows]
            found: dict[str, Any] = {
                "key": column.key,
                "title": column.title,
                "numeric": column.numeric,
                "falling": column.falling,
                "filter": column.filter,
                "wide": column.wide,
                "text": _packed([cell.text for cell in cells]),
            }
            if any(cell.sort is not None for cell in cells):
                found["sort"] = [cell.sort for cell in cells]
            if any(cell.sub for cell in cells):
                found["sub"] = _packed([cell.sub for cell in cells])
            if any(cell.soft for cell in cells):
                found["soft"] = [place for place, cell in enumerate(cells) if cell.soft]
            if any(cell.tone for cell in cells):
                found["tone"] = _packed([cell.tone for cell in cells])
            if any(cell.doubt for cell in cells):
                found["doubt"] = _packed([cell.doubt for cell in cells])
            if any(cell.note is not None for cell in cells):
                found["note"] = [cell.note for cell in cells]
            columns.append(found)
        links = [row.link for row in self.rows]
        keys = list(dict.fromkeys(key for row in self.rows[:1] for key in row.tags))
        tags = {key: _packed([row.tags[key] for row in self.rows]) for key in keys}
        return {"columns": columns, "links": links if any(links) else None, "tags": tags}


def _packed(texts: Sequence[str]) -> dict[str, Any]:
    """Texts, each kept once, by place; texts that differ are kept as they are."""
    distinct = list(dict.fromkeys(texts))
    if len(distinct) > len(texts) / 2:
        return {"all": list(texts)}
    places = {text: place for place, text in enumerate(distinct)}
    return {"of": distinct, "at": [places[text] for text in texts]}
