"""The roofline of each device, with every system and its layers under it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, chain

from benchsuite import plots
from benchsuite.compare import System
from benchsuite.formatting import cut, tick
from benchsuite.pages import Notes
from benchsuite.pages.numbers import noted_of, number_of, plain_of
from benchsuite.pages.run.grouping import by_network
from benchsuite.pages.run.layers import bound_of, times_of
from benchsuite.plots import Axis, Cell, Cloud, Noted, Plot, Point, Roof
from benchsuite.plots.canvas import GROUPS
from benchsuite.types import LayerTime
from benchsuite.units import MISSING, percent, quantity

_NEEDED = ("arithmetic_intensity", "achieved", "peak", "bandwidth")
_MOST_LAYERS = 1500  # beyond this only the fastest system of each network shows its layers

# how a layer's figures come about: title, about, and whether a profile's time is in it
_OF_LAYER = (
    ("work", "counted for one query at the system's batch, padding taps included", False),
    ("intensity", "work over the bytes that it reads and writes at the precision used", False),
    ("achieved rate", "work over its measured time; the profile", True),
    (
        "fraction of roofline",
        "max(FLOP / peak, bytes / bandwidth) over its measured time; the profile",
        True,
    ),
    (
        "share of time",
        "its time over that of the query, what belongs to no layer included; the profile",
        True,
    ),
)


def rooflines(systems: Sequence[System], notes: Notes) -> list[Plot]:
    """One chart a device; none for a device of which peak or bandwidth are not known."""
    known = [s for s in systems if all(s.number(key) for key in _NEEDED)]
    devices = dict.fromkeys(system.key.device_name for system in known)
    return [
        _roofline(
            [s for s in known if s.key.device_name == name], name, notes, id=f"roofline-{place}"
        )
        for place, name in enumerate(devices)
    ]


def _roofline(systems: Sequence[System], device: str, notes: Notes, *, id: str) -> Plot:
    networks = by_network(systems)
    titles = {each.id: title for title, own in networks.items() for each in own}
    groups = {each.id: place for place, own in enumerate(networks.values()) for each in own}
    drawn = {system.id: _layers(system) for system in systems}
    few = sum(map(len, drawn.values())) > _MOST_LAYERS
    if few:
        fastest = [_fastest(own).id for own in networks.values()]
        drawn = {name: own if name in fastest else [] for name, own in drawn.items()}
    tables = [_rows(system, drawn[system.id], notes) for system in systems]
    starts = accumulate(map(len, tables[:-1]), initial=0)
    svg = plots.roofline(
        [
            Point(
                x=system.number("arithmetic_intensity") or 1.0,
                y=system.number("achieved") or 1.0,
                label=f"{cut(system.label)}: {plain_of(system, 'achieved')}",
                name=_name(system, titles[system.id] if len(networks) > 1 else ""),
                group=groups[system.id],
                link=f"#all-{system.id}",
            )
            for system in systems
        ],
        _roofs(systems, notes),
        label=f"Roofline of {cut(device)} with {len(systems)} systems and their layers",
        said=Axis(
            title="achieved rate",
            said=lambda value: tick(value, "FLOP/s"),
            log=True,
        ),
        layers=[
            Cloud(
                places=tuple((_intensity(layer), _achieved(layer)) for layer in drawn[system.id]),
                row=row + 1,  # the first is the system's own
                group=groups[system.id],
            )
            for system, row in zip(systems, starts, strict=True)
        ],
    )
    some = any(drawn.values())
    keyed = len(networks) <= GROUPS  # more would share colours
    about = "large dots are systems" + (", colours networks" if keyed else "")
    if some:
        about += "; small dots are their layers" + (
            ", of each network's fastest system" if few else ""
        )
    else:
        about += "; no backend told its layers' times"
    return Plot(
        id=id,
        title=f"Roofline of {cut(device)}",
        about=about,
        svg=svg,
        groups=tuple(networks) if keyed else (),
        heads=(
            "system",
            "layer",
            "kind",
            "work",
            "intensity",
            "achieved",
            "fraction of roofline",
            "bound by",
            "share of time",
        ),
        table=tuple(chain.from_iterable(tables)),
    )


def _name(system: System, network: str) -> str:
    """What is written beside a dot: the network without its domain, where there are several."""
    return f"{network.partition('/')[2] or network} {system.short}".strip()


def _roofs(systems: Sequence[System], notes: Notes) -> list[Roof]:
    """One a precision and number of threads, the highest peak first."""
    best: dict[tuple[str, int], System] = {}
    for system in systems:
        key = (system.key.precision, system.key.threads)
        if key not in best or (system.number("peak") or 0.0) > (best[key].number("peak") or 0.0):
            best[key] = system
    threads = len({count for _, count in best}) > 1
    found = []
    for (precision, count), system in best.items():
        said = f"{precision}, {count} thread{'s' * (count != 1)}" if threads else precision
        found.append(
            Roof(
                label=f"{said}: {plain_of(system, 'peak')}",
                peak=system.number("peak") or 1.0,
                bandwidth=system.number("bandwidth") or 1.0,
                group=None,
                slope=plain_of(system, "bandwidth"),
                ridge=f"ridge {plain_of(system, 'ridge_point')}",
                notes=(
                    number_of(system, "peak", notes).note,
                    number_of(system, "bandwidth", notes).note,
                    number_of(system, "ridge_point", notes).note,
                ),
            )
        )
    return sorted(found, key=lambda roof: -roof.peak)


def _layers(system: System) -> list[LayerTime]:
    """The layers that have a place on two logarithmic axes."""
    times = times_of(system)
    return [
        layer
        for layer in (times.layers if times else ())
        if layer.work and layer.traffic_b and layer.seconds
    ]


def _intensity(layer: LayerTime) -> float:
    return (layer.work or 0.0) / (layer.traffic_b or 1.0)


def _achieved(layer: LayerTime) -> float:
    return (layer.work or 0.0) / layer.seconds


def _fastest(systems: Sequence[System]) -> System:
    return max(systems, key=lambda each: (bool(times_of(each)), each.number("throughput") or 0.0))


def _rows(system: System, layers: Sequence[LayerTime], notes: Notes) -> list[tuple[Cell, ...]]:
    ridge, intensity = system.number("ridge_point"), system.number("arithmetic_intensity")
    bound = ""
    if ridge and intensity:
        bound = "compute" if intensity >= ridge else "bandwidth"
    times = times_of(system)
    query_s = sum(layer.seconds for layer in times.layers) + times.elsewhere_s if times else 0.0
    whole: tuple[Cell, ...] = (
        system.label,
        "whole",
        MISSING,
        noted_of(system, "work", notes),
        noted_of(system, "arithmetic_intensity", notes),
        noted_of(system, "achieved", notes),
        noted_of(system, "fraction_of_roofline", notes),
        bound or MISSING,
        "the whole",
    )
    how = times.how if times else ""
    counted, intense, rate, fraction, part = (
        notes.add(f"{title} of a layer", f"{about}{f': {how}' if timed else ''}")
        for title, about, timed in _OF_LAYER
    )
    return [
        whole,
        *(
            (
                system.label,
                layer.name,
                layer.kind or MISSING,
                Noted(quantity(layer.work or 0.0, "FLOP/query"), counted),
                Noted(quantity(_intensity(layer), "FLOP/B"), intense),
                Noted(quantity(_achieved(layer), "FLOP/s"), rate),
                Noted(percent(layer.fraction_of_roofline), fraction),
                bound_of(layer, ridge=ridge) or MISSING,
                Noted(percent(layer.seconds / query_s), part),
            )
            for layer in layers
        ),
    ]
