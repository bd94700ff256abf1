"""Charts of many systems: each under the roof of its configuration, and accuracy against costs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from benchsuite import attribution, formatting, plots
from benchsuite.attribution import ENERGY
from benchsuite.compare import System, threads_said
from benchsuite.formatting import cut
from benchsuite.metrics import METRICS
from benchsuite.pages.numbers import figure_of, plain_of
from benchsuite.plots import Axis, Plot, Point, Roof
from benchsuite.plots.canvas import GROUPS
from benchsuite.ranking import pareto
from benchsuite.units import percent, quantity, significant

_PLOTS = 4
_ROOF_NAME = 28
_NEEDED = ("arithmetic_intensity", "achieved", "peak", "bandwidth")


# --- rooflines ------------------------------------------------------------------------------------


def rooflines(systems: Sequence[System], *, runs: bool = True) -> list[Plot]:
    """Every system under its roof: a roof a device, precision and number of threads.

    Args:
        systems: Of any devices; those of which peak or bandwidth are not known are left out.
        runs: Whether runs are told apart too; on a leaderboard each system is of its newest.
    """
    known = [system for system in systems if all(_positive(system, m) for m in _NEEDED)]
    if not known:
        return []
    names = _groups(known, runs=runs)
    groups = list(dict.fromkeys(names))
    roofs = _roofs(known, [groups.index(name) for name in names])
    highest: dict[str, System] = {}
    for system in known:
        held = highest.setdefault(system.workload, system)
        if (system.number("achieved") or 0.0) > (held.number("achieved") or 0.0):
            highest[system.workload] = system
    title = "Roofline"
    svg = plots.roofline(
        [
            Point(
                x=system.number("arithmetic_intensity") or 1.0,
                y=system.number("achieved") or 1.0,
                label=f"{cut(system.label)}: {plain_of(system, 'achieved')}, {_setting(system)}",
                name=cut(system.network),
                group=groups.index(name),
                labelled=highest[system.workload] is system,
            )
            for system, name in zip(known, names, strict=True)
        ],
        roofs,
        label=f"{title}: {len(known)} systems under {len(roofs)} roofs",
        said=Axis(
            title="achieved FLOP/s",
            said=lambda value: quantity(value, "FLOP/s", digits=2),
            log=True,
        ),
    )
    about = (
        "a roof for each device, precision and number of threads; each network’s fastest dot is "
        "named where there is room. Fractions in the table are layer by layer"
    )
    return [
        Plot(
            id="roofline",
            title=title,
            about=about,
            svg=svg,
            groups=tuple(groups),
            heads=("system", "roof", "intensity", "achieved", "peak", "fraction of roofline"),
            table=tuple(
                (
                    system.label,
                    _setting(system),
                    plain_of(system, "arithmetic_intensity"),
                    plain_of(system, "achieved"),
                    plain_of(system, "peak"),
                    plain_of(system, "fraction_of_roofline"),
                )
                for system in known
            ),
        )
    ]


def _roofs(systems: Sequence[System], groups: Sequence[int]) -> list[Roof]:
    """One a setting, in the colour of its systems where they share one; the highest peak first."""
    own: dict[str, list[tuple[System, int]]] = defaultdict(list)
    for system, group in zip(systems, groups, strict=True):
        own[_setting(system)].append((system, group))
    several = len({system.key.device_name for system in systems}) > 1
    found = []
    for setting, members in own.items():
        best = max((system for system, _ in members), key=lambda s: s.number("peak") or 0.0)
        colours = {group for _, group in members}
        hue = colours.pop() if len(colours) == 1 else None
        peak = plain_of(best, "peak")
        # of several devices the colours tell which: their names would run over other roofs
        said = "" if several and hue is not None else setting if several else _configuration(best)
        found.append(
            Roof(
                label=f"{_shortened(said)}: {peak}" if said else peak,
                peak=best.number("peak") or 1.0,
                bandwidth=best.number("bandwidth") or 1.0,
                group=hue,
            )
        )
    return sorted(found, key=lambda roof: -roof.peak)


def _shortened(name: str) -> str:
    """A roof's name of a length that a narrow chart holds."""
    return name if len(name) <= _ROOF_NAME else f"{name[: _ROOF_NAME - 1]}…"


# --- accuracy against costs -----------------------------------------------------------------------


def scatters(systems: Sequence[System]) -> list[Plot]:
    """Accuracy against work and against energy, for each data set with several accuracies."""
    sets: dict[tuple[str, str | None, str | None], list[System]] = defaultdict(list)
    for system in systems:
        if system.number("accuracy") is not None and system.measured:
            key = system.key
            sets[key.scale, key.dataset, system.source("accuracy").measure].append(system)
    found: list[Plot] = []
    for (scale, dataset, measure), group in sets.items():
        for metric in ("work", ENERGY):
            own = [system for system in group if _positive(system, metric)]
            if metric == ENERGY:
                own = _one_origin(own)
            # with one accuracy or one cost there is nothing to weigh
            if any(len({plain_of(s, m) for s in own}) < 2 for m in (metric, "accuracy")):
                continue
            found.append(
                _scatter(own, metric, measure or "accuracy", f"{scale}, {dataset or 'no data'}",
                         id=f"accuracy-{metric.replace('_', '-')}-{len(found)}")
            )  # fmt: skip
    return found[:_PLOTS]


def _one_origin(systems: Sequence[System]) -> list[System]:
    """Those of the energy source and boundary that most have."""
    groups: dict[attribution.Origin, list[System]] = defaultdict(list)
    for system in systems:
        origin = attribution.energy_origin(system.source(ENERGY))
        if origin is not None:
            groups[origin].append(system)
    return max(groups.values(), key=len, default=[])


def _scatter(group: Sequence[System], metric: str, measure: str, about: str, *, id: str) -> Plot:
    info = METRICS[metric]
    drawn = list(group) if metric == ENERGY else _distinct(group, metric)
    pairs = [_pair(system, metric) for system in drawn]
    front = pareto(pairs)
    best = {pairs[place] for place in front}
    # work is the network's: a system's device and threads have no part in it
    names = _groups(drawn, software=True) if metric == ENERGY else [""] * len(drawn)
    groups = list(dict.fromkeys(names))
    row = group[0].source("accuracy")
    correlation = formatting.is_correlation(measure)
    title = f"{cut(measure)} against {info.title}"
    origin = attribution.energy_origin(group[0].source(ENERGY))
    if metric == ENERGY and origin is not None:
        about += f"; energy {origin.source}, boundary {origin.boundary}"
    written = _names(drawn, coloured=metric == ENERGY)
    svg = plots.scatter(
        [
            Point(
                x=x,
                y=y,
                label=f"{cut(system.label)}: {plain_of(system, metric)}"
                if metric == ENERGY
                else cut(written[place]),
                name=written[place],
                group=groups.index(names[place]),
                hollow=metric == ENERGY and system.modelled,
            )
            for place, (system, (x, y)) in enumerate(zip(drawn, pairs, strict=True))
        ],
        x=Axis(
            title=f"{info.title}",
            said=lambda value: quantity(value, info.unit.partition("/")[0], digits=2),
            log=True,
        ),
        y=Axis(
            title=cut(measure),
            said=lambda value: significant(value, 4) if correlation else percent(value, digits=4),
        ),
        label=title,
        front=front,
    )
    return Plot(
        id=id,
        title=title,
        about=about,
        svg=svg,
        groups=tuple(groups),
        hollow=frozenset(groups) if metric == ENERGY and _all_modelled(drawn) else frozenset(),
        heads=("system", "device", measure, info.title, "on the front"),
        table=tuple(
            (
                system.label,
                _setting(system),
                str(figure_of(system.number("accuracy"), "accuracy", row)),
                plain_of(system, metric),
                "yes" if _pair(system, metric) in best else "",
            )
            for system in group
        ),
    )


def _distinct(group: Sequence[System], metric: str) -> list[System]:
    """Of a network's systems that coincide in accuracy and cost the first."""
    found: dict[tuple[str, tuple[float, float]], System] = {}
    for system in group:
        found.setdefault((system.workload, _pair(system, metric)), system)
    return list(found.values())


def _pair(system: System, metric: str) -> tuple[float, float]:
    return system.number(metric) or 1.0, system.number("accuracy") or 0.0


def _all_modelled(systems: Sequence[System]) -> bool:
    return all(system.modelled for system in systems)


def _names(systems: Sequence[System], *, coloured: bool) -> list[str]:
    """The network where there are several, and the software where a network has several dots.

    Args:
        coloured: Whether colours tell the software already: long names collide on a phone.
    """
    networks = [system.workload for system in systems]
    several = len({system.key.precision for system in systems}) > 1
    found = []
    for system in systems:
        parts = [cut(system.network)] if len(set(networks)) > 1 else []
        if (networks.count(system.workload) > 1 and not coloured) or not parts:
            precision = f" {system.key.precision}" if several else ""
            parts.append(f"{system.key.backend}{precision}")
        found.append(", ".join(parts))
    return found


# --- what they share ------------------------------------------------------------------------------


def _groups(systems: Sequence[System], *, runs: bool = True, software: bool = False) -> list[str]:
    """What colours tell apart: setting and run, or as much of it as there are colours for.

    Args:
        runs: Whether runs are told apart where settings do not do so.
        software: Whether backends are.
    """
    settings = [_setting(system) for system in systems]
    ways = [settings, [f"{cut(s.key.device_name)} {s.key.precision}" for s in systems]]
    one = len(set(settings)) == 1
    of_run = [
        f"run {s.row.run}" if one else f"{name}, run {s.row.run}"
        for name, s in zip(settings, systems, strict=True)
    ]
    if runs and len(set(of_run)) > len(set(settings)):
        ways.insert(0, of_run)
    if software:
        ways.insert(0, [f"{s.key.backend}, {n}" for s, n in zip(systems, ways[0], strict=True)])
    devices = [cut(system.key.device_name) for system in systems]
    return next((names for names in ways if len(set(names)) <= GROUPS), devices)


def _setting(system: System) -> str:
    """What a peak depends on: `AMD EPYC fp32, 2 threads`."""
    return f"{cut(system.key.device_name)} {_configuration(system)}"


def _configuration(system: System) -> str:
    threads = f", {threads_said(system.key)}" if system.key.threads else ""
    return f"{system.key.precision}{threads}"


def _positive(system: System, metric: str) -> bool:
    value = system.number(metric)
    return value is not None and value > 0
