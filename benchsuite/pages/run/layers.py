"""The software team's work list: the layers of a network that have the most time to give back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from benchsuite import charts
from benchsuite.attribution import SOFTWARE
from benchsuite.compare import System
from benchsuite.formatting import share
from benchsuite.pages import Notes
from benchsuite.pages.numbers import Number
from benchsuite.types import LayerTime, LayerTimes
from benchsuite.units import MISSING, percent, quantity

MOST_LAYERS = 10
_BEYOND = 10.0  # a fraction of roofline above this is no finding but a time too short to measure


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRow:
    """One layer; the bar is its time, the dark part of it what the roofline needs.

    Attributes:
        time, needed: The lengths of both, of the list's longest.
    """

    name: str
    kind: str
    time: float
    needed: float
    bar: Markup
    measured: Number
    roofline: Number
    fraction: Number
    recoverable: Number
    bound: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkList:
    """One system's layers, the most recoverable first.

    Attributes:
        said: What the list adds up to.
        rest: How many layers have a time and are not listed.
    """

    id: str
    name: str
    said: str
    how: str
    rows: tuple[LayerRow, ...]
    rest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkLists:
    """A network's lists, the fastest system's first, and the systems that have none."""

    lists: tuple[WorkList, ...]
    without: tuple[str, ...]


def work_lists(systems: Sequence[System], notes: Notes) -> WorkLists:
    """The lists of all systems of a network."""
    ordered = sorted(systems, key=lambda system: -(system.number("throughput") or 0.0))
    found = [(system, times_of(system)) for system in ordered]
    return WorkLists(
        lists=tuple(_list(system, times, notes) for system, times in found if times is not None),
        without=tuple(system.short for system, times in found if times is None),
    )


def times_of(system: System) -> LayerTimes | None:
    """The layer times of the row that was profiled."""
    rows = (system.row, *system.rows.values())
    return next(
        (row.layer_times for row in rows if row.layer_times and row.layer_times.layers), None
    )


def bound_of(layer: LayerTime, *, ridge: float | None) -> str:
    """What bounds a layer: `compute` or `bandwidth`; empty where that is not known."""
    if layer.work is None or not layer.traffic_b or ridge is None:
        return ""
    return "compute" if layer.work / layer.traffic_b >= ridge else "bandwidth"


def _list(system: System, times: LayerTimes, notes: Notes) -> WorkList:
    ranked = sorted(times.layers, key=lambda layer: -layer.recoverable_s)
    shown = ranked[:MOST_LAYERS]
    longest = max(max(layer.seconds, layer.roofline_s) for layer in shown)
    ridge = system.number("ridge_point")
    note = f"{system.short}, a query of {times.batch} {'sample' if times.batch == 1 else 'samples'}"
    said = _said(times, shown)
    return WorkList(
        id=f"layers-{system.id}",
        name=system.short,
        said=said,
        how=times.how,
        rest=len(ranked) - len(shown),
        rows=tuple(
            LayerRow(
                name=layer.name,
                kind=layer.kind,
                time=layer.seconds / longest,
                needed=layer.roofline_s / longest,
                bar=charts.pair(
                    layer.roofline_s / longest,
                    layer.seconds / longest,
                    owner=SOFTWARE,
                    label=f"{quantity(layer.seconds, 's')}, the roofline needs "
                    f"{quantity(layer.roofline_s, 's')}",
                ),
                measured=_number(
                    quantity(layer.seconds, "s"), notes, f"measured · {note}", times.how
                ),
                roofline=_number(
                    quantity(layer.roofline_s, "s"),
                    notes,
                    f"roofline time · {note}",
                    "the longer of work / peak and traffic / bandwidth, both as probed here, "
                    "without the drift of this run",
                ),
                fraction=_number(
                    _fraction(layer),
                    notes,
                    f"fraction of roofline · {note}",
                    "roofline time / measured time; above 100 % where fusion or caches move fewer "
                    "bytes than the layer by itself",
                ),
                recoverable=_number(
                    quantity(layer.recoverable_s, "s") if layer.recoverable_s else "0 s",
                    notes,
                    f"recoverable time · {note}",
                    "measured time less roofline time, not below 0",
                ),
                bound=bound_of(layer, ridge=ridge),
            )
            for layer in shown
        ),
    )


def _fraction(layer: LayerTime) -> str:
    fraction = layer.fraction_of_roofline
    return f"over {percent(_BEYOND)}" if fraction > _BEYOND else share(fraction)


def _said(times: LayerTimes, shown: Sequence[LayerTime]) -> str:
    whole = sum(layer.recoverable_s for layer in times.layers)
    query = sum(layer.seconds for layer in times.layers) + times.elsewhere_s
    if not whole or not query:
        return "No layer takes longer than its roofline."
    listed = sum(layer.recoverable_s for layer in shown)
    text = f"{quantity(whole, 's')} of a query's {quantity(query, 's')} lie above the roofline"
    if len(shown) < len(times.layers):
        text += f", {share(listed / whole)} of them in these {len(shown)} layers"
    if times.elsewhere_s:
        text += f"; {quantity(times.elsewhere_s, 's')} belong to no layer"
    return text + "."


def _number(said: str, notes: Notes, title: str, text: str) -> Number:
    number, _, unit = said.rpartition(" ")
    return Number(
        number=number or MISSING, unit=unit, note=notes.add(title, text), missing=not number
    )
