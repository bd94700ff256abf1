"""The page of a store's history: what changed when, and every row's course of time."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import fields
from operator import ge
from pathlib import Path
from typing import Any

from benchsuite import chronicle, compare, formatting, history
from benchsuite.formatting import cut, date_said, share_said
from benchsuite.history import CORRECTED, SPEED, Change, Line
from benchsuite.metrics import METRICS
from benchsuite.pages import render_page
from benchsuite.pages.grids import Cell, Column, Grid, GridRow
from benchsuite.shifts import History, Place, Shift
from benchsuite.store import Moments
from benchsuite.types import SystemKey
from benchsuite.units import quantity

TEMPLATE = "history.html.j2"
_DIGITS = 5
_GROUPS = 100  # folds on a page
_ROWS = 50  # in a fold
_TONES = {True: "better", False: "worse"}
_IDENTITY = tuple(field.name for field in fields(SystemKey))


def render(found: History, *, root: Path) -> str:
    """Every system's metrics over time as one self-contained page.

    Args:
        found: All rows of the store with their changes.
        root: The content folder that holds `reports/`.
    """
    lines = found.lines
    changes = [(shift, place) for shift in found.shifts for place in shift.places]
    grid = _changes(changes)
    begun = _begun(lines)
    places = {run: place for place, run in enumerate(begun)}
    moments = sum(len(line.course.moments) for line in lines)
    times = [line.course.moments.times[-1] for line in lines]
    view = {
        "title": "History",
        "finding": chronicle.sentence(found),
        "meta": [
            ("results", f"{moments} results"),
            *([("newest", f"newest {date_said(max(times))}")] if times else []),
        ],
        "groups": [_group(shift) for shift in found.shifts[:_GROUPS]],
        "earlier": max(0, len(found.shifts) - _GROUPS),
        "grid": grid if changes else None,
        "filters": _filters(changes),
        "lines": [(place, cut(_label(line))) for place, line in enumerate(lines)],
        "few": history.LEAST_RUNS,
    }
    data = {
        "grids": {grid.id: grid.data()} if changes else {},
        "lines": [_line_data(line, places) for line in lines],
        "runs": list(begun.items()),
    }
    return render_page(
        root,
        TEMPLATE,
        style="page.css",
        script=("table.js", "charts.js", "history.js"),
        data=data,
        view=view,
    )


def label(line: Line) -> str:
    """A row by all that it is told apart by."""
    return _label(line)


def _group(shift: Shift) -> dict[str, Any]:
    """A shift as the template folds it: what moved, then the rows, those that moved most first."""
    return {
        "when": chronicle.when(shift),
        "where": chronicle.where(shift),
        "because": chronicle.because(shift),
        "systems": shift.systems,
        "moved": [
            (_TONES[each.better], chronicle.moved(each), each.systems) for each in shift.moved
        ],
        "rows": [
            (
                f"#?row={line_id(place.line)}",
                cut(_label(place.line)),
                chronicle.title(place.change.metric, modelled=place.modelled),
                _amount(place),
                _TONES[place.better],
                chronicle.word(place.better),
                _levels(place),
            )
            for place in shift.places[:_ROWS]
        ],
        "left_out": max(0, len(shift.places) - _ROWS),
    }


def _amount(place: Place) -> str:
    return chronicle.amount(place.change.metric, place.amount, measure=place.measure)


def _levels(place: Place) -> str:
    """`1.82 kimage/s to 2.01 kimage/s`."""
    change = place.change
    before, after = (
        _said(value, change.metric, place.line) for value in (change.before, change.after)
    )
    return f"{before} to {after}"


def _label(line: Line) -> str:
    key = line.key
    parts = (key.workload, f"{key.backend} {key.precision}", key.scale, key.dataset or "no data",
             f"batch {key.batch}", compare.threads_said(key), key.device_name,
             line.course.scenario)  # fmt: skip
    return " · ".join(parts)


def _filters(changes: Sequence[tuple[Shift, Place]]) -> list[tuple[str, str, list[str]]]:
    places = [place for _, place in changes]
    values = {
        "device": ("Device", {place.line.key.device_name for place in places}),
        "backend": ("Backend", {place.line.key.backend for place in places}),
        "metric": ("Metric", {chronicle.title(place.change.metric) for place in places}),
        "went": ("Change", {chronicle.word(place.better) for place in places}),
    }
    return [(key, name, sorted(found)) for key, (name, found) in values.items() if len(found) > 1]


_COLUMNS = (
    Column(key="measured", title="since", numeric=False, falling=True),
    Column(key="workload", title="network", numeric=False),
    Column(key="backend", title="backend", numeric=False, filter="backend"),
    Column(key="device", title="device", numeric=False, filter="device", wide=True),
    Column(key="metric", title="metric", numeric=False, filter="metric"),
    Column(key="change", title="change", falling=True),
    Column(key="went", title="went", numeric=False, filter="went"),
    Column(key="cause", title="what changed there", numeric=False),
)


def _changes(changes: Sequence[tuple[Shift, Place]]) -> Grid:
    rows = []
    for shift, place in changes:
        line, change, key = place.line, place.change, place.line.key
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
                    Cell(
                        text=chronicle.title(change.metric),
                        sub="modelled" if place.modelled else "",
                    ),
                    Cell(
                        text=_amount(place),
                        sort=place.amount,
                        sub=_levels(place),
                    ),
                    Cell(text=chronicle.word(place.better), tone=_TONES[place.better]),
                    Cell(text=chronicle.because(shift), sub=change.commits or ""),
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


def _begun(lines: Sequence[Line]) -> dict[str, str]:
    """When each run measured its first row, in time; its rows stand minutes apart."""
    first: dict[str, str] = {}
    for line in lines:
        moments = line.course.moments
        mine = dict(zip(moments.runs, moments.times, strict=True))
        known = first.keys() >= mine.keys()
        if known and all(map(ge, mine.values(), map(first.__getitem__, mine))):
            continue
        for run, time in mine.items():
            first[run] = min(time, first.get(run, time))
    return dict(sorted(first.items(), key=lambda pair: (pair[1], pair[0])))


def _line_data(line: Line, places: Mapping[str, int]) -> dict[str, Any]:
    measure = line.course.moments[-1].digest.measure
    whole = _moments(line.course.moments, places)
    return {
        "id": line_id(line),
        "tracks": [
            {
                "metric": track.metric,
                "title": chronicle.title(track.metric, modelled=track.modelled),
                "unit": _shown_unit(track.metric, measure),
                "values": _packed(track.values),
                "changes": [
                    [
                        change.place,
                        _amount(Place(line=line, change=change)),
                        _turn(change),
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


def _turn(change: Change) -> str:
    """The cause, and between which commits it lies."""
    return change.cause.text if change.commits is None else f"{change.cause.text} {change.commits}"


def line_id(line: Line) -> str:
    """What a permanent link names a row by: the same in every store that has it."""
    said = "\0".join([*(str(getattr(line.key, name)) for name in _IDENTITY), line.course.scenario])
    return hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()[:12]


def _shown_unit(metric: str, measure: str | None) -> str:
    """The SI unit, or `%` for a share that is told in per cent."""
    share = metric in history.LINEAR and not formatting.is_correlation(measure)
    return "%" if share else _unit(metric)


def _packed(values: Sequence[float]) -> str:
    """The values as one text: single precision in base64; a constant once, with how often."""
    import numpy as np

    if values.count(values[0]) == len(values):
        return f"{values[0]:.{_DIGITS}g}*{len(values)}"
    return b64encode(np.asarray(values, dtype="<f4").tobytes()).decode()


def _moments(moments: Moments, places: Mapping[str, int]) -> list[int]:
    """The moments' places; where they follow one another, the first and how many."""
    found = [places[run] for run in moments.runs]
    if found == list(range(found[0], found[0] + len(found))):
        return [found[0], len(found), -1]
    return found
