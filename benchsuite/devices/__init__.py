"""Devices by kind: one file each, which defines `DEVICE`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from benchsuite.errors import BadInput, NotMeasurable
from benchsuite.plugins import plugin, plugin_names
from benchsuite.types import ClockReading, DeviceInfo, Rate

_BY_DEFAULT = ("cuda", "xpu", "mps", "cpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """A loop body whose rate is probed.

    Attributes:
        name: Identity: library, operator and size; a calibration finds it again by this name.
        amount: FLOP or bytes of one call.
        make: Allocates its data and gives the call.
    """

    name: str
    amount: float
    make: Callable[[], Callable[[], object]]


class Device(Protocol):
    """What a kind of device must tell and do.

    Attributes:
        kind: The file's name.
        meters: Meters in order of preference.
    """

    kind: str
    meters: tuple[str, ...]

    def discover(self) -> tuple[DeviceInfo, ...]:
        """The devices of this kind here.

        Raises:
            NotMeasurable: There is none; the text says why.
        """

    def torch_name(self, info: DeviceInfo) -> str:
        """As `torch.device` takes it."""

    def synchroniser(self, info: DeviceInfo) -> Callable[[], object] | None:
        """Waits until all queued work is done; None where calls return when they are done."""

    def compute_kernels(
        self, info: DeviceInfo, *, precision: str, threads: int
    ) -> Iterator[Kernel]:
        """Dense products and unpadded convolutions of every installed library."""

    def bandwidth_kernels(self, info: DeviceInfo) -> Iterator[Kernel]:
        """Streams through main memory, well above the size of the caches."""

    def start_memory(self, info: DeviceInfo) -> None:
        """Begins watching the memory that a system takes."""

    def peak_memory(self, info: DeviceInfo) -> int:
        """Bytes in use at most since `start_memory`: the process's (cpu) or the allocator's."""

    def power(self, info: DeviceInfo) -> tuple[Rate | None, Rate | None]:
        """Power envelope and power cap in watts, as the driver tells; None where it does not."""


def clock_reader(plug: Device, info: DeviceInfo) -> Callable[[], ClockReading] | None:
    """What reads the device's clocks and throttle reasons; None where its plug-in has no `clocks`.

    `clocks(info)` is optional: a processor's clock is watched by nobody here.
    """
    make: Callable[[DeviceInfo], Callable[[], ClockReading] | None] | None
    make = getattr(plug, "clocks", None)
    return None if make is None else make(info)


def program_reader(plug: Device, info: DeviceInfo) -> Callable[[], tuple[str, ...]] | None:
    """What names the other processes that compute on the device's boards; None where nothing tells.

    `programs(info)` of a plug-in is optional: a processor's are counted by their CPU time.
    """
    make: Callable[[DeviceInfo], Callable[[], tuple[str, ...]] | None] | None
    make = getattr(plug, "programs", None)
    return None if make is None else make(info)


def cache_kernels(plug: Device, info: DeviceInfo) -> Iterator[tuple[str, int, Kernel]]:
    """Name, bytes of one instance and a reading kernel of each cache level.

    `cache_kernels(info)` of a plug-in is optional: none are given where it is not there.
    """
    make: Callable[[DeviceInfo], Iterator[tuple[str, int, Kernel]]] | None
    make = getattr(plug, "cache_kernels", None)
    return iter(()) if make is None else make(info)


def kinds() -> list[str]:
    """Every kind of device there is a file for."""
    return plugin_names(sys.modules[__name__])


def device(kind: str) -> Device:
    """The device plug-in of a kind.

    Raises:
        BadInput: There is none.
    """
    found: Device = plugin(sys.modules[__name__], kind, attribute="DEVICE", what="device")
    return found


def find(name: str) -> DeviceInfo:
    """The device that `KIND[:N]` names.

    Raises:
        BadInput: Unknown kind, no such index, or none of the kind on this machine.
    """
    kind, _, index = name.partition(":")
    if index and not index.isdigit():
        raise BadInput(f"--device {name}: write KIND or KIND:N, for example cuda:0")
    try:
        found = device(kind).discover()
    except NotMeasurable as error:
        raise BadInput(f"--device {name}: {error}") from None
    wanted = int(index or 0)
    if wanted >= len(found):
        raise BadInput(f"--device {name}: there is {kind}:0 to {kind}:{len(found) - 1}")
    return found[wanted]


def default_device() -> DeviceInfo:
    """The first accelerator if there is one, else the processor; other kinds are only named."""
    for kind in _BY_DEFAULT:
        try:
            return device(kind).discover()[0]
        except (NotMeasurable, BadInput):
            continue
    raise BadInput("no device was found on this machine")


def identity(info: DeviceInfo) -> dict[str, Any]:
    """What makes a device the same one: what its pinned figures are kept by."""
    return {
        "kind": info.kind,
        "name": info.name,
        "units": info.units,
        "memory_b": info.memory_b,
        "count": info.count,
        "uuid": info.uuid,
    }
