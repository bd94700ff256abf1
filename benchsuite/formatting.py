"""Numbers, changes, dates and labels as people read them: every page and table uses these."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from benchsuite.attribution import LINEAR, LOG, Split, parts_of
from benchsuite.types import MetricInfo
from benchsuite.units import MISSING, percent, quantity, significant
from benchsuite.units import share as share

MINUS = "\N{MINUS SIGN}"
TIMES = "\N{MULTIPLICATION SIGN}"
DIVIDED = "\N{DIVISION SIGN}"
NO_BREAK = "\N{NO-BREAK SPACE}"

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
PLAIN = "plain"  # a scale beside `LOG` and `LINEAR`: a difference that is no share
_NEAR = 1.1  # ratios below it have a digit more
_STILL_LOG = math.log(1.005)  # a part of a change that rounds to times 1.00
_ONE = 5e-4  # a ratio that is shown as times 1
_STILL_POINTS = 5e-7
_LONGEST_FRAME = 20
_LONGEST_LABEL = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A value as people read it: the number, and apart from it the unit."""

    number: str
    unit: str = ""

    def __str__(self) -> str:
        return f"{self.number} {self.unit}".rstrip()


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
        change = info.key == "accuracy_change"
        return Figure(number=_signed(value) if change else significant(value))
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


def target(value: float, *, measure: str | None = None) -> str:
    """A quality target as it was set, without digits that nobody gave."""
    return f"{value:g}" if is_correlation(measure) else f"{100 * value:.6g} %"


def is_correlation(measure: str | None) -> bool:
    """Whether an accuracy measure is a correlation, which is not said in per cent."""
    return measure is not None and any(word in measure.casefold() for word in _CORRELATIONS)


def share_said(measure: str | None) -> Callable[[float], str]:
    """An accuracy with a digit more than in tables: on an axis neighbours must differ."""
    if is_correlation(measure):
        return lambda value: significant(value, 4)
    return lambda value: percent(value, digits=4)


def spread(value: float, *, low: float, high: float) -> str:
    """An interval about a value as shares of it: `±28%`, or `−28% +0.7%` where it is lopsided."""
    below, above = (
        significant(100 * max(0.0, part) / value, 2) for part in (value - low, high - value)
    )
    return f"±{below}%" if below == above else f"{MINUS}{below}% +{above}%"


def points(value: float) -> str:
    """A difference of two shares in percentage points, with its sign."""
    return _signed(value, 100.0, digits=2)


def difference(value: float, *, measure: str | None) -> str:
    """A difference of two accuracies: in points, or as it is where they are correlations."""
    return _signed(value) if is_correlation(measure) else f"{points(value)} points"


def _signed(value: float, factor: float = 1.0, *, digits: int = 3) -> str:
    """A difference with its sign; of one too small to be seen, both."""
    if still(value, scale=LINEAR):
        return "±0"
    return f"{'+' if value > 0 else MINUS}{significant(abs(factor * value), digits)}"


def times(ratio: float, *, decimals: int | None = None) -> str:
    """A ratio with the sign by which it multiplies; below 1, that by which it divides.

    Args:
        ratio: Above 0.
        decimals: Of ratios below 100; None for two, and three of those below 1.1.
    """
    if decimals is None and abs(math.log(ratio)) < _ONE:
        return f"{TIMES}1"
    larger = max(ratio, 1 / ratio)
    if larger >= 1e6:
        text = f"{larger:.1e}"
    elif decimals is not None:
        text = f"{larger:.{decimals}f}" if larger < 100 else f"{larger:.0f}"
    else:
        text = f"{larger:.2f}" if larger >= _NEAR else f"{larger:.3f}"
    return (TIMES if ratio > 1 or float(text) == 1 else DIVIDED) + text


def ratios_said(*ratios: float) -> list[str]:
    """Ratios that stand together, as a value and its interval: all with the decimals of one."""
    near = all(max(ratio, 1 / ratio) < _NEAR for ratio in ratios)
    return [times(ratio, decimals=3 if near else 2) for ratio in ratios]


def still(amount: float, *, scale: str) -> bool:
    """Whether an amount is too small to be seen in the figures."""
    return abs(amount) < (_STILL_LOG if scale == LOG else _STILL_POINTS)


def scale_of(split: Split, measure: str | None) -> str:
    """On what scale a split is said: of an accuracy that is a correlation, `PLAIN`."""
    return PLAIN if split.scale == LINEAR and is_correlation(measure) else split.scale


def amount_said(amount: float, *, scale: str) -> str:
    """The size of a change or of a share of it: a ratio, points of a sum, or a plain difference."""
    if scale == PLAIN:
        return _signed(amount)
    if scale == LINEAR:
        return points(amount)
    return f"{TIMES}1.00" if still(amount, scale=scale) else times(math.exp(amount))


def change_said(title: str, split: Split, *, measure: str | None = None) -> str:
    """The whole change as the beginning of a sentence: `Throughput rose` and by how much.

    Args:
        title: What changed.
        split: By how much.
        measure: Of an accuracy: a correlation moves by no percentage points.
    """
    if still(split.amount, scale=split.scale):
        return f"{title} did not move"
    verb = "rose" if split.amount > 0 else "fell"
    scale = scale_of(split, measure)
    unit = " points" if scale == LINEAR else ""
    return f"{title} {verb}: {amount_said(split.amount, scale=scale)}{unit}"


def parts_said(split: Split, *, measure: str | None = None) -> tuple[tuple[str, str, str], ...]:
    """Owner, name and size of the parts of a change that can be seen, the largest first."""
    scale = scale_of(split, measure)
    return tuple(
        (owner, name, amount_said(amount, scale=scale))
        for owner, name, amount in parts_of(split)
        if not still(amount, scale=split.scale)
    )


def tick(value: float, unit: str) -> str:
    """A round value beside an axis: `3 ms`, not `3.0 ms`."""
    return quantity(value, unit, digits=2).replace(".0 ", " ")


def date_said(text: str) -> str:
    """An ISO time as people read it, in UTC; what is no time as it is."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    if moment.tzinfo is None:
        return f"{moment:%Y-%m-%d %H:%M}"
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def cut(text: str) -> str:
    """A label of a length that a select can show."""
    return text if len(text) <= _LONGEST_LABEL else f"{text[: _LONGEST_LABEL - 1]}…"


def _apart(text: str) -> Figure:
    number, _, unit = text.rpartition(" ")
    return Figure(number=number, unit=unit) if number else Figure(number=unit)
