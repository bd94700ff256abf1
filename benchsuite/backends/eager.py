"""torch in eager mode, with channels-last convolutions."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING

from benchsuite.backends import Job
from benchsuite.backends._profile import PROFILED, WARM_UP, medians
from benchsuite.backends._torch import Placed, TorchExecutable, place, unsupported
from benchsuite.types import Arrays, Step

if TYPE_CHECKING:
    import torch


class _Eager:
    def missing(self, kind: str, precision: str) -> str | None:
        return unsupported("eager", kind, precision)

    def packages(self) -> tuple[str, ...]:
        return ("torch",)

    def imports(self, job: Job) -> tuple[str, ...]:
        return ("torch",)

    def prepare(self, network: torch.nn.Module, job: Job) -> _Executable:
        return _Executable(place(network, job))


class _Executable:
    def __init__(self, placed: Placed) -> None:
        self._placed = placed
        self._calls = TorchExecutable(placed, lambda shape: placed.network, how="")
        self.precision_ran = placed.precision_ran
        self.how = f"torch eager, {placed.how}"

    def bind(self, inputs: Arrays) -> Callable[[], object]:
        return self._calls.bind(inputs)

    def run(self, inputs: Arrays) -> Arrays:
        return self._calls.run(inputs)

    def profile(self, inputs: Arrays) -> list[Step]:
        """Times every module without children by hooks before and after it."""
        import torch

        call, device = self.bind(inputs), self._placed.device
        queries: list[dict[str, float]] = []
        begun: dict[str, float] = {}
        hooks = []

        def now() -> float:
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            return perf_counter()

        def begin(name: str) -> Callable[..., None]:
            return lambda module, given: begun.update({name: now()})

        def end(name: str) -> Callable[..., None]:
            def hook(module: object, given: object, output: object) -> None:
                times = queries[-1]
                times[name] = times.get(name, 0.0) + now() - begun[name]

            return hook

        for name, module in self._placed.inner.named_modules():
            if next(module.children(), None) is None:
                hooks.append(module.register_forward_pre_hook(begin(name)))
                hooks.append(module.register_forward_hook(end(name)))
        try:
            for _ in range(WARM_UP + PROFILED):
                queries.append({})
                call()
        finally:
            for handle in hooks:
                handle.remove()
        return medians([[((name,), s) for name, s in query.items()] for query in queries[WARM_UP:]])


BACKEND = _Eager()
