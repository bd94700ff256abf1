"""How near the best backend comes to the multiply-add loop: one thread, one frame, fp32.

Every backend that is installed runs the same network in turns, so that a noisy machine disturbs
all alike; so does a bare loop over ONNX Runtime's own session. OpenVINO's own benchmark_app is a
program, so it takes turns by itself.
"""

from __future__ import annotations

import ctypes
import importlib.util
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from benchsuite import backends, catalog, devices, environment
from benchsuite.accounting import summary
from benchsuite.errors import NotMeasurable
from benchsuite.harness import network
from benchsuite.stats import median
from benchsuite.types import Arrays
from tests.perf.native import Pinned, compiled, in_process, row

# what the best backend is to reach of the loop's rate
PROMISES = {
    "image/googlenet": 0.90,
    "image/squeezenet": 0.85,
    "image/vgg16": 0.85,
    "image/resnet50": 0.85,
    "image/mobilenet_v2": 0.60,
    "image/efficientnet_lite0": None,
    "audio/ds_cnn": None,
    "text/textcnn": None,
}
_BACKENDS = ("eager", "torchscript", "onnxruntime", "openvino")
_TURN_S = 0.15
_TURNS = 24
_LOOP_ROUNDS = 400_000
_APP_S = 2
_APP_TURNS = 3


def main() -> None:
    """Each network in a process with the settings that a worker has."""
    for name in PROMISES:
        in_process("backends", name, env=environment.thread_variables(1))


def measure(name: str) -> None:
    """Prints the rows of one network at `reference` scale."""
    import torch

    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    entry = catalog.load_catalog(catalog.content_roots()).entries[name]
    signature = entry.scale("reference").signatures[0]
    query = network.random_inputs(signature, batch=1, seed=0)
    work = summary.count_workload(entry, scale="reference", batch=1).work
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        cache = Path(folder)
        ready = _prepared(entry, query, cache)
        calls = {backend: executable.bind(query) for backend, executable in ready.items()}
        if "onnxruntime" in ready:
            calls["bare ONNX Runtime"] = _bare_onnxruntime(cache, query)
        loop = _loop(cache)
        rates, turns = _in_turns(calls, loop)
        own = {backend: turns[backend] for backend in ready}
        best = min(own, key=lambda backend: median(own[backend]))
        if loop is not None:
            share = work / median(own[best]) / rates
            promise = PROMISES[name]
            row(
                f"{name}: best backend over the loop",
                share,
                f"{f'>= {promise}' if promise else '(told)'} ({best})",
            )
        ratios = [e / b for e, b in zip(turns["eager"], turns[best], strict=True)]
        row(f"{name}: best backend over eager", median(ratios), ">= 2 on five of eight")
        if "bare ONNX Runtime" in turns:
            ratio = [
                bare / ours
                for bare, ours in zip(turns["bare ONNX Runtime"], turns["onnxruntime"], strict=True)
            ]
            row(f"{name}: onnxruntime over a bare loop of its own", median(ratio), ">= 0.99")
        if "openvino" in ready:
            app = _over_benchmark_app(cache, calls["openvino"])
            if app is not None:
                row(f"{name}: openvino over benchmark_app", app, ">= 0.99")


def _prepared(entry: catalog.Entry, query: Arrays, cache: Path) -> dict[str, Any]:
    """Every backend's executable; one that cannot be had is named."""
    found = {}
    for name in _BACKENDS:
        backend = backends.backend(name)
        job = backends.Job(
            device=devices.find("cpu"),
            precision="fp32",
            threads=1,
            samples=(query,),
            batches=(1,),
            key="perf",
            cache=cache,
        )
        why = backend.missing("cpu", "fp32")
        try:
            if why is None:
                found[name] = backend.prepare(network.build(entry, "reference"), job)
                continue
        except NotMeasurable as error:
            why = str(error)
        print(f"    {name} left out: {why}", flush=True)
    return found


def _bare_onnxruntime(cache: Path, query: Arrays) -> Callable[[], object]:
    """`session.run` with the defaults that anyone would write, on the same file."""
    import onnxruntime

    (model,) = cache.glob("onnx/*/model.onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    feed = {each.name: array for each, array in zip(session.get_inputs(), query, strict=True)}
    return lambda: session.run(None, feed)


def _loop(folder: Path) -> Callable[[], float] | None:
    """Runs the loop once and gives FLOP/s; None where there is no compiler or instruction."""
    library = compiled("fma", folder)
    if library is None or not library.fp32_per_round():
        return None
    library.fp32.restype = ctypes.c_double
    library.fp32.argtypes = [ctypes.c_int64, ctypes.c_void_p]
    seed = (ctypes.c_float * 2)(0.999, 0.001)
    operations = _LOOP_ROUNDS * int(library.fp32_per_round())
    pinned = Pinned(1)
    return lambda: (
        operations / pinned.seconds(lambda _: library.fp32(_LOOP_ROUNDS, ctypes.addressof(seed)))
    )


def _in_turns(
    calls: dict[str, Callable[[], object]], loop: Callable[[], float] | None
) -> tuple[float, dict[str, list[float]]]:
    """The loop's median rate, and the seconds a query of each, a turn each."""
    rates: list[float] = []
    turns: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(_TURNS + 1):
        if loop is not None:
            rates.append(loop())
        for name, call in calls.items():
            took = _seconds_a_query(call, seconds=_TURN_S)
            if turn:  # the first is a warm-up
                turns[name].append(took)
    return (median(rates) if rates else 0.0), turns


def _seconds_a_query(call: Callable[[], object], *, seconds: float) -> float:
    """The median query of a turn of at least `seconds`."""
    times = []
    end = perf_counter() + seconds
    while (started := perf_counter()) < end:
        call()
        times.append(perf_counter() - started)
    return median(times)


def _over_benchmark_app(cache: Path, call: Callable[[], object]) -> float | None:
    """Ours over benchmark_app's median latency on the same model file, in turns."""
    if importlib.util.find_spec("openvino.tools.benchmark") is None:
        return None
    (model,) = cache.glob("openvino*/*/model.xml")
    start = "import sys; from openvino.tools.benchmark.main import main; sys.exit(main())"
    command = [sys.executable, "-c", start, "-m", str(model), "-d", "CPU"]
    command += ["-api", "sync", "-hint", "none", "-nstreams", "1", "-nthreads", "1"]
    command += ["-infer_precision", "f32", "-t", str(_APP_S), "-pin", "NO"]
    ratios = []
    for _ in range(_APP_TURNS):
        ours = _seconds_a_query(call, seconds=_APP_S)
        said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        found = re.search(r"Median:\s*([\d.]+) ms", said)
        if found is None:
            print(f"    benchmark_app gave no median: {said.strip()[-200:]!r}")
            return None
        ratios.append(float(found[1]) * 1e-3 / ours)
    return median(ratios)


if __name__ == "__main__":
    measure(sys.argv[1])
