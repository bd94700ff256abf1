"""Distributions of latency: the share of queries that were answered within a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from benchsuite.plots.canvas import (
    BOTTOM,
    GROUPS,
    LEFT,
    RIGHT,
    TOP,
    Axis,
    Scale,
    chart,
    dot,
    floor,
    line,
    path,
    text,
)

_SHARES = (0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999)
_START = 16.0  # the shares' names stand before it
_RANKS = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One distribution.

    Attributes:
        places: Latency and the share of queries that took at most so long, both increasing;
            every share is below 1.
        marks: What is said of a percentile, its latency and its share.
        group: Its colour.
    """

    label: str
    places: tuple[tuple[float, float], ...]
    marks: tuple[tuple[str, float, float], ...]
    group: int = 0


def curve(
    label: str,
    ordered: Sequence[float],
    *,
    dropped: int = 0,
    marks: Sequence[tuple[str, float, float]] = (),
    group: int = 0,
) -> Curve:
    """The distribution of a window's latencies, thinned evenly on the chart's own axis.

    Args:
        label: Whose they are.
        ordered: Latencies, the smallest first; at least one, all above 0.
        dropped: Queries that were never answered.
        marks: As in `Curve`.
        group: Its colour.
    """
    answered = len(ordered)
    total = answered + dropped
    # the slowest of all stands half a query below 1, which the axis cannot show
    shares = [min((rank + 1) / total, 1 - 0.5 / total) for rank in range(answered)]
    last = _nines(shares[-1])
    wanted, ranks = 0, []
    for rank, share in enumerate(shares):
        if _nines(share) >= wanted * last / _RANKS:
            ranks.append(rank)
            wanted = math.floor(_nines(share) * _RANKS / last) + 1
    if ranks[-1] != answered - 1:
        ranks.append(answered - 1)
    places = [(ordered[0], 0.0)] + [(ordered[rank], shares[rank]) for rank in ranks]
    return Curve(label=label, places=tuple(places), marks=tuple(marks), group=group)


def distribution(curves: Sequence[Curve], *, x: Axis, label: str) -> Markup:
    """Curves over a latency axis; the other axis gives the tail as much room as the rest.

    Args:
        curves: At least one.
        x: The latency axis.
        label: What the chart says, for those who do not see it.
    """
    across = Scale.over(
        [value for own in curves for value, _ in own.places],
        log=x.log,
        start=_START + 3,
        end=RIGHT - 3,
    )
    most = max(_nines(own.places[-1][1]) for own in curves)
    up = Scale(low=0.0, span=max(most, _nines(0.9)), start=BOTTOM - 2, end=TOP + 8)
    below = [line((LEFT, BOTTOM), (RIGHT, BOTTOM), "axis")]
    above = [text(LEFT, 14, "↑ share of queries answered within", kind="title")]
    for share in _SHARES:
        if _nines(share) <= up.span:
            at = up(_nines(share))
            below.append(line((_START, at), (RIGHT, at), "rule"))
            above.append(text(LEFT, at + 4, f"{100 * share:.6g} %"))
    lower, upper = floor(x, across)
    lines = [
        path([(across(value), up(_nines(share))) for value, share in own.places], _kind(own))
        for own in curves
    ]
    dots = [
        dot(
            (across(value), up(_nines(share))),
            _kind(own),
            f"{own.label}: {said}",
            radius=4.0,
        )
        for own in curves
        for said, value, share in own.marks
    ]
    return chart(label, [*below, *lower, *lines, *dots, *above, *upper])


def _kind(own: Curve) -> str:
    return f"g{own.group % GROUPS}"


def _nines(share: float) -> float:
    """0 for none, 1 for 90 %, 2 for 99 %, and so on."""
    return -math.log10(1 - share)
