"""What else the machine did during a window: switches, steal, other processes' time.

Only processors that this process may use are looked at: `/proc/stat` shows a whole host's inside a
container. Where a container's quota is below its processors, nobody knows on which of them it will
run, and the busy ones of a host of many say nothing: there the container's own CPU time is counted.

What others take is judged twice. Of the whole, since caches, memory and the clock are shared. And
of the cores that the run uses: for a process that is bound to its own, what others took of these is
counted. For one that is not, work beside it is harmless only while free cores hold it, and while no
thread of ours is interrupted often, since the scheduler may put others on our core all the same.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from benchsuite import cgroup, machine
from benchsuite.types import Contention, Doubt, Window

# share of the core time, of the whole and of the run's own cores
OTHERS_SHARE = 0.05
# Cores. A run waits for its slowest thread, however many it has: one busy process that shares a
# core with it gets half of that core, and half of that half is enough to tell.
BUSY_PROCESS = 0.25
# Interruptions of one thread in a second, for a process that is bound to no cores: they tell that
# something disturbs it, not how much. Windows of 1 s, one thread, two cores (Linux 6.18):
#   bound, quiet (32 windows):                       1 to 10, others took 0.01 s of its core at most
#   bound, a busy process on the other core (32):   29 to 140, 0.00 to 0.08 s; as fast as quiet ones
#   bound, a busy process on its core (12):        100 to 111, 0.40 to 0.48 s; at 0.6 of the speed
#   not bound, others used a quarter of a core (20): 18 up to 7, then 19 and 46
# Two runnable threads on one core, at the longest turns that older kernels give them (CFS, 24 ms
# for both): 41. A bound process is judged by the time taken of its core, which tells the second
# from the third and leaves 0.01 s and 0.40 s on either side of the 0.07 s allowed in such a window.
# Elsewhere 30 lies between a quiet window and a shared core on any kernel; it counts only beside
# foreign CPU time, since a library's own threads interrupt one another, too: of 87 windows with
# under 2 % of a core of foreign time a tenth had more than 136.
MOST_SWITCHES = 30.0
TICK_S = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Counters at one moment, seconds since boot or start.

    Attributes:
        involuntary: Involuntary context switches of each thread of this process, by its number.
        bound_s: All processes' and the hypervisor's time on the processors of `bound`.
        bound: Processors that this process is bound to, as the kernel lists them.
    """

    involuntary: Mapping[int, int] | None
    steal_s: float | None
    busy_s: float | None
    own_s: float
    counted: str | None = None
    bound_s: float | None = None
    bound: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticks:
    """What `/proc/stat` says of some processors, in clock ticks since boot."""

    busy: int
    steal: int
    processors: int


class Watcher:
    """Reads the counters when made and when stopped.

    Args:
        programs: Names the other processes on an accelerator's board; None where nothing tells.
        counters: Reads them; None for `read`.
    """

    def __init__(
        self,
        programs: Callable[[], tuple[str, ...]] | None = None,
        counters: Callable[[], Reading] | None = None,
    ) -> None:
        self._programs = programs
        self._counters = counters or read
        self._seen = programs() if programs is not None else ()
        self._before = self._counters()

    def stop(self) -> Contention:
        """The differences since it was made."""
        found = between(self._before, self._counters())
        seen = self._programs() if self._programs is not None else ()
        return replace(found, programs=tuple(dict.fromkeys((*self._seen, *seen))))


def read(root: Path = Path("/")) -> Reading:
    """The counters now.

    Args:
        root: Where the system's files begin; `/` but for a recorded copy.
    """
    own = os.times()
    found = Reading(involuntary=_switches(), steal_s=None, busy_s=None, own_s=own.user + own.system)
    found = _where_bound(root, found)
    return _in_container(root, found) or _on_processors(root, found) or _everywhere(found)


def interruptions() -> Reading:
    """Involuntary switches alone: short turns end between the ticks that CPU time is counted in."""
    return Reading(involuntary=_switches(), steal_s=None, busy_s=None, own_s=0.0)


def _switches() -> Mapping[int, int] | None:
    """Each thread's involuntary switches; a process's own file has those of its first thread."""
    found = {}
    try:
        threads = os.listdir("/proc/self/task")
    except OSError:
        return None  # another system
    for thread in threads:
        try:
            text = Path("/proc/self/task", thread, "status").read_bytes()
        except OSError:
            continue  # the thread has ended
        _, told, count = text.rpartition(b"nonvoluntary_ctxt_switches:")
        if told:
            found[int(thread)] = int(count.split()[0])
    return found or None


def _where_bound(root: Path, found: Reading) -> Reading:
    """Counted on the processors that this process is bound to, if it is."""
    bound = machine.bound()
    ticks = of_processors(_stat(root), bound) if bound else None
    if ticks is None:
        return found
    seconds = (ticks.busy + ticks.steal) / os.sysconf("SC_CLK_TCK")
    return replace(found, bound_s=seconds, bound=machine.listed(bound or ()))


def _stat(root: Path) -> str:
    try:
        return (root / "proc/stat").read_text()
    except OSError:
        return ""


def _in_container(root: Path, found: Reading) -> Reading | None:
    """Counted in this process's control group, where its quota is below its processors."""
    quota = cgroup.limits(root).cpus
    mask = machine.allowed()
    used_s = None if quota is None else cgroup.cpu_seconds(root)
    if quota is None or used_s is None or mask is None or quota >= len(mask):
        return None
    return replace(
        found, busy_s=used_s, counted=f"in this container ({quota:g} of {len(mask)} processors)"
    )


def _on_processors(root: Path, found: Reading) -> Reading | None:
    """Counted on the processors of the affinity mask."""
    mask = machine.allowed()
    ticks = None if mask is None else of_processors(_stat(root), mask)
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


def between(before: Reading, after: Reading) -> Contention:
    """What happened between two readings."""
    own_s = after.own_s - before.own_s
    others = on_ours = None
    if before.busy_s is not None and after.busy_s is not None:
        others = max(0.0, after.busy_s - before.busy_s - own_s)
    if before.bound_s is not None and after.bound_s is not None and before.bound == after.bound:
        on_ours = max(0.0, after.bound_s - before.bound_s - own_s)
    return Contention(
        involuntary_switches=(
            None
            if before.involuntary is None or after.involuntary is None
            else max(
                count - before.involuntary.get(thread, 0)
                for thread, count in after.involuntary.items()
            )
        ),
        steal_s=(
            None
            if before.steal_s is None or after.steal_s is None
            else max(0.0, after.steal_s - before.steal_s)
        ),
        other_cpu_s=others,
        counted=after.counted,
        bound_cpu_s=on_ours,
        bound=None if on_ours is None else after.bound,
    )


def allowed_s(seconds: float, *, cores: int) -> float:
    """CPU time on all cores that others may take in `seconds` before a figure is doubted."""
    return OTHERS_SHARE * cores * seconds + _ticks_s(cores)


def _ticks_s(cores: int) -> float:
    """What the counters themselves may be off by, in seconds."""
    # the kernel counts user and system time in ticks of 10 ms on each core: each difference of two
    # such counts errs by a tick / sqrt(6) (one standard deviation), three of which are allowed
    return 3 * TICK_S * math.sqrt(2 * cores / 6)


def disturbance(found: Contention, *, seconds: float, cores: int, threads: int) -> str | None:
    """What others took of `cores` in `seconds`, where it is enough to doubt a figure.

    Args:
        found: The counters' differences.
        seconds: The window's length.
        cores: Cores that this process may use.
        threads: Threads that the run computes with.
    """
    stolen = (found.steal_s or 0.0) + (found.other_cpu_s or 0.0)
    of_all = allowed_s(seconds, cores=cores)
    if stolen <= of_all and not _took_ours(found, seconds=seconds, cores=cores, threads=threads):
        return None
    rate = _rate(found, seconds)
    where = f", counted {found.counted}" if found.counted else ""
    taken = (
        "" if rate is None else f", and a thread of ours was interrupted {rate:.3g} times a second"
    )
    ours = (
        ""
        if found.bound_cpu_s is None
        else f"; {found.bound_cpu_s:.2f} s on {_processors(found.bound)}, where this run is bound"
    )
    return (
        f"other processes or the hypervisor took {stolen:.2f} s of CPU time in "
        f"{seconds:.2f} s on {cores} core{'' if cores == 1 else 's'}{where}{ours}{taken}"
    )


def _took_ours(found: Contention, *, seconds: float, cores: int, threads: int) -> bool:
    """Whether others took time of the cores that the run computes on."""
    used = max(1, min(threads, cores))
    share_s = min(OTHERS_SHARE * used, BUSY_PROCESS) * seconds
    if found.bound_cpu_s is not None and found.bound is not None:
        return found.bound_cpu_s > share_s + _ticks_s(len(machine.numbers(found.bound)))
    stolen = (found.steal_s or 0.0) + (found.other_cpu_s or 0.0)
    of_ours = share_s + _ticks_s(cores)
    rate = _rate(found, seconds)
    interrupted = rate is not None and rate > MOST_SWITCHES and stolen > of_ours
    return interrupted or stolen - (cores - used) * seconds > of_ours


def _processors(numbers: str | None) -> str:
    several = len(machine.numbers(numbers or "")) > 1
    return f"processor{'s' * several} {numbers}"


def _rate(found: Contention, seconds: float) -> float | None:
    if found.involuntary_switches is None or seconds <= 0:
        return None
    return found.involuntary_switches / seconds


def on_board(found: Contention) -> str | None:
    """Who else computed on the accelerator's board."""
    if not found.programs:
        return None
    return f"{', '.join(found.programs)} computed on the same board"


def doubts(window: Window, *, cores: int, threads: int) -> list[Doubt]:
    """Whether others disturbed a window enough to doubt it: on the processor, or on the board.

    Args:
        window: What was measured.
        cores: Cores of the host that this process may use.
        threads: Threads that the run computes with; the one that launches, on an accelerator.
    """
    said = disturbance(window.contention, seconds=window.seconds, cores=cores, threads=threads)
    return [
        Doubt(
            code="contended",
            message=f"{window.scenario}: {found}. End other programs and measure again",
        )
        for found in (said, on_board(window.contention))
        if found is not None
    ]
