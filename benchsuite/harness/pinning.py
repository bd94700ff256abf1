"""Which processors a measuring process computes on: chosen, and bound to."""

from __future__ import annotations

import os
import platform
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path

from benchsuite import cgroup, machine
from benchsuite.errors import BadInput

_CPUS = "sys/devices/system/cpu"
_DENIED = "the system does not let it: {}"
_ATOMS = "sys/devices/cpu_atom/cpus"  # the efficient cores of Intel's hybrid processors


@dataclass(frozen=True, slots=True, kw_only=True)
class Processor:
    """A logical processor.

    Attributes:
        core: What the hardware threads of one core share: the lowest number among them.
        node: Of memory (NUMA).
        speed: Greater on faster cores where a machine has several kinds; only its order counts.
    """

    core: int
    node: int = 0
    speed: int = 0


Topology = Mapping[int, Processor]


def topology(root: Path = Path("/")) -> dict[int, Processor]:
    """The machine's processors by number; empty where the system does not describe them.

    Files: https://docs.kernel.org/admin-guide/cputopology.html

    Args:
        root: Where the system's files begin; `/` but for a recorded copy.
    """
    atoms = machine.numbers(_read(root / _ATOMS))
    found = {}
    for folder in (root / _CPUS).glob("cpu[0-9]*"):
        number = int(folder.name[3:])
        siblings = machine.numbers(_read(folder / "topology/thread_siblings_list"))
        if not siblings:
            continue  # it is off
        nodes = [int(each.name[4:]) for each in folder.glob("node[0-9]*")]
        capacity = _read(folder / "cpu_capacity")
        found[number] = Processor(
            core=min(siblings),
            node=min(nodes, default=0),
            speed=int(capacity) if capacity.isdigit() else int(number not in atoms),
        )
    return found


def choose(
    threads: int, allowed: Collection[int], topology: Topology, first: int = 0
) -> tuple[int, ...]:
    """The processors for some threads: one of each core first, of one node and kind if it has them.

    Args:
        threads: How many compute.
        allowed: Numbers of the processors that may be used.
        topology: Of the machine; a processor that is not in it is a core of its own.
        first: Which of the possible choices, counted round: 0 begins at the fastest core of the
            lowest number, 1 at the next one.

    Returns:
        In ascending order; empty where all that are allowed are needed: nothing is to be bound.
    """
    known = {number: topology.get(number, Processor(core=number)) for number in allowed}
    starts = [
        [*cores[start:], *cores[:start]]
        for cores in _groups(known, threads)
        for start in range(len(cores))
    ]
    if not starts:
        return ()
    turned = starts[first % len(starts)]
    by_rank = chain.from_iterable(zip_longest(*turned))  # each core's first thread, its second, ...
    chosen = [number for number in by_rank if number is not None][:threads]
    return tuple(sorted(chosen)) if len(chosen) < len(known) else ()


def _groups(known: Topology, threads: int) -> list[list[list[int]]]:
    """Cores (their hardware threads) that lie together and are enough, the fastest first.

    Of one node and of one kind if there are such, else of one node, else all.
    """
    cores: dict[int, list[int]] = {}
    for number in sorted(known):
        cores.setdefault(known[number].core, []).append(number)
    ordered = sorted(cores.values(), key=lambda core: (-known[core[0]].speed, core[0]))
    alike: dict[tuple[int, int], list[list[int]]] = {}
    near: dict[int, list[list[int]]] = {}
    for core in ordered:
        one = known[core[0]]
        alike.setdefault((-one.speed, one.node), []).append(core)
        near.setdefault(one.node, []).append(core)
    fastest = min((key[0] for key, group in alike.items() if len(group) >= threads), default=None)
    for groups in (
        [alike[key] for key in sorted(alike) if key[0] == fastest],
        [near[node] for node in sorted(near)],
    ):
        if enough := [group for group in groups if len(group) >= threads]:
            return enough
    return [ordered] if ordered else []


def pin(cores: Collection[int]) -> None:
    """Binds every thread of this process, and those it will start, to some processors.

    Raises:
        OSError: The system does not let it; what was bound by then stays bound.
    """
    os.environ.setdefault(machine.STARTED_WITH, machine.listed(machine.allowed() or ()))
    for task in Path("/proc/self/task").iterdir():
        try:
            os.sched_setaffinity(int(task.name), cores)
        except ProcessLookupError:
            continue  # the thread has ended


def bind(threads: int, *, device: str, cores: Collection[int] | None = None) -> None:
    """Binds this process at its start; where that is not to be, leaves why in its environment.

    Args:
        threads: That the process computes with.
        device: As `--device` has it. An accelerator's driver has threads of its own beside the one
            that launches: its host is not bound.
        cores: Which, empty for none; None to choose.

    Raises:
        BadInput: One of the `cores` may not be used.
    """
    why_not = _bind(threads, kind=device.partition(":")[0], cores=cores)
    if why_not is not None:
        os.environ[machine.UNBOUND] = why_not


def _bind(threads: int, *, kind: str, cores: Collection[int] | None) -> str | None:
    """Binds; else the reason why not."""
    chosen, why_not = planned(threads, kind=kind, cores=cores)
    if why_not is not None:
        return why_not
    try:
        pin(chosen)
    except OSError as error:
        return _DENIED.format(error.strerror)
    return None


def planned(
    threads: int, *, kind: str, cores: Collection[int] | None
) -> tuple[Collection[int], str | None]:
    """The processors that a process is to be bound to, or none and why.

    Raises:
        BadInput: One of the `cores` may not be used.
    """
    allowed = machine.allowed()
    if allowed is None or not Path("/proc/self/task").is_dir():
        return (), f"{platform.system()} has no call that binds a process to processors"
    if cores is None:
        return wanted(threads, kind=kind, allowed=allowed)
    if not cores:
        return (), "not asked for (--pin none)"
    check(cores, allowed)
    return cores, None


@contextmanager
def kept_on(threads: int, *, kind: str, cores: Collection[int] | None = None) -> Iterator[str]:
    """Binds this process meanwhile as `bind` does a worker; gives to what, or why to none.

    Raises:
        BadInput: One of the `cores` may not be used.
    """
    chosen, why_not = planned(threads, kind=kind, cores=cores)
    with ExitStack() as stack:
        if machine.STARTED_WITH not in os.environ:
            stack.callback(os.environ.pop, machine.STARTED_WITH, None)
        if why_not is None:
            try:
                stack.enter_context(bound_to(chosen))
            except OSError as error:
                why_not = _DENIED.format(error.strerror)
        several = "s" * (len(chosen) > 1)
        yield (
            f"bound to processor{several} {machine.listed(chosen)}"
            if why_not is None
            else f"bound to no processor: {why_not}"
        )


def wanted(
    threads: int, *, kind: str, allowed: Collection[int], root: Path = Path("/")
) -> tuple[tuple[int, ...], str | None]:
    """The processors to bind to, or none and why."""
    if kind != "cpu":
        return (), "an accelerator computes; its host's threads are not bound"
    quota = cgroup.limits(root).cpus
    if quota is not None and quota < len(allowed):
        # others have the same processors: bound ones could not step aside
        return (), f"a container's quota gives time on any of {len(allowed)} processors"
    chosen = choose(threads, allowed, topology(root))
    if not chosen:
        one = len(allowed) == 1
        every = "the one processor" if one else f"all {len(allowed)} processors"
        return (), f"{every} that may be used are needed" if not one else f"{every} is needed"
    return chosen, None


def check(cores: Collection[int], allowed: Collection[int]) -> None:
    """Refuses processors that may not be used.

    Raises:
        BadInput: One of them is not allowed.
    """
    if missing := sorted(set(cores) - set(allowed)):
        raise BadInput(
            f"--pin: this process may not use processor {missing[0]}; "
            f"it may use {machine.listed(allowed)}"
        )


@contextmanager
def bound_to(cores: Collection[int]) -> Iterator[None]:
    """Binds meanwhile, and lets this process have what it may use again; to none: as it is."""
    allowed = machine.allowed()
    if not cores or allowed is None:
        yield
        return
    pin(cores)
    try:
        yield
    finally:
        pin(allowed)


@contextmanager
def room_for(threads: int) -> Iterator[None]:
    """Binds anew meanwhile where this process is bound to fewer processors than `threads`."""
    allowed, bound = machine.allowed(), machine.bound()
    if allowed is None or bound is None or threads <= len(bound):
        yield
        return
    pin(choose(threads, allowed, topology()) or allowed)
    try:
        yield
    finally:
        pin(bound)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
