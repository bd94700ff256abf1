"""Is a busy process that starts during a window always seen, and a quiet window left alone?

`python -m tests.perf contended` tries 20 busy and 20 quiet windows of this process;
`--workers 20` as many of real workers besides, which takes ten times as long.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from benchsuite import ab, devices, environment, workers
from benchsuite.harness import contention, phases
from benchsuite.types import OFFLINE, Measurement
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
    torch.set_num_threads(1)
    calls = calls_of(_WORKLOAD)

    def in_process(*, busy: bool) -> bool:
        with torch.inference_mode(), busy_process(busy=busy) as start:
            window = window_of(calls, seconds=_WINDOW_S, on_start=start)
        return bool(contention.doubts(window, cores=cores, threads=1))

    _report("window", in_process, turns)


def _workers(turns: int) -> None:
    cores = devices.find("cpu").units
    side, _ = ab.prepare(
        f"{_WORKLOAD}@threads=1", cache=environment.cache_folder(), home=environment.data_folder()
    )

    def in_worker(*, busy: bool) -> bool:
        with busy_process(busy=busy) as start:
            outcome = workers.run_worker(side.spec, on_phase=lambda phase: start_in(phase, start))
        if not isinstance(outcome, Measurement):
            raise SystemExit(f"{_WORKLOAD}: {outcome}")
        return any(
            doubt.code == "contended" and doubt.message.startswith(OFFLINE)
            for window in outcome.windows
            for doubt in contention.doubts(window, cores=cores, threads=1)
        )

    _report("worker", in_worker, turns)


def start_in(phase: str, start: Callable[[], None]) -> None:
    """Starts the busy process once the worker says that its warm-up for Offline is over."""
    if phase == phases.window(OFFLINE):
        start()


@contextmanager
def busy_process(*, busy: bool) -> Iterator[Callable[[], None]]:
    """Gives what starts one spinning process a moment after it is called; ended at the end."""
    processes: list[subprocess.Popen[bytes]] = []

    def spin() -> None:
        processes.append(subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]))

    timer = threading.Timer(_LATER_S, spin)

    def start() -> None:
        if busy:
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


def _report(what: str, flagged: Callable[..., bool], turns: int) -> None:
    found: dict[bool, int] = {True: 0, False: 0}
    for _ in range(turns):
        for busy in found:
            found[busy] += flagged(busy=busy)
    row(f"{what}s flagged `contended`, busy, of {turns}", found[True], f"{turns}")
    row(f"{what}s flagged `contended`, quiet, of {turns}", found[False], "<= 1 of 20")
