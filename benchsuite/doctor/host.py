"""The machine's settings: clock, threads, memory, supply, heat; read once, judged purely."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchsuite import cgroup, environment
from benchsuite.doctor.finding import GOOD, NOTE, PROBLEM, Finding

LEAST_FREE_B = 2 << 30
_GOVERNOR = "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
_BOOST = "sys/devices/system/cpu/cpufreq/boost"
_NO_TURBO = "sys/devices/system/cpu/intel_pstate/no_turbo"
_SMT = "sys/devices/system/cpu/smt/active"
_SIBLINGS = "sys/devices/system/cpu/cpu0/topology/thread_siblings_list"
_HUGE_PAGES = "sys/kernel/mm/transparent_hugepage/enabled"
_NODES = "sys/devices/system/node"
_ZONES = "sys/class/thermal"
_SUPPLIES = "sys/class/power_supply"
_THROTTLED = "sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heat:
    """The thermal zone that is nearest to where the kernel slows the processor down.

    Attributes:
        limit_c: Its lowest `passive` or `hot` trip point.
    """

    zone: str
    temperature_c: float
    limit_c: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A folder that benchsuite writes to, and the variable that names another."""

    what: str
    folder: str
    variable: str
    free_b: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A machine's settings as found; None where the system does not tell.

    Attributes:
        boost: The file that says whether the clock may boost, and whether it may.
        threads_a_core: Hardware threads that share a core and are on.
        huge_pages: `always`, `madvise` or `never`.
        wait_policy: OMP_WAIT_POLICY as set by the user.
        processors, allowed: Logical processors there are; those this process may use.
        quota: Processors' worth of time that a container may use.
        stopped: How often the quota has stopped this container, of how many periods.
        throttle_count: How often heat has slowed the package down since boot (Intel).
    """

    governor: str | None = None
    boost: tuple[str, bool] | None = None
    threads_a_core: int | None = None
    nodes: int | None = None
    huge_pages: str | None = None
    wait_policy: str | None = None
    processors: int = 1
    allowed: int | None = None
    quota: float | None = None
    stopped: tuple[int, int] | None = None
    hypervisor: str | None = None
    swapped_b: int | None = None
    free_b: int | None = None
    rooms: tuple[Room, ...] = ()
    on_batteries: bool | None = None
    heat: Heat | None = None
    throttle_count: int | None = None


def read(root: Path = Path("/")) -> Host:
    """The settings of this machine.

    Args:
        root: Where the system's files begin; `/` but for a recorded copy.
    """
    import psutil

    siblings = _read(root / _SIBLINGS)
    active = _read(root / _SMT)
    pages = re.search(r"\[(\w+)\]", _read(root / _HUGE_PAGES) or "")
    return Host(
        governor=_read(root / _GOVERNOR),
        boost=_boost(root),
        threads_a_core=(
            None if siblings is None else 1 if active == "0" else _processors_named(siblings)
        ),
        nodes=len(list((root / _NODES).glob("node[0-9]*"))) or None,
        huge_pages=pages[1] if pages else None,
        wait_policy=os.environ.get("OMP_WAIT_POLICY"),
        processors=os.cpu_count() or 1,
        allowed=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        quota=cgroup.limits(root).cpus,
        stopped=cgroup.stopped(root),
        hypervisor=environment.hypervisor(),
        swapped_b=_swapped(),
        free_b=psutil.virtual_memory().available,
        rooms=_rooms(),
        on_batteries=_on_batteries(root),
        heat=_heat(root),
        throttle_count=_number(_read(root / _THROTTLED)),
    )


def findings(host: Host) -> Iterator[Finding]:
    """What of a machine's settings matters to a measurement."""
    for judge in (_clock, _sharing, _threads, _container, _memory, _supply, _temperature):
        yield from judge(host)


def _clock(host: Host) -> Iterator[Finding]:
    if host.governor is None:
        yield Finding(
            what="the clock's governor cannot be seen",
            state=NOTE,
            how=f"/{_GOVERNOR} is not there",
            cost="whether the clock ramps up late cannot be told; watch `drift`",
        )
    elif host.governor == "performance":
        yield Finding(what="the clock's governor is `performance`", state=GOOD, how=f"/{_GOVERNOR}")
    else:
        yield Finding(
            what=f"the clock's governor is `{host.governor}`",
            state=PROBLEM,
            how=f"/{_GOVERNOR}",
            cost="queries after an idle wait begin at a low clock: latencies spread",
            mend="sudo cpupower frequency-set -g performance",
        )
    if host.boost is not None:
        file, on = host.boost
        if on:
            yield Finding(
                what="the clock may boost",
                state=NOTE,
                how=f"/{file}",
                cost="speed depends on temperature and on the other cores; `drift` shows it",
                mend=f"for the smallest spread: echo {int(file == _NO_TURBO)} | sudo tee /{file}",
            )
        else:
            yield Finding(what="the clock does not boost", state=GOOD, how=f"/{file}")


def _sharing(host: Host) -> Iterator[Finding]:
    if host.threads_a_core is not None:
        shared = host.threads_a_core > 1
        how = f"/{_SIBLINGS}, /{_SMT}"
        if shared:
            yield Finding(
                what=f"{host.threads_a_core} threads share a core (SMT)",
                state=NOTE,
                how=how,
                cost="threads on one core slow each other, other programs' too; benchsuite itself "
                "uses one a core",
                mend="echo off | sudo tee /sys/devices/system/cpu/smt/control",
            )
        else:
            yield Finding(what="no two threads share a core", state=GOOD, how=how)
    if host.nodes is not None and host.nodes > 1:
        yield Finding(
            what=f"memory has {host.nodes} NUMA nodes",
            state=NOTE,
            how=f"/{_NODES}/node*",
            cost="threads that reach into another node's memory run slower, and not always alike",
            mend="numactl --cpunodebind=0 --membind=0 benchsuite run ...",
        )
    elif host.nodes == 1:
        yield Finding(what="memory has one NUMA node", state=GOOD, how=f"/{_NODES}/node*")
    if host.huge_pages == "always":
        yield Finding(
            what="transparent huge pages are `always`",
            state=NOTE,
            how=f"/{_HUGE_PAGES}",
            cost="whether a large array lies on huge pages, and so its speed, differs from one "
            "process to the next",
            mend=f"echo madvise | sudo tee /{_HUGE_PAGES}",
        )
    elif host.huge_pages is not None:
        yield Finding(
            what=f"transparent huge pages are `{host.huge_pages}`",
            state=GOOD,
            how=f"/{_HUGE_PAGES}",
        )


def _threads(host: Host) -> Iterator[Finding]:
    if (host.wait_policy or "").upper() == "ACTIVE":
        yield Finding(
            what="OMP_WAIT_POLICY=ACTIVE",
            state=NOTE,
            how="this process's environment",
            cost="training spins while it waits; measuring processes are started with PASSIVE all "
            "the same",
            mend="unset OMP_WAIT_POLICY",
        )
    if host.allowed is not None and host.allowed < host.processors:
        yield Finding(
            what=f"this process may use {host.allowed} of {host.processors} processors",
            state=NOTE,
            how="sched_getaffinity",
            cost="the peak is that of the allowed ones; history is kept apart by their number",
            mend=f"taskset -c 0-{host.processors - 1} benchsuite run ..., if that was not meant",
        )


def _container(host: Host) -> Iterator[Finding]:
    have = host.allowed or host.processors
    if host.quota is not None and host.quota < have:
        whole = max(1, int(host.quota))
        stops = ""
        if host.stopped is not None and host.stopped[1]:
            stopped, periods = host.stopped
            stops = f" (so far in {stopped} of {periods} periods)"
        yield Finding(
            what=f"a container's quota leaves {host.quota:g} of {have} processors",
            state=NOTE,
            how="cpu.max and cpu.stat of the control group",
            cost=f"once it is used up, all threads stop until the next period begins{stops}",
            mend=f"docker run --cpuset-cpus=0{f'-{whole - 1}' * (whole > 1)} in the place of "
            "--cpus",
        )
    if host.hypervisor is not None:
        yield Finding(
            what=f"a virtual machine ({host.hypervisor})",
            state=NOTE,
            how="the flag `hypervisor` in /proc/cpuinfo",
            cost="clock, temperature and power counters may be hidden; neighbours may take time",
            mend="compare only with results of the same kind of machine",
        )


def _memory(host: Host) -> Iterator[Finding]:
    if host.swapped_b:
        yield Finding(
            what=f"{host.swapped_b / 2**20:.0f} MiB are swapped out",
            state=PROBLEM,
            how="psutil.swap_memory",
            cost="a query whose page has to be read back from the disk waits for it",
            mend="end large programs, then: sudo swapoff -a && sudo swapon -a",
        )
    elif host.swapped_b == 0:
        yield Finding(what="nothing is swapped out", state=GOOD, how="psutil.swap_memory")
    if host.free_b is not None and host.free_b < LEAST_FREE_B:
        yield Finding(
            what=f"{host.free_b / 2**30:.1f} GiB of memory are free",
            state=PROBLEM,
            how="psutil.virtual_memory",
            cost="reference networks and their weights may not fit: the system ends the process",
            mend="end large programs (ps aux --sort=-rss | head shows them)",
        )
    for room in host.rooms:
        if room.free_b < LEAST_FREE_B:
            yield Finding(
                what=f"{room.free_b / 2**30:.1f} GiB are free where the {room.what} goes "
                f"({room.folder})",
                state=PROBLEM,
                how="shutil.disk_usage",
                cost="prepared data and results may not fit",
                mend=f"free some space, or name another folder: export {room.variable}=DIR",
            )


def _supply(host: Host) -> Iterator[Finding]:
    if host.on_batteries:
        yield Finding(
            what="running on batteries",
            state=PROBLEM,
            how=f"/{_SUPPLIES}/*/online",
            cost="firmware may lower the power limit, and change it with the charge",
            mend="plug it in",
        )


def _temperature(host: Host) -> Iterator[Finding]:
    heat = host.heat
    if heat is not None:
        how = f"/{_ZONES}/*/temp and its lowest passive trip point"
        said = f"{heat.zone} is at {heat.temperature_c:.0f} °C of {heat.limit_c:.0f} °C"
        if heat.temperature_c >= heat.limit_c:
            yield Finding(
                what=f"{said}, where the kernel slows the processor down",
                state=PROBLEM,
                how=how,
                cost="the clock falls while you measure: the first rows are faster than the last",
                mend="let it cool, free its fans; `sensors` shows the temperatures",
            )
        else:
            yield Finding(what=said, state=GOOD, how=how)
    if host.throttle_count:
        yield Finding(
            what=f"heat has slowed the processor down {host.throttle_count} times since boot",
            state=NOTE,
            how=f"/{_THROTTLED}",
            cost="it may do so again under a benchmark's load; watch `drift`",
            mend="free its fans, or lower the clock: sudo cpupower frequency-set -u FREQUENCY",
        )


def _boost(root: Path) -> tuple[str, bool] | None:
    for file, when_on in ((_BOOST, "1"), (_NO_TURBO, "0")):
        text = _read(root / file)
        if text is not None:
            return file, text == when_on
    return None


def _processors_named(text: str) -> int:
    """How many processors a kernel list such as `0-1,8` names."""
    total = 0
    for first, last in re.findall(r"(\d+)(?:-(\d+))?", text):
        total += int(last or first) - int(first) + 1
    return total


def _rooms() -> tuple[Room, ...]:
    found = []
    for what, folder, variable in (
        ("cache", environment.cache_folder(), "BENCHSUITE_CACHE"),
        ("data", environment.data_folder(), "BENCHSUITE_HOME"),
    ):
        there = next(parent for parent in (folder, *folder.parents) if parent.exists())
        free_b = shutil.disk_usage(there).free
        found.append(Room(what=what, folder=str(there), variable=variable, free_b=free_b))
    return tuple(found)


def _on_batteries(root: Path) -> bool | None:
    """Whether a mains supply is there and none is on line."""
    mains = [
        _read(path)
        for path in (root / _SUPPLIES).glob("*/online")
        if _read(path.with_name("type")) == "Mains"
    ]
    return "1" not in mains if mains else None


def _heat(root: Path) -> Heat | None:
    found = []
    for zone in (root / _ZONES).glob("thermal_zone*"):
        now = _number(_read(zone / "temp"))
        limits = [
            limit
            for path in zone.glob("trip_point_*_type")
            if _read(path) in ("passive", "hot")
            and (limit := _number(_read(path.with_name(path.name.replace("_type", "_temp")))))
            and limit > 0  # a trip point that is not set is 0 or below
        ]
        if now is not None and limits:
            name = _read(zone / "type") or zone.name
            found.append(Heat(zone=name, temperature_c=now / 1e3, limit_c=min(limits) / 1e3))
    return max(found, key=lambda heat: heat.temperature_c - heat.limit_c, default=None)


def _swapped() -> int | None:
    import psutil

    try:
        return int(psutil.swap_memory().used)
    except (OSError, RuntimeError):
        return None


def _number(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"-?\d+", text) else None


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None
