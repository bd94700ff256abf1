"""torch in eager mode, with channels-last convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchsuite.backends import Job
from benchsuite.backends._torch import TorchExecutable, place, unsupported

if TYPE_CHECKING:
    import torch


class _Eager:
    def missing(self, kind: str, precision: str) -> str | None:
        return unsupported("eager", kind, precision)

    def packages(self) -> tuple[str, ...]:
        return ("torch",)

    def imports(self, job: Job) -> tuple[str, ...]:
        return ("torch",)

    def prepare(self, network: torch.nn.Module, job: Job) -> TorchExecutable:
        placed = place(network, job)
        return TorchExecutable(
            placed, lambda shape: placed.network, how=f"torch eager, {placed.how}"
        )


BACKEND = _Eager()
