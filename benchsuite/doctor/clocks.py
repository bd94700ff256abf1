"""The processor's clock, and the kernel's clock that times queries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter_ns

from benchsuite import environment
from benchsuite.doctor._files import read_text
from benchsuite.doctor.finding import GOOD, NOTE, PROBLEM, Finding
from benchsuite.units import NANOSECOND_S, quantity

GOVERNOR = "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
BOOST = "sys/devices/system/cpu/cpufreq/boost"
NO_TURBO = "sys/devices/system/cpu/intel_pstate/no_turbo"
SOURCE = "sys/devices/system/clocksource/clocksource0/current_clocksource"
SOURCES = "sys/devices/system/clocksource/clocksource0/available_clocksource"
# those that a program reads without a system call
# (https://docs.kernel.org/virt/kvm/x86/timekeeping.html, vdso(7))
FAST_SOURCES = (
    *("tsc", "kvm-clock", "hyperv_clocksource_tsc_page"),
    *("arch_sys_counter", "riscv_clocksource", "timebase", "tod"),
)
_READINGS = 1000
_HOST_ONLY = "only the host of this virtual machine can: ask whoever runs it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """How the clocks are set; None where the system does not tell.

    Attributes:
        boost: The file that says whether the clock may boost, and whether it may.
        source, sources: What the kernel tells the time by, and what it could.
        reading_s: What one reading of `perf_counter_ns` takes.
    """

    governor: str | None = None
    boost: tuple[str, bool] | None = None
    virtual: bool = False
    source: str | None = None
    sources: tuple[str, ...] = ()
    reading_s: float | None = None


def read(root: Path = Path("/")) -> Clocks:
    """How this machine's clocks are set.

    Args:
        root: Where the system's files begin; `/` but for a recorded copy.
    """
    return Clocks(
        governor=read_text(root / GOVERNOR),
        boost=_boost(root),
        virtual=environment.hypervisor(root) is not None,
        source=read_text(root / SOURCE),
        sources=tuple((read_text(root / SOURCES) or "").split()),
        reading_s=_reading_s(),
    )


def findings(clocks: Clocks) -> Iterator[Finding]:
    """What of the clocks matters to a measurement."""
    yield _governor(clocks)
    if clocks.boost is not None:
        yield _boosting(*clocks.boost)
    if clocks.source is not None:
        yield _source(clocks, clocks.source)


def _governor(clocks: Clocks) -> Finding:
    how = f"/{GOVERNOR}"
    if clocks.governor is None:
        mend = (
            _HOST_ONLY
            if clocks.virtual
            else "let the system set the clock (P-states, in the firmware's settings); "
            "`cpupower frequency-info` tells what is missing"
        )
        return Finding(
            what="the clock's governor cannot be seen",
            state=NOTE,
            how=f"{how} is not there",
            cost="whether the clock ramps up late cannot be told; watch `drift`",
            mend=mend,
        )
    said = f"the clock's governor is `{clocks.governor}`"
    if clocks.governor == "performance":
        return Finding(what=said, state=GOOD, how=how)
    return Finding(
        what=said,
        state=PROBLEM,
        how=how,
        cost="queries after an idle wait begin at a low clock: latencies spread",
        mend="echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"
        + (f"; where that changes nothing, {_HOST_ONLY}" if clocks.virtual else ""),
    )


def _boosting(file: str, on: bool) -> Finding:
    if not on:
        return Finding(what="the clock does not boost", state=GOOD, how=f"/{file}")
    return Finding(
        what="the clock may boost",
        state=NOTE,
        how=f"/{file}",
        cost="speed depends on temperature and on the other cores; `drift` shows it",
        mend=f"for the smallest spread: echo {int(file == NO_TURBO)} | sudo tee /{file}",
    )


def _source(clocks: Clocks, source: str) -> Finding:
    each = (
        ""
        if clocks.reading_s is None
        else f": {quantity(clocks.reading_s, 's')} a time stamp, as measured"
    )
    how = f"/{SOURCE}{', 1000 readings' if each else ''}"
    if source in FAST_SOURCES:
        return Finding(what=f"the kernel's clock source is `{source}`{each}", state=GOOD, how=how)
    better = next((name for name in FAST_SOURCES if name in clocks.sources), None)
    if better is not None:
        mend = f"echo {better} | sudo tee /{SOURCE}"
    elif clocks.virtual:
        mend = f"{_HOST_ONLY} (it must offer an invariant TSC)"
    else:
        mend = "boot with tsc=reliable; `sudo dmesg | grep -i tsc` tells why the kernel gave it up"
    return Finding(
        what=f"the kernel's clock source is `{source}`{each}",
        state=PROBLEM,
        how=how,
        cost="every time stamp is a system call or a slow register: it is part of each query's "
        "latency, and most of a short one's",
        mend=mend,
    )


def _boost(root: Path) -> tuple[str, bool] | None:
    for file, when_on in ((BOOST, "1"), (NO_TURBO, "0")):
        text = read_text(root / file)
        if text is not None:
            return file, text == when_on
    return None


def _reading_s() -> float:
    started = perf_counter_ns()
    for _ in range(_READINGS - 1):
        perf_counter_ns()
    return (perf_counter_ns() - started) * NANOSECOND_S / _READINGS
