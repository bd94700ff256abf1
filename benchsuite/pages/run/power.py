"""A network's power over time, from the meters' samples, with the measured windows marked."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchsuite.attribution import ENERGY
from benchsuite.compare import System
from benchsuite.formatting import cut, tick
from benchsuite.pages import Notes
from benchsuite.pages.numbers import noted_of
from benchsuite.pages.run.latency import MOST_LINES, Drawn, named
from benchsuite.plots import Axis, Noted, Plot
from benchsuite.plots.traces import Trace, traces
from benchsuite.types import EnergyReading, Result, Window
from benchsuite.units import quantity


def power(
    systems: Sequence[System],
    notes: Notes,
    *,
    id: str,
    windows: Callable[[Result], Window | None],
) -> Drawn:
    """The courses of the fastest systems that have one; the table has all that were metered."""
    without: dict[str, list[str]] = {}
    shown: list[tuple[System, EnergyReading, Trace]] = []
    for system in sorted(systems, key=lambda each: -(each.number("throughput") or 0.0)):
        reading, reason = _reading(system, windows)
        if reading is None or reading.course is None:
            without.setdefault(reason, []).append(system.short)
        elif len(shown) < MOST_LINES:
            course = reading.course
            trace = Trace(
                label=cut(system.short),
                at_s=course.at_s,
                values=course.power_w,
                end_s=reading.seconds,
                group=len(shown),
            )
            shown.append((system, reading, trace))
    reasons = named(without, of=len(systems))
    if not shown:
        return Drawn(plot=None, without=reasons)
    origins = dict.fromkeys(f"{r.source}, boundary {r.boundary}" for _, r, _ in shown)
    return Drawn(
        plot=Plot(
            id=id,
            title="Power",
            about="; ".join(origins),
            svg=traces(
                [trace for _, _, trace in shown],
                y=Axis(title="power", said=lambda value: tick(value, "W")),
                label="Power over time, by system, with the measured window marked",
            ),
            groups=tuple(trace.label for _, _, trace in shown),
            heads=("system", "window", "mean power", "largest sample", "energy", "samples"),
            table=tuple(
                (
                    system.short,
                    Noted(
                        quantity(reading.seconds, "s"),
                        notes.add("window", "The time over which the energy was counted."),
                    ),
                    noted_of(system, "mean_power", notes),
                    noted_of(system, "max_power", notes),
                    Noted(
                        quantity(reading.energy_j, "J"),
                        notes.add(
                            "energy of the window",
                            f"{reading.source}, boundary {reading.boundary}; {reading.how}",
                        ),
                    ),
                    reading.course.how if reading.course else "",
                )
                for system, reading, _ in shown
            ),
        ),
        without=reasons,
    )


def _reading(
    system: System, windows: Callable[[Result], Window | None]
) -> tuple[EnergyReading | None, str]:
    """What the meter gave, and why its course may be missing."""
    value = system.value(ENERGY)
    if value.value is None:
        return None, value.reason or "no energy was measured"
    if system.modelled:
        return None, "modelled power has no samples"
    window = windows(system.source(ENERGY))
    if window is None or window.energy is None:
        return None, "the raw window is not in this store"
    reading = window.energy
    return reading, reading.course_reason or "stored before courses of power were kept"
