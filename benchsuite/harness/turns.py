"""A window in short turns, between which other processes take theirs: what `ab` pairs.

What disturbs a shared machine comes and goes within hundredths of a second and differs from core to
core. So processes that are to be compared run on the same cores and change places every hundredth
of a second: their turns of equal number lie side by side and see the same machine. The ratio of two
alike rounds strayed by 2.6, 1.2 and 0.8 % with turns of 40, 20 and 10 ms on a machine with busy
neighbours; with shorter ones the changing of places takes more time than they win.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchsuite.harness.performance import Load
from benchsuite.stats import median
from benchsuite.types import Contention, EnergyReading, Turn, Window
from benchsuite.units import NANOSECOND_S

TURN_S = 0.01
FEWEST = 6  # even: who is first alternates, and either is first as often
ARRIVING_S = 0.1  # on other cores than it was warmed up on; no part of the window
LONG_S = 0.1  # for the ticks of 10 ms in which the kernel counts CPU time
SETTLING_S = 0.002  # another process's turn has emptied the caches; untimed
_NO_COURSE = "no course of power over short turns"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How a window is cut up.

    Attributes:
        loads: Each turn takes the next of them.
        cycles: How often a turn runs its load.
        turns: How many there are.
        turn_s: How long one takes.
    """

    loads: tuple[Load, ...]
    cycles: int
    turns: int
    turn_s: float


def schedule(
    load: Load, cycle_s: float, *, seconds: float, alike: bool, min_queries: int
) -> Schedule:
    """Turns of `TURN_S`; of a query at least, and then fewer of them.

    Args:
        load, cycle_s: The whole load cycle, and how long it takes.
        seconds: Of all turns together.
        alike: Whether all queries of the cycle have one shape; else each turn runs whole cycles.
        min_queries: Of all turns together.
    """
    calls = len(load.calls)
    query_s = cycle_s / calls
    piece = min(calls, max(1, round(TURN_S / query_s))) if alike else calls
    loads = tuple(
        replace(load, calls=load.calls[at : at + piece], frames=load.frames * piece / calls)
        for at in range(0, calls - piece + 1, piece)
    )
    cycles = max(1, round(TURN_S / (piece * query_s)))
    turn_s = cycles * piece * query_s
    turns = max(FEWEST, 2 * round(seconds / max(turn_s, TURN_S) / 2))
    least = -(-min_queries // (turns * piece))
    cycles = max(cycles, least)
    return Schedule(loads=loads, cycles=cycles, turns=turns, turn_s=cycles * piece * query_s)


def turn_of(window: Window) -> Turn:
    """What is paired of one turn."""
    energy = window.energy
    return Turn(
        rate=window.frames / window.seconds,
        latency_p50_s=median(window.durations_ns) * NANOSECOND_S,
        energy_j=None if energy is None else energy.energy_j / window.frames,
    )


def together(windows: Sequence[Window]) -> Window:
    """One window of all turns: durations in their order, sums of what was counted."""
    first = windows[0]
    if len(windows) == 1:
        return first
    memory = [each.peak_memory_b for each in windows if each.peak_memory_b is not None]
    return replace(
        first,
        durations_ns=tuple(each for window in windows for each in window.durations_ns),
        queries=sum(each.queries for each in windows),
        frames=sum(each.frames for each in windows),
        seconds=sum(each.seconds for each in windows),
        energy=_energy([each.energy for each in windows]),
        contention=_contention([each.contention for each in windows]),
        peak_memory_b=max(memory, default=None),
    )


def _energy(readings: Sequence[EnergyReading | None]) -> EnergyReading | None:
    known = [each for each in readings if each is not None]
    if not known or len(known) < len(readings):
        return None
    lows = [each.low_j for each in known if each.low_j is not None]
    highs = [each.high_j for each in known if each.high_j is not None]
    powers = [each.max_power_w for each in known if each.max_power_w is not None]
    return replace(
        known[0],
        energy_j=sum(each.energy_j for each in known),
        seconds=sum(each.seconds for each in known),
        low_j=sum(lows) if len(lows) == len(known) else None,
        high_j=sum(highs) if len(highs) == len(known) else None,
        max_power_w=max(powers, default=None),
        disagreement=None,
        course=None,
        course_reason=_NO_COURSE,
    )


def _contention(found: Sequence[Contention]) -> Contention:
    def total(name: str) -> float | None:
        values = [getattr(each, name) for each in found]
        return None if None in values else sum(values)

    switches = total("involuntary_switches")
    return replace(
        found[0],
        involuntary_switches=None if switches is None else int(switches),
        steal_s=total("steal_s"),
        other_cpu_s=total("other_cpu_s"),
        bound_cpu_s=total("bound_cpu_s"),
        programs=tuple(sorted({name for each in found for name in each.programs})),
    )
