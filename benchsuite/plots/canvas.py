"""What every chart with two axes is made of: scales, axes, dots, lines and texts as inline SVG.

Places along x are percentages and along y pixels of a fixed height: a chart is as wide as its
box, and the text in it never scales. Colours come from CSS classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

from markupsafe import Markup

HEIGHT = 328
TOP, BOTTOM = 30.0, 286.0
LEFT, RIGHT = 3.0, 96.0
FIRST = 18.0  # from LEFT: on a narrow chart the figures of the other axis stand before it
GROUPS = 6  # colours; groups beyond them have another shape
_LABEL_HEIGHT = 15.0
_LETTER_WIDTH = 1.55  # per cent of a narrow chart: labels that would overlap there are left out
_LONGEST_LABEL = 30
_GAP = 1.5  # per cent between two labels of one height
_ABOVE, _BELOW = -9.0, 19.0  # a label's base line, from its dot
_RISES, _FALLS = 11.0, 4.0  # how far letters reach from their base line
_DOT = 5.0  # a dot's radius in pixels
_RING, _MOST_RINGS = 2.5, 3  # how much larger a dot is for each colour in front of it
_HIDES = (0.7, 4.0)  # dots closer than this, in per cent and pixels, hide each other
Place = tuple[float, float]
Box = tuple[float, float, float]  # left, right and base line of a text


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One axis.

    Attributes:
        said: A value on it as text.
        log: Whether equal lengths are equal ratios.
    """

    title: str
    said: Callable[[float], str]
    log: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One point.

    Attributes:
        group: Its colour and shape.
        hollow: Whether it is modelled or projected.
        link: Where it leads.
        labelled: Whether its name is written beside it, where there is room.
        name: What is written; None is the label.
        low, high: The ends of an interval of y; left, right: of x.
    """

    x: float
    y: float
    label: str
    group: int = 0
    hollow: bool = False
    link: str | None = None
    labelled: bool = True
    name: str | None = None
    low: float | None = None
    high: float | None = None
    left: float | None = None
    right: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """From a value to a place between `start` and `end`."""

    low: float
    span: float
    start: float
    end: float
    log: bool = False

    @classmethod
    def over(cls, values: Sequence[float], *, log: bool, start: float, end: float) -> Scale:
        """A scale on which all values have a place."""
        found = [math.log10(v) if log else v for v in values]
        low, high = min(found), max(found)
        if high - low < 1e-12 * max(abs(high), 1e-300) or high == low:
            room = 0.1 if log else abs(high) * 0.01 or 1.0
            low, high = low - room, high + room
        return cls(low=low, span=high - low, start=start, end=end, log=log)

    def __call__(self, value: float) -> float:
        at = math.log10(value) if self.log else value
        return self.start + (self.end - self.start) * (at - self.low) / self.span

    def ticks(self, count: int) -> list[float]:
        """Round values on the scale, about `count` of them."""
        high = self.low + self.span
        if not self.log:
            return _round_steps(self.low, high, count)
        decades = [10.0**k for k in range(math.floor(self.low), math.ceil(high) + 1)]
        steps = (1.0,) if self.span > 3 else (1.0, 3.0) if self.span > 1.2 else (1.0, 2.0, 5.0)
        found = [d * s for d in decades for s in steps if self.low <= math.log10(d * s) <= high]
        if len(found) < 2:
            return _round_steps(10**self.low, 10**high, count)
        return found[:: max(1, math.ceil(len(found) / (count + 1)))]


def _round_steps(low: float, high: float, count: int) -> list[float]:
    rough = (high - low) / count
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * s for s in (1, 2, 5, 10) if size * s >= rough)
    first = math.ceil(low / step - 1e-9)
    return [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)]


def axes(x: Axis, y: Axis, across: Scale, up: Scale) -> tuple[list[Markup], list[Markup]]:
    """What lies below the data, and the texts that lie above them."""
    below, above = grid(y, up)
    lower, upper = floor(x, across)
    return [*below, *lower], [*above, *upper]


def floor(x: Axis, across: Scale) -> tuple[list[Markup], list[Markup]]:
    """The axis of x: its ticks, which lie below the data, and its texts."""
    below, above = [], []
    for at, said in ticks_said(x, across):
        below.append(line((at, BOTTOM), (at, BOTTOM + 4), "axis"))
        anchor = "start" if at < 10 else "end" if at > 90 else "middle"
        above.append(text(at, BOTTOM + 17, said, anchor=anchor))
    above.append(text(RIGHT, BOTTOM + 35, f"{x.title} →", kind="end", anchor="end"))
    return below, above


def grid(y: Axis, up: Scale) -> tuple[list[Markup], list[Markup]]:
    """The axis of y: its rules, which lie below the data, and its texts."""
    below = [line((LEFT, BOTTOM), (RIGHT, BOTTOM), "axis")]
    above = [text(LEFT, 14, f"↑ {y.title}", kind="title")]
    for at, said in ticks_said(y, up):
        if at < BOTTOM - 6:
            below.append(line((LEFT, at), (RIGHT, at), "rule"))
            above.append(text(LEFT, at - 4, said))
    return below, above


def ticks_said(axis: Axis, scale: Scale) -> list[tuple[float, str]]:
    """Places and texts of the ticks; of those that would say the same only the first."""
    texts: dict[str, float] = {}
    for tick in scale.ticks(4):
        texts.setdefault(axis.said(tick), scale(tick))
    return [(place, text) for text, place in texts.items()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What labels keep clear of, and how wide their letters are.

    Attributes:
        lines: Segments, each from one place to another.
        texts: Texts that stand there already.
        letter: Per cent of the chart's width.
    """

    lines: tuple[tuple[Place, Place], ...] = ()
    texts: tuple[Box, ...] = ()
    letter: float = _LETTER_WIDTH


def dots(
    points: Sequence[Point],
    places: Sequence[Place],
    order: Sequence[int],
    *,
    taken: Taken | None = None,
) -> list[Markup]:
    """Dots, with as many labels as find room, those first in `order` first.

    A dot behind some of other colours is the larger for each colour, so that all are seen.
    """
    taken = taken or Taken()
    drawn, names = [], []
    written = list(taken.texts)
    for rank, i in enumerate(order):
        point, (across, up) = points[i], places[i]
        kind = f"g{point.group % GROUPS}" + (" hollow" if point.hollow else "")
        in_front = {
            points[j].group for j in order[rank + 1 :] if _same_place(places[i], places[j])
        } - {point.group}
        radius = _DOT + _RING * min(len(in_front), _MOST_RINGS)
        made = dot(
            places[i], kind, point.label, radius=radius, link=point.link,
            shape=point.group // GROUPS,
        )  # fmt: skip
        drawn.append(of_point(i, made))
        label = point.label if point.name is None else point.name
        label = label if len(label) <= _LONGEST_LABEL else f"{label[: _LONGEST_LABEL - 1]}…"
        width = taken.letter * len(label)
        sides = ("end", "start") if across > 55 else ("start", "end")
        for anchor, rise in product(sides, (_ABOVE, _BELOW)) if point.labelled else ():
            start, base = across - width if anchor == "end" else across, up + rise
            box = (start, start + width, base)
            if start < 0 or start + width > 100 or base > BOTTOM - 4 or _crowded(written, box):
                continue
            if any(_covers(box, place) for place in places):
                continue
            if any(_crosses(box, segment) for segment in taken.lines):
                continue
            written.append(box)
            names.append(of_point(i, text(across, base, label, kind="name", anchor=anchor)))
            break
    return [*drawn, *names]


def _same_place(one: Place, other: Place) -> bool:
    """Whether two dots hide each other."""
    return abs(one[0] - other[0]) < _HIDES[0] and abs(one[1] - other[1]) < _HIDES[1]


def _crowded(written: Sequence[Box], box: Box) -> bool:
    """Whether a text would run into one that is written already."""
    start, end, base = box
    return any(
        abs(base - at) < _LABEL_HEIGHT and start < right + _GAP and left < end + _GAP
        for left, right, at in written
    )


def _covers(box: Box, place: Place) -> bool:
    """Whether a text would lie on a dot."""
    start, end, base = box
    beside = start - _HIDES[0] < place[0] < end + _HIDES[0]
    return beside and base - _RISES - _DOT < place[1] < base + _FALLS + _DOT - 1


def _crosses(box: Box, segment: tuple[Place, Place]) -> bool:
    """Whether a line would strike a text."""
    start, end, base = box
    (x1, y1), (x2, y2) = sorted(segment)
    left, right = max(start, x1), min(end, x2)
    if left > right:
        return False
    slope = (y2 - y1) / (x2 - x1) if x2 > x1 else 0.0
    heights = (y1 + slope * (left - x1), y1 + slope * (right - x1)) if x2 > x1 else (y1, y2)
    return min(heights) < base + _FALLS and max(heights) > base - _RISES


def of_point(place: int, drawn: Markup) -> Markup:
    """A part of one point, which a script finds by the point's place."""
    return Markup('<g data-at="{}">{}</g>').format(place, drawn)


# square, triangle, diamond, cross: about as large as a circle of radius 1
_SHAPES = (
    "M-.89-.89h1.78v1.78h-1.78z",
    "M0-1.25l1.15 2h-2.3z",
    "M0-1.3l1.3 1.3l-1.3 1.3l-1.3-1.3z",
    "M-.4-1.2h.8v.8h.8v.8h-.8v.8h-.8v-.8h-.8v-.8h.8z",
)


def dot(
    at: Place,
    kind: str,
    label: str,
    *,
    radius: float = _DOT,
    link: str | None = None,
    shape: int = 0,
) -> Markup:
    """A mark at a place; `shape` 0 is a circle, the others follow and begin anew."""
    place = f"{at[0]:.2f}%", f"{at[1]:.1f}"
    if which := shape % (len(_SHAPES) + 1):
        drawn = Markup(
            '<svg x="{}" y="{}" overflow="visible"><path class="dot {}" transform="scale({})" '
            'vector-effect="non-scaling-stroke" d="{}"><title>{}</title></path></svg>'
        ).format(*place, kind, f"{radius:g}", _SHAPES[which - 1], label)
    else:
        drawn = Markup(
            '<circle class="dot {}" cx="{}" cy="{}" r="{}"><title>{}</title></circle>'
        ).format(kind, *place, f"{radius:g}", label)
    if link is None:
        return drawn
    return Markup('<a href="{}" tabindex="-1" aria-label="{}">{}</a>').format(link, label, drawn)


def marker(group: int, *, hollow: bool = False) -> Markup:
    """The mark of a group as a legend shows it."""
    kind = f"g{group % GROUPS}" + (" hollow" if hollow else "")
    drawn = dot((50.0, 6.0), kind, "", radius=4.5, shape=group // GROUPS)
    return Markup('<svg class="marker" width="12" height="12" aria-hidden="true">{}</svg>').format(
        drawn
    )


def line(start: tuple[float, float], end: tuple[float, float], kind: str) -> Markup:
    return Markup('<line class="{}" x1="{}%" y1="{}" x2="{}%" y2="{}"/>').format(
        kind, f"{start[0]:.2f}", f"{start[1]:.1f}", f"{end[0]:.2f}", f"{end[1]:.1f}"
    )


def path(places: Sequence[tuple[float, float]], kind: str) -> Markup:
    """A line through many places: in a box of its own whose width alone is stretched."""
    points = " ".join(f"{10 * x:.1f},{y:.1f}" for x, y in places)
    return Markup(
        '<svg class="stretch" viewBox="0 0 1000 {0}" width="100%" height="{0}" '
        'preserveAspectRatio="none"><polyline class="{1}" points="{2}"/></svg>'
    ).format(HEIGHT, kind, points)


def cloud(places: Sequence[tuple[float, float]], kind: str, *, row: int) -> Markup:
    """Many small dots in one shape, in a box as that of `path`.

    A script tells of each dot what stands in its row of the chart's table; `row` is the first's.
    """
    points = "".join(f"M{10 * x:.0f} {y:.0f}h0" for x, y in places)
    return Markup(
        '<svg class="stretch" viewBox="0 0 1000 {0}" width="100%" height="{0}" '
        'preserveAspectRatio="none"><path class="cloud {1}" data-row="{3}" d="{2}"/></svg>'
    ).format(HEIGHT, kind, points, row)


def band(start: float, end: float, kind: str) -> Markup:
    """A part of the width, from top to bottom."""
    return Markup('<rect class="{}" x="{}%" width="{}%" y="{}" height="{}"/>').format(
        kind, f"{start:.2f}", f"{end - start:.2f}", TOP, BOTTOM - TOP
    )


def text(
    x: float,
    y: float,
    said: str,
    *,
    kind: str = "tick",
    anchor: str = "start",
    note: int | None = None,
) -> Markup:
    """A line of text; one that is a figure leads to the note on how that was obtained."""
    noted = Markup("") if note is None else Markup(' data-note="{}"').format(note)
    return Markup('<text class="{}" x="{}%" y="{}" text-anchor="{}"{}>{}</text>').format(
        kind if note is None else f"{kind} n", f"{x:.2f}", f"{y:.1f}", anchor, noted, said
    )


def chart(label: str, parts: Sequence[Markup], *, height: float = HEIGHT) -> Markup:
    return Markup(
        '<svg class="plot" width="100%" height="{}" role="group" aria-label="{}">{}</svg>'
    ).format(f"{height:g}", label, Markup("").join(parts))
