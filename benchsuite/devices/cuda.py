"""NVIDIA GPUs through torch and NVML."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchsuite.devices import Kernel, _nvml
from benchsuite.devices._torch_kernels import convolutions, products, streams
from benchsuite.errors import NotMeasurable
from benchsuite.types import ClockReading, DeviceInfo, Rate
from benchsuite.units import MILLIWATT_W

_STREAM_ELEMENTS = 256 << 20
_PRODUCTS = ((4096, 4096, 4096), (8192, 8192, 8192))


class _Cuda:
    kind = "cuda"
    meters = ("nvml_rapl", "nvml", "modelled")

    def discover(self) -> tuple[DeviceInfo, ...]:
        if not _driver_answers():  # asked first: importing torch takes a second
            raise NotMeasurable("no NVIDIA driver answers here")
        import torch

        if torch.version.cuda is None:
            raise NotMeasurable("this torch is built without CUDA")
        if not torch.cuda.is_available():
            raise NotMeasurable("torch sees no CUDA device (driver missing or all devices hidden)")
        return tuple(_info(index) for index in range(torch.cuda.device_count()))

    def torch_name(self, info: DeviceInfo) -> str:
        return f"cuda:{info.index}"

    def synchroniser(self, info: DeviceInfo) -> Callable[[], object] | None:
        import torch

        stream = torch.cuda.current_stream(info.index)
        return stream.synchronize

    def compute_kernels(
        self, info: DeviceInfo, *, precision: str, threads: int
    ) -> Iterator[Kernel]:
        import torch

        allow = precision == "tf32"
        torch.backends.cuda.matmul.allow_tf32 = allow
        torch.backends.cudnn.allow_tf32 = allow
        torch.backends.cudnn.benchmark = True
        name = self.torch_name(info)
        yield from products(name, precision=precision, shapes=_PRODUCTS)
        yield from convolutions(name, precision=precision, shapes=((32, 256, 56), (64, 512, 28)))

    def bandwidth_kernels(self, info: DeviceInfo) -> Iterator[Kernel]:
        elements = min(_STREAM_ELEMENTS, info.memory_b // 64)
        yield from streams(self.torch_name(info), elements=elements)

    def start_memory(self, info: DeviceInfo) -> None:
        import torch

        torch.cuda.reset_peak_memory_stats(info.index)

    def peak_memory(self, info: DeviceInfo) -> int:
        import torch

        return int(torch.cuda.max_memory_allocated(info.index))

    def power(self, info: DeviceInfo) -> tuple[Rate | None, Rate | None]:
        try:
            boards = [board for _, board in _nvml.handles(info)]
        except NotMeasurable:
            return None, None
        import pynvml

        def read(function: Callable[[Any], int], how: str) -> Rate | None:
            try:
                watts = sum(function(board) for board in boards) * MILLIWATT_W
            except pynvml.NVMLError:
                return None
            of = "the board" if len(boards) == 1 else f"{len(boards)} boards, summed"
            return Rate(value=watts, how=f"{how} of {of}")

        return (
            read(pynvml.nvmlDeviceGetPowerManagementDefaultLimit, "NVML default power limit"),
            read(pynvml.nvmlDeviceGetEnforcedPowerLimit, "NVML enforced power limit"),
        )

    def clocks(self, info: DeviceInfo) -> Callable[[], ClockReading] | None:
        return _nvml.clock_reader(info)

    def programs(self, info: DeviceInfo) -> Callable[[], tuple[str, ...]] | None:
        return _nvml.program_reader(info)


DEVICE = _Cuda()


def _driver_answers() -> bool:
    try:
        import pynvml
    except ImportError:
        return True  # torch will tell
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return any(Path(node).exists() for node in ("/dev/nvidiactl", "/dev/nvhost-gpu"))
    return True


def _info(index: int) -> DeviceInfo:
    import torch

    properties = torch.cuda.get_device_properties(index)
    uuid = getattr(properties, "uuid", None)
    facts: dict[str, Any] = {
        "compute_capability": f"{properties.major}.{properties.minor}",
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
    }
    level2 = getattr(properties, "L2_cache_size", 0)
    if level2:
        facts["caches"] = [{"level": "L2", "bytes": int(level2)}]
    info = DeviceInfo(
        kind="cuda",
        index=index,
        name=properties.name,
        units=properties.multi_processor_count,
        memory_b=properties.total_memory,
        uuid=f"GPU-{uuid}" if uuid else None,
        facts=facts,
    )
    driver = _nvml.driver_version()
    if driver is not None:
        facts["driver"] = driver
    return info
