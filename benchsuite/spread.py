"""How far a system's number may stray: by its processes, else by what lone processes stray.

One process shows no spread between processes. It is assumed to be `stats.PROCESS_SPREAD`, or what
the row's median still moved at the end of its warm-up where that was more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchsuite.attribution import ENERGY
from benchsuite.compare import System
from benchsuite.stats import PROCESS_SPREAD, SINGLE_DF, student_quantile
from benchsuite.steadiness import still_moved
from benchsuite.units import percent

OF_ENERGY = frozenset({ENERGY, "mean_power", "max_power"})
MEASURED, ASSUMED, MOVED, FIXED = "measured", "assumed", "moved", "fixed"
# these do not stray from process to process: they are counted, published or pinned
_FIXED = frozenset({"power_envelope", "peak", "peak_per_watt"})
_TWO_SIDED = 0.05
QUANTILE = student_quantile(_TWO_SIDED, SINGLE_DF)
ABOUT = (
    "Of a lone process the spread between processes is assumed, "
    f"{percent(PROCESS_SPREAD, digits=1)} (standard deviation), or what its median still moved "
    "where that is more."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The variance of the logarithm of a number, and on what it rests.

    Attributes:
        basis: `MEASURED` by several processes, `ASSUMED`, `MOVED`, or `FIXED`: no variance.
        moved: The share of 1 that the median still moved, of `MOVED`.
    """

    variance: float
    basis: str
    moved: float = 0.0


def spread_of(system: System, metric: str) -> Spread:
    """How far a metric of a system strays from process to process, with what a meter leaves open.

    A meter's interval counts beside a lone process's spread; that of several processes has it.
    """
    if metric in _FIXED:
        return Spread(variance=0.0, basis=FIXED)
    value, row = system.value(metric), system.source(metric)
    own = 0.0
    if value.low and value.high:
        own = (math.log(value.high / value.low) / 2 / QUANTILE) ** 2
    if own and row.processes:
        return Spread(variance=own, basis=MEASURED)
    meter = own if metric in OF_ENERGY else 0.0
    moved = still_moved(row.doubts)
    if moved is not None and moved > PROCESS_SPREAD:
        return Spread(variance=moved**2 + meter, basis=MOVED, moved=moved)
    return Spread(variance=PROCESS_SPREAD**2 + meter, basis=ASSUMED)


def said(spreads: Sequence[Spread]) -> str:
    """On what the 95 % interval of a mean over several numbers rests, in one sentence."""
    count = {basis: sum(each.basis == basis for each in spreads) for basis in (
        MEASURED, ASSUMED, MOVED, FIXED)}  # fmt: skip
    if not spreads or count[FIXED] == len(spreads):
        return "no interval: counted, published or pinned"
    parts = []
    if count[MEASURED]:
        parts.append(f"{_values(count[MEASURED])} by the spread of the own processes (--repeats)")
    if count[ASSUMED]:
        parts.append(
            f"{_values(count[ASSUMED])} of a lone process, for which "
            f"{percent(PROCESS_SPREAD, digits=1)} is assumed (standard deviation; "
            "--repeats measures it)"
        )
    if count[MOVED]:
        most = max(each.moved for each in spreads)
        upto = "" if count[MOVED] == 1 else "up to "
        parts.append(
            f"{_values(count[MOVED])} not steady, by what the median still moved "
            f"({upto}{percent(most)})"
        )
    return "; ".join(parts)


def _values(n: int) -> str:
    return "1 value" if n == 1 else f"{n} values"
