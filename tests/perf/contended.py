"""Is a busy process that starts during a window always seen, and a quiet window left alone?"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchsuite import ab, devices, environment, run
from benchsuite.harness import contention
from benchsuite.types import OFFLINE, Measurement
from tests.perf.harness import calls_of, window_of
from tests.perf.native import row

WINDOWS = 20
WORKERS = 5
_WINDOW_S = 1.0
_LATER_S = 0.3
_WORKLOAD = "image/lenet"


def main() -> None:
    """Windows in turns, busy and quiet: in this process, and in real workers."""
    import torch

    cores = devices.find("cpu").units
    torch.set_num_threads(1)
    calls = calls_of(_WORKLOAD)
    started = threading.Event()

    def in_process(*, busy: bool) -> bool:
        started.clear()
        with torch.inference_mode(), busy_process(started, busy=busy) as start:
            # the window's own call starts the process, so it cannot have begun before
            window = window_of([start, *calls], seconds=_WINDOW_S)
        return bool(contention.doubts(window, cores=cores))

    _report("window", in_process, WINDOWS)
    side, _ = ab.prepare(
        f"{_WORKLOAD}@threads=1", cache=environment.cache_folder(), home=environment.data_folder()
    )

    def in_worker(*, busy: bool) -> bool:
        started.clear()
        with busy_process(started, busy=busy) as start:
            outcome = run.run_worker(side.spec, on_phase=lambda phase: start_in(phase, start))
        if not isinstance(outcome, Measurement):
            raise SystemExit(f"{_WORKLOAD}: {outcome}")
        return any(
            doubt.code == "contended" and doubt.message.startswith(OFFLINE)
            for window in outcome.windows
            for doubt in contention.doubts(window, cores=cores)
        )

    _report("worker", in_worker, WORKERS)


def start_in(phase: str, start: Callable[[], object]) -> None:
    """Starts the busy process once the worker says that it measures the Offline window."""
    if OFFLINE in phase:
        start()


@contextmanager
def busy_process(started: threading.Event, *, busy: bool) -> Iterator[Callable[[], object]]:
    """Gives what starts one spinning process, a moment after its first call; ended at the end."""
    processes: list[subprocess.Popen[bytes]] = []

    def spin() -> None:
        processes.append(subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]))

    timer = threading.Timer(_LATER_S, spin)

    def start() -> None:
        if busy and not started.is_set():
            started.set()
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
