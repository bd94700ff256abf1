"""Forest plots as inline SVG: ratios with their intervals, the machine's drift behind them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

_LEFT, _RIGHT = 1.0, 99.0  # per cent of a lane's width
_HEIGHT = 26  # of a lane, px
_ROOM = 1.05  # beyond the outermost end, of the axis's length
_LEAST = math.log(1.02)  # the axis shows 2 % either way at least
_MOST = math.log(4.0)  # an interval that goes beyond is cut at the axis's end


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """One row: a ratio with its interval.

    Attributes:
        group: `worse`, `better`, `same`, `unclear` or `accepted`: its colour.
        said: The same in words.
    """

    label: str
    value: float
    low: float
    high: float
    group: str
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """From where to where the machine moved."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    """A plot's lanes, each beside its row's words, and the axis below them."""

    lanes: tuple[tuple[Ratio, Markup], ...]
    axis: Markup
    band: str | None


def forest(ratios: Sequence[Ratio], *, band: Band | None, label: str) -> Forest:
    """Rows on one logarithmic axis around 1.

    Args:
        ratios: At least one.
        band: The machine's drift, drawn behind every row; None where it is not known.
        label: What the ratios are of.
    """
    ends = [each for ratio in ratios for each in (ratio.low, ratio.high)]
    if band is not None:
        ends += [band.low, band.high]
    reach = min(_MOST, max(_LEAST, *(abs(math.log(end)) for end in ends)) * _ROOM)
    return Forest(
        lanes=tuple((ratio, _lane(ratio, band, reach=reach)) for ratio in ratios),
        axis=_axis(reach, label=label),
        band=None if band is None else f"{_percent(band.low)} to {_percent(band.high)}",
    )


def _lane(ratio: Ratio, band: Band | None, *, reach: float) -> Markup:
    middle = _HEIGHT / 2
    parts = []
    if band is not None:
        start, end = _place(band.low, reach), _place(band.high, reach)
        parts.append(
            Markup('<rect class="drift" x="{}%" y="0" width="{}%" height="{}"/>').format(
                f"{start:.2f}", f"{max(0.2, end - start):.2f}", _HEIGHT
            )
        )
    parts.append(_line(1.0, 1.0, 0, _HEIGHT, "zero", reach))
    parts.append(_line(ratio.low, ratio.high, middle, middle, "interval", reach))
    parts.append(
        Markup('<circle class="dot" cx="{}%" cy="{}" r="4.5"/>').format(
            f"{_place(ratio.value, reach):.2f}", middle
        )
    )
    return Markup(
        '<svg class="forest {}" width="100%" height="{}" role="img" aria-label="{}">{}</svg>'
    ).format(ratio.group, _HEIGHT, f"{ratio.label}: {ratio.said}", Markup("").join(parts))


def _axis(reach: float, *, label: str) -> Markup:
    parts = []
    step = _step(math.expm1(reach))
    count = math.floor(math.expm1(reach) / step + 1e-9)
    for number in range(-count, count + 1):
        value = 1 + number * step
        if value <= 0 or abs(math.log(value)) > reach:
            continue
        at = _place(value, reach)
        anchor = "start" if at < 6 else "end" if at > 94 else "middle"
        parts.append(_line(value, value, 0, 4, "axis", reach))
        parts.append(
            Markup('<text x="{}%" y="17" text-anchor="{}">{}</text>').format(
                f"{at:.2f}", anchor, _percent(value)
            )
        )
    return Markup(
        '<svg class="forest axis" width="100%" height="22" role="img" aria-label="{}">{}</svg>'
    ).format(f"change of {label}", Markup("").join(parts))


def _step(reach: float) -> float:
    """A round step, of which two or three fit on either side."""
    rough = reach / 2.5
    size = 10.0 ** math.floor(math.log10(rough))
    return next(size * s for s in (1, 2, 5, 10) if size * s >= rough)


def _place(value: float, reach: float) -> float:
    share = max(-1.0, min(1.0, math.log(value) / reach))
    return _LEFT + (_RIGHT - _LEFT) * (share + 1) / 2


def _line(start: float, end: float, top: float, bottom: float, kind: str, reach: float) -> Markup:
    return Markup('<line class="{}" x1="{}%" y1="{}" x2="{}%" y2="{}"/>').format(
        kind, f"{_place(start, reach):.2f}", top, f"{_place(end, reach):.2f}", bottom
    )


def _percent(ratio: float) -> str:
    change = round(100 * (ratio - 1), 1)
    return "0" if change == 0 else f"{change:+g}%".replace("-", "\N{MINUS SIGN}")
