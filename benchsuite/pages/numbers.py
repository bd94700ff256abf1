"""A system's metrics as a page shows them: a figure with the note on how it was obtained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchsuite import formatting
from benchsuite.attribution import ENERGY
from benchsuite.compare import System
from benchsuite.formatting import NO_BREAK
from benchsuite.metrics import METRICS
from benchsuite.pages import Notes
from benchsuite.plots import Noted
from benchsuite.types import Result, Value

ENERGIES = frozenset(
    {ENERGY, "net_energy_per_frame", "mean_power", "max_power", "lpirc_correct", "lpirc_score"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A figure with the note that says how it was obtained, or why it is missing."""

    number: str
    unit: str
    note: int
    spread: str = ""
    modelled: bool = False
    missing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A named figure; several where the systems of a workload differ in it."""

    title: str
    about: str
    numbers: tuple[tuple[Number, str], ...]


def number_of(system: System, metric: str, notes: Notes) -> Number:
    """A metric of a system with the note behind it."""
    row, value = system.source(metric), system.value(metric)
    text = figure_of(value.value, metric, row)
    return Number(
        number=text.number,
        unit=text.unit.removesuffix("/query"),
        note=note_of(system, metric, notes),
        spread=spread_of(value, metric, row),
        modelled=metric in ENERGIES and system.modelled and value.value is not None,
        missing=value.value is None,
    )


def note_of(system: System, metric: str, notes: Notes, *, beside: str = "") -> int:
    """The place of the note on how a metric was obtained, and on what stands beside it."""
    info = METRICS[metric]
    said = _note(system.value(metric), info.about)
    title = f"{info.title} · {system.source(metric).scenario}"
    return notes.add(title, f"{said}\n{beside}" if beside else said)


def figure_of(value: float | None, metric: str, row: Result) -> formatting.Figure:
    """A metric's value as people read it, by what the row says of frame and measure."""
    return formatting.figure(value, METRICS[metric], frame=row.frame, measure=row.measure)


def spread_of(value: Value, metric: str, row: Result) -> str:
    if value.value is None or value.low is None or value.high is None:
        return ""
    low, high = (figure_of(end, metric, row).number for end in (value.low, value.high))
    return f"{low} to {high}"


def plain_of(system: System, metric: str) -> str:
    """A metric of a system as text that does not break; modelled figures behind a sign."""
    figure = figure_of(system.number(metric), metric, system.source(metric))
    modelled = metric in ENERGIES and system.modelled and system.number(metric) is not None
    return ("≈ " if modelled else "") + str(figure).replace(" ", NO_BREAK)


def noted_of(system: System, metric: str, notes: Notes) -> Noted:
    """The same with the note behind it, for a chart's table."""
    return Noted(plain_of(system, metric), number_of(system, metric, notes).note)


def fact_of(systems: Sequence[System], metric: str, notes: Notes) -> Fact:
    """A metric of a group of systems: once where all show the same, else by whom, or a range."""
    shown: dict[tuple[str, str], tuple[Number, list[System]]] = {}
    for system in systems:
        number = number_of(system, metric, notes)
        shown.setdefault((number.number, number.unit), (number, []))[1].append(system)
    distinct = list(shown.values())
    present = [entry for entry in distinct if not entry[0].missing] or distinct[:1]
    numbers: tuple[tuple[Number, str], ...]
    if len(present) == 1:
        numbers = ((present[0][0], ""),)
    elif len(present) <= 2:
        numbers = tuple((number, _who(own, systems)) for number, own in present)
    else:
        ordered = sorted(present, key=lambda entry: entry[1][0].number(metric) or 0.0)
        numbers = ((ordered[0][0], "to"), (ordered[-1][0], ""))
    return Fact(title=METRICS[metric].title, about=METRICS[metric].about, numbers=numbers)


def _who(own: Sequence[System], systems: Sequence[System]) -> str:
    """By what the systems that show a figure differ from the others."""
    precisions = {system.key.precision for system in own}
    others = {system.key.precision for system in systems if system not in own}
    if not precisions & others:
        return ", ".join(sorted(precisions))
    return ", ".join(system.short for system in own[:2]) + (" and others" if len(own) > 2 else "")


def target_of(row: Result) -> str | None:
    if row.target is None:
        return None
    return formatting.target(row.target, measure=row.measure).replace(" ", NO_BREAK)


def _note(value: Value, about: str) -> str:
    if value.value is None:
        return f"Missing: {value.reason or 'no reason was recorded'}"
    return f"{about}\n{value.how}"
