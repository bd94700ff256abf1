"""Charts with two axes as inline SVG: points, rooflines, courses of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup

from benchsuite.plots.canvas import (
    BOTTOM,
    FIRST,
    GROUPS,
    LEFT,
    RIGHT,
    TOP,
    Axis,
    Point,
    Scale,
    axes,
    chart,
    dot,
    dots,
    grid,
    line,
    marker,
    of_point,
    path,
    text,
)
from benchsuite.plots.dumbbells import Bell, Mark, dumbbells
from benchsuite.plots.roofs import Cloud, Roof, roofline

__all__ = [
    "Axis", "Bell", "Cell", "Cloud", "Mark", "Noted", "Plot", "Point", "Roof", "course",
    "dumbbells", "roofline", "scatter",
]  # fmt: skip

_COURSE = 16.0  # where a course begins: the figures of its axis stand before it
_FEW = 12  # values of a course that are drawn as dots too


class Noted(NamedTuple):
    """A figure in a chart's table, with the place of the note on how it was obtained."""

    text: str
    note: int


Cell = str | Noted


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A chart as a page shows it, with its numbers as a table.

    Attributes:
        groups: What colours and shapes stand for, in their order; empty for one not drawn.
        hollow: Those of them whose dots are all hollow.
    """

    id: str
    title: str
    about: str
    svg: Markup
    groups: tuple[str, ...]
    heads: tuple[str, ...]
    table: tuple[tuple[Cell, ...], ...]
    hollow: frozenset[str] = frozenset()

    def marker(self, group: int) -> Markup:
        """The mark of a group as the legend shows it."""
        return marker(group, hollow=self.groups[group] in self.hollow)


def scatter(
    points: Sequence[Point], *, x: Axis, y: Axis, label: str, front: Sequence[int] = ()
) -> Markup:
    """Points between two axes, with a line through those of the Pareto front.

    Args:
        points: At least one.
        x, y: Their axes.
        label: What the chart says, for those who do not see it.
        front: Places of the points on the front, in the order of x.
    """
    wide = [v for p in points for v in (p.x, p.left, p.right) if v is not None]
    tall = [v for p in points for v in (p.y, p.low, p.high) if v is not None]
    across = Scale.over(wide, log=x.log, start=LEFT + FIRST, end=RIGHT - 8)
    up = Scale.over(tall, log=y.log, start=BOTTOM - 16, end=TOP + 22)
    places = [(across(p.x), up(p.y)) for p in points]
    spans = []
    for i, (point, (at, height)) in enumerate(zip(points, places, strict=True)):
        kind = f"whisker g{point.group % GROUPS}"
        if point.low is not None and point.high is not None:
            spans.append(of_point(i, line((at, up(point.low)), (at, up(point.high)), kind)))
        if point.left is not None and point.right is not None:
            ends = (across(point.left), height), (across(point.right), height)
            spans.append(of_point(i, line(*ends, kind)))
    lines = [line(places[i], places[j], "front") for i, j in pairwise(front)]
    order = [*(i for i in front), *(i for i in range(len(points)) if i not in set(front))]
    below, above = axes(x, y, across, up)
    return chart(label, [*below, *spans, *lines, *above, *dots(points, places, order)])


def course(
    values: Sequence[float],
    *,
    y: Axis,
    ends: tuple[str, str],
    changes: Sequence[tuple[int, str]] = (),
    beside: Sequence[float] = (),
    label: str,
) -> Markup:
    """Values in time, equally spaced, with marks where their level changed.

    Args:
        values: At least one, the oldest first.
        y: Their axis.
        ends: What the first and the last moment are called.
        changes: The place of the first value on a new level, and what is said of it.
        beside: The same values otherwise corrected, drawn behind.
        label: What the chart says, for those who do not see it.
    """
    across = Scale(low=0.0, span=max(1.0, len(values) - 1.0), start=_COURSE, end=RIGHT - 1)
    up = Scale.over([*values, *beside], log=False, start=BOTTOM - 12, end=TOP + 24)
    marks: list[Markup] = []
    for place, said in changes:
        at = across(place - 0.5)
        marks.append(line((at, TOP), (at, BOTTOM), "change"))
        side = "start" if at < 60 else "end"
        marks.append(text(at + (0.6 if side == "start" else -0.6), TOP + 11, said, anchor=side))
    paths = [
        path([(across(i), up(v)) for i, v in enumerate(series)], kind)
        for series, kind in ((beside, "beside"), (values, "g0"))
        if len(series) > 1
    ]
    drawn = (
        [dot((across(i), up(v)), "g0", y.said(v), radius=2.5) for i, v in enumerate(values)]
        if len(values) <= _FEW
        else []
    )
    names = [
        text(LEFT, BOTTOM + 17, ends[0]),
        text(RIGHT, BOTTOM + 17, ends[1], anchor="end") if len(values) > 1 else Markup(""),
    ]
    below, above = grid(y, up)
    return chart(label, [*below, *paths, *drawn, *marks, *above, *names])
