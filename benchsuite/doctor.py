"""Whether this machine is fit to measure on: what is wrong, what it costs, what mends it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep

from benchsuite import backends, datasets, devices, environment, meters
from benchsuite.devices import cpu
from benchsuite.errors import BadInput, NotMeasurable
from benchsuite.harness import contention, probing
from benchsuite.types import DeviceInfo

GOOD, NOTE, PROBLEM = "good", "note", "problem"
LOOK_S = 1.0
LEAST_FREE_B = 2 << 30
_CPU = Path("/sys/devices/system/cpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: The thing and how it is.
        state: `good`, `note` (good to know) or `problem`.
        cost: What it does to a measurement; empty where it is good.
        mend: The command or action that changes it; empty where there is none to be made.
    """

    what: str
    state: str
    cost: str = ""
    mend: str = ""


def examine(*, cache: Path, roots: Sequence[Path], look_s: float = LOOK_S) -> list[Finding]:
    """Looks at everything; takes a second or two, changes nothing.

    Args:
        cache: Where probes are pinned.
        roots: Content folders.
        look_s: How long the machine's load is watched.
    """
    device = devices.default_device()
    looks: tuple[Callable[[], Iterator[Finding]], ...] = (
        lambda: _load(look_s),
        _clock,
        _threads,
        _machine,
        _huge_pages,
        _memory_and_disk,
        _power_supply,
        lambda: _energy(device, roots),
        lambda: _peaks(device, cache),
        lambda: _software(device),
        _data,
    )
    return [finding for look in looks for finding in look()]


def _load(seconds: float) -> Iterator[Finding]:
    cores = cpu.usable_cores()
    before, started = contention.read(), perf_counter()
    sleep(seconds)
    found = contention.between(before, contention.read())
    watched = perf_counter() - started
    stolen = found.steal_s or 0.0
    others = found.other_cpu_s or 0.0
    if stolen > 0.01 * watched * cores + 0.01:
        yield Finding(
            what=f"the hypervisor took {stolen / watched / cores:.0%} of the processors' time",
            state=PROBLEM,
            cost="queries are held up at random: high percentiles are the neighbours', not yours",
            mend="use a machine of your own, or one with dedicated cores",
        )
    if others > contention.OTHERS_SHARE * watched * cores + 0.01 * cores:
        yield Finding(
            what=f"other programs use {others / watched:.1f} of {cores} cores ({_busiest()})",
            state=PROBLEM,
            cost="with as many threads as cores one busy program can cost a factor of ten and more",
            mend="end them, or measure with fewer --threads",
        )
    elif stolen <= 0.01 * watched * cores + 0.01:
        yield Finding(what=f"nothing else is running ({cores} cores watched)", state=GOOD)


def _busiest() -> str:
    import psutil

    names = []
    for process in psutil.process_iter(["name", "cpu_times"]):
        times = process.info["cpu_times"]
        if times is not None and process.pid != os.getpid():
            names.append((times.user + times.system, process.info["name"] or "?"))
    names.sort(reverse=True)
    return "most CPU time so far: " + ", ".join(name for _, name in names[:3])


def _clock() -> Iterator[Finding]:
    governor = _read(_CPU / "cpu0/cpufreq/scaling_governor")
    if governor is None:
        yield Finding(
            what="the clock's governor cannot be seen",
            state=NOTE,
            cost="whether the clock ramps up late cannot be told; watch `drift`",
        )
    elif governor == "performance":
        yield Finding(what="the clock's governor is `performance`", state=GOOD)
    else:
        yield Finding(
            what=f"the clock's governor is `{governor}`",
            state=PROBLEM,
            cost="the first milliseconds after an idle wait run slowly: latencies spread",
            mend="sudo cpupower frequency-set -g performance",
        )
    boost = environment.turbo()
    if boost == "on":
        yield Finding(
            what="the clock may boost",
            state=NOTE,
            cost="speed depends on temperature and on other cores; runs differ by some per cent",
            mend="for the smallest spread: echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost "
            "(Intel: echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo)",
        )
    active = _read(_CPU / "smt/active")
    if active == "1":
        yield Finding(
            what="two threads share a core (SMT)",
            state=NOTE,
            cost="threads on one core slow each other; benchsuite uses one a core",
            mend="nothing, unless you measure with more --threads than cores",
        )


def _threads() -> Iterator[Finding]:
    policy = os.environ.get("OMP_WAIT_POLICY", "").upper()
    if policy == "ACTIVE":
        yield Finding(
            what="OMP_WAIT_POLICY=ACTIVE",
            state=NOTE,
            cost="measuring processes are started with PASSIVE all the same; training is not",
            mend="unset OMP_WAIT_POLICY",
        )
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    have = os.cpu_count() or 1
    cores = cpu.usable_cores()
    if allowed is not None and allowed < have:
        yield Finding(
            what=f"this process may use {allowed} of {have} processors",
            state=NOTE,
            cost="the peak is that of the allowed ones; history is kept apart by their number",
            mend="taskset -c 0-N, if that was not meant",
        )
    if cores < (allowed or have) and _read(_CPU / "smt/active") != "1":
        yield Finding(
            what=f"a container's limit leaves {cores} cores of {allowed or have} processors",
            state=NOTE,
            cost="a limit by quota, once used up, stops all threads for the rest of each 100 ms",
            mend="docker run --cpuset-cpus=0-1 instead of --cpus=2",
        )


def _machine() -> Iterator[Finding]:
    hypervisor = environment.hypervisor()
    if hypervisor is not None:
        yield Finding(
            what=f"a virtual machine ({hypervisor})",
            state=NOTE,
            cost="clock, temperature and power counters are hidden; neighbours may take time",
            mend="compare only with results of the same kind of machine",
        )
    swapped = _swapping()
    if swapped:
        yield Finding(
            what=f"{swapped / 2**20:.0f} MiB are swapped out",
            state=PROBLEM,
            cost="a page that is read back costs a query milliseconds",
            mend="end large programs, then: sudo swapoff -a && sudo swapon -a",
        )


def _huge_pages() -> Iterator[Finding]:
    setting = _read(Path("/sys/kernel/mm/transparent_hugepage/enabled"))
    if setting is not None and "[always]" in setting:
        yield Finding(
            what="transparent huge pages are `always`",
            state=NOTE,
            cost="large arrays are faster or slower by some per cent from one process to the next",
            mend="echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled",
        )
    nodes = list(Path("/sys/devices/system/node").glob("node[0-9]*"))
    if len(nodes) > 1:
        yield Finding(
            what=f"memory has {len(nodes)} NUMA nodes",
            state=NOTE,
            cost="threads that reach into another node's memory run slower, and not always alike",
            mend="numactl --cpunodebind=0 --membind=0 benchsuite run ...",
        )


def _memory_and_disk() -> Iterator[Finding]:
    import psutil

    free = psutil.virtual_memory().available
    if free < LEAST_FREE_B:
        yield Finding(
            what=f"{free / 2**30:.1f} GiB of memory are free",
            state=PROBLEM,
            cost="reference networks and their weights may not fit: the system ends the process",
            mend="end large programs",
        )
    for what, folder in (
        ("cache", environment.cache_folder()),
        ("data", environment.data_folder()),
    ):
        there = next(parent for parent in (folder, *folder.parents) if parent.exists())
        left = shutil.disk_usage(there).free
        if left < LEAST_FREE_B:
            variable = "BENCHSUITE_CACHE" if what == "cache" else "BENCHSUITE_HOME"
            yield Finding(
                what=f"{left / 2**30:.1f} GiB are free where the {what} goes ({there})",
                state=PROBLEM,
                cost="prepared data and results do not fit",
                mend=f"free some space, or name another folder: {variable}",
            )


def _power_supply() -> Iterator[Finding]:
    for path in sorted(Path("/sys/class/power_supply").glob("*/online")):
        if _read(path) == "0" and _read(path.with_name("type")) == "Mains":
            yield Finding(
                what="running on batteries",
                state=PROBLEM,
                cost="the power limit is lower and changes with the charge",
                mend="plug it in",
            )


def _energy(device: DeviceInfo, roots: Sequence[Path]) -> Iterator[Finding]:
    subject = meters.subject(device, threads=device.units, roots=roots)
    reasons = []
    for name in devices.device(device.kind).meters:
        meter = meters.meter(name)
        try:
            meter.check(subject)
        except NotMeasurable as error:
            reasons.append(f"{name}: {error}")
            continue
        if meter.measures:
            yield Finding(what=f"energy is measured by {name}", state=GOOD)
            return
        yield Finding(
            what=f"energy is only modelled ({'; '.join(reasons) or name})",
            state=NOTE,
            cost="joules are an estimate and are not ranked with measured ones",
            mend="sudo chmod -R a+r /sys/class/powercap" if "permi" in " ".join(reasons) else "",
        )
        return
    yield Finding(
        what=f"no energy is measured ({'; '.join(reasons)})",
        state=NOTE,
        cost="energy per frame is missing, with its reason",
        mend="add the device's power envelope in hw/NAME.toml, or use a meter",
    )


def _peaks(device: DeviceInfo, cache: Path) -> Iterator[Finding]:
    threads = device.units if device.kind == "cpu" else 0
    key = probing.pinned_key(device, precision="fp32", threads=threads)
    known = probing.read_pinned(cache, key)
    if known is None:
        yield Finding(
            what="the device's peak is not pinned yet",
            state=NOTE,
            cost="the first run measures it, about two seconds a precision",
            mend="benchsuite hw probe",
        )
    elif known.disturbed:
        yield Finding(
            what=f"the pinned peak was measured while {known.disturbed}",
            state=PROBLEM,
            cost="it may be too low, and every fraction of peak too high; rows stay unranked",
            mend="benchsuite hw probe, on a quiet machine",
        )
    else:
        yield Finding(
            what=f"the device's peak is pinned: {known.peak.value / 1e9:.4g} GFLOP/s in fp32",
            state=GOOD,
        )


def _software(device: DeviceInfo) -> Iterator[Finding]:
    usable = []
    for name in backends.names():
        try:
            missing = backends.backend(name).missing(device.kind, "fp32")
        except BadInput as error:
            missing = str(error)
        if missing is None:
            usable.append(name)
        else:
            yield Finding(
                what=f"backend {name} is not usable",
                state=NOTE,
                cost="its systems are skipped",
                mend=missing,
            )
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding(what=f"Python {version}; backends: {', '.join(usable)}", state=GOOD)


def _data() -> Iterator[Finding]:
    missing = []
    for name in datasets.names():
        try:
            if not datasets.streamed(name) and datasets.why_unusable(name):
                missing.append(name)
        except BadInput:
            missing.append(name)
    if missing:
        yield Finding(
            what=f"data sets that are not there: {', '.join(missing)}",
            state=NOTE,
            cost="workloads on them are skipped",
            mend="benchsuite list datasets tells what brings them",
        )


def _swapping() -> int:
    import psutil

    try:
        return int(psutil.swap_memory().used)
    except (OSError, RuntimeError):
        return 0


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
