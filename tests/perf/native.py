"""C loops beside this file, compiled for the benchmark only and run on pinned threads."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter


def compiled(name: str, folder: Path) -> ctypes.CDLL | None:
    """`NAME.c` as a loaded library; None where there is no C compiler, which is said."""
    compiler = os.environ.get("CC") or shutil.which("cc")
    if compiler is None:
        print(f"{name}: no C compiler here (cc); what it is compared with is not measured")
        return None
    made = folder / f"{name}.so"
    source = Path(__file__).with_name(f"{name}.c")
    subprocess.run([compiler, "-O3", "-shared", "-fPIC", "-o", made, source], check=True)
    return ctypes.CDLL(str(made))


class Pinned:
    """Threads of which each stays on one of this process's processors."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._start = threading.Barrier(threads)
        self._pool = ThreadPoolExecutor(threads)
        processors = sorted(os.sched_getaffinity(0))[:threads]
        together = threading.Barrier(threads)

        def pin(processor: int) -> None:
            together.wait()  # so that each thread takes one
            os.sched_setaffinity(0, {processor})

        list(self._pool.map(pin, processors))

    def seconds(self, work: Callable[[int], object]) -> float:
        """Wall seconds of `work(0)` to `work(threads - 1)`, begun together, until all are done."""

        def one(number: int) -> tuple[float, float]:
            self._start.wait()
            started = perf_counter()
            work(number)
            return started, perf_counter()

        times = list(self._pool.map(one, range(self.threads)))
        return max(end for _, end in times) - min(start for start, _ in times)


def row(what: str, value: float, promise: str) -> None:
    """One line of the table that `make perf` prints."""
    print(f"{what:58} {value:14.4g}  {promise}", flush=True)


def in_process(section: str, *arguments: str, env: dict[str, str]) -> None:
    """Runs a module of this package in a process of its own, with settings of its own."""
    subprocess.run(
        [sys.executable, "-m", f"tests.perf.{section}", *arguments],
        env={**os.environ, **env},
        cwd=Path(__file__).parents[2],
        check=False,
    )
