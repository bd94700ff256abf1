"""The pages of files that a process has in its memory, and having them there in a fork of it.

A fork begins without the pages of libraries and programs that its parent had read: the first use of
each brings it back, and it would count as memory of what is measured. Linux only; where the kernel
does not offer it (before 5.14), nothing is brought back.
"""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Iterator, Sequence
from pathlib import Path

_POPULATE_READ = 22  # madvise(2)
_PRESENT = 1 << 63  # /proc/PID/pagemap
_ENTRY_B = 8

Run = tuple[int, int]


def resident() -> tuple[Run, ...]:
    """Runs of a file's pages in this process's memory: their first address and length in bytes."""
    import numpy as np

    found: list[Run] = []
    page = mmap.PAGESIZE
    try:
        with Path("/proc/self/pagemap").open("rb", buffering=0) as pagemap:
            for start, end in _of_files():
                pagemap.seek(start // page * _ENTRY_B)
                entries = np.frombuffer(pagemap.read((end - start) // page * _ENTRY_B), np.uint64)
                there = np.zeros(len(entries) + 2, np.int8)
                there[1:-1] = (entries & np.uint64(_PRESENT)) != 0
                turns = np.flatnonzero(np.diff(there))
                found += [
                    (start + int(first) * page, int(last - first) * page)
                    for first, last in turns.reshape(-1, 2)
                ]
    except OSError:
        return ()
    return tuple(found)


def _of_files() -> Iterator[Run]:
    """The first and last address of every mapping of a file."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        addresses, _, _, _, inode, *_ = line.split()
        if inode != "0":
            first, _, last = addresses.partition("-")
            yield int(first, 16), int(last, 16)


def have(runs: Sequence[Run]) -> None:
    """Brings them into this process's memory, where its parent had them."""
    advise = ctypes.CDLL(None).madvise
    for address, length in runs:
        advise(ctypes.c_void_p(address), ctypes.c_size_t(length), _POPULATE_READ)
