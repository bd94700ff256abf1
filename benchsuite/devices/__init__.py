"""Devices by kind: one file each, which defines `DEVICE`."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from benchsuite.errors import BadInput, NotMeasurable
from benchsuite.guarded import Kind, Source, amiss, unlike
from benchsuite.plugins import plugin, plugin_names
from benchsuite.types import ClockReading, DeviceInfo, Rate
from benchsuite.units import counted

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

    Of the `facts` of its `DeviceInfo`s two are read here: `caches`, nearest first, each with
    `level` (`L2`), `bytes` of one instance and, if there are several, `instances`; and `logical`,
    the most threads there may be.
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
    found: Device = plugin(sys.modules[__name__], kind, _kind(kind))
    return found


def _kind(name: str) -> Kind:
    """What a device's plug-in must be."""
    return Kind(
        attribute="DEVICE",
        what="device",
        facts={
            "kind": lambda kind: None if kind == name else f"not the file's name, {name!r}",
            "meters": _no_texts,
        },
        functions=(
            "discover", "torch_name", "synchroniser", "compute_kernels", "bandwidth_kernels",
            "start_memory", "peak_memory", "power",
        ),
        answers={
            "discover": lambda found: _no_devices(found, kind=name),
            "torch_name": lambda found: None if isinstance(found, str) else "not a text",
            "power": _no_powers,
        },
        made={
            "synchroniser": lambda wait: None if wait is None or callable(wait) else _NO_FUNCTION,
            "clocks": lambda read: None if read is None or callable(read) else _NO_FUNCTION,
            "programs": lambda read: None if read is None or callable(read) else _NO_FUNCTION,
            "start_memory": lambda found: None,
            "peak_memory": lambda found: None if _whole(found, 0) else "not whole bytes",
        },
        yielded={
            "compute_kernels": _no_kernel,
            "bandwidth_kernels": _no_kernel,
            "cache_kernels": _no_cache_kernel,
        },
        named={
            "clocks": lambda read, source: source.calling(f"{_READER} clocks()", read, _no_clock),
            "programs": lambda read, source: source.calling(
                f"{_READER} programs()", read, _no_texts
            ),
            "compute_kernels": _named_kernel,
            "bandwidth_kernels": _named_kernel,
            "cache_kernels": lambda found, source: (*found[:2], _named_kernel(found[2], source)),
        },
    )  # fmt: skip


_READER = "what was given by"
_NO_FUNCTION = "neither a function nor None"


def _whole(found: Any, least: int) -> bool:
    return isinstance(found, int) and not isinstance(found, bool) and found >= least


def _no_kernel(found: Any) -> str | None:
    if not isinstance(found, Kernel):
        return "not a Kernel"
    amount = found.amount
    number = isinstance(amount, int | float) and 0 < amount < math.inf
    sound = number and isinstance(found.name, str) and callable(found.make)
    return None if sound else "which has no name, no amount above 0, or nothing that makes it"


def _no_cache_kernel(found: Any) -> str | None:
    if not isinstance(found, tuple) or len(found) != 3:
        return "not a level's name, its bytes and a Kernel"
    level, size_b, kernel = found
    if not isinstance(level, str) or not _whole(size_b, 1):
        return "whose first is no name, or whose second is no number of bytes"
    return _no_kernel(kernel)


def _named_kernel(kernel: Kernel, source: Source) -> Kernel:
    make = source.calling(
        f"make() of the kernel {kernel.name!r}",
        kernel.make,
        lambda call: None if callable(call) else "not a function",
    )
    return replace(kernel, make=make)


def _no_clock(found: Any) -> str | None:
    return unlike(found, ClockReading)


def _no_texts(found: Any) -> str | None:
    named = isinstance(found, tuple | list) and all(isinstance(each, str) for each in found)
    return None if named else "not a tuple of names"


def _no_devices(found: Any, *, kind: str) -> str | None:
    """What is wrong with the answer of `discover`."""
    if not isinstance(found, tuple | list):
        return "not a tuple of DeviceInfo"
    if not found:
        return 'no device at all: raise NotMeasurable("why") where there is none'
    for number, info in enumerate(found):
        wrong = unlike(info, DeviceInfo)
        if wrong is not None:
            return wrong
        if info.kind != kind:
            return f"whose kind is {info.kind!r}, not the file's name, {kind!r}"
        if info.index != number:
            return f"whose index is {info.index} in place of {number}"
        if min(info.units, info.count) < 1 or info.memory_b < 0:
            return "which has no units, no count or less than no memory"
        wrong = _no_facts(info.facts)
        if wrong is not None:
            return f"whose facts have {wrong}"
    return None


def _no_facts(facts: Mapping[str, Any]) -> str | None:
    """What is wrong with those facts of a device that are read."""
    if not _whole(facts.get("logical", 1), 1):
        return f"`logical` {facts['logical']!r:.40}, not the most threads there may be"
    caches = facts.get("caches", ())
    if not isinstance(caches, tuple | list):
        return f"`caches` {caches!r:.40}, not a list of levels"
    for cache in caches:
        sound = (
            isinstance(cache, Mapping)
            and isinstance(cache.get("level"), str)
            and _whole(cache.get("bytes"), 1)
            and _whole(cache.get("instances", 1), 1)
        )
        if not sound:
            return f"the cache {cache!r:.80}, which has no level (a text) or no bytes"
    return None


def _no_powers(found: Any) -> str | None:
    """What is wrong with the answer of `power`."""
    if not isinstance(found, tuple) or len(found) != 2:
        return "not the pair of power envelope and power cap"
    for rate in found:
        wrong = None if rate is None else unlike(rate, Rate)
        if wrong is not None:
            return wrong
        if rate is not None and (not 0 < rate.value < math.inf or amiss(rate)):
            return "which is no power in watts"
    return None


def find(name: str) -> DeviceInfo:
    """The device that `KIND[:N]` names.

    Raises:
        BadInput: Unknown kind, no such index, or none of the kind on this machine.
    """
    kind, _, index = name.partition(":")
    if index and not re.fullmatch("[0-9]{1,9}", index):
        raise BadInput(f"--device {name}: write KIND or KIND:N, for example cuda:0")
    try:
        found = device(kind).discover()
    except NotMeasurable as error:
        raise BadInput(f"--device {name}: {error}") from None
    wanted = int(index or 0)
    if wanted >= len(found):
        last = len(found) - 1
        raise BadInput(f"--device {name}: there is {kind}:0" + f" to {kind}:{last}" * (last > 0))
    return found[wanted]


def check_threads(threads: int | None, info: DeviceInfo) -> None:
    """Refuses more threads than a processor can run at once.

    Raises:
        BadInput: They are more.
    """
    most = int(info.facts.get("logical", info.units))
    if info.kind == "cpu" and threads is not None and threads > most:
        raise BadInput(f"--threads {threads}: this machine has {counted(most, 'processor')}")


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
