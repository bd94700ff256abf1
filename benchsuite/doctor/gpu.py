"""NVIDIA GPUs: how their boards are set, and whether torch and the driver fit each other."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchsuite.devices import _nvml
from benchsuite.doctor.finding import GOOD, NOTE, PROBLEM, Finding
from benchsuite.errors import NotMeasurable
from benchsuite.harness.throttling import TROUBLES
from benchsuite.types import DeviceInfo
from benchsuite.units import MEGAHERTZ_HZ, MILLIWATT_W, quantity

_NO_RANK = "rows are flagged `throttled`, which leaves them unranked"
_BUILDS = "https://pytorch.org/get-started/locally"


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One board as NVML tells of it; None where it does not.

    Attributes:
        name: For people.
        uuid: As `nvidia-smi -i` takes it.
        persistent: Persistence mode.
        clock_hz, usual_clock_hz: The application clock as set, and as it is by default.
        slowdown_c: From where on the board slows itself down.
        reasons: What holds its clocks back now, as `_nvml.REASONS` names it.
        programs: Other processes on it, by name and number.
    """

    name: str
    uuid: str
    persistent: bool | None = None
    cap_w: float | None = None
    default_cap_w: float | None = None
    clock_hz: float | None = None
    usual_clock_hz: float | None = None
    temperature_c: float | None = None
    slowdown_c: float | None = None
    reasons: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """The driver and torch.

    Attributes:
        driver: Its version.
        driver_cuda: The newest CUDA it serves, (major, minor).
        torch_cuda: What torch is built with; None for a build without.
        torch_sees: Devices that torch finds.
    """

    driver: str | None
    driver_cuda: tuple[int, int] | None
    torch_cuda: tuple[int, int] | None
    torch_sees: int


def boards(device: DeviceInfo) -> tuple[Board, ...]:
    """The boards behind `device`; where it is no NVIDIA GPU, all that NVML finds."""
    try:
        handles = [h for _, h in _nvml.handles(device)] if device.kind == "cuda" else None
    except NotMeasurable:  # a MIG instance, or boards that cannot be told apart
        handles = None
    return tuple(map(_board, _nvml.boards_here() if handles is None else handles))


def _board(handle: Any) -> Board:
    import pynvml

    def ask(function: str, argument: Any = None, unit: float = 1.0) -> float | None:
        return _nvml.ask(pynvml, function, handle, argument, unit)

    persistent = ask("nvmlDeviceGetPersistenceMode")
    sm = pynvml.NVML_CLOCK_SM
    return Board(
        name=_text(pynvml, "nvmlDeviceGetName", handle) or "NVIDIA GPU",
        uuid=_text(pynvml, "nvmlDeviceGetUUID", handle) or "0",
        persistent=None if persistent is None else bool(persistent),
        cap_w=ask("nvmlDeviceGetEnforcedPowerLimit", unit=MILLIWATT_W),
        default_cap_w=ask("nvmlDeviceGetPowerManagementDefaultLimit", unit=MILLIWATT_W),
        clock_hz=ask("nvmlDeviceGetApplicationsClock", sm, MEGAHERTZ_HZ),
        usual_clock_hz=ask("nvmlDeviceGetDefaultApplicationsClock", sm, MEGAHERTZ_HZ),
        temperature_c=ask("nvmlDeviceGetTemperature", pynvml.NVML_TEMPERATURE_GPU),
        slowdown_c=ask(
            "nvmlDeviceGetTemperatureThreshold", pynvml.NVML_TEMPERATURE_THRESHOLD_SLOWDOWN
        ),
        reasons=_nvml.reasons([handle]),
        programs=_programs(pynvml, handle),
    )


def _text(pynvml: Any, function: str, handle: Any) -> str | None:
    try:
        return str(getattr(pynvml, function)(handle))
    except (AttributeError, pynvml.NVMLError):
        return None


def _programs(pynvml: Any, handle: Any) -> tuple[str, ...]:
    """Other processes with a context on the board; those of other containers have no name."""
    import psutil

    found = {}
    for function in (
        "nvmlDeviceGetComputeRunningProcesses",
        "nvmlDeviceGetGraphicsRunningProcesses",
    ):
        try:
            running = getattr(pynvml, function)(handle)
        except (AttributeError, pynvml.NVMLError):
            continue
        for process in running:
            if process.pid != os.getpid():
                try:
                    name = str(psutil.Process(process.pid).name())
                except (psutil.Error, ValueError):
                    name = "a process that is not visible from here"
                found[process.pid] = f"{name} ({process.pid})"
    return tuple(found[pid] for pid in sorted(found))


def stack() -> Stack:
    """Driver and torch; imports torch, so ask it only where there is a board."""
    import pynvml
    import torch

    try:
        served = int(pynvml.nvmlSystemGetCudaDriverVersion())  # 12080 is 12.8
    except (AttributeError, pynvml.NVMLError):
        served = 0
    built = torch.version.cuda
    return Stack(
        driver=_nvml.driver_version(),
        driver_cuda=(served // 1000, served % 1000 // 10) if served else None,
        torch_cuda=None if built is None else _version(built),
        torch_sees=torch.cuda.device_count() if built else 0,
    )


def _version(text: str) -> tuple[int, int]:
    major, minor, *_ = (*text.split("."), "0")
    return int(major), int(minor)


def findings(found: Sequence[Board], software: Stack | None) -> Iterator[Finding]:
    """What matters of the boards, and of torch beside the driver."""
    if software is not None:
        yield from fit(software)
    for board in found:
        for judge in (_held_back, _set_up, _shared):
            yield from judge(board)


def fit(software: Stack) -> Iterator[Finding]:
    """Whether torch's CUDA runs on the driver.

    A driver serves older CUDA versions, and newer minor ones of its own major version without
    compiling PTX for them (NVIDIA, "CUDA Compatibility", minor version compatibility).
    """
    how = "torch.version.cuda, nvmlSystemGetCudaDriverVersion"
    built, served = software.torch_cuda, software.driver_cuda
    unused = "the GPU is not used: everything runs on the processor"
    if built is None:
        yield Finding(
            what="there is an NVIDIA GPU, but this torch is built without CUDA",
            state=PROBLEM,
            how=how,
            cost=unused,
            mend=f"pip install torch with CUDA: {_BUILDS} gives the line",
        )
        return
    said = f"torch is built with CUDA {_dotted(built)}, the driver {software.driver or '?'}"
    if served is not None and built[0] > served[0]:
        yield Finding(
            what=f"{said} serves {_dotted(served)} at most",
            state=PROBLEM,
            how=how,
            cost=unused,
            mend=f"update the driver, or pip install a torch for CUDA {served[0]}: {_BUILDS}",
        )
    elif software.torch_sees == 0:
        yield Finding(
            what=f"{said} answers, but torch finds no device",
            state=PROBLEM,
            how="torch.cuda.device_count",
            cost=unused,
            mend="unset CUDA_VISIBLE_DEVICES, and see what "
            "python -c 'import torch; torch.cuda.init()' says",
        )
    elif served is not None and built > served:
        yield Finding(
            what=f"{said} serves {_dotted(served)}: older, though of the same major version",
            state=NOTE,
            how=how,
            cost="code that is compiled for the GPU when it is loaded (PTX) does not run",
            mend="update the driver",
        )
    else:
        serves = "" if served is None else f" serves {_dotted(served)}"
        yield Finding(what=f"{said}{serves}", state=GOOD, how=how)


def _held_back(board: Board) -> Iterator[Finding]:
    troubles = [name for name in TROUBLES if name in board.reasons]
    hot = (
        board.temperature_c is not None
        and board.slowdown_c is not None
        and board.temperature_c >= board.slowdown_c
    )
    heat = "" if board.temperature_c is None else f" at {board.temperature_c:.0f} °C"
    how = "NVML's clock event reasons and temperature"
    if troubles or hot:
        yield Finding(
            what=f"{board.name} is slowed down{heat}: {', '.join(troubles) or 'too hot'}",
            state=PROBLEM,
            how=how,
            cost=_NO_RANK,
            mend="let it cool or mend its supply; "
            f"nvidia-smi -i {board.uuid} -q -d PERFORMANCE,TEMPERATURE tells more",
        )
    else:
        yield Finding(what=f"{board.name} is not slowed down{heat}", state=GOOD, how=how)
    if board.cap_w is not None and board.default_cap_w is not None:
        lowered = board.cap_w < board.default_cap_w
        how = "NVML's enforced and default power limits"
        if lowered:
            yield Finding(
                what=f"{board.name} has a power cap of {quantity(board.cap_w, 'W')}, below its own "
                f"{quantity(board.default_cap_w, 'W')}",
                state=PROBLEM,
                how=how,
                cost=f"where the cap holds it back, {_NO_RANK}",
                mend=f"sudo nvidia-smi -i {board.uuid} -pl {board.default_cap_w:.0f}",
            )
        else:
            yield Finding(
                what=f"{board.name} has its own power cap, {quantity(board.cap_w, 'W')}",
                state=GOOD,
                how=how,
            )


def _set_up(board: Board) -> Iterator[Finding]:
    below = (
        board.clock_hz is not None
        and board.usual_clock_hz is not None
        and board.clock_hz != board.usual_clock_hz
    )
    if below or "application clocks" in board.reasons:
        at = ""
        if below and board.clock_hz is not None and board.usual_clock_hz is not None:
            at = f" at {quantity(board.clock_hz, 'Hz')} ({quantity(board.usual_clock_hz, 'Hz')})"
        yield Finding(
            what=f"the clocks of {board.name} are locked{at}",
            state=NOTE,
            how="NVML's application clocks (and their default), and clock event reasons",
            cost="figures repeat better, but they are those of a board with another clock",
            mend=f"sudo nvidia-smi -i {board.uuid} -rac; sudo nvidia-smi -i {board.uuid} -rgc",
        )
    if board.persistent is not None:
        how = "NVML's persistence mode"
        if board.persistent:
            yield Finding(what=f"{board.name} is in persistence mode", state=GOOD, how=how)
        else:
            yield Finding(
                what=f"persistence mode of {board.name} is off",
                state=NOTE,
                how=how,
                cost="whenever no program uses the board the driver lets go of it: the next one "
                "waits for it, and clocks and caps that were set are lost",
                mend=f"sudo nvidia-smi -i {board.uuid} -pm 1",
            )


def _shared(board: Board) -> Iterator[Finding]:
    how = "NVML's running compute and graphics processes"
    if board.programs:
        yield Finding(
            what=f"other programs are on {board.name}: {', '.join(board.programs)}",
            state=PROBLEM,
            how=how,
            cost="they take turns with the measured network, take memory, and their joules are "
            "counted with its own",
            mend="end them, or choose another board: export CUDA_VISIBLE_DEVICES=UUID "
            "(nvidia-smi -L)",
        )
    else:
        yield Finding(what=f"no other program is on {board.name}", state=GOOD, how=how)


def _dotted(number: tuple[int, int]) -> str:
    return ".".join(map(str, number))
