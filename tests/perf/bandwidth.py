"""The probed bandwidth of main memory over STREAM's loops in C, in turns."""

from __future__ import annotations

import ctypes
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from benchsuite import devices, environment
from tests.perf.native import Pinned, compiled, in_process, row

_ROUNDS = 8
_CALLS = 6


def main() -> None:
    """Each number of threads in a process with the settings that a worker has."""
    for threads in sorted({1, devices.find("cpu").units}):
        in_process("bandwidth", str(threads), env=environment.thread_variables(threads))


def measure(threads: int) -> None:
    """Prints the rows of one number of threads."""
    import torch

    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    info = devices.find("cpu")
    kernels = list(devices.device("cpu").bandwidth_kernels(info))
    copy = next(kernel for kernel in kernels if "copy" in kernel.name)
    with tempfile.TemporaryDirectory() as folder:
        library = compiled("stream", Path(folder))
        if library is None:
            return
        pinned = Pinned(threads)
        ours: dict[str, float] = {}
        theirs: dict[str, float] = {}
        for _ in range(_ROUNDS):
            # both sides make their arrays anew each round: some pages are faster than others
            loops = _loops(library, pinned, elements=round(copy.amount / 8))
            for name, loop in loops.items():
                theirs[name] = max(theirs.get(name, 0.0), *(loop() for _ in range(_CALLS)))
            loops.clear()
            for kernel in kernels:
                call = kernel.make()
                rate = max(_rate(call, kernel.amount) for _ in range(_CALLS))
                ours[kernel.name] = max(ours.get(kernel.name, 0.0), rate)
                del call
    of = f"{threads} thread{'s' * (threads > 1)}"
    for name, rate in theirs.items():
        row(f"STREAM {name}, {of} (GB/s)", rate / 1e9, "(for comparison)")
    for name, rate in ours.items():
        row(f"{name}, {of} (GB/s)", rate / 1e9, "(for comparison)")
    ratio = max(ours.values()) / max(theirs.values())
    row(f"probed bandwidth over STREAM's, {of} (ratio)", ratio, "within 5 % of 1")


def _rate(call: Callable[[], object], amount: float) -> float:
    started = perf_counter()
    call()
    return amount / (perf_counter() - started)


def _loops(
    library: ctypes.CDLL, pinned: Pinned, *, elements: int
) -> dict[str, Callable[[], float]]:
    """Calls that give B/s as STREAM counts them; each thread has its share of the arrays."""
    import torch

    share = elements // pinned.threads // 16 * 16
    arrays = [torch.full((share * pinned.threads + 16,), 1.25) for _ in "abc"]
    starts = [-(-array.data_ptr() // 64) * 64 for array in arrays]
    function = getattr(library, "pass")
    function.restype = None
    function.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_float, ctypes.c_int64, ctypes.c_int]

    def loop(*, triad: bool, streaming: bool) -> float:
        def work(number: int) -> None:
            a, b, c = (start + 4 * share * number for start in starts)
            function(a, b, c if triad else None, 1.5, share, streaming)

        amount = 4.0 * len(arrays[: 3 if triad else 2]) * share * pinned.threads
        return amount / pinned.seconds(work)

    found: dict[str, Callable[[], float]] = {}
    for name, triad in (("copy", False), ("triad", True)):
        found[name] = lambda triad=triad: loop(triad=triad, streaming=False)  # type: ignore[misc]
        if library.can_stream():
            found[f"{name}, streaming stores"] = (
                lambda triad=triad: loop(triad=triad, streaming=True)  # type: ignore[misc]
            )
    return found


if __name__ == "__main__":
    measure(int(sys.argv[1]))
