"""What else the machine did during a window: switches, steal, other processes' time."""

from __future__ import annotations

import os
from dataclasses import dataclass

from benchsuite.types import Contention, Doubt, Window

# Shares of the window's core time; issue-tested values live with the measurement rules.
OTHERS_SHARE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Counters at one moment, seconds since boot or start."""

    involuntary: int | None
    steal_s: float | None
    busy_s: float | None
    own_s: float


class Watcher:
    """Reads the counters when made and when stopped."""

    def __init__(self) -> None:
        self._before = read()

    def stop(self) -> Contention:
        """The differences since it was made."""
        return between(self._before, read())


def read() -> Reading:
    """The counters now."""
    import psutil

    own = os.times()
    try:
        switches = int(psutil.Process().num_ctx_switches().involuntary)
    except (psutil.Error, NotImplementedError):
        switches = None
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    steal = getattr(times, "steal", None)
    # guest time is part of user time already
    total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    return Reading(
        involuntary=switches,
        steal_s=steal,
        busy_s=total - idle - (steal or 0.0),
        own_s=own.user + own.system,
    )


def between(before: Reading, after: Reading) -> Contention:
    """What happened between two readings."""
    others = None
    if before.busy_s is not None and after.busy_s is not None:
        others = max(0.0, (after.busy_s - before.busy_s) - (after.own_s - before.own_s))
    return Contention(
        involuntary_switches=(
            None
            if before.involuntary is None or after.involuntary is None
            else after.involuntary - before.involuntary
        ),
        steal_s=(
            None
            if before.steal_s is None or after.steal_s is None
            else max(0.0, after.steal_s - before.steal_s)
        ),
        other_cpu_s=others,
    )


def disturbance(found: Contention, *, seconds: float, cores: int) -> str | None:
    """What others took of `cores` in `seconds`, where it is enough to doubt a figure."""
    stolen = (found.steal_s or 0.0) + (found.other_cpu_s or 0.0)
    # the kernel counts CPU time in ticks of 10 ms on each core
    allowed = OTHERS_SHARE * seconds * cores + 0.01 * cores
    if stolen <= allowed:
        return None
    return (
        f"other processes or the hypervisor took {stolen:.2f} s of CPU time in "
        f"{seconds:.2f} s on {cores} cores"
    )


def doubts(window: Window, *, cores: int) -> list[Doubt]:
    """Whether others disturbed a window enough to doubt it."""
    found = disturbance(window.contention, seconds=window.seconds, cores=cores)
    if found is None:
        return []
    message = f"{window.scenario}: {found}. End other programs and measure again"
    return [Doubt(code="contended", message=message)]
