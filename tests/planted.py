"""Slow-downs of a known size, planted in a workload: an extra layer, a sleep, or a busy wait.

Whatever a forward pass takes, `share` of it is owed on top; the debt is paid as soon as it is
worth paying, and what paying really took comes off. So the mean is slower by `share` exactly,
whatever the batch and however coarse the system's sleep.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, sleep
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

KINDS = ("layer", "sleep", "busy")
_LEAST_SLEEP_S = 3e-4  # the kernel's timer is some 60 us late
_LATE_S = 1e-4
_NAME = "_planted"


def planted(net: torch.nn.Module, *, kind: str, share: float) -> torch.nn.Module:
    """The network, slower by `share` of its own time; the same answers, weights and count."""
    pay = {"layer": _layer, "sleep": lambda: _sleep, "busy": lambda: _busy}[kind]()
    state = {"debt": 0.0, "begun": 0.0}

    def begin(*_: Any) -> None:
        state["begun"] = perf_counter()

    def end(module: Any, inputs: Any, output: Any) -> None:
        if getattr(output, "is_meta", False):
            return  # it is being counted
        now = perf_counter()
        state["debt"] += share * (now - state["begun"])
        pay(state["debt"])
        state["debt"] -= perf_counter() - now

    net.register_forward_pre_hook(begin)
    net.register_forward_hook(end)
    return net


def _busy(debt: float) -> None:
    until = perf_counter() + debt
    while perf_counter() < until:
        pass


def _sleep(debt: float) -> None:
    if debt >= _LEAST_SLEEP_S:
        sleep(debt - _LATE_S)


def _layer() -> Callable[[float], None]:
    """A convolution of some 50 us, run as often as it fits."""
    import torch

    weight, image = torch.rand(8, 8, 3, 3), torch.rand(1, 8, 32, 32)
    cost = [0.0]

    def pay(debt: float) -> None:
        until = perf_counter() + debt
        while (now := perf_counter()) + cost[0] / 2 < until:
            torch.nn.functional.conv2d(image, weight, padding=1)
            cost[0] = perf_counter() - now

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
