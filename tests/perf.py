"""Ratios and times that the project promises, measured: `make perf`. Not a test.

Each ratio is interleaved in one run, so that a noisy machine disturbs both sides alike.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, perf_counter_ns

from benchsuite import catalog
from benchsuite.harness import network
from benchsuite.harness.performance import Gauges, Load, Metered, measure
from benchsuite.meters import Subject
from benchsuite.stats import median
from benchsuite.store import open_store
from benchsuite.types import DeviceInfo

ROUNDS = 15


def main() -> int:
    """Prints every figure with its promise."""
    print(f"{'figure':58} {'measured':>14}  promise")
    _row("benchsuite --help, median of 9 (s)", _help_s(), "<= 0.2")
    _row("bare interpreter start, median of 9 (s)", _python_s(), "(for comparison)")
    over_ns = _overhead_ns()
    _row("harness over a bare loop, empty call (us/query)", over_ns / 1e3, "<= 0.3")
    for name in ("image/lenet", "image/squeezenet"):
        _row(
            f"throughput over a bare loop, {name} eager (ratio)", _throughput_ratio(name), ">= 0.99"
        )
    smoke_s, added_s = _smoke()
    _row("smoke suite, caches warm (s)", smoke_s, "<= 120")
    _row("a run adds per system: all but windows and warm-up (s)", added_s, "<= 3")
    return 0


def _row(what: str, value: float, promise: str) -> None:
    print(f"{what:58} {value:14.4g}  {promise}", flush=True)


def _times(command: list[str], *, runs: int = 9) -> float:
    seconds = []
    for _ in range(runs):
        started = perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        seconds.append(perf_counter() - started)
    return median(seconds)


def _help_s() -> float:
    return _times([str(Path(sys.executable).with_name("benchsuite")), "--help"])


def _python_s() -> float:
    return _times([sys.executable, "-c", "pass"])


def _window(calls: list[Callable[[], object]], *, seconds: float) -> tuple[int, float]:
    device = DeviceInfo(kind="cpu", index=0, name="", units=1, memory_b=0)
    subject = Subject(device=device, envelope=None, threads=1)
    window = measure(
        Load(scenario="Offline", calls=calls, batch=1, frames=float(len(calls))),
        seconds=seconds,
        warmup_s=0.2,
        gauges=Gauges(
            metered=Metered(meter=None, subject=subject, reason="perf"),
            start_memory=lambda: None,
            peak_memory=lambda: 0,
        ),
    )
    return window.queries, window.seconds


def _bare(calls: list[Callable[[], object]], *, seconds: float) -> tuple[int, float]:
    """The least that a loop can do: call, and look at the clock once a pass over the pool."""
    done = 0
    started = perf_counter_ns()
    end = started + round(seconds * 1e9)
    while True:
        for call in calls:
            call()
        done += len(calls)
        now = perf_counter_ns()
        if now >= end:
            return done, (now - started) * 1e-9


def _overhead_ns() -> float:
    calls: list[Callable[[], object]] = [lambda: None] * 100
    over = []
    for _ in range(ROUNDS):
        ours, bare = _window(calls, seconds=0.1), _bare(calls, seconds=0.1)
        over.append(1e9 * (ours[1] / ours[0] - bare[1] / bare[0]))
    return median(over)


def _throughput_ratio(name: str) -> float:
    import torch

    entry = catalog.load_catalog(catalog.content_roots()).entries[name]
    net = network.build(entry, "embedded")
    (signature,) = entry.scale("embedded").signatures
    inputs = [
        torch.from_numpy(network.random_inputs(signature, batch=1, seed=seed)[0])
        for seed in range(4)
    ]
    calls: list[Callable[[], object]] = [lambda x=x: net(x) for x in inputs]  # type: ignore[misc]
    ratios = []
    with torch.inference_mode():
        _bare(calls, seconds=0.5)
        for _ in range(ROUNDS):
            ours, bare = _window(calls, seconds=0.4), _bare(calls, seconds=0.4)
            ratios.append((ours[0] / ours[1]) / (bare[0] / bare[1]))
    return median(ratios)


def _smoke() -> tuple[float, float]:
    """Wall seconds of the smoke suite, and what each system costs beside its measured windows.

    The second counts everything but windows and warm-ups: the process's start, torch's import,
    building, preparing the executable, both calibrations, the accuracy, the store and the page.
    """
    program = str(Path(sys.executable).with_name("benchsuite"))
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "run", "smoke", "--quiet", "--store", str(Path(folder, "r.db")),
                   "--report", str(Path(folder, "p.html"))]  # fmt: skip
        subprocess.run(command, check=False)  # probes, data and graphs are made once
        started = perf_counter()
        subprocess.run(command, check=False)
        whole_s = perf_counter() - started
        store = open_store(Path(folder, "r.db"))
        results = store.results(store.find_run("latest").id)
        windows = [store.window(result) for result in results]
    measured_s = sum(w.seconds + w.warmup_s for w in windows if w is not None)
    systems = {(r.key.workload, r.key.backend) for r in results}
    return whole_s, (whole_s - measured_s) / max(1, len(systems))


if __name__ == "__main__":
    sys.exit(main())
