"""Charts as inline SVG, with the figures that label them; colours come from CSS classes.

Every chart is as wide as its box: places are percentages, so text beside it never scales.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from benchsuite.attribution import LINEAR, LOG, Missing, Share, Split
from benchsuite.types import MetricInfo
from benchsuite.units import MISSING, percent, quantity, significant

MINUS = "\N{MINUS SIGN}"
TIMES = "\N{MULTIPLICATION SIGN}"
DIVIDED = "\N{DIVISION SIGN}"

_SHARES = frozenset(
    {
        "accuracy",
        "reference_accuracy",
        "missed_frames",
        "fraction_of_peak",
        "fraction_of_datasheet_peak",
        "fraction_of_roofline",
        "fit",
    }
)
_RATIOS = frozenset({"configuration_gain", "drift"})
_ACCURACIES = frozenset({"accuracy", "reference_accuracy", "accuracy_change"})
_CORRELATIONS = ("rho", "correlation")
_STILL_LOG = 5e-4  # shown as times 1.000
_STILL_POINTS = 5e-7

_LONGEST_FRAME = 20
_MARGIN = 4.0  # per cent of a waterfall's width on either side
_LEAST = 0.6  # per cent: a share of nothing is still seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A value as people read it: the number, and apart from it the unit."""

    number: str
    unit: str = ""

    def __str__(self) -> str:
        return f"{self.number} {self.unit}".rstrip()


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


def figure(
    value: float | None, info: MetricInfo, *, frame: str = "frame", measure: str | None = None
) -> Figure:
    """A metric's value as people read it.

    Args:
        value: In the metric's SI unit; None gives a dash.
        info: What the metric is.
        frame: What the workload calls its unit of work.
        measure: The accuracy measure: a rank correlation is no percentage.
    """
    if value is None:
        return Figure(number=MISSING)
    if info.key in _ACCURACIES and is_correlation(measure):
        sign = "+" if info.key == "accuracy_change" and value > 0 else ""
        return Figure(number=sign + significant(value))
    if info.key == "accuracy_change":
        return Figure(number=points(value), unit="points")
    if info.key in _SHARES:
        return _apart(share(value))
    if info.key in _RATIOS:
        return Figure(number=TIMES + significant(value))
    if info.key == "meets_goals":
        return Figure(number="yes" if value else "no")
    if info.unit == "1":
        return Figure(number=f"{value:,.0f}".replace(",", "\u202f"))
    found = _apart(quantity(value, info.unit))
    frame = frame if len(frame) <= _LONGEST_FRAME else f"{frame[: _LONGEST_FRAME - 1]}…"
    return Figure(number=found.number, unit=found.unit.replace("frame", frame))


def share(value: float) -> str:
    """A share of 1 in per cent; what is not quite all is never rounded up to all."""
    text = percent(value)
    return ">99.9 %" if value < 1 and text == percent(1.0) else text


def target(value: float, *, measure: str | None = None) -> str:
    """A quality target as it was set, without digits that nobody gave."""
    return f"{value:g}" if is_correlation(measure) else f"{100 * value:.6g} %"


def is_correlation(measure: str | None) -> bool:
    """Whether an accuracy measure is a correlation, which is not said in per cent."""
    return measure is not None and any(word in measure.casefold() for word in _CORRELATIONS)


def points(value: float) -> str:
    """A difference of two shares in percentage points, with its sign."""
    if still(value, scale=LINEAR):
        return "±0"
    return f"{'+' if value > 0 else MINUS}{significant(abs(100 * value), 2)}"


def times(ratio: float) -> str:
    """A ratio with the sign by which it multiplies; below 1, that by which it divides."""
    if still(math.log(ratio), scale=LOG):
        return f"{TIMES}1"
    larger = max(ratio, 1 / ratio)
    if larger >= 1e6:
        text = f"{larger:.1e}"
    else:
        text = f"{larger:.2f}" if larger >= 1.1 else f"{larger:.3f}"
    return (TIMES if ratio > 1 else DIVIDED) + text


def still(amount: float, *, scale: str) -> bool:
    """Whether an amount is too small to be seen in the figures."""
    return abs(amount) < (_STILL_POINTS if scale == LINEAR else _STILL_LOG)


def amount_said(amount: float, *, scale: str) -> str:
    """The size of a change or of a share of it: a ratio, or points of a sum."""
    return points(amount) if scale == LINEAR else times(math.exp(amount))


def change_said(title: str, split: Split) -> str:
    """The whole change as the beginning of a sentence: `Throughput rose` and by how much."""
    if still(split.amount, scale=split.scale):
        return f"{title} did not move"
    verb = "rose" if split.amount > 0 else "fell"
    unit = " points" if split.scale == LINEAR else ""
    return f"{title} {verb}: {amount_said(split.amount, scale=split.scale)}{unit}"


def waterfall(split: Split | Missing) -> Waterfall | None:
    """The lanes of a split's shares, each beginning where the one before ends.

    A log scale for a product, so that equal factors are equally long. None for a refused split.
    """
    if isinstance(split, Missing):
        return None
    ends = [0.0]
    for each in split.shares:
        ends.append(ends[-1] + each.amount)
    place = _axis(ends)
    return Waterfall(
        steps=tuple(
            Step(
                share=each,
                ratio=amount_said(each.amount, scale=split.scale),
                still=still(each.amount, scale=split.scale),
                lane=_lane(
                    place(ends[i]),
                    place(ends[i + 1]),
                    zero=place(0.0),
                    owner=each.owner,
                    label=f"{each.title}: {amount_said(each.amount, scale=split.scale)}",
                ),
            )
            for i, each in enumerate(split.shares)
        ),
        ratio=amount_said(split.amount, scale=split.scale),
        total=_lane(
            place(0.0),
            place(ends[-1]),
            zero=place(0.0),
            owner="total",
            label=f"the whole: {amount_said(split.amount, scale=split.scale)}",
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


def _apart(text: str) -> Figure:
    number, _, unit = text.rpartition(" ")
    return Figure(number=number, unit=unit) if number else Figure(number=unit)
