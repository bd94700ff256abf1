"""torch in eager mode, with channels-last convolutions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from benchsuite.arrays import as_arrays, to_tensors
from benchsuite.backends import Job
from benchsuite.types import Arrays

if TYPE_CHECKING:
    import torch


class _Eager:
    def missing(self, kind: str, precision: str) -> str | None:
        if precision != "fp32":
            return f"backend eager does not run {precision} yet; it runs fp32"
        return None

    def packages(self) -> tuple[str, ...]:
        return ("torch",)

    def imports(self, job: Job) -> tuple[str, ...]:
        return ("torch",)

    def prepare(self, network: torch.nn.Module, job: Job) -> _Executable:
        import torch

        if job.device.kind == "cuda":  # fp32 means fp32: torch may compute in TF32 otherwise
            torch.backends.cuda.matmul.allow_tf32 = False
            torch.backends.cudnn.allow_tf32 = False
            torch.backends.cudnn.benchmark = True
        device = torch.device(job.device.label if job.device.kind != "cpu" else "cpu")
        network = network.to(device).eval()
        layout = _channels_last(network)
        return _Executable(network=network, device=device, layout=layout)


class _Executable:
    def __init__(
        self,
        *,
        network: torch.nn.Module,
        device: torch.device,
        layout: dict[int, torch.memory_format],
    ) -> None:
        self._network = network
        self._device = device
        self._layout = layout
        self.precision_ran = "fp32"
        self.how = "torch eager, " + ("channels-last" if layout else "contiguous")

    def bind(self, inputs: Arrays) -> Callable[[], object]:
        return partial(self._network, *self._place(inputs))

    def run(self, inputs: Arrays) -> Arrays:
        return as_arrays(self._network(*self._place(inputs)))

    def _place(self, inputs: Arrays) -> list[torch.Tensor]:
        placed = []
        for tensor in to_tensors(inputs):
            tensor = tensor.to(self._device)
            layout = self._layout.get(tensor.dim())
            placed.append(tensor if layout is None else tensor.to(memory_format=layout))
        return placed


BACKEND = _Eager()


def _channels_last(network: torch.nn.Module) -> dict[int, torch.memory_format]:
    """Puts convolutions' weights channels-last; gives the layout of inputs by dimensions."""
    import torch

    layout: dict[int, torch.memory_format] = {}
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            layout[4] = torch.channels_last
        elif isinstance(module, torch.nn.Conv3d):
            module.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
            layout[5] = torch.channels_last_3d
    return layout
