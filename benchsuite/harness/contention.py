"""What else the machine did during a window: switches, steal, other processes' time.

Only processors that this process may use are looked at: `/proc/stat` shows a whole host's inside a
container. Where a container's quota is below its processors, nobody knows on which of them it will
run, and the busy ones of a host of many say nothing: there the container's own CPU time is counted.
"""

from __future__ import annotations

import math
import os
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from benchsuite import cgroup
from benchsuite.types import Contention, Doubt, Window

# of the core time: one other busy process is 50 % of two cores, 12.5 % of eight ...
OTHERS_SHARE = 0.05
# ... and 1.6 % of 64: on many cores half of one is what others may take
MOST_CORES = 0.5
TICK_S = 0.01  # the kernel counts CPU time in ticks on each core


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Counters at one moment, seconds since boot or start."""

    involuntary: int | None
    steal_s: float | None
    busy_s: float | None
    own_s: float
    counted: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticks:
    """What `/proc/stat` says of some processors, in clock ticks since boot."""

    busy: int
    steal: int
    processors: int


class Watcher:
    """Reads the counters when made and when stopped."""

    def __init__(self) -> None:
        self._before = read()

    def stop(self) -> Contention:
        """The differences since it was made."""
        return between(self._before, read())


def read(root: Path = Path("/")) -> Reading:
    """The counters now.

    Args:
        root: Where the system's files begin; `/` but for a recorded copy.
    """
    import psutil

    own = os.times()
    try:
        switches = int(psutil.Process().num_ctx_switches().involuntary)
    except (psutil.Error, NotImplementedError):
        switches = None
    found = Reading(involuntary=switches, steal_s=None, busy_s=None, own_s=own.user + own.system)
    return _in_container(root, found) or _on_processors(root, found) or _everywhere(found)


def _in_container(root: Path, found: Reading) -> Reading | None:
    """Counted in this process's control group, where its quota is below its processors."""
    quota = cgroup.limits(root).cpus
    mask = _mask()
    used_s = None if quota is None else cgroup.cpu_seconds(root)
    if quota is None or used_s is None or mask is None or quota >= len(mask):
        return None
    return replace(
        found, busy_s=used_s, counted=f"in this container ({quota:g} of {len(mask)} processors)"
    )


def _on_processors(root: Path, found: Reading) -> Reading | None:
    """Counted on the processors of the affinity mask."""
    mask = _mask()
    try:
        text = (root / "proc/stat").read_text()
    except OSError:
        return None
    ticks = None if mask is None else of_processors(text, mask)
    if mask is None or ticks is None:
        return None
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    return replace(
        found,
        busy_s=ticks.busy * tick_s,
        steal_s=ticks.steal * tick_s,
        counted=(
            f"on the {ticks.processors} processors that this process may use"
            if ticks.processors > 1
            else "on the one processor that this process may use"
        ),
    )


def _everywhere(found: Reading) -> Reading:
    """Counted on all processors, where the system does not tell them apart."""
    import psutil

    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    steal = getattr(times, "steal", None)
    # guest time is part of user time already
    total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    busy = total - idle - (steal or 0.0)
    return replace(found, busy_s=busy, steal_s=steal, counted="on all processors")


def of_processors(stat: str, mask: Collection[int]) -> Ticks | None:
    """Sums the lines of `/proc/stat` that are of the processors in `mask`; None without any.

    Columns (proc_stat(5)): user, nice, system, idle, iowait, irq, softirq, steal, then guest time,
    which user time has already.
    """
    busy = steal = processors = 0
    for line in stat.splitlines():
        name, *columns = line.split()[:9] or [""]
        if not name.startswith("cpu") or not name[3:].isdigit() or int(name[3:]) not in mask:
            continue
        ticks = [int(column) for column in columns] + [0] * (8 - len(columns))
        user, nice, system, _, _, irq, softirq, stolen = ticks[:8]
        busy += user + nice + system + irq + softirq
        steal += stolen
        processors += 1
    return Ticks(busy=busy, steal=steal, processors=processors) if processors else None


def _mask() -> set[int] | None:
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None


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
        counted=after.counted,
    )


def allowed_s(seconds: float, *, cores: int) -> float:
    """CPU time that others may take in `seconds` before a figure is doubted.

    A reading of each core is up to a tick late, now too low and now too high: the error of their
    sum grows with the square root of their number.
    """
    return min(OTHERS_SHARE * cores, MOST_CORES) * seconds + 1.5 * TICK_S * math.sqrt(cores)


def disturbance(found: Contention, *, seconds: float, cores: int) -> str | None:
    """What others took of `cores` in `seconds`, where it is enough to doubt a figure."""
    stolen = (found.steal_s or 0.0) + (found.other_cpu_s or 0.0)
    if stolen <= allowed_s(seconds, cores=cores):
        return None
    where = f", counted {found.counted}" if found.counted else ""
    return (
        f"other processes or the hypervisor took {stolen:.2f} s of CPU time in "
        f"{seconds:.2f} s on {cores} core{'' if cores == 1 else 's'}{where}"
    )


def doubts(window: Window, *, cores: int) -> list[Doubt]:
    """Whether others disturbed a window enough to doubt it."""
    found = disturbance(window.contention, seconds=window.seconds, cores=cores)
    if found is None:
        return []
    message = f"{window.scenario}: {found}. End other programs and measure again"
    return [Doubt(code="contended", message=message)]
