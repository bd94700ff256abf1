"""NVML's view of the devices that torch uses: their handles, clocks and power limits."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchsuite.errors import NotMeasurable
from benchsuite.types import ClockReading, DeviceInfo
from benchsuite.units import MEGAHERTZ_HZ, MILLIWATT_W

POWER_CAP = "power cap"
# bits of nvmlDeviceGetCurrentClocksEventReasons, as nvml.h defines them
REASONS: Mapping[int, str] = {
    0x001: "idle",
    0x002: "application clocks",
    0x004: POWER_CAP,
    0x008: "hardware slowdown",
    0x010: "sync boost",
    0x020: "temperature (driver)",
    0x040: "temperature (hardware)",
    0x080: "power brake",
    0x100: "display clocks",
    0x200: "board limit",
    0x400: "reliability voltage",
}
_MIG = (
    "the device is a MIG instance, and NVML counts the energy of the whole board, all instances "
    "together: turn MIG off, or read an external meter (--meter csv:FILE)"
)


def visible(text: str | None) -> tuple[str, ...] | None:
    """The entries of CUDA_VISIBLE_DEVICES up to the first invalid one; None where it is not set.

    An entry is an index, a UUID (`GPU-...`, which may be cut short) or a MIG instance (`MIG-...`).
    """
    if text is None:
        return None
    entries = []
    for entry in (part.strip() for part in text.split(",")):
        if not (entry.isdigit() or entry.startswith(("GPU-", "MIG-"))):
            break  # CUDA ignores this entry and all after it
        entries.append(entry)
    return tuple(entries)


def handles(info: DeviceInfo) -> tuple[tuple[str, Any], ...]:
    """UUID and NVML handle of each board that a torch device uses; `info.count` of them.

    NVML counts all boards, torch those that CUDA_VISIBLE_DEVICES shows, the fastest first: an
    index of one means nothing to the other, so boards are found by UUID where there is one.

    Raises:
        NotMeasurable: No NVML, a MIG instance, or a board that cannot be told from others.
    """
    try:
        import pynvml
    except ImportError:
        raise NotMeasurable("NVML is not installed: pip install nvidia-ml-py") from None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        raise NotMeasurable(f"NVML does not start: {error}") from None
    uuids: Sequence[str | None] = info.facts.get("uuids") or (info.uuid,)
    found = []
    for place in range(info.count):
        uuid = uuids[place] if place < len(uuids) else None
        try:
            handle = _handle(pynvml, info.index + place, uuid)
            _refuse_mig(pynvml, handle)
            found.append((str(pynvml.nvmlDeviceGetUUID(handle)), handle))
        except pynvml.NVMLError as error:
            raise NotMeasurable(
                f"NVML does not find {info.kind}:{info.index + place}: {error}"
            ) from None
    if len({uuid for uuid, _ in found}) < len(found):
        raise NotMeasurable("NVML finds the same board twice; its energy would be counted twice")
    return tuple(found)


def boards_here() -> tuple[Any, ...]:
    """NVML's handles of all boards on this machine; none where NVML does not answer."""
    try:
        import pynvml
    except ImportError:
        return ()
    try:
        pynvml.nvmlInit()
        return tuple(map(pynvml.nvmlDeviceGetHandleByIndex, range(pynvml.nvmlDeviceGetCount())))
    except pynvml.NVMLError:
        return ()


def driver_version() -> str | None:
    """The NVIDIA driver's version; None where NVML does not tell."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        return str(pynvml.nvmlSystemGetDriverVersion())
    except pynvml.NVMLError:
        return None


def clock_reader(info: DeviceInfo) -> Callable[[], ClockReading] | None:
    """Reads the clocks of a device's boards; None where NVML gives none."""
    try:
        boards = [board for _, board in handles(info)]
    except NotMeasurable:
        return None
    return lambda: read_clocks(boards)


def read_clocks(boards: Sequence[Any]) -> ClockReading:
    """Clocks now: the slowest and hottest of several boards, everything that holds one back."""
    import pynvml

    def least(values: list[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return min(known) if known else None

    temperatures = [
        ask(pynvml, "nvmlDeviceGetTemperature", board, pynvml.NVML_TEMPERATURE_GPU)
        for board in boards
    ]
    return ClockReading(
        sm_clock_hz=least(
            [
                ask(pynvml, "nvmlDeviceGetClockInfo", board, pynvml.NVML_CLOCK_SM, MEGAHERTZ_HZ)
                for board in boards
            ]
        ),
        temperature_c=max((t for t in temperatures if t is not None), default=None),
        power_cap_w=least(
            [
                ask(pynvml, "nvmlDeviceGetEnforcedPowerLimit", board, unit=MILLIWATT_W)
                for board in boards
            ]
        ),
        default_cap_w=least(
            [
                ask(pynvml, "nvmlDeviceGetPowerManagementDefaultLimit", board, unit=MILLIWATT_W)
                for board in boards
            ]
        ),
        reasons=reasons(boards),
    )


def program_reader(info: DeviceInfo) -> Callable[[], tuple[str, ...]] | None:
    """Names the other processes that compute on a device's boards; None without NVML."""
    try:
        boards = [board for _, board in handles(info)]
    except NotMeasurable:
        return None
    return lambda: other_programs(boards)


def other_programs(boards: Sequence[Any]) -> tuple[str, ...]:
    """Processes other than this one that compute on the boards, by name and number.

    This process is on each board, too. Where its number is not among a board's (in a container the
    driver may tell the host's), one of them is this one, and the others have no names.
    """
    import pynvml

    found: dict[str, None] = {}
    for board in boards:
        try:
            running = {int(p.pid) for p in pynvml.nvmlDeviceGetComputeRunningProcesses(board)}
        except (AttributeError, pynvml.NVMLError):
            continue
        if os.getpid() in running:
            found |= {_named(pid): None for pid in sorted(running - {os.getpid()})}
        elif len(running) > 1:
            others = len(running) - 1
            found[f"{others} other process{'es' if others > 1 else ''} that cannot be told"] = None
    return tuple(found)


def _named(pid: int) -> str:
    import psutil

    try:
        return f"{psutil.Process(pid).name()} ({pid})"
    except (psutil.Error, ValueError):
        return f"a process that is not visible from here ({pid})"


def reasons(boards: Sequence[Any]) -> tuple[str, ...]:
    """Everything that holds one of the boards' clocks back now, by name."""
    import pynvml

    bits = 0
    for board in boards:
        bits |= _reasons(pynvml, board)
    return tuple(name for bit, name in REASONS.items() if bits & bit)


def _handle(pynvml: Any, index: int, uuid: str | None) -> Any:
    """The handle of torch's device `index`, by UUID, else by what CUDA_VISIBLE_DEVICES says."""
    entries = visible(os.environ.get("CUDA_VISIBLE_DEVICES"))
    entry = entries[index] if entries is not None and index < len(entries) else None
    if entry is not None and entry.startswith("MIG-"):
        raise NotMeasurable(_MIG)
    if uuid:
        return pynvml.nvmlDeviceGetHandleByUUID(uuid)
    if entry is not None and entry.startswith("GPU-"):
        boards = [
            pynvml.nvmlDeviceGetHandleByIndex(number)
            for number in range(pynvml.nvmlDeviceGetCount())
        ]
        fitting = [b for b in boards if str(pynvml.nvmlDeviceGetUUID(b)).startswith(entry)]
        if len(fitting) != 1:
            raise NotMeasurable(
                f"CUDA_VISIBLE_DEVICES has {entry}, which {len(fitting)} boards fit; write the "
                "whole UUID (nvidia-smi -L)"
            )
        return fitting[0]
    if pynvml.nvmlDeviceGetCount() > 1 and os.environ.get("CUDA_DEVICE_ORDER") != "PCI_BUS_ID":
        raise NotMeasurable(
            f"which of {pynvml.nvmlDeviceGetCount()} boards cuda:{index} is cannot be told; set "
            "CUDA_DEVICE_ORDER=PCI_BUS_ID, or name the board's UUID in CUDA_VISIBLE_DEVICES"
        )
    if entries is not None and entry is None:
        raise NotMeasurable(f"CUDA_VISIBLE_DEVICES shows no device {index}")
    return pynvml.nvmlDeviceGetHandleByIndex(int(entry) if entry else index)


def _refuse_mig(pynvml: Any, board: Any) -> None:
    try:
        current, _ = pynvml.nvmlDeviceGetMigMode(board)
    except pynvml.NVMLError:
        return  # a board without MIG
    if current == pynvml.NVML_DEVICE_MIG_ENABLE:
        raise NotMeasurable(_MIG)


def ask(
    pynvml: Any, function: str, board: Any, argument: Any = None, unit: float = 1.0
) -> float | None:
    """One figure in SI units; None where the board, the driver or pynvml does not have it."""
    asked = getattr(pynvml, function, None)
    if asked is None:
        return None
    arguments = (board,) if argument is None else (board, argument)
    try:
        return float(asked(*arguments)) * unit
    except pynvml.NVMLError:
        return None


def _reasons(pynvml: Any, board: Any) -> int:
    """The throttle reasons as bits; 0 where the driver tells none."""
    for name in ("EventReasons", "ThrottleReasons"):  # the older name for older drivers
        function = getattr(pynvml, f"nvmlDeviceGetCurrentClocks{name}", None)
        if function is not None:
            try:
                return int(function(board))
            except pynvml.NVMLError:
                continue
    return 0
