"""The distribution of a network's latency, from the raw windows, where percentiles are valid."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchsuite.compare import System
from benchsuite.formatting import cut, tick
from benchsuite.pages import Notes
from benchsuite.pages.numbers import noted_of, plain_of
from benchsuite.plots import Axis, Plot
from benchsuite.plots.distribution import Curve, curve, distribution
from benchsuite.types import Result, Window
from benchsuite.units import NANOSECOND_S

MOST_LINES = 6
_PERCENTILES = {"latency_p50": 0.5, "latency_p90": 0.9, "latency_p99": 0.99}


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A chart, or in its place the reasons why there is none.

    Attributes:
        without: Reason to the systems that are not in the chart for it; none named are all.
    """

    plot: Plot | None
    without: tuple[tuple[str, tuple[str, ...]], ...]


def latency(
    systems: Sequence[System],
    notes: Notes,
    *,
    id: str,
    windows: Callable[[Result], Window | None],
) -> Drawn:
    """The curves of the systems with the lowest median; the table has all."""
    known: list[System] = []
    without: dict[str, list[str]] = {}
    for system in systems:
        value = system.value("latency_p50")
        if value.value is None:
            reason = value.reason or "no reason was recorded"
            without.setdefault(reason, []).append(system.short)
        else:
            known.append(system)
    known.sort(key=lambda system: system.number("latency_p50") or 0.0)
    curves: list[Curve] = []
    digits: set[int] = set()
    for system in known:
        if len(curves) == MOST_LINES:
            break
        window = windows(system.source("latency_p50"))
        if window is None or not window.durations_ns:
            reason = "the raw window is not in this store"
            without.setdefault(reason, []).append(system.short)
        else:
            curves.append(_curve(system, window, group=len(curves)))
            if window.duration_digits is not None:
                digits.add(window.duration_digits)
    reasons = named(without, of=len(systems))
    if not curves:
        return Drawn(plot=None, without=reasons)
    scenarios = dict.fromkeys(system.source("latency_p50").scenario for system in known)
    coarse = f"; some durations rounded to {min(digits)} digits" if digits else ""
    few = "" if len(known) <= len(curves) else f", the {len(curves)} with the lowest median"
    return Drawn(
        plot=Plot(
            id=id,
            title="Latency",
            about=f"{', '.join(scenarios)}{few}; dots are the percentiles with enough queries"
            f"{coarse}",
            svg=distribution(
                curves,
                x=Axis(title="latency", said=_seconds, log=True),
                label="Latency: the share of queries answered within a time, by system",
            ),
            groups=tuple(own.label for own in curves),
            heads=("system", "scenario", "p50", "p90", "p99"),
            table=tuple(
                (
                    system.short,
                    system.source("latency_p50").scenario,
                    *(noted_of(system, key, notes) for key in _PERCENTILES),
                )
                for system in known
            ),
        ),
        without=reasons,
    )


def named(
    without: Mapping[str, Sequence[str]], *, of: int
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Reasons with the systems that they hold for; without names where that is all of them."""
    return tuple(
        (reason, () if len(names) == of else tuple(names)) for reason, names in without.items()
    )


def _curve(system: System, window: Window, *, group: int) -> Curve:
    marks = [
        (f"{key.removeprefix('latency_')} {plain_of(system, key)}", value, share)
        for key, share in _PERCENTILES.items()
        if (value := system.number(key)) is not None
    ]
    return curve(
        cut(system.short),
        [max(duration, 1) * NANOSECOND_S for duration in sorted(window.durations_ns)],
        dropped=window.pace.dropped if window.pace else 0,
        marks=marks,
        group=group,
    )


def _seconds(value: float) -> str:
    return tick(value, "s")
