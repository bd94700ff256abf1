"""Dumbbells: a line each, with a dot a kind, so that two ways of comparing are seen at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from benchsuite.plots.canvas import (
    GROUPS,
    LEFT,
    RIGHT,
    Axis,
    Scale,
    chart,
    dot,
    line,
    text,
    ticks_said,
)

_BELLS, _BELL = 30.0, 40.0  # where the lines begin, how high one is


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One dot of a dumbbell, with its interval where it has one.

    Attributes:
        group: Its colour.
        hollow: Whether it is modelled or projected.
        radius: In pixels; where two dots may fall in one place, the one behind is the larger.
    """

    at: float
    label: str
    group: int = 0
    low: float | None = None
    high: float | None = None
    hollow: bool = False
    radius: float = 4.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Bell:
    """One line of a dumbbell chart.

    Attributes:
        joined: Whether a line joins its dots: they are two ways of seeing one thing.
    """

    label: str
    marks: tuple[Mark, ...]
    joined: bool = True


def dumbbells(bells: Sequence[Bell], *, x: Axis, label: str, origin: float | None = 1.0) -> Markup:
    """Values on lines of their own: a line's dots joined, their intervals drawn through them.

    Args:
        bells: At least one; with at least one mark in all.
        x: Their axis, logarithmic.
        label: What the chart says, for those who do not see it.
        origin: The value that a dashed line marks, where one stands out.
    """
    ends = [v for bell in bells for m in bell.marks for v in (m.at, m.low, m.high) if v]
    ends += [] if origin is None else [origin]
    across = Scale.over(ends, log=True, start=LEFT + 3, end=RIGHT - 3)
    bottom = _BELLS + _BELL * len(bells)
    parts = []
    for number, bell in enumerate(bells):
        at = _BELLS + _BELL * number + 24
        parts.append(text(LEFT, at - 14, bell.label, kind="name"))
        if origin is not None:  # beside the dots, never through the line's name
            parts.append(line((across(origin), at - 9), (across(origin), at + 9), "zero"))
        if bell.joined and len(bell.marks) > 1:
            places = [across(mark.at) for mark in bell.marks]
            parts.append(line((min(places), at), (max(places), at), "join"))
        for mark in bell.marks:
            kind = f"g{mark.group % GROUPS}"
            if mark.low and mark.high:
                parts.append(line((across(mark.low), at), (across(mark.high), at), f"span {kind}"))
            hollow = " hollow" if mark.hollow else ""
            place = (across(mark.at), at)
            parts.append(
                dot(
                    place,
                    f"{kind}{hollow}",
                    mark.label,
                    radius=mark.radius,
                    shape=mark.group // GROUPS,
                )
            )
    parts.append(line((LEFT, bottom), (RIGHT, bottom), "axis"))
    for at, said in ticks_said(x, across):
        parts.append(line((at, bottom), (at, bottom + 4), "axis"))
        parts.append(text(at, bottom + 17, said, anchor=_anchor(at)))
    parts.append(text(RIGHT, 12, f"{x.title} →", kind="end", anchor="end"))
    return chart(label, parts, height=bottom + 26)


def _anchor(at: float) -> str:
    """On which side of its place a text stands, so that it stays inside the chart."""
    return "start" if at < 10 else "end" if at > 90 else "middle"
