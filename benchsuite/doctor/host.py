"""The machine's make: shared cores, nodes, container, supply, heat; read once, judged purely."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchsuite import cgroup, environment, machine
from benchsuite.doctor._files import read_number, read_text
from benchsuite.doctor.finding import GOOD, NOTE, PROBLEM, Finding

_SMT = "sys/devices/system/cpu/smt/active"
_SIBLINGS = "sys/devices/system/cpu/cpu0/topology/thread_siblings_list"
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
class Host:
    """A machine's settings as found; None where the system does not tell.

    Attributes:
        threads_a_core: Hardware threads that share a core and are on.
        processors, allowed: Logical processors there are; those this process may use.
        quota: Processors' worth of time that a container may use.
        stopped: How often the quota has stopped this container, of how many periods.
        throttle_count: How often heat has slowed the package down since boot (Intel).
    """

    threads_a_core: int | None = None
    nodes: int | None = None
    processors: int = 1
    allowed: int | None = None
    quota: float | None = None
    stopped: tuple[int, int] | None = None
    hypervisor: str | None = None
    on_batteries: bool | None = None
    heat: Heat | None = None
    throttle_count: int | None = None


def read(root: Path = Path("/")) -> Host:
    """The settings of this machine.

    Args:
        root: Where the system's files begin; `/` but for a recorded copy.
    """
    siblings = read_text(root / _SIBLINGS)
    active = read_text(root / _SMT)
    return Host(
        threads_a_core=(
            None
            if siblings is None
            else 1
            if active == "0"
            else len(machine.numbers(siblings)) or None
        ),
        nodes=len(list((root / _NODES).glob("node[0-9]*"))) or None,
        processors=os.cpu_count() or 1,
        allowed=None if (mask := machine.allowed()) is None else len(mask),
        quota=cgroup.limits(root).cpus,
        stopped=cgroup.stopped(root),
        hypervisor=environment.hypervisor(root),
        on_batteries=_on_batteries(root),
        heat=_heat(root),
        throttle_count=read_number(root / _THROTTLED),
    )


def findings(host: Host) -> Iterator[Finding]:
    """What of a machine's settings matters to a measurement."""
    for judge in (_sharing, _container, _supply, _temperature):
        yield from judge(host)


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
        named = "" if host.hypervisor == environment.UNNAMED else f" ({host.hypervisor})"
        yield Finding(
            what=f"a virtual machine{named}",
            state=NOTE,
            how="the flag `hypervisor` in /proc/cpuinfo",
            cost="clock, temperature and power counters may be hidden; neighbours may take time",
            mend="compare only with results of the same kind of machine",
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


def _on_batteries(root: Path) -> bool | None:
    """Whether a mains supply is there and none is on line."""
    mains = [
        read_text(path)
        for path in (root / _SUPPLIES).glob("*/online")
        if read_text(path.with_name("type")) == "Mains"
    ]
    return "1" not in mains if mains else None


def _heat(root: Path) -> Heat | None:
    found = []
    for zone in (root / _ZONES).glob("thermal_zone*"):
        now = read_number(zone / "temp")
        limits = [
            limit
            for path in zone.glob("trip_point_*_type")
            if read_text(path) in ("passive", "hot")
            and (limit := read_number(path.with_name(path.name.replace("_type", "_temp"))))
            and limit > 0  # a trip point that is not set is 0 or below
        ]
        if now is not None and limits:
            name = read_text(zone / "type") or zone.name
            found.append(Heat(zone=name, temperature_c=now / 1e3, limit_c=min(limits) / 1e3))
    return max(found, key=lambda heat: heat.temperature_c - heat.limit_c, default=None)
