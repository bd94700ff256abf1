"""Memory: what is free, what a container leaves, what is swapped out; room on the disks."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchsuite import cgroup, environment
from benchsuite.doctor._files import read_text
from benchsuite.doctor.finding import GOOD, NOTE, PROBLEM, Finding
from benchsuite.units import quantity

LEAST_FREE_B = 2 << 30
HUGE_PAGES = "sys/kernel/mm/transparent_hugepage/enabled"
_FITS_NOT = "reference networks and their weights may not fit: the system ends the process"


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A folder that benchsuite writes to, and the variable that names another."""

    what: str
    folder: str
    variable: str
    free_b: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Memory and disks as found; None where the system does not tell.

    Attributes:
        limit_b, left_b: What a container may take, and what of it is left.
        huge_pages: `always`, `madvise` or `never`.
    """

    free_b: int | None = None
    swapped_b: int | None = None
    limit_b: int | None = None
    left_b: int | None = None
    huge_pages: str | None = None
    rooms: tuple[Room, ...] = ()


def read(root: Path = Path("/")) -> Memory:
    """This machine's memory and disks.

    Args:
        root: Where the system's files begin; `/` but for a recorded copy.
    """
    free_b, swapped_b = _of_the_kernel(root)
    pages = re.search(r"\[(\w+)\]", read_text(root / HUGE_PAGES) or "")
    return Memory(
        free_b=free_b,
        swapped_b=swapped_b,
        limit_b=cgroup.limits(root).memory_b,
        left_b=cgroup.memory_left(root),
        huge_pages=pages[1] if pages else None,
        rooms=_rooms(),
    )


def findings(memory: Memory) -> Iterator[Finding]:
    """What of it matters to a measurement."""
    for judge in (_swap, _free, _limit, _pages, _disks):
        yield from judge(memory)


def _swap(memory: Memory) -> Iterator[Finding]:
    how = "SwapTotal and SwapFree in /proc/meminfo"
    if memory.swapped_b:
        yield Finding(
            what=f"{quantity(memory.swapped_b, 'B')} are swapped out",
            state=PROBLEM,
            how=how,
            cost="a query whose page has to be read back from the disk waits for it",
            mend="end large programs, then: sudo swapoff -a && sudo swapon -a",
        )
    elif memory.swapped_b == 0:
        yield Finding(what="nothing is swapped out", state=GOOD, how=how)


def _free(memory: Memory) -> Iterator[Finding]:
    if memory.free_b is None:
        return
    low = memory.free_b < LEAST_FREE_B
    yield Finding(
        what=f"{quantity(memory.free_b, 'B')} of memory are free",
        state=PROBLEM if low else GOOD,
        how="MemAvailable in /proc/meminfo",
        cost=_FITS_NOT if low else "",
        mend="end large programs (ps aux --sort=-rss | head shows them)" if low else "",
    )


def _limit(memory: Memory) -> Iterator[Finding]:
    if memory.limit_b is None:
        return
    how = "memory.max, memory.current and memory.stat of the control group (or version 1's)"
    limit = f"a container's memory limit of {quantity(memory.limit_b, 'B')}"
    if memory.left_b is not None and memory.left_b < LEAST_FREE_B:
        yield Finding(
            what=f"{limit} leaves {quantity(memory.left_b, 'B')}",
            state=PROBLEM,
            how=how,
            cost=_FITS_NOT,
            mend="end other programs of the container, or raise its limit: docker update "
            "--memory=BYTES --memory-swap=BYTES CONTAINER; systemctl set-property UNIT "
            "MemoryMax=BYTES",
        )
    else:
        left = "" if memory.left_b is None else f" leaves {quantity(memory.left_b, 'B')}"
        yield Finding(what=f"{limit}{left}", state=GOOD, how=how)


def _pages(memory: Memory) -> Iterator[Finding]:
    if memory.huge_pages is None:
        return
    always = memory.huge_pages == "always"
    yield Finding(
        what=f"transparent huge pages are `{memory.huge_pages}`",
        state=NOTE if always else GOOD,
        how=f"/{HUGE_PAGES}",
        cost="whether a large array lies on huge pages, and so its speed, differs from one "
        "process to the next"
        if always
        else "",
        mend=f"echo madvise | sudo tee /{HUGE_PAGES}" if always else "",
    )


def _disks(memory: Memory) -> Iterator[Finding]:
    for room in memory.rooms:
        if room.free_b < LEAST_FREE_B:
            yield Finding(
                what=f"{quantity(room.free_b, 'B')} are free where the {room.what} goes "
                f"({room.folder})",
                state=PROBLEM,
                how="shutil.disk_usage",
                cost="prepared data and results may not fit",
                mend=f"free some space, or name another folder: export {room.variable}=DIR",
            )


def _of_the_kernel(root: Path) -> tuple[int | None, int | None]:
    """Bytes free and bytes swapped out, by /proc/meminfo; by psutil where there is none."""
    found = dict(re.findall(r"^(\w+):\s+(\d+) kB$", read_text(root / "proc/meminfo") or "", re.M))
    if found:
        free_kib = found.get("MemAvailable")
        swap = [found.get(name) for name in ("SwapTotal", "SwapFree")]
        total, unused = (None if n is None else int(n) << 10 for n in swap)
        swapped_b = None if total is None or unused is None else total - unused
        return None if free_kib is None else int(free_kib) << 10, swapped_b
    if root != Path("/"):
        return None, None
    import psutil

    try:
        swapped = int(psutil.swap_memory().used)
    except (OSError, RuntimeError):
        return int(psutil.virtual_memory().available), None
    return int(psutil.virtual_memory().available), swapped


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
