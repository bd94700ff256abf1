"""What else runs on the machine now."""

from __future__ import annotations

import os
import re
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
_LONGEST_NAME = 60
_OURS = re.compile(r"(^|[ /])benchsuite( |$)|-m benchsuite\b")
_LEAST_SHARE = 0.02  # of one processor: below it a process is not worth its name


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """A process and the CPU time it used while the machine was watched.

    Attributes:
        name: Its command line, or what there is of it.
        user: Who runs it; empty where that is not told.
    """

    pid: int
    name: str
    cpu_s: float
    user: str = ""

    @property
    def measures(self) -> bool:
        """Whether it is a benchsuite's."""
        return _OURS.search(self.name) is not None


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


# a process's number and start (numbers are given anew), its name, its user, CPU seconds so far
Processes = Mapping[tuple[int, float], tuple[str, str, float]]


def _processes() -> Processes:
    import psutil

    found = {}
    for process in psutil.process_iter(["name", "cmdline", "username", "cpu_times", "create_time"]):
        facts = process.info
        times, born = facts["cpu_times"], facts["create_time"]
        if times is not None and process.pid != os.getpid():
            program, *rest = facts["cmdline"] or (facts["name"] or "?",)
            name = " ".join([program.rpartition("/")[2], *rest])
            key = process.pid, born or 0.0
            found[key] = (name, facts["username"] or "", times.user + times.system)
    return found


def busiest(before: Processes, after: Processes, *, least_s: float) -> tuple[Busy, ...]:
    """What each process used between two readings, where it is at least `least_s`.

    One that began between them has all its time counted.
    """
    used = [
        Busy(pid=key[0], name=name, user=user, cpu_s=cpu_s - before.get(key, ("", "", 0.0))[2])
        for key, (name, user, cpu_s) in after.items()
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
        yield Finding(
            what=f"other programs use {others / watched:.1f} of "
            f"{'1 core' if cores == 1 else f'{cores} cores'}{_named(load)}",
            state=PROBLEM,
            how=f"CPU time of all less our own, {how}; processes by psutil",
            cost="a query waits for its slowest thread, and rows are flagged `contended`, which "
            "leaves them unranked",
            mend=_mend(load),
        )
    if not held and not busy and load.holder is None:
        seen = "1 core" if cores == 1 else f"{cores} cores"
        yield Finding(what=f"nothing else is running ({seen} watched)", state=GOOD, how=how)


def _named(load: Load) -> str:
    if not load.busy:
        return ""
    shares = (
        f"{_shortened(each.name)} ({' '.join([str(each.pid), each.user]).strip()}) "
        f"{each.cpu_s / load.seconds:.2f}"
        for each in load.busy[:_NAMED]
    )
    return f" now: {', '.join(shares)}"


def _shortened(name: str) -> str:
    """A command line without what fills it up."""
    text = " ".join(name.split())
    return text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}..."


def _mend(load: Load) -> str:
    """What is to be ended, and what of it is a measurement, which is to be waited for."""
    named = load.busy[:_NAMED]
    ours = " ".join(str(each.pid) for each in named if each.measures)
    others = " ".join(str(each.pid) for each in named if not each.measures)
    steps = [f"wait until benchsuite ends ({ours})"] if ours else []
    steps += [f"end what can be ended (kill {others})"] if others else []
    steps += [] if named else ["end them (they are not visible from here)"]
    return f"{', '.join(steps)}, or measure with fewer --threads"
