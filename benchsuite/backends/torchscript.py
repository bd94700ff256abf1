"""TorchScript: traced, frozen, optimised for inference."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from benchsuite.backends import Job
from benchsuite.backends._artefacts import Shape, artefacts, shape_of
from benchsuite.backends._torch import TorchExecutable, place, unsupported
from benchsuite.errors import NotMeasurable, one_line

if TYPE_CHECKING:
    import torch

# the profiling executor specialises in its first two runs; the third is the optimised one
_SPECIALISING_RUNS = 3


class _TorchScript:
    def missing(self, kind: str, precision: str) -> str | None:
        return unsupported("torchscript", kind, precision)

    def packages(self) -> tuple[str, ...]:
        return ("torch",)

    def imports(self, job: Job) -> tuple[str, ...]:
        return ("torch",)

    def prepare(self, network: torch.nn.Module, job: Job) -> TorchExecutable:
        import torch

        placed = place(network, job)
        calls: dict[Shape, Callable[..., Any]] = {}
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # of deprecation, and of branches that a trace fixes
            for artefact in artefacts(job, "torchscript"):
                inputs = placed.inputs(artefact.query)
                try:
                    traced = torch.jit.trace(  # type: ignore[no-untyped-call]
                        placed.network, inputs, check_trace=False
                    )
                    script = torch.jit.optimize_for_inference(torch.jit.freeze(traced))
                    for _ in range(_SPECIALISING_RUNS):
                        script(*inputs)
                except RuntimeError as error:
                    raise NotMeasurable(
                        f"torch.jit cannot trace the network: {one_line(error)[:300]}"
                    ) from error
                calls[shape_of(artefact.query)] = script
        return TorchExecutable(
            placed,
            calls.__getitem__,
            how=f"TorchScript: traced, frozen, optimised for inference; {placed.how}",
        )


BACKEND = _TorchScript()
