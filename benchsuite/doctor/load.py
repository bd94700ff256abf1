"""What else runs on the machine now."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from time import perf_counter, sleep

from benchsuite.devices import cpu
from benchsuite.doctor.finding import GOOD, PROBLEM, Finding
from benchsuite.harness import contention
from benchsuite.types import Contention

LOOK_S = 0.5
STEAL_SHARE = 0.01
_NAMED = 3
_LEAST_SHARE = 0.02  # of one processor: below it a process is not worth its name


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """A process and the CPU time it used while the machine was watched."""

    pid: int
    name: str
    cpu_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What happened while the machine was watched.

    Attributes:
        holder: The benchsuite process that measures on the device now; None where none does.
        found: Counters of the whole machine, or of this container.
        busy: Processes that can be seen, the busiest first; this one is left out.
    """

    seconds: float
    cores: int
    found: Contention
    busy: tuple[Busy, ...] = ()
    holder: str | None = None


def watch(seconds: float = LOOK_S, *, holder: str | None = None) -> Load:
    """Two readings of the machine's counters and of each process's, `seconds` apart."""
    earlier, before, started = _processes(), contention.read(), perf_counter()
    sleep(seconds)
    found, watched = contention.between(before, contention.read()), perf_counter() - started
    return Load(
        seconds=watched,
        cores=cpu.usable_cores(),
        found=found,
        holder=holder,
        busy=busiest(earlier, _processes(), least_s=_LEAST_SHARE * watched),
    )


# a process's number and start (numbers are given anew), its name, and CPU seconds so far
Processes = Mapping[tuple[int, float], tuple[str, float]]


def _processes() -> Processes:
    import psutil

    found = {}
    for process in psutil.process_iter(["name", "cpu_times", "create_time"]):
        times, born = process.info["cpu_times"], process.info["create_time"]
        if times is not None and process.pid != os.getpid():
            name = process.info["name"] or "?"
            found[(process.pid, born or 0.0)] = (name, times.user + times.system)
    return found


def busiest(before: Processes, after: Processes, *, least_s: float) -> tuple[Busy, ...]:
    """What each process used between two readings, where it is at least `least_s`.

    One that began between them has all its time counted.
    """
    used = [
        Busy(pid=key[0], name=name, cpu_s=cpu_s - before.get(key, ("", 0.0))[1])
        for key, (name, cpu_s) in after.items()
    ]
    busy = [each for each in used if each.cpu_s >= least_s and each.cpu_s > 0]
    return tuple(sorted(busy, key=lambda each: each.cpu_s, reverse=True))


def findings(load: Load) -> Iterator[Finding]:
    """Time that the hypervisor or other programs took."""
    cores, watched = load.cores, load.seconds
    stolen, others = load.found.steal_s or 0.0, load.found.other_cpu_s or 0.0
    held = stolen > STEAL_SHARE * watched * cores + contention.TICK_S
    busy = others > contention.allowed_s(watched, cores=cores)
    where = load.found.counted or "on all processors"
    how = f"two readings {watched:.2g} s apart, {where}"
    if held:
        yield Finding(
            what=f"the hypervisor took {stolen / watched / cores:.0%} of the processors' time",
            state=PROBLEM,
            how=f"steal time in /proc/stat, {how}",
            cost="queries are held up at random: high percentiles are the neighbours', not yours",
            mend="use a machine of your own, or one with dedicated cores",
        )
    if load.holder is not None:
        yield Finding(
            what=f"another benchsuite measures on this device now ({load.holder})",
            state=PROBLEM,
            how="the device lock in benchsuite's cache",
            cost="a run waits for it; the machine's load cannot be judged meanwhile",
            mend="wait until it ends",
        )
    elif busy:
        numbers = " ".join(str(each.pid) for each in load.busy[:_NAMED])
        yield Finding(
            what=f"other programs use {others / watched:.1f} of {cores} cores{_named(load)}",
            state=PROBLEM,
            how=f"CPU time of all less our own, {how}; processes by psutil",
            cost="a query waits for its slowest thread, and rows are flagged `contended`, which "
            "leaves them unranked",
            mend=f"end them ({f'kill {numbers}' if numbers else 'they are not visible from here'}),"
            f" or measure with fewer --threads",
        )
    if not held and not busy and load.holder is None:
        yield Finding(what=f"nothing else is running ({cores} cores watched)", state=GOOD, how=how)


def _named(load: Load) -> str:
    if not load.busy:
        return ""
    shares = (f"{each.name} {each.cpu_s / load.seconds:.2f}" for each in load.busy[:_NAMED])
    return f" now: {', '.join(shares)}"
