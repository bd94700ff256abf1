"""The probed peak over a multiply-add loop in registers, interleaved with the probe's own sweep."""

from __future__ import annotations

import ctypes
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from benchsuite import devices, environment
from benchsuite.devices import Device, Kernel
from benchsuite.errors import NotMeasurable
from benchsuite.harness import probing
from benchsuite.types import DeviceInfo
from tests.perf.native import Pinned, compiled, in_process, row

PROMISE = 0.95
_LOOP_S = 0.005
_LOOPS = 6
_ROUNDS = 3


def main() -> None:
    """Each number of threads in a process with the settings that a worker has."""
    for threads in sorted({1, devices.find("cpu").units}):
        in_process("peaks", str(threads), env=environment.thread_variables(threads))


def measure(threads: int) -> None:
    """Prints the rows of one number of threads."""
    import torch

    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    info = devices.find("cpu")
    with tempfile.TemporaryDirectory() as folder:
        library = compiled("fma", Path(folder))
        if library is None:
            return
        pinned = Pinned(threads)
        for precision in ("fp32", "bf16", "int8"):
            loop = _loop(library, precision, pinned)
            setting = f"{precision}, {threads} thread{'s' * (threads > 1)}"
            if loop is None:
                print(f"{setting}: this processor has no vector instruction that the loop knows")
                continue
            _compare(loop, info, precision=precision, threads=threads, setting=setting)


def _compare(
    loop: Callable[[], float], info: DeviceInfo, *, precision: str, threads: int, setting: str
) -> None:
    watched = _Watched(devices.device("cpu"), loop)
    probes = []
    for _ in range(_ROUNDS):
        try:
            probes.append(
                probing.probe(watched, info, precision=precision, threads=threads, attempts=1)
            )
        except NotMeasurable as error:
            print(f"{setting}: {error}")
            return
    probe = max(probes, key=lambda each: each.peak.value)
    truth = max(watched.loops)
    ratio = probe.peak.value / truth
    row(f"multiply-adds in registers, {setting} (GFLOP/s)", truth / 1e9, "(for comparison)")
    promise = f">= {PROMISE}" if precision == "fp32" else "(told)"
    row(f"probed peak over it, {setting} (ratio)", ratio, f"{promise} ({probe.kernel})")
    if ratio < PROMISE:
        _explain(watched.rates, truth)


def _explain(rates: dict[str, float], truth: float) -> None:
    """Which library comes how near: what is missing is theirs, not the sweep's noise."""
    libraries: dict[str, tuple[float, str]] = {}
    for name, rate in rates.items():
        library = name.split()[0]
        libraries[library] = max(libraries.get(library, (0.0, "")), (rate, name))
    for library, (rate, name) in sorted(libraries.items()):
        print(f"    {library}'s best is {rate / truth:.1%} of the loop: {name}")
    print("    the rest is loads, stores and edges of blocks, which the loop has none of; with")
    print("    several threads also their meeting at the end of each call")


@dataclass
class _Watched:
    """A device in whose sweep the loop runs before each kernel, and each kernel's rate is kept."""

    device: Device
    loop: Callable[[], float]
    loops: list[float] = field(default_factory=list)
    rates: dict[str, float] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.device, name)

    def compute_kernels(
        self, info: DeviceInfo, *, precision: str, threads: int
    ) -> Iterator[Kernel]:
        for kernel in self.device.compute_kernels(info, precision=precision, threads=threads):
            yield Kernel(name=kernel.name, amount=kernel.amount, make=partial(self._made, kernel))

    def _made(self, kernel: Kernel) -> Callable[[], object]:
        self.loops += [self.loop() for _ in range(_LOOPS)]
        call = kernel.make()

        def timed() -> None:
            started = perf_counter()
            call()
            rate = kernel.amount / (perf_counter() - started)
            self.rates[kernel.name] = max(rate, self.rates.get(kernel.name, 0.0))

        return timed


def _loop(library: ctypes.CDLL, precision: str, pinned: Pinned) -> Callable[[], float] | None:
    """Runs the loop for some milliseconds on every thread and gives FLOP/s; None without it."""
    per_round = int(getattr(library, f"{precision}_per_round")())
    if not per_round:
        return None
    function = getattr(library, precision)
    function.restype, function.argtypes = ctypes.c_double, [ctypes.c_int64, ctypes.c_void_p]
    seed = (ctypes.c_float * 2)(0.999, 0.001)

    def seconds(rounds: int) -> float:
        return pinned.seconds(lambda _: function(rounds, ctypes.addressof(seed)))

    rounds = 10_000
    while (took := seconds(rounds)) < _LOOP_S / 2:
        rounds = round(rounds * min(10.0, _LOOP_S / took))
    return lambda: pinned.threads * rounds * per_round / seconds(rounds)


if __name__ == "__main__":
    measure(int(sys.argv[1]))
