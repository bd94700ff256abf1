"""Is a busy process that starts during a window always seen, and a quiet window left alone?

`python -m tests.perf contended` tries 20 windows of this process each with a busy process anywhere,
with one on our own processor, and quiet, bound to one processor as a run's worker is; `--workers
20` as many of real workers besides, which takes ten times as long. It gives what was counted, too:
the thresholds in benchsuite/harness/contention.py rest on that.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager

from benchsuite import ab, devices, environment, machine, workers
from benchsuite.harness import contention, phases, pinning
from benchsuite.stats import median
from benchsuite.types import OFFLINE, Measurement, Window
from tests.perf.harness import calls_of, window_of
from tests.perf.native import row

WINDOWS = 20
_WINDOW_S = 1.0
_LATER_S = 0.3
_WORKLOAD = "image/lenet"


def main(arguments: Sequence[str] = ()) -> None:
    """Busy and quiet windows in turns: in this process and, if asked for, in real workers."""
    parser = argparse.ArgumentParser(prog="python -m tests.perf contended", description=__doc__)
    parser.add_argument("--windows", type=int, default=WINDOWS, metavar="N")
    parser.add_argument("--workers", type=int, default=0, metavar="N")
    options = parser.parse_args(arguments)
    if options.windows:
        _windows(options.windows)
    if options.workers:
        _workers(options.workers)


def _windows(turns: int) -> None:
    import torch

    cores = devices.find("cpu").units
    pinning.bind(1, device="cpu")
    torch.set_num_threads(1)
    calls = calls_of(_WORKLOAD)

    def in_process(where: Collection[int] | None) -> tuple[Window, ...]:
        with torch.inference_mode(), busy_process(where) as start:
            return (window_of(calls, seconds=_WINDOW_S, on_start=start),)

    _report("window", in_process, turns, cores=cores)


def _workers(turns: int) -> None:
    cores = devices.find("cpu").units
    side, _ = ab.prepare(
        f"{_WORKLOAD}@threads=1", cache=environment.cache_folder(), home=environment.data_folder()
    )

    def in_worker(where: Collection[int] | None) -> tuple[Window, ...]:
        with busy_process(where) as start:
            outcome = workers.run_worker(side.spec, on_phase=lambda phase: start_in(phase, start))
        if not isinstance(outcome, Measurement):
            raise SystemExit(f"{_WORKLOAD}: {outcome}")
        return tuple(window for window in outcome.windows if window.scenario == OFFLINE)

    _report("worker", in_worker, turns, cores=cores)


def start_in(phase: str, start: Callable[[], None]) -> None:
    """Starts the busy process once the worker says that its warm-up for Offline is over."""
    if phase == phases.window(OFFLINE):
        start()


@contextmanager
def busy_process(where: Collection[int] | None) -> Iterator[Callable[[], None]]:
    """Gives what starts one spinning process a moment after it is called; ended at the end.

    Args:
        where: The processors that it may use; None for no such process.
    """
    processes: list[subprocess.Popen[bytes]] = []
    bind = f"os.sched_setaffinity(0, {set(where)})" if where else ""  # it inherits our own binding
    code = f"import os\n{bind}\nwhile True: pass"

    def spin() -> None:
        processes.append(subprocess.Popen([sys.executable, "-S", "-c", code]))

    timer = threading.Timer(_LATER_S, spin)

    def start() -> None:
        if where is not None:
            timer.start()

    try:
        yield start
    finally:
        timer.cancel()
        if timer.ident is not None:
            timer.join()
        for process in processes:
            process.kill()
            process.wait()


def _report(
    what: str,
    measure: Callable[[Collection[int] | None], tuple[Window, ...]],
    turns: int,
    *,
    cores: int,
) -> None:
    """Measures every case in turn, and says how many were flagged and what was counted."""
    everywhere = machine.allowed() or frozenset()
    ours = pinning.wanted(1, kind="cpu", allowed=everywhere)[0] or tuple(everywhere)
    cases: dict[str, Collection[int] | None] = {
        "busy": everywhere,
        "busy on our processor": ours,
        "quiet": None,
    }
    found: dict[str, list[Window]] = {case: [] for case in cases}
    for _ in range(turns):
        for case, where in cases.items():
            found[case] += measure(where)
    for case, windows in found.items():
        flagged = sum(bool(contention.doubts(w, cores=cores, threads=1)) for w in windows)
        promise = "<= 1 of 20" if cases[case] is None else f"{len(windows)}"
        row(f"{what}s flagged `contended`, {case}, of {len(windows)}", flagged, promise)
        rates = [(w.contention.involuntary_switches or 0) / w.seconds for w in windows]
        taken = [w.contention.bound_cpu_s or 0.0 for w in windows]
        row("  interruptions a second, median", median(rates), _extremes(rates))
        others = [w.contention.other_cpu_s or 0.0 for w in windows]
        row("  s of all processors that others took, median", median(others), _extremes(others))
        row("  s of our processor that others took, median", median(taken), _extremes(taken))


def _extremes(values: Sequence[float]) -> str:
    return f"({min(values):.3g} to {max(values):.3g})"
