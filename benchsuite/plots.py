"""Charts with two axes as inline SVG: points with their Pareto front, rooflines, courses of time.

Places along x are percentages and along y pixels of a fixed height: a chart is as wide as its
box, and the text in it never scales. Colours come from CSS classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

HEIGHT = 320
_TOP, _BOTTOM = 30.0, 286.0
_LEFT, _RIGHT = 3.0, 96.0
_COURSE = 16.0  # where a course begins: the figures of its axis stand before it
_GROUPS = 6
_LABEL_HEIGHT = 15.0
_LETTER_WIDTH = 1.55  # per cent of a narrow chart: labels that would overlap there are left out
_LONGEST_LABEL = 30
_BELLS, _BELL = 30.0, 40.0  # where the lines of a dumbbell chart begin, how high one is
_FEW = 12  # values of a course that are drawn as dots too


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
        group: Its colour.
        hollow: Whether it is modelled or projected.
        link: Where it leads.
        labelled: Whether its label is written beside it, where there is room.
        low, high: The ends of an interval of y; left, right: of x.
    """

    x: float
    y: float
    label: str
    group: int = 0
    hollow: bool = False
    link: str | None = None
    labelled: bool = True
    low: float | None = None
    high: float | None = None
    left: float | None = None
    right: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Roof:
    """A device's bounds: FLOP/s, and B/s below the ridge."""

    label: str
    peak: float
    bandwidth: float
    group: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One dot of a dumbbell, with its interval where it has one.

    Attributes:
        group: Its colour.
        hollow: Whether it is modelled or projected.
    """

    at: float
    label: str
    group: int = 0
    low: float | None = None
    high: float | None = None
    hollow: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bell:
    """One line of a dumbbell chart."""

    label: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A chart as a page shows it, with its numbers as a table."""

    id: str
    title: str
    about: str
    svg: Markup
    groups: tuple[str, ...]
    heads: tuple[str, ...]
    table: tuple[tuple[str, ...], ...]


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
    across = _Scale.over(wide, log=x.log, start=_LEFT + 15, end=_RIGHT - 8)
    up = _Scale.over(tall, log=y.log, start=_BOTTOM - 16, end=_TOP + 22)
    places = [(across(p.x), up(p.y)) for p in points]
    spans = []
    for point, (at, height) in zip(points, places, strict=True):
        kind = f"whisker g{point.group % _GROUPS}"
        if point.low is not None and point.high is not None:
            spans.append(_line((at, up(point.low)), (at, up(point.high)), kind))
        if point.left is not None and point.right is not None:
            spans.append(_line((across(point.left), height), (across(point.right), height), kind))
    lines = [_line(places[i], places[j], "front") for i, j in pairwise(front)]
    order = [*(i for i in front), *(i for i in range(len(points)) if i not in set(front))]
    below, above = _axes(x, y, across, up)
    return _chart(label, [*below, *spans, *lines, *above, *_dots(points, places, order)])


def roofline(points: Sequence[Point], roofs: Sequence[Roof], *, label: str, said: Axis) -> Markup:
    """Rooflines of devices with systems under them, both axes logarithmic.

    Args:
        points: Arithmetic intensity (FLOP/B) and achieved rate (FLOP/s).
        roofs: At least one.
        label: What the chart says, for those who do not see it.
        said: The axis of y; that of x is FLOP/B.
    """
    ridges = [roof.peak / roof.bandwidth for roof in roofs]
    low = min([*(p.x for p in points), *ridges]) / 3
    high = max([*(p.x for p in points), *ridges]) * 3
    bounds = [min(roof.peak, roof.bandwidth * low) for roof in roofs]
    heights = [*(p.y for p in points), *(roof.peak for roof in roofs), *bounds]
    across = _Scale.over([low, high], log=True, start=_LEFT, end=_RIGHT)
    up = _Scale.over(heights, log=True, start=_BOTTOM - 8, end=_TOP + 26)
    lines = []
    for roof, ridge in zip(roofs, ridges, strict=True):
        corner = (across(ridge), up(roof.peak))
        kind = f"roof g{roof.group % _GROUPS}"
        if ridge > low:
            lines.append(_line((across(low), up(roof.bandwidth * low)), corner, kind))
        lines.append(_line(corner, (across(high), up(roof.peak)), kind))
        lines.append(_text(across(high), corner[1] - 7, roof.label, kind="end", anchor="end"))
    x = Axis(title="arithmetic intensity (FLOP/B)", said=lambda value: f"{value:g}", log=True)
    places = [(across(p.x), up(p.y)) for p in points]
    dots = _dots(points, places, range(len(points)))
    below, above = _axes(x, said, across, up)
    return _chart(label, [*below, *lines, *above, *dots])


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
    across = _Scale.over(ends, log=True, start=_LEFT + 3, end=_RIGHT - 3)
    bottom = _BELLS + _BELL * len(bells)
    parts = []
    if origin is not None:
        parts.append(_line((across(origin), _BELLS - 12), (across(origin), bottom), "zero"))
    for line, bell in enumerate(bells):
        at = _BELLS + _BELL * line + 24
        parts.append(_text(_LEFT, at - 14, bell.label, kind="name"))
        if len(bell.marks) > 1:
            places = [across(mark.at) for mark in bell.marks]
            parts.append(_line((min(places), at), (max(places), at), "join"))
        for mark in bell.marks:
            kind = f"g{mark.group % _GROUPS}"
            if mark.low and mark.high:
                parts.append(_line((across(mark.low), at), (across(mark.high), at), f"span {kind}"))
            hollow = " hollow" if mark.hollow else ""
            radius = max(4.0, 6.5 - 2.5 * mark.group)  # dots in one place are seen both
            place = (across(mark.at), at)
            parts.append(_dot(place, f"{kind}{hollow}", mark.label, radius=radius))
    parts.append(_line((_LEFT, bottom), (_RIGHT, bottom), "axis"))
    for at, text in _said(x, across):
        parts.append(_line((at, bottom), (at, bottom + 4), "axis"))
        parts.append(_text(at, bottom + 17, text, anchor=_anchor(at)))
    parts.append(_text(_RIGHT, 12, f"{x.title} →", kind="end", anchor="end"))
    return _chart(label, parts, height=bottom + 26)


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
    across = _Scale(low=0.0, span=max(1.0, len(values) - 1.0), start=_COURSE, end=_RIGHT - 1)
    up = _Scale.over([*values, *beside], log=False, start=_BOTTOM - 12, end=_TOP + 24)
    marks: list[Markup] = []
    for place, said in changes:
        at = across(place - 0.5)
        marks.append(_line((at, _TOP), (at, _BOTTOM), "change"))
        side = "start" if at < 60 else "end"
        marks.append(_text(at + (0.6 if side == "start" else -0.6), _TOP + 11, said, anchor=side))
    paths = [
        _path([(across(i), up(v)) for i, v in enumerate(series)], kind)
        for series, kind in ((beside, "beside"), (values, "g0"))
        if len(series) > 1
    ]
    dots = (
        [_dot((across(i), up(v)), "g0", y.said(v), radius=2.5) for i, v in enumerate(values)]
        if len(values) <= _FEW
        else []
    )
    names = [
        _text(_LEFT, _BOTTOM + 17, ends[0]),
        _text(_RIGHT, _BOTTOM + 17, ends[1], anchor="end") if len(values) > 1 else Markup(""),
    ]
    below, above = _grid(y, up)
    return _chart(label, [*below, *paths, *dots, *marks, *above, *names])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    """From a value to a place between `start` and `end`."""

    low: float
    span: float
    start: float
    end: float
    log: bool = False

    @classmethod
    def over(cls, values: Sequence[float], *, log: bool, start: float, end: float) -> _Scale:
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


def _axes(x: Axis, y: Axis, across: _Scale, up: _Scale) -> tuple[list[Markup], list[Markup]]:
    """What lies below the data, and the texts that lie above them."""
    below, above = _grid(y, up)
    for at, text in _said(x, across):
        below.append(_line((at, _BOTTOM), (at, _BOTTOM + 4), "axis"))
        above.append(_text(at, _BOTTOM + 17, text, anchor=_anchor(at)))
    above.append(_text(_RIGHT, _BOTTOM - 6, f"{x.title} →", kind="end", anchor="end"))
    return below, above


def _anchor(at: float) -> str:
    """On which side of its place a text stands, so that it stays inside the chart."""
    return "start" if at < 10 else "end" if at > 90 else "middle"


def _grid(y: Axis, up: _Scale) -> tuple[list[Markup], list[Markup]]:
    below = [_line((_LEFT, _BOTTOM), (_RIGHT, _BOTTOM), "axis")]
    above = [_text(_LEFT, 14, f"↑ {y.title}", kind="title")]
    for at, text in _said(y, up):
        if at < _BOTTOM - 6:
            below.append(_line((_LEFT, at), (_RIGHT, at), "rule"))
            above.append(_text(_LEFT, at - 4, text))
    return below, above


def _said(axis: Axis, scale: _Scale) -> list[tuple[float, str]]:
    """Places and texts of the ticks; of those that would say the same only the first."""
    texts: dict[str, float] = {}
    for tick in scale.ticks(4):
        texts.setdefault(axis.said(tick), scale(tick))
    return [(place, text) for text, place in texts.items()]


def _dots(
    points: Sequence[Point], places: Sequence[tuple[float, float]], order: Sequence[int]
) -> list[Markup]:
    """Dots, with as many labels as find room, those first in `order` first."""
    dots = []
    written: list[tuple[float, float, float]] = []
    for i in order:
        point, (across, up) = points[i], places[i]
        kind = f"g{point.group % _GROUPS}" + (" hollow" if point.hollow else "")
        dots.append(_dot(places[i], kind, point.label, link=point.link))
        text = point.label
        text = text if len(text) <= _LONGEST_LABEL else f"{text[: _LONGEST_LABEL - 1]}…"
        width = _LETTER_WIDTH * len(text)
        anchor = "end" if across > 55 else "start"
        start = across - width if anchor == "end" else across
        crowded = any(
            abs(up - y) < _LABEL_HEIGHT and start < right and left < start + width
            for left, right, y in written
        )
        if point.labelled and not crowded:
            written.append((start, start + width, up))
            dots.append(_text(across, up - 9, text, kind="name", anchor=anchor))
    return dots


def _dot(
    at: tuple[float, float], kind: str, label: str, *, radius: float = 5.0, link: str | None = None
) -> Markup:
    dot = Markup(
        '<circle class="dot {}" cx="{}%" cy="{}" r="{}"><title>{}</title></circle>'
    ).format(kind, f"{at[0]:.2f}", f"{at[1]:.1f}", f"{radius:g}", label)
    if link is None:
        return dot
    return Markup('<a href="{}" aria-label="{}">{}</a>').format(link, label, dot)


def _line(start: tuple[float, float], end: tuple[float, float], kind: str) -> Markup:
    return Markup('<line class="{}" x1="{}%" y1="{}" x2="{}%" y2="{}"/>').format(
        kind, f"{start[0]:.2f}", f"{start[1]:.1f}", f"{end[0]:.2f}", f"{end[1]:.1f}"
    )


def _path(places: Sequence[tuple[float, float]], kind: str) -> Markup:
    """A line through many places: in a box of its own whose width alone is stretched."""
    points = " ".join(f"{10 * x:.1f},{y:.1f}" for x, y in places)
    return Markup(
        '<svg class="stretch" viewBox="0 0 1000 {0}" width="100%" height="{0}" '
        'preserveAspectRatio="none"><polyline class="{1}" points="{2}"/></svg>'
    ).format(HEIGHT, kind, points)


def _text(x: float, y: float, text: str, *, kind: str = "tick", anchor: str = "start") -> Markup:
    return Markup('<text class="{}" x="{}%" y="{}" text-anchor="{}">{}</text>').format(
        kind, f"{x:.2f}", f"{y:.1f}", anchor, text
    )


def _chart(label: str, parts: Sequence[Markup], *, height: float = HEIGHT) -> Markup:
    return Markup(
        '<svg class="plot" width="100%" height="{}" role="group" aria-label="{}">{}</svg>'
    ).format(f"{height:g}", label, Markup("").join(parts))
