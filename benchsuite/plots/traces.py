"""Measured courses over seconds, with the windows that count marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from benchsuite.plots.canvas import (
    BOTTOM,
    GROUPS,
    RIGHT,
    TOP,
    Axis,
    Scale,
    band,
    chart,
    floor,
    grid,
    line,
    path,
    text,
)

_START = 13.0  # where the courses begin: the figures of the axis stand before them
_SAME_END = 0.02  # windows whose ends differ by less than this share are marked as one


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One course.

    Attributes:
        at_s: Seconds since the window began, increasing.
        values: At those times.
        end_s: When the window ended.
        group: Its colour.
    """

    label: str
    at_s: Sequence[float]
    values: Sequence[float]
    end_s: float
    group: int = 0


def traces(own: Sequence[Trace], *, y: Axis, label: str) -> Markup:
    """Courses from the moment their windows began; each window's end is marked.

    Args:
        own: At least one, each with at least two values.
        y: Their axis.
        label: What the chart says, for those who do not see it.
    """
    ends = [trace.end_s for trace in own]
    times = [at for trace in own for at in trace.at_s] + [0.0, *ends]
    values = [value for trace in own for value in trace.values]
    across = Scale.over(times, log=False, start=_START, end=RIGHT)
    up = Scale.over(values, log=False, start=BOTTOM - 14, end=TOP + 30)
    below, above = grid(y, up)
    seconds = Axis(title="seconds since the window began", said=lambda value: f"{value:g}")
    lower, upper = floor(seconds, across)
    alike = max(ends) - min(ends) <= _SAME_END * max(ends)
    marks = [band(across(0.0), across(max(ends)), "window")]
    marks += [
        line((across(end), TOP), (across(end), BOTTOM), kind)
        for end, kind in [(0.0, "edge"), *_edges(own, alike=alike)]
    ]
    names = [
        text(across(0.0) + 0.8, TOP + 12, "window" if alike else "windows, each ends at its line")
    ]
    lines = [
        path(
            [(across(at), up(value)) for at, value in zip(trace.at_s, trace.values, strict=True)],
            _kind(trace),
        )
        for trace in own
    ]
    return chart(label, [*marks, *below, *lower, *lines, *above, *names, *upper])


def _edges(own: Sequence[Trace], *, alike: bool) -> list[tuple[float, str]]:
    if alike:
        return [(max(trace.end_s for trace in own), "edge")]
    return [(trace.end_s, f"edge {_kind(trace)}") for trace in own]


def _kind(trace: Trace) -> str:
    return f"g{trace.group % GROUPS}"
