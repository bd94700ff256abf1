"""Each team's own part of a network: what it alone can change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from benchsuite import attribution, charts
from benchsuite.compare import System
from benchsuite.formatting import cut
from benchsuite.pages import Notes
from benchsuite.pages.numbers import Fact, Number, fact_of, number_of, plain_of, target_of
from benchsuite.units import percent

_CNN_ROWS = (
    "work",
    "macs",
    "parameters",
    "model_size",
    "activations",
    "traffic",
    "compulsory_traffic",
    "arithmetic_intensity",
)
_HARDWARE_ROWS = (
    "peak",
    "device_peak",
    "configuration_gain",
    "drift",
    "datasheet_peak",
    "bandwidth",
    "ridge_point",
    "power_envelope",
    "power_cap",
    "idle_power",
    "peak_per_watt",
)
_TRAFFIC = (
    ("input", "traffic_input"),
    ("weights", "traffic_weights"),
    ("activations", "traffic_activations"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Software:
    """What the software team made of a network on one system."""

    name: str
    bar: Markup
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Teams:
    """Each team's own part of one workload."""

    workload: str
    measure: str
    accuracy: Number
    accuracy_bar: Markup
    target: str | None
    traffic: Markup
    traffic_parts: tuple[tuple[str, str], ...]
    cnn: tuple[Fact, ...]
    software: tuple[Software, ...]
    fit: Number
    beyond: str
    peak_bar: Markup
    peak_share: str
    bound: str
    hardware: tuple[Fact, ...]
    weights_in: str
    weights_note: Number


def teams(title: str, group: Sequence[System], notes: Notes) -> Teams:
    """The three teams' parts of one network.

    Args:
        title: The network's name.
        group: The systems that run it.
        notes: Where the notes behind the numbers are kept.
    """
    first = next((s for s in group if s.number("reference_accuracy") is not None), group[0])
    row = first.source("reference_accuracy")
    accuracy = first.number("reference_accuracy")
    fit = first.number("fit")
    fractions = [s.number("fraction_of_peak") or 0.0 for s in group]
    full = max(1.0, fit or 0.0, *fractions)
    return Teams(
        workload=title,
        measure=row.measure or "accuracy",
        accuracy=number_of(first, "reference_accuracy", notes),
        accuracy_bar=(
            Markup("")
            if accuracy is None
            else charts.bar(
                accuracy,
                tick=row.target,
                owner=attribution.CNN,
                label=f"{row.measure or 'accuracy'} {plain_of(first, 'reference_accuracy')}"
                + (f", target {target_of(row)}" if row.target is not None else ""),
            )
        ),
        target=target_of(row),
        traffic=_traffic(first),
        traffic_parts=tuple((name, plain_of(first, key)) for name, key in _TRAFFIC),
        cnn=tuple(fact_of(group, key, notes) for key in _CNN_ROWS),
        software=tuple(_software(system, full, notes) for system in group),
        fit=number_of(first, "fit", notes),
        beyond=_beyond(group),
        peak_bar=_peak_bar(first),
        peak_share=_peak_share(first),
        bound=_bound(first),
        hardware=tuple(fact_of(group, key, notes) for key in _HARDWARE_ROWS),
        weights_in=_level(first),
        weights_note=number_of(first, "weights_fit_in", notes),
    )


def _traffic(system: System) -> Markup:
    parts = [(name, system.number(key)) for name, key in _TRAFFIC]
    known = [(name, size) for name, size in parts if size is not None]
    if len(known) < len(parts):
        return Markup("")
    said = ", ".join(f"{name} {plain_of(system, key)}" for name, key in _TRAFFIC)
    return charts.stack(known, label=f"traffic: {said}", owner=attribution.CNN)


def _software(system: System, full: float, notes: Notes) -> Software:
    fraction, fit = system.number("fraction_of_peak"), system.number("fit")
    label = f"{cut(system.short)}: {plain_of(system, 'fraction_of_peak')} of peak"
    if fit is not None:
        label += f"; the roofline allows {plain_of(system, 'fit')}"
    keys = (
        "fraction_of_peak",
        "fraction_of_roofline",
        "fraction_of_datasheet_peak",
        "compile_time",
        "accuracy_change",
    )
    return Software(
        name=system.short,
        bar=(
            Markup("")
            if fraction is None
            else charts.bar(fraction, tick=fit, full=full, owner=attribution.SOFTWARE, label=label)
        ),
        facts=tuple(fact_of([system], key, notes) for key in keys),
    )


def _beyond(systems: Sequence[System]) -> str:
    """What is said of systems that are faster than the layer-by-layer roofline."""
    names = [cut(s.short) for s in systems if (s.number("fraction_of_roofline") or 0.0) > 1]
    if not names:
        return ""
    return (
        f"Above 100 % of the roofline ({', '.join(names)}): fusion or caches move fewer bytes "
        "than the layers one by one."
    )


def _peak_share(system: System) -> str:
    """How much of the vendor's figure any library reaches; empty where there is none."""
    peak, sheet = system.number("peak"), system.number("datasheet_peak")
    return f"{percent(peak / sheet)} of the data sheet's peak" if peak and sheet else ""


def _peak_bar(system: System) -> Markup:
    peak, sheet = system.number("peak"), system.number("datasheet_peak")
    if not peak or not sheet:
        return Markup("")
    return charts.bar(
        peak / sheet,
        full=max(1.0, peak / sheet),
        tick=1.0 if peak > sheet else None,
        owner=attribution.HARDWARE,
        label=_peak_share(system),
    )


def _bound(system: System) -> str:
    """On which side of the ridge the network lies, layers taken together."""
    intensity, ridge = system.number("arithmetic_intensity"), system.number("ridge_point")
    if intensity is None or ridge is None:
        return ""
    ends = f"{plain_of(system, 'arithmetic_intensity')} against a ridge at "
    ends += plain_of(system, "ridge_point")
    side = "computation" if intensity >= ridge else "memory bandwidth"
    return f"Taken as a whole the network is bound by {side}: {ends}."


def _level(system: System) -> str:
    """The name of the memory level that holds the weights, as its `how` begins."""
    value = system.value("weights_fit_in")
    if value.value is None:
        return ""
    return value.how.partition(",")[0].partition(" (")[0]
