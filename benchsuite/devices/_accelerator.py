"""A device that torch drives through its accelerator API: what `mps`, `xpu` and others share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchsuite.devices import Kernel
from benchsuite.devices._torch_kernels import convolutions, products, streams
from benchsuite.errors import NotMeasurable
from benchsuite.types import DeviceInfo, Rate

_STREAM_ELEMENTS = 64 << 20
_PRODUCTS = ((2048, 2048, 2048), (4096, 4096, 4096))
_CONVOLUTIONS = ((32, 256, 28), (32, 512, 14))


class Accelerator:
    """A kind of device of which torch knows all that is asked here.

    Args:
        kind: As in `--device`, and torch's name of it.
        precisions: What its products and convolutions can run in.
        absent: Said where torch finds none.
        possible: Whether this machine could have one, asked before torch, whose import takes a
            second.
    """

    meters: tuple[str, ...] = ("modelled",)

    def __init__(
        self,
        kind: str,
        *,
        precisions: tuple[str, ...],
        absent: str,
        possible: Callable[[], bool] = lambda: True,
    ) -> None:
        self.kind = kind
        self._precisions = precisions
        self._absent = absent
        self._possible = possible

    def discover(self) -> tuple[DeviceInfo, ...]:
        if not self._possible():
            raise NotMeasurable(self._absent)
        import torch

        current = torch.accelerator.current_accelerator(check_available=True)
        if current is None or current.type != self.kind:
            raise NotMeasurable(self._absent)
        return tuple(self._info(index) for index in range(torch.accelerator.device_count()))

    def _info(self, index: int) -> DeviceInfo:
        import torch

        module = torch.get_device_module(self.kind)
        properties = getattr(module, "get_device_properties", lambda index: None)(index)
        memory = getattr(properties, "total_memory", None)
        if memory is None:  # shared with the processor
            memory = getattr(module, "recommended_max_memory", lambda: 0)()
        units = next(
            (
                int(getattr(properties, name))
                for name in ("gpu_subslice_count", "multi_processor_count", "max_compute_units")
                if getattr(properties, name, None)
            ),
            1,
        )
        return DeviceInfo(
            kind=self.kind,
            index=index,
            name=str(getattr(properties, "name", "") or f"{self.kind} device"),
            units=units,
            memory_b=int(memory),
        )

    def torch_name(self, info: DeviceInfo) -> str:
        return f"{self.kind}:{info.index}"

    def synchroniser(self, info: DeviceInfo) -> Callable[[], object] | None:
        import torch

        return lambda: torch.accelerator.synchronize(info.index)

    def compute_kernels(
        self, info: DeviceInfo, *, precision: str, threads: int
    ) -> Iterator[Kernel]:
        if precision not in self._precisions:
            return
        name = self.torch_name(info)
        yield from products(name, precision=precision, shapes=_PRODUCTS)
        yield from convolutions(name, precision=precision, shapes=_CONVOLUTIONS)

    def bandwidth_kernels(self, info: DeviceInfo) -> Iterator[Kernel]:
        elements = min(_STREAM_ELEMENTS, info.memory_b // 64) if info.memory_b else 1 << 22
        yield from streams(self.torch_name(info), elements=elements)

    def start_memory(self, info: DeviceInfo) -> None:
        import torch

        reset = getattr(torch.get_device_module(self.kind), "reset_peak_memory_stats", None)
        if reset is not None:
            reset(info.index)

    def peak_memory(self, info: DeviceInfo) -> int:
        """The allocator's peak; where torch keeps none (mps), what is allocated now."""
        import torch

        module = torch.get_device_module(self.kind)
        if hasattr(module, "max_memory_allocated"):
            return int(module.max_memory_allocated(info.index))
        return int(module.driver_allocated_memory())

    def power(self, info: DeviceInfo) -> tuple[Rate | None, Rate | None]:
        return None, None
