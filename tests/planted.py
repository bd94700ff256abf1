"""Slow-downs of a known size, planted in a workload: an extra layer, a sleep, or a busy wait.

Of what a forward pass usually takes (the median: a stall of the machine is not the network's)
`share` is owed on top; the debt is paid as soon as it can be, after every pass where that is
possible: in larger payments it would be in some short turns and not in others, and their median
smaller than planted. What paying really took comes off: CPU time, for when another process takes
the core meanwhile that is no payment; of a sleep at most twice what was owed. The hooks cost some
time of their own, and a copy of a workload has random weights: compare with a copy of share 0. What
a payment does beyond its own time (the next pass finds emptied caches, and a core that slept) is
not planted but comes with it: `tests.noise` says how slow each kind was found to be.
"""

from __future__ import annotations

import shutil
from collections import defaultdict, deque
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter, sleep, thread_time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

KINDS = ("layer", "sleep", "busy")
_LEAST_SLEEP_S = 1.5e-4  # the kernel's timer is some 60 us late
_LATE_S = 1e-4
_LEAST_S = 2e-5  # less is not paid: it would disturb as much as it costs
_REMEMBERED = 31
_NAME = "_planted"


def planted(net: torch.nn.Module, *, kind: str, share: float) -> torch.nn.Module:
    """The network, slower by `share` of its own time; the same answers, weights and count."""
    pay = {"layer": _layer, "sleep": lambda: _sleep, "busy": lambda: _busy}[kind]()
    least_s = _LEAST_SLEEP_S if kind == "sleep" else _LEAST_S
    begun, debt = [0.0], [0.0]
    passes: dict[tuple[int, ...], deque[float]] = defaultdict(lambda: deque(maxlen=_REMEMBERED))

    def begin(*_: Any) -> None:
        begun[0] = perf_counter()

    def end(module: Any, inputs: Any, output: Any) -> None:
        if getattr(output, "is_meta", False):
            return  # it is being counted
        alike = passes[inputs[0].shape]
        alike.append(perf_counter() - begun[0])
        debt[0] += share * median(alike)
        if debt[0] >= least_s:
            debt[0] -= pay(debt[0])

    net.register_forward_pre_hook(begin)
    net.register_forward_hook(end)
    return net


def _busy(debt: float) -> float:
    begun = thread_time()
    while (paid := thread_time() - begun) < debt:
        pass
    return paid


def _sleep(debt: float) -> float:
    begun = perf_counter()
    sleep(debt - _LATE_S)
    return min(perf_counter() - begun, 2 * debt)


def _layer() -> Callable[[float], float]:
    """A convolution of some 50 us, run as often as it fits."""
    import torch

    weight, image = torch.rand(8, 8, 3, 3), torch.rand(1, 8, 32, 32)
    cost = [0.0]

    def pay(debt: float) -> float:
        begun, paid = thread_time(), 0.0
        while paid + cost[0] / 2 < debt:
            torch.nn.functional.conv2d(image, weight, padding=1)
            before, paid = paid, thread_time() - begun
            cost[0] = paid - before
        return paid

    return pay


def plant(workload: str, folder: Path, *, kind: str, share: float) -> None:
    """Makes `folder` a content folder whose `workload` is the shipped one, slowed down."""
    shipped = Path(__file__).parent.parent / "workloads" / f"{workload}.py"
    place = folder / "workloads" / shipped.parent.name
    place.mkdir(parents=True)
    for file in shipped.parent.glob("_*.py"):
        shutil.copy(file, place)
    shutil.copy(__file__, place / f"{_NAME}.py")
    text = shipped.read_text(encoding="utf-8")
    text += (
        f"\n\nfrom {_NAME} import planted as _planted\n\n_plain = build\n\n\n"
        "def build(scale):\n"
        f"    return _planted(_plain(scale), kind={kind!r}, share={share!r})\n"
    )
    (place / shipped.name).write_text(text, encoding="utf-8")
