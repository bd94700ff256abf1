"""Rooflines of devices, with systems and their layers under them.

Williams, Waterman, Patterson: Roofline, CACM 52(4), 2009.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from benchsuite.plots.canvas import (
    BOTTOM,
    FIRST,
    GROUPS,
    LEFT,
    RIGHT,
    TOP,
    Axis,
    Box,
    Place,
    Point,
    Scale,
    Taken,
    axes,
    chart,
    cloud,
    dots,
    line,
    text,
)

_ROOM = 2.5  # the ratio by which an axis reaches past the outermost value
_LETTER = 1.1  # per cent: the chart takes the page's whole width, names are hidden on narrow ones
_LINE = 13.0  # roofs whose labels would be closer than this are labelled once


@dataclass(frozen=True, slots=True, kw_only=True)
class Roof:
    """A device's bounds: FLOP/s, and B/s below the ridge.

    Attributes:
        group: Its colour; None is that of text.
        slope: What is said of the bandwidth, beside the slope.
        ridge: What is said of the ridge, below it.
        notes: Places of the notes on how peak, bandwidth and ridge were obtained.
    """

    label: str
    peak: float
    bandwidth: float
    group: int | None = 0
    slope: str = ""
    ridge: str = ""
    notes: tuple[int | None, int | None, int | None] = (None, None, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """A system's layers: arithmetic intensity (FLOP/B) and achieved rate (FLOP/s) of each.

    Attributes:
        row: That of the first layer in the chart's table; the others follow.
    """

    places: tuple[tuple[float, float], ...]
    row: int
    group: int = 0


def roofline(
    points: Sequence[Point],
    roofs: Sequence[Roof],
    *,
    label: str,
    said: Axis,
    layers: Sequence[Cloud] = (),
) -> Markup:
    """Rooflines of devices with systems under them, both axes logarithmic.

    Args:
        points: Arithmetic intensity (FLOP/B) and achieved rate (FLOP/s).
        roofs: At least one.
        label: What the chart says, for those who do not see it.
        said: The axis of y; that of x is FLOP/B.
        layers: What lies behind the points.
    """
    ridges = [roof.peak / roof.bandwidth for roof in roofs]
    small = [place for own in layers for place in own.places]
    low = min([*(p.x for p in points), *(x for x, _ in small), *ridges]) / _ROOM
    high = max([*(p.x for p in points), *(x for x, _ in small), *ridges]) * _ROOM
    bounds = [min(roof.peak, roof.bandwidth * low) for roof in roofs]
    heights = [*(p.y for p in points), *(y for _, y in small), *bounds]
    across = Scale.over([low, high], log=True, start=LEFT + FIRST, end=RIGHT)
    up = Scale.over(
        [*heights, *(roof.peak for roof in roofs)], log=True, start=BOTTOM - 12, end=TOP + 26
    )
    lines: list[Markup] = []
    texts: list[Markup] = []
    struck: list[tuple[Place, Place]] = []
    boxes: list[Box] = []
    written: list[float] = []

    def write(x: float, y: float, said: str, anchor: str, note: int | None) -> None:
        width = _LETTER * len(said)
        boxes.append((x - width, x, y) if anchor == "end" else (x, x + width, y))
        kind = "end" if said == roof.label else "bound"
        texts.append(text(x, y, said, kind=kind, anchor=anchor, note=note))

    for roof, ridge in zip(roofs, ridges, strict=True):
        corner = (across(ridge), up(roof.peak))
        kind = "roof" if roof.group is None else f"roof g{roof.group % GROUPS}"
        foot, end = (across(low), up(roof.bandwidth * low)), (across(high), corner[1])
        struck += [(foot, corner), (corner, end)]
        lines += [line(foot, corner, kind), line(corner, end, kind)]
        if roof.slope and not written:
            middle = ((foot[0] + corner[0]) / 2, (foot[1] + corner[1]) / 2)
            write(middle[0] + 1.5, middle[1] + 10, roof.slope, "start", roof.notes[1])
        if roof.ridge:
            lines.append(line(corner, (corner[0], BOTTOM), "ridge"))
            if not written:
                side = -0.8 if corner[0] > 50 else 0.8
                anchor = "end" if side < 0 else "start"
                write(corner[0] + side, BOTTOM - 8, roof.ridge, anchor, roof.notes[2])
        if all(abs(corner[1] - other) >= _LINE for other in written):
            write(end[0], corner[1] - 6, roof.label, "end", roof.notes[0])
        written.append(corner[1])
    x = Axis(title="arithmetic intensity (FLOP/B)", said=lambda value: f"{value:g}", log=True)
    clouds = [
        cloud([(across(x), up(y)) for x, y in own.places], f"g{own.group % GROUPS}", row=own.row)
        for own in layers
        if own.places
    ]
    places = [(across(p.x), up(p.y)) for p in points]
    taken = Taken(lines=tuple(struck), texts=tuple(boxes), letter=_LETTER)
    drawn = dots(points, places, range(len(points)), taken=taken)
    below, above = axes(x, said, across, up)
    return chart(label, [*below, *lines, *clouds, *above, *texts, *drawn])
