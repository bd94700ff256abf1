"""The page of a store's history: what changed when, and every row's course of time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from benchsuite import compare, formatting, history
from benchsuite.formatting import cut, date_said
from benchsuite.history import CORRECTED, SPEED, Change, Line
from benchsuite.metrics import METRICS
from benchsuite.pages import render_page
from benchsuite.pages.grids import Cell, Column, Grid, GridRow
from benchsuite.pages.leaderboard import change_said
from benchsuite.pages.leaderboard.words import share_said
from benchsuite.store import Course, Moment
from benchsuite.types import SystemKey
from benchsuite.units import quantity

TEMPLATE = "history.html.j2"
_DIGITS = 5
_IDENTITY = tuple(field.name for field in fields(SystemKey))


def render(courses: Sequence[Course], *, root: Path) -> str:
    """Every system's metrics over time as one self-contained page.

    Args:
        courses: All rows of the store.
        root: The content folder that holds `reports/`.
    """
    lines = history.lines(courses)
    changes = [(line, change) for line in lines for change in line.changes]
    changes.sort(key=lambda pair: pair[1].measured_at, reverse=True)
    grid = _changes(changes)
    places = _places(lines)
    moments = sum(len(line.course.moments) for line in lines)
    times = [moment.measured_at for line in lines for moment in line.course.moments[-1:]]
    view = {
        "title": "History",
        "finding": _finding(lines, len(changes)),
        "meta": [
            ("results", f"{moments} results"),
            *([("newest", f"newest {date_said(max(times))}")] if times else []),
        ],
        "grid": grid if changes else None,
        "filters": _filters(lines),
        "lines": [(place, cut(_label(line))) for place, line in enumerate(lines)],
        "few": history.LEAST_RUNS,
    }
    data = {
        "grids": {grid.id: grid.data()} if changes else {},
        "lines": [_line_data(line, places) for line in lines],
        "runs": [list(pair) for pair in places],
    }
    return render_page(
        root,
        TEMPLATE,
        style="page.css",
        script=("table.js", "charts.js", "history.js"),
        data=data,
        view=view,
    )


def title(metric: str) -> str:
    """A watched metric by name."""
    return "throughput without drift" if metric == CORRECTED else METRICS[metric].title


def label(line: Line) -> str:
    """A row by all that it is told apart by."""
    return _label(line)


def _finding(lines: Sequence[Line], changes: int) -> str:
    if not lines:
        return "Nothing is stored yet."
    systems = f"{len(lines)} row{'s' if len(lines) != 1 else ''}"
    judged = sum(len(line.course.moments) >= history.LEAST_RUNS for line in lines)
    if not judged:
        return f"None of {systems} has the {history.LEAST_RUNS} results that judging takes."
    if not changes:
        return f"No level changed in {judged} of {systems} that can be judged."
    moved = sum(bool(line.changes) for line in lines)
    return f"{changes} change{'s' if changes != 1 else ''} of level in {moved} of {systems}."


def _label(line: Line) -> str:
    key = line.key
    parts = (key.workload, f"{key.backend} {key.precision}", key.scale, key.dataset or "no data",
             f"batch {key.batch}", compare.threads_said(key), key.device_name,
             line.course.scenario)  # fmt: skip
    return " · ".join(parts)


def _filters(lines: Sequence[Line]) -> list[tuple[str, str, list[str]]]:
    changed = [line for line in lines if line.changes]
    values = {
        "device": ("Device", {line.key.device_name for line in changed}),
        "backend": ("Backend", {line.key.backend for line in changed}),
        "metric": ("Metric", {title(c.metric) for line in lines for c in line.changes}),
    }
    return [(key, name, sorted(found)) for key, (name, found) in values.items() if len(found) > 1]


_COLUMNS = (
    Column(key="measured", title="since", numeric=False, falling=True),
    Column(key="workload", title="network", numeric=False),
    Column(key="backend", title="backend", numeric=False, filter="backend"),
    Column(key="device", title="device", numeric=False, filter="device", wide=True),
    Column(key="metric", title="metric", numeric=False, filter="metric"),
    Column(key="change", title="change", falling=True),
    Column(key="cause", title="what changed there", numeric=False),
)


def _changes(changes: Sequence[tuple[Line, Change]]) -> Grid:
    rows = []
    for line, change in changes:
        key = line.key
        modelled = any(t.modelled for t in line.tracks if t.metric == change.metric)
        before, after = (
            _said(value, change.metric, line) for value in (change.before, change.after)
        )
        rows.append(
            GridRow(
                cells=(
                    Cell(
                        text=date_said(change.measured_at).partition(" ")[0],
                        sort=change.measured_at,
                        sub=f"run {change.run}",
                    ),
                    Cell(text=key.workload, sub=f"{key.scale} · {line.course.scenario}"),
                    Cell(text=key.backend, sub=f"{key.precision}, {compare.threads_said(key)}"),
                    Cell(text=key.device_name),
                    Cell(text=title(change.metric), sub="modelled" if modelled else ""),
                    Cell(
                        text=change_said(change.metric, change.before, change.after),
                        sort=(
                            change.after - change.before
                            if change.metric in history.LINEAR
                            else change.after / change.before
                        ),
                        sub=f"{before} to {after}",
                    ),
                    Cell(text=change.cause.text),
                ),
                link=f"#?row={line_id(line)}",
            )
        )
    return Grid(id="changes", title="Changes of level", columns=_COLUMNS, rows=rows)


def _said(value: float, metric: str, line: Line) -> str:
    if metric in history.LINEAR:
        return share_said(line.course.moments[-1].digest.measure)(value)
    frame = cut(line.course.moments[-1].digest.frame)
    return quantity(value, _unit(metric)).replace("frame", frame)


def _unit(metric: str) -> str:
    return METRICS[SPEED if metric == CORRECTED else metric].unit.partition("/query")[0]


# --- what the script draws ------------------------------------------------------------------------


def _places(lines: Sequence[Line]) -> dict[tuple[str, str], int]:
    """Run and time of every moment to its place, in time."""
    pairs = {(m.run, m.measured_at) for line in lines for m in line.course.moments}
    ordered = sorted(pairs, key=lambda pair: (pair[1], pair[0]))
    return {pair: place for place, pair in enumerate(ordered)}


def _line_data(line: Line, places: Mapping[tuple[str, str], int]) -> dict[str, Any]:
    measure = line.course.moments[-1].digest.measure
    whole = _moments(line.course.moments, places)
    return {
        "id": line_id(line),
        "tracks": [
            {
                "metric": track.metric,
                "title": ("modelled " if track.modelled else "") + title(track.metric),
                "unit": _shown_unit(track.metric, measure),
                "values": _packed(track.values),
                "changes": [
                    [
                        change.place,
                        change_said(change.metric, change.before, change.after),
                        change.cause.text,
                    ]
                    for change in track.changes
                ],
                "runs": (
                    whole
                    if len(track.moments) == len(line.course.moments)
                    else _moments(track.moments, places)
                ),
            }
            for track in line.tracks
        ],
        "frame": cut(line.course.moments[-1].digest.frame),
    }


def line_id(line: Line) -> str:
    """What a permanent link names a row by: the same in every store that has it."""
    said = "\0".join([*(str(getattr(line.key, name)) for name in _IDENTITY), line.course.scenario])
    return hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()[:12]


def _shown_unit(metric: str, measure: str | None) -> str:
    """The SI unit, or `%` for a share that is told in per cent."""
    share = metric in history.LINEAR and not formatting.is_correlation(measure)
    return "%" if share else _unit(metric)


def _packed(values: Sequence[float]) -> str:
    """The values with five digits as one text; a constant once, with how often."""
    if values.count(values[0]) == len(values):
        return f"{values[0]:.{_DIGITS}g}*{len(values)}"
    return " ".join([f"%.{_DIGITS}g"] * len(values)) % tuple(values)


def _moments(moments: Sequence[Moment], places: Mapping[tuple[str, str], int]) -> list[int]:
    """The moments' places; where they follow one another, the first and how many."""
    found = [places[m.run, m.measured_at] for m in moments]
    if found == list(range(found[0], found[0] + len(found))):
        return [found[0], len(found), -1]
    return found
