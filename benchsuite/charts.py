"""Bars, stacks and waterfalls as inline SVG; colours come from CSS classes.

Every chart is as wide as its box: places are percentages, so text beside it never scales.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from benchsuite.attribution import Missing, Share, Split
from benchsuite.formatting import amount_said, scale_of, still

_MARGIN = 4.0  # per cent of a waterfall's width on either side
_LEAST = 0.6  # per cent: a share of nothing is still seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of a waterfall.

    Attributes:
        share: The factor's part of the change.
        ratio: As text, as `times` or `points` give it.
        still: Whether it moved nothing.
        lane: Its piece of the chart.
    """

    share: Share
    ratio: str
    still: bool
    lane: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """A split drawn from where it starts to where it ends; `total` is the last line."""

    steps: tuple[Step, ...]
    ratio: str
    total: Markup


def waterfall(split: Split | Missing, *, measure: str | None = None) -> Waterfall | None:
    """The lanes of a split's shares, each beginning where the one before ends.

    A log scale for a product, so that equal factors are equally long. None for a refused split.

    Args:
        split: The shares.
        measure: Of an accuracy, which says whether its shares are percentage points.
    """
    if isinstance(split, Missing):
        return None
    scale = scale_of(split, measure)
    ends = [0.0]
    for each in split.shares:
        ends.append(ends[-1] + each.amount)
    place = _axis(ends)
    return Waterfall(
        steps=tuple(
            Step(
                share=each,
                ratio=amount_said(each.amount, scale=scale),
                still=still(each.amount, scale=split.scale),
                lane=_lane(
                    place(ends[i]),
                    place(ends[i + 1]),
                    zero=place(0.0),
                    owner=each.owner,
                    label=f"{each.title}: {amount_said(each.amount, scale=scale)}",
                ),
            )
            for i, each in enumerate(split.shares)
        ),
        ratio=amount_said(split.amount, scale=scale),
        total=_lane(
            place(0.0),
            place(ends[-1]),
            zero=place(0.0),
            owner="total",
            label=f"the whole: {amount_said(split.amount, scale=scale)}",
        ),
    )


def bar(
    part: float, *, label: str, owner: str, tick: float | None = None, full: float = 1.0
) -> Markup:
    """A share of a whole as a bar, with a tick at a bound or target.

    Args:
        part: Of 1; above `full` the bar ends at its box's end, open.
        label: What it says, for those who do not see it.
        owner: The CSS class `owner-...` that colours it.
        tick: Of 1.
        full: What the box's width stands for.
    """
    width = _per_cent(min(max(part / full, 0.0), 1.0))
    mark = ""
    if tick is not None:
        mark = Markup('<line class="tick" x1="{0}" x2="{0}" y1="0" y2="100%"/>').format(
            _per_cent(min(max(tick / full, 0.0), 1.0))
        )
    return Markup(
        '<svg class="bar" role="img" aria-label="{0}"><title>{0}</title>'
        '<rect class="track" width="100%" y="25%" height="50%"/>'
        '<rect class="owner-{1}" width="{2}" y="25%" height="50%"/>{3}</svg>'
    ).format(label, owner, width, mark)


def pair(inner: float, outer: float, *, label: str, owner: str) -> Markup:
    """A part within a whole: two bars from the same start, the inner one in full colour.

    Args:
        inner, outer: Of the box's width; either may be the longer one.
        label: What it says, for those who do not see it.
        owner: The CSS class `owner-...` that colours it.
    """
    return Markup(
        '<svg class="bar" role="img" aria-label="{0}"><title>{0}</title>'
        '<rect class="owner-{1} shade-2" width="{2}" y="20%" height="60%"/>'
        '<rect class="owner-{1}" width="{3}" y="20%" height="60%"/></svg>'
    ).format(label, owner, _per_cent(min(outer, 1.0)), _per_cent(min(inner, 1.0)))


def stack(parts: Sequence[tuple[str, float]], *, label: str, owner: str) -> Markup:
    """Parts of a whole side by side in shades of one colour.

    Args:
        parts: Name and size; their sum is the whole.
        label: What it says, for those who do not see it.
        owner: The CSS class `owner-...` that colours it.
    """
    whole = sum(size for _, size in parts)
    if whole <= 0:
        return Markup("")
    pieces, at = [], 0.0
    for shade, (name, size) in enumerate(parts):
        pieces.append(
            Markup(
                '<rect class="owner-{} shade-{}" x="{}" width="{}" y="25%" height="50%">'
                "<title>{}</title></rect>"
            ).format(owner, shade, _per_cent(at / whole), _per_cent(size / whole), name)
        )
        at += size
    return Markup(
        '<svg class="bar" role="img" aria-label="{0}"><title>{0}</title>{1}</svg>'
    ).format(label, Markup("").join(pieces))


def _axis(ends: Sequence[float]) -> _Place:
    low, high = min(ends), max(ends)
    return _Place(low=low, span=high - low or 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """From an amount to per cent of the width."""

    low: float
    span: float

    def __call__(self, amount: float) -> float:
        return _MARGIN + (100 - 2 * _MARGIN) * (amount - self.low) / self.span


def _lane(start: float, end: float, *, zero: float, owner: str, label: str) -> Markup:
    left, width = min(start, end), abs(end - start)
    if width < _LEAST:
        left, width = (start + end - _LEAST) / 2, _LEAST
    return Markup(
        '<svg class="lane" role="img" aria-label="{0}"><title>{0}</title>'
        '<line class="zero" x1="{1}" x2="{1}" y1="0" y2="100%"/>'
        '<line class="join" x1="{2}" x2="{2}" y1="0" y2="50%"/>'
        '<line class="join" x1="{3}" x2="{3}" y1="50%" y2="100%"/>'
        '<rect class="owner-{4}" x="{5}" width="{6}" y="22%" height="56%" rx="2"/></svg>'
    ).format(
        label, *(f"{x:.2f}%" for x in (zero, start, end)), owner, f"{left:.2f}%", f"{width:.2f}%"
    )


def _per_cent(part: float) -> str:
    return f"{100 * part:.2f}%" if math.isfinite(part) else "0%"
