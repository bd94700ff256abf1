"""The processor as a device."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchsuite import cgroup, machine
from benchsuite.devices import Kernel
from benchsuite.devices._onnx_kernels import onnx_kernels
from benchsuite.devices._torch_kernels import (
    cache_reads,
    convolutions,
    packed_products,
    products,
    streams,
)
from benchsuite.types import DeviceInfo, Rate

_CPUINFO = Path("/proc/cpuinfo")
_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
# fp32 elements of a stream's array, at least and at most: 64 MiB, 1 GiB
_STREAM_ELEMENTS = 16 << 20
_STREAM_MOST = 256 << 20


class _Cpu:
    kind = "cpu"
    meters = ("rapl", "modelled")

    def discover(self) -> tuple[DeviceInfo, ...]:
        import psutil

        cpuinfo = _cpuinfo()
        cores = usable_cores()
        return (
            DeviceInfo(
                kind="cpu",
                index=0,
                name=_name(cpuinfo),
                units=cores,
                memory_b=psutil.virtual_memory().total,
                facts={
                    "cores": cores,
                    "logical": psutil.cpu_count() or cores,
                    "vendor": cpuinfo.get("vendor_id"),
                    "family": _integer(cpuinfo.get("cpu family")),
                    "model": _integer(cpuinfo.get("model")),
                    "vector": _vector(cpuinfo.get("flags", "")),
                    "caches": _caches(),
                },
            ),
        )

    def torch_name(self, info: DeviceInfo) -> str:
        return "cpu"

    def synchroniser(self, info: DeviceInfo) -> Callable[[], object] | None:
        return None

    def compute_kernels(
        self, info: DeviceInfo, *, precision: str, threads: int
    ) -> Iterator[Kernel]:
        if precision == "tf32":
            return  # a format of NVIDIA's tensor cores
        # Data of one thread that fit its second cache and calls of a millisecond or two: short
        # enough to run through undisturbed, long enough that starting them costs nothing.
        few = max(1, threads)
        products_ = (256 * (few + 1), 512, 512), (384 * few, 384, 384)
        deep = (128 * few, 4096, 256)
        convolved = (few, 64, 56), (few, 256, 28)
        yield from convolutions("cpu", precision=precision, shapes=convolved)
        yield from products("cpu", precision=precision, shapes=products_)
        yield from packed_products(precision=precision, shapes=(products_[0], deep))
        yield from onnx_kernels(
            precision=precision,
            threads=threads,
            products=products_,
            convolutions=((few, 256, 14), (few, 64, 56), (few, 512, 14)),
        )

    def bandwidth_kernels(self, info: DeviceInfo) -> Iterator[Kernel]:
        caches = info.facts.get("caches", ())
        largest_b = max((level["bytes"] * level["instances"] for level in caches), default=0)
        # STREAM's rule: arrays of four times all last-level caches together; memory allowing
        elements = max(_STREAM_ELEMENTS, min(largest_b, _STREAM_MOST, info.memory_b // 64))
        yield from streams("cpu", elements=elements)

    def cache_kernels(self, info: DeviceInfo) -> Iterator[tuple[str, int, Kernel]]:
        """Each data cache's name, bytes of one instance, and reads of a quarter of it."""
        for level in info.facts.get("caches", ()):
            kernel = cache_reads(working_set_b=level["bytes"] // 4)
            yield level["level"], level["bytes"], kernel

    def start_memory(self, info: DeviceInfo) -> None:
        try:  # forgets the high-water mark, so that what came before does not count
            Path("/proc/self/clear_refs").write_text("5")
        except OSError:
            pass

    def peak_memory(self, info: DeviceInfo) -> int:
        return _high_water()

    def power(self, info: DeviceInfo) -> tuple[Rate | None, Rate | None]:
        return None, None


DEVICE = _Cpu()


def usable_cores() -> int:
    """Cores this process may use: affinity and container quota, hyper-threads counted once."""
    import psutil

    allowed = len(machine.allowed() or ()) or os.cpu_count() or 1
    physical = psutil.cpu_count(logical=False) or allowed
    quota = cgroup.limits().cpus
    cores = min(allowed, physical)
    return max(1, min(cores, int(quota)) if quota else cores)


def _cpuinfo() -> dict[str, str]:
    try:
        text = _CPUINFO.read_text()
    except OSError:
        return {}
    first = text.split("\n\n", 1)[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _name(cpuinfo: dict[str, str]) -> str:
    name = cpuinfo.get("model name") or cpuinfo.get("Model") or platform.processor()
    return " ".join(re.sub(r"\((R|TM)\)", "", name).split()) or platform.machine()


def _integer(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None


def _vector(flags: str) -> list[str]:
    known = (
        "avx2 fma avx512f avx512_vnni avx512_bf16 avx512_fp16 amx_bf16 amx_int8 avx_vnni "
        "asimd asimddp sve bf16 i8mm"
    )
    have = set(flags.split())
    return [name for name in known.split() if name in have]


def _caches() -> list[dict[str, Any]]:
    """Data caches from near to far, bytes of one instance."""
    found = []
    for index in sorted(_CACHES.glob("index*")):
        try:
            if (index / "type").read_text().strip() == "Instruction":
                continue
            size = (index / "size").read_text().strip()
            level = (index / "level").read_text().strip()
            sharers = len(machine.numbers((index / "shared_cpu_list").read_text()))
        except (OSError, ValueError):
            continue
        unit = {"K": 1 << 10, "M": 1 << 20}.get(size[-1:], 1)
        digits = size.rstrip("KM")
        if digits.isdigit():
            instances = max(1, (os.cpu_count() or 1) // max(1, sharers))
            found.append(
                {"level": f"L{level}", "bytes": int(digits) * unit, "instances": instances}
            )
    return found


def _high_water() -> int:
    """The resident size's high-water mark, which `clear_refs` resets on Linux."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    import psutil

    return int(psutil.Process().memory_info().rss)
